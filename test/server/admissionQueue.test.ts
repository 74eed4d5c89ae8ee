import { describe, expect, test } from 'vitest';
import { AdmissionQueue, type Slot } from '../../src/server/admissionQueue.js';
import { FakeClock } from '../support/server/fakeClock.js';

/** A line, and what became of those who stood in it. */
const open = (places: number) => {
  const clock = new FakeClock();
  const line = new AdmissionQueue(places, 1_000, clock);
  const told: string[] = [];
  const tickets = new Map<string, Slot>();
  const enter = (...names: string[]): void => {
    for (const name of names) {
      const turnAway = (): void => void told.push(`${name} away`);
      tickets.set(
        name,
        line.enter(() => void told.push(name), turnAway),
      );
    }
  };
  return { clock, told, enter, leave: (name: string) => tickets.get(name)?.release() };
};

describe('places for those on the way in', () => {
  test('[HS15] a free slot is taken at once', () => {
    const { clock, told, enter } = open(2);
    enter('a', 'b');
    expect(told).toEqual(['a', 'b']);
    expect(clock.timers).toBe(0);
  });

  test('[HS15] further arrivals wait in order', () => {
    const { clock, told, enter, leave } = open(2);
    enter('a', 'b', 'c', 'd');
    expect(told).toEqual(['a', 'b']);
    leave('a');
    expect(told).toEqual(['a', 'b', 'c']);
    leave('c');
    expect(told).toEqual(['a', 'b', 'c', 'd']);
    expect(clock.timers).toBe(0);
  });

  test('[HS15] a slot is released once, even if release is called again', () => {
    const { told, enter, leave } = open(1);
    enter('a', 'b');
    leave('a');
    leave('a');
    enter('c');
    expect(told).toEqual(['a', 'b']);
  });

  test('[HS15] a wait ends at its timeout, without a slot', () => {
    const { clock, told, enter, leave } = open(1);
    enter('a', 'b');
    clock.advance(999);
    expect(told).toEqual(['a']);
    clock.advance(1);
    expect(told).toEqual(['a', 'b away']);
    leave('b');
    leave('a');
    enter('c');
    expect(told).toEqual(['a', 'b away', 'c']);
  });

  test('[HS15] as many wait as there are places', () => {
    const { told, enter } = open(2);
    enter('a', 'b', 'c', 'd', 'e');
    expect(told).toEqual(['a', 'b', 'e away']);
  });

  test('[HS15] an arrival that leaves the queue makes room for the next', () => {
    const { clock, told, enter, leave } = open(1);
    enter('a', 'b');
    leave('b');
    enter('c');
    leave('a');
    expect(told).toEqual(['a', 'c']);
    expect(clock.timers).toBe(0);
  });
});

import { describe, expect, test } from 'vitest';
import { AdmissionQueue, type Slot } from '../../../src/server/admission/admissionQueue.js';
import { FakeClock } from '../../support/server/fakeClock.js';

/** A line, and what became of those who stood in it. */
const open = (count: number) => {
  const clock = new FakeClock();
  const queue = new AdmissionQueue(count, 1_000, clock);
  const outcomes: string[] = [];
  const slots = new Map<string, Slot>();
  const enter = (...names: string[]): void => {
    for (const name of names) {
      const onTimeout = (): void => void outcomes.push(`${name} away`);
      slots.set(
        name,
        queue.enter(() => void outcomes.push(name), onTimeout),
      );
    }
  };
  return { clock, outcomes, enter, leave: (name: string) => slots.get(name)?.release() };
};

describe('admission slots', () => {
  test('[HS15] a free slot is taken at once', () => {
    const { clock, outcomes, enter } = open(2);
    enter('a', 'b');
    expect(outcomes).toEqual(['a', 'b']);
    expect(clock.timers).toBe(0);
  });

  test('[HS15] further arrivals wait in order', () => {
    const { clock, outcomes, enter, leave } = open(2);
    enter('a', 'b', 'c', 'd');
    expect(outcomes).toEqual(['a', 'b']);
    leave('a');
    expect(outcomes).toEqual(['a', 'b', 'c']);
    leave('c');
    expect(outcomes).toEqual(['a', 'b', 'c', 'd']);
    expect(clock.timers).toBe(0);
  });

  test('[HS15] a slot is released once, even if release is called again', () => {
    const { outcomes, enter, leave } = open(1);
    enter('a', 'b');
    leave('a');
    leave('a');
    enter('c');
    expect(outcomes).toEqual(['a', 'b']);
  });

  test('[HS15] a wait ends at its timeout, without a slot', () => {
    const { clock, outcomes, enter, leave } = open(1);
    enter('a', 'b');
    clock.advance(999);
    expect(outcomes).toEqual(['a']);
    clock.advance(1);
    expect(outcomes).toEqual(['a', 'b away']);
    leave('b');
    leave('a');
    enter('c');
    expect(outcomes).toEqual(['a', 'b away', 'c']);
  });

  test('[HS15] as many wait as there are places', () => {
    const { outcomes, enter } = open(2);
    enter('a', 'b', 'c', 'd', 'e');
    expect(outcomes).toEqual(['a', 'b', 'e away']);
  });

  test('[HS15] an arrival that leaves the queue makes room for the next', () => {
    const { clock, outcomes, enter, leave } = open(1);
    enter('a', 'b');
    leave('b');
    enter('c');
    leave('a');
    expect(outcomes).toEqual(['a', 'c']);
    expect(clock.timers).toBe(0);
  });
});

import { expect, test } from 'vitest';
import { TickCounter } from '../../../src/actors/runtime/clock.js';
import { HandClock } from '../../support/handClock.js';

test('[LM9] a turn of the event loop has one number, and the next another', () => {
  const clock = new HandClock();
  const pulse = new TickCounter(clock);
  const first = pulse.current;
  expect([pulse.current, clock.immediates]).toEqual([first, 1]);
  clock.runImmediates();
  expect(pulse.current).not.toBe(first);
  expect(clock.immediates).toBe(1);
});

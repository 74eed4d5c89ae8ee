import { expect, test } from 'vitest';
import { Pulse } from '../../../src/actors/runtime/clock.js';
import { HandClock } from '../../support/handClock.js';

test('[LM9] a turn of the event loop has one number, and the next another', () => {
  const clock = new HandClock();
  const pulse = new Pulse(clock);
  const first = pulse.beat;
  expect([pulse.beat, clock.immediates]).toEqual([first, 1]);
  clock.runImmediates();
  expect(pulse.beat).not.toBe(first);
  expect(clock.immediates).toBe(1);
});

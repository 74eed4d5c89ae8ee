import { describe, expect, test } from 'vitest';
import { TickCounter, TickQuota } from '../../../src/actors/runtime/clock.js';
import { FakeClock } from '../../support/server/fakeClock.js';

test('[LM9] a tick of the event loop has one number, and the next another', () => {
  const clock = new FakeClock();
  const ticks = new TickCounter(clock);
  const first = ticks.current;
  expect([ticks.current, clock.immediates]).toEqual([first, 1]);
  clock.runImmediates();
  expect(ticks.current).not.toBe(first);
  expect(clock.immediates).toBe(1);
});

describe('the quota of a tick', () => {
  test('[LM9] is spent, once and beyond', () => {
    const quota = new TickQuota({ current: 0 }, 10);
    expect([quota.spend(4), quota.spend(6), quota.spend(1), quota.spend(1)]).toEqual([6, 0, -1, -2]);
  });

  test('[LM9] is full again in the next tick, whatever the last one used', () => {
    const ticks = { current: 0 };
    const quota = new TickQuota(ticks, 10);
    quota.spend(25);
    ticks.current++;
    expect(quota.spend(1)).toBe(9);
  });
});

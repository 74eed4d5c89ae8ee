import { describe, expect, test } from 'vitest';
import { Deadlines } from '../../../src/actors/runtime/deadlines.js';
import { FakeClock } from '../../support/server/fakeClock.js';

const makeSweeper = () => {
  const clock = new FakeClock();
  const sweeper = new Deadlines(clock);
  const log: string[] = [];
  const after = (ms: number, name = `${ms}`) => sweeper.after(ms, () => log.push(`${name} at ${clock.now()}`));
  return { clock, sweeper, log, after };
};

describe('deadlines', () => {
  test('[AK4] a time longer than any timer is as long as a timer can be', () => {
    const { clock, log, after } = makeSweeper();
    after(Number.MAX_SAFE_INTEGER, 'late');
    clock.advance(2 ** 31 - 2);
    expect(log).toEqual([]);
    clock.advance(1);
    expect(log).toHaveLength(1);
  });

  test('[AK4] each expires at its time, in order of time', () => {
    const { clock, log, after } = makeSweeper();
    for (const ms of [30, 10, 20]) after(ms);
    clock.advance(9);
    expect(log).toEqual([]);
    clock.advance(21);
    expect(log).toEqual(['10 at 10', '20 at 20', '30 at 30']);
  });

  test('[AK4] those of one duration expire in the order in which they were set', () => {
    const { clock, log, after } = makeSweeper();
    after(10, 'a');
    clock.advance(5);
    after(10, 'b');
    after(10, 'c');
    clock.advance(10);
    expect(log).toEqual(['a at 10', 'b at 15', 'c at 15']);
  });

  test('[SV8] thousands of them share one timer', () => {
    const { clock, sweeper, after } = makeSweeper();
    for (let at = 0; at < 5_000; at++) after(1_000 + (at % 7));
    expect([sweeper.size, clock.timers]).toEqual([5_000, 1]);
    after(10);
    expect(clock.timers).toBe(1);
  });

  test('[AK4] one that is cancelled in time does not expire', () => {
    const { clock, log, after } = makeSweeper();
    const early = after(10);
    after(20);
    early.cancel();
    early.cancel();
    clock.advance(100);
    expect(log).toEqual(['20 at 20']);
  });

  test('[AK4] one that another cancels at the same moment does not expire', () => {
    const { clock, sweeper, log, after } = makeSweeper();
    sweeper.after(10, () => second.cancel());
    const second = after(10, 'second');
    clock.advance(10);
    expect(log).toEqual([]);
  });

  test('[AK4] one that is set by another at the same moment has its full time', () => {
    const { clock, sweeper, log, after } = makeSweeper();
    sweeper.after(10, () => after(10, 'next'));
    clock.advance(30);
    expect(log).toEqual(['next at 20']);
  });

  test('[AK4] after a busy time all that is overdue expires', () => {
    const { clock, log, after } = makeSweeper();
    after(10);
    after(20);
    clock.spend(500);
    clock.advance(0);
    expect(log).toEqual(['10 at 500', '20 at 500']);
  });

  test('[AK4] a timer that fires too early is set again', () => {
    const { clock, log } = makeSweeper();
    let isEarly = true;
    const sweeper = new Deadlines({
      wallNow: () => 0,
      now: () => clock.now(),
      setTimeout: (run, ms) => {
        const wait = isEarly ? ms - 1 : ms;
        isEarly = false;
        return clock.setTimeout(run, wait);
      },
      clearTimeout: (handle) => clock.clearTimeout(handle),
      unref: (handle) => clock.unref(handle),
      setImmediate: (run) => clock.setImmediate(run),
    });
    sweeper.after(10, () => log.push(`at ${clock.now()}`));
    clock.advance(9);
    expect(log).toEqual([]);
    clock.advance(1);
    expect(log).toEqual(['at 10']);
  });
});

describe('timers left over', () => {
  test('[SV3] nothing, when all have expired', () => {
    const { clock, sweeper, after } = makeSweeper();
    for (const ms of [10, 20, 10]) after(ms);
    clock.advance(20);
    expect([sweeper.size, clock.timers]).toEqual([0, 0]);
  });

  test('[DR1] none keeps the process alive once it is unreferenced, and it still fires', () => {
    const { clock, sweeper, after, log } = makeSweeper();
    after(20);
    sweeper.unref();
    after(10);
    expect(clock.unreffed.size).toBe(2);
    clock.advance(20);
    expect(log).toHaveLength(2);
  });

  test('[SV3] nothing, when all are cancelled', () => {
    const { clock, sweeper, after } = makeSweeper();
    for (const deadline of [after(10), after(20), after(10)]) deadline.cancel();
    expect([sweeper.size, clock.timers]).toEqual([0, 0]);
  });
});

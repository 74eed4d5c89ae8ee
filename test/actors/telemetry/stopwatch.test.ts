import { describe, expect, test } from 'vitest';
import { Stopwatch } from '../../../src/actors/telemetry/stopwatch.js';
import { FakeClock } from '../../support/server/fakeClock.js';

describe('a stopwatch', () => {
  const start = () => {
    const clock = new FakeClock();
    let reads = 0;
    const watch = new Stopwatch(() => {
      reads++;
      return clock.now();
    });
    const time = (ms: number, within = (): void => {}): number => {
      const began = watch.begin();
      clock.spend(ms);
      within();
      return watch.end() - began;
    };
    return { clock, watch, time, reads: () => reads };
  };

  test('[IN7] reads the clock once for each of several calls in a row', () => {
    const { time, reads } = start();
    expect([time(1), time(50), time(0), reads()]).toEqual([1, 50, 0, 4]);
  });

  test('[IN7] reads it again for a call that comes after microtasks', async () => {
    const { clock, time } = start();
    time(1);
    await Promise.resolve();
    clock.spend(500);
    expect(time(2)).toBe(2);
  });

  test('[IN7] reads it again once it was told to forget', () => {
    const { clock, watch, time } = start();
    time(1);
    watch.forget();
    clock.spend(500);
    expect(time(2)).toBe(2);
  });

  test('[IN7] times a call within another by itself', () => {
    const { clock, time } = start();
    const inner: number[] = [];
    time(1);
    const outer = time(20, () => {
      inner.push(time(3));
      clock.spend(40);
      inner.push(time(5));
    });
    expect([outer, inner]).toEqual([68, [3, 5]]);
  });

  test('[IN7] begins anew after a call that has not ended', () => {
    const { clock, watch, time, reads } = start();
    time(1);
    watch.begin();
    clock.spend(30);
    watch.leave();
    clock.spend(40);
    expect([time(2), time(3), reads()]).toEqual([2, 3, 5]);
  });
});

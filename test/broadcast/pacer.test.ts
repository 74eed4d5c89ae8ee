import { describe, expect, test } from 'vitest';
import { deliveryCost, Pacer } from '../../src/broadcast/pacer.js';
import { FakeClock } from '../support/server/fakeClock.js';

const makePacer = () => {
  const clock = new FakeClock();
  return { clock, pacer: new Pacer(() => clock.now()) };
};

/** A slice in which so many writes of so many bytes take so long. */
const slice = (
  { clock, pacer }: ReturnType<typeof makePacer>,
  { writes, bytes, ms, hasMore = false }: { writes: number; bytes: number; ms: number; hasMore?: boolean },
): void => {
  pacer.begin(Number.POSITIVE_INFINITY);
  for (let more = writes; more > 0; more--) pacer.wrote(bytes);
  clock.spend(ms);
  pacer.end(hasMore);
};

describe('the time of a pass', () => {
  test('[BC5] is up at its end, which is looked at after 16 connections or 64 KiB', () => {
    const { clock, pacer } = makePacer();
    pacer.begin(clock.now() + 4);
    clock.spend(5);
    for (let at = 1; at < 16; at++) expect(pacer.isExhausted(1)).toBe(false);
    expect(pacer.isExhausted(1)).toBe(true);
    pacer.begin(clock.now() - 1);
    pacer.wrote(65_536);
    expect(pacer.isExhausted(1)).toBe(true);
  });

  test('[BC8] is never up where there is no end', () => {
    const { clock, pacer } = makePacer();
    pacer.begin(Number.POSITIVE_INFINITY);
    clock.spend(1e9);
    expect(pacer.isExhaustedNow).toBe(false);
  });
});

describe('how long the rest will take', () => {
  test('[BC10] nothing takes no time', () => {
    expect(makePacer().pacer.estimatedMs).toBe(0);
  });

  test('[BC10] is estimated from the deliveries of the last second', () => {
    const parts = makePacer();
    slice(parts, { writes: 1_000, bytes: 900, ms: 1_000 });
    slice(parts, { writes: 1_000, bytes: 900, ms: 1_000 });
    parts.pacer.outstanding = deliveryCost(900, 3_000);
    expect(parts.pacer.estimatedMs).toBeGreaterThan(2_500);
    expect(parts.pacer.estimatedMs).toBeLessThan(3_100);
  });

  test('[BC10] faster deliveries soon lower the estimate', () => {
    const parts = makePacer();
    for (let times = 0; times < 10; times++) slice(parts, { writes: 100, bytes: 0, ms: 500 });
    parts.pacer.outstanding = deliveryCost(0, 1_000);
    const before = parts.pacer.estimatedMs;
    for (let times = 0; times < 10; times++) slice(parts, { writes: 1_000, bytes: 0, ms: 500 });
    expect(parts.pacer.estimatedMs).toBeLessThan(before / 5);
  });

  test('[BC10] the time between slices counts while there is something to do, and no other', () => {
    const [busy, idle] = [makePacer(), makePacer()];
    for (const parts of [busy, idle]) {
      for (let times = 0; times < 20; times++) {
        slice(parts, { writes: 100, bytes: 0, ms: 50, hasMore: parts === busy });
        parts.clock.spend(50);
      }
      parts.pacer.outstanding = deliveryCost(0, 1_000);
    }
    expect(busy.pacer.estimatedMs / idle.pacer.estimatedMs).toBeGreaterThan(1.7);
  });

  test('[BC10] before anything was measured it is guessed, so that the very first turn is bounded', () => {
    const { pacer } = makePacer();
    pacer.outstanding = deliveryCost(1_000_000, 5_000);
    expect(pacer.estimatedMs).toBeGreaterThan(2_000);
    pacer.outstanding = deliveryCost(100, 15_000);
    expect(pacer.estimatedMs).toBeLessThan(1_000);
  });
});

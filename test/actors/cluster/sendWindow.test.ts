import { fc, test as given } from '@fast-check/vitest';
import { describe, expect, test } from 'vitest';
import { SendWindow, type SentPublication } from '../../../src/actors/cluster/sendWindow.js';
import { FakeClock } from '../../support/server/fakeClock.js';

const kib = 1_024;
const large = 8_000;

interface Way {
  /** Bytes that the broker takes in a second. */
  readonly rate: number;
  /** Time that the first byte takes, there and back, in ms. */
  readonly latency: number;
}

/** A link with a virtual clock, on which a window is always full. */
const makeLink = (way: Way, size = 1_000) => {
  const clock = new FakeClock();
  const window = new SendWindow(() => clock.now());
  const flight: { readonly sent: SentPublication; readonly doneAt: number }[] = [];
  let current = way;
  let freeAt = 0;
  const fill = (): void => {
    while (flight.length * size < window.bytes) {
      freeAt = Math.max(freeAt, clock.now()) + (size * 1_000) / current.rate;
      flight.push({ sent: window.sent((flight.length + 1) * size), doneAt: freeAt + current.latency });
    }
  };
  /** Confirms all that the broker has taken after this many ms. Returns the longest time of one of the last second. */
  const run = (ms: number): number => {
    const until = clock.now() + ms;
    let longest = 0;
    fill();
    for (let first = flight[0]; first && first.doneAt <= until; first = flight[0]) {
      flight.shift();
      clock.advance(Math.max(0, first.doneAt - clock.now()));
      window.confirmed(first.sent);
      if (clock.now() > until - 1_000) longest = Math.max(longest, clock.now() - first.sent.at);
      fill();
    }
    return longest;
  };
  const change = (next: Way): void => {
    current = next;
  };
  return { window, run, change };
};

describe('what is under way to the broker', () => {
  test('[EX19] has at most 64 KiB until the broker has confirmed some of it', () => {
    expect(new SendWindow(() => 0).bytes).toBe(64 * kib);
  });

  test.each([
    { rate: 10_000_000, latency: 1, least: 1_024 * kib, most: 1_024 * kib },
    { rate: 2_000_000, latency: 80, least: 512 * kib, most: 1_024 * kib },
    { rate: 150_000, latency: 1, least: 75_000, most: 150_000 },
    { rate: 150_000, latency: 100, least: 65_000, most: 150_000 },
    { rate: 50_000, latency: 20, least: 25_000, most: 50_000 },
    { rate: 1_000, latency: 20, least: 16 * kib, most: 16 * kib },
  ])(
    '[EX19] is about what it confirms in a second: $rate bytes, $latency ms away',
    ({ rate, latency, least, most }) => {
      const { window, run } = makeLink({ rate, latency });
      run(60_000);
      expect(window.bytes).toBeGreaterThanOrEqual(least);
      expect(window.bytes).toBeLessThanOrEqual(most);
    },
  );

  given.prop(
    [
      fc.array(fc.record({ rate: fc.integer({ min: 20_000, max: 4_000_000 }), latency: fc.nat(200) }), {
        minLength: 1,
        maxLength: 3,
      }),
    ],
    { numRuns: 30 },
  )('[EX19] takes at most about a second, whatever the link becomes', (ways) => {
    const [first = { rate: 1, latency: 0 }] = ways;
    const { window, run, change } = makeLink(first, large);
    for (const way of ways) {
      change(way);
      run(100_000);
      const longest = run(5_000);
      expect(longest).toBeLessThanOrEqual(1_000 + (2 * large * 1_000) / way.rate + way.latency);
      expect(window.bytes).toBeGreaterThanOrEqual(16 * kib);
      expect(window.bytes).toBeLessThanOrEqual(1_024 * kib);
      // It does not throttle the link: half of what fits into a second, or the maximum.
      const needed = (way.rate * way.latency) / 1_000;
      expect(window.bytes).toBeGreaterThanOrEqual(Math.min(needed, way.rate * 0.4, 1_024 * kib));
    }
  });

  test('[EX19] does not change for a small message that the broker confirms soon', () => {
    const clock = new FakeClock();
    const window = new SendWindow(() => clock.now());
    for (let at = 0; at < 100; at++) {
      const sent = window.sent(100);
      clock.advance(1);
      window.confirmed(sent);
    }
    expect(window.bytes).toBe(64 * kib);
  });

  test('[EX19] doubles once for all that was sent at one size', () => {
    const clock = new FakeClock();
    const window = new SendWindow(() => clock.now());
    const sent = [40, 50, 60].map((size) => window.sent(size * kib));
    clock.advance(1);
    for (const one of sent) window.confirmed(one);
    expect(window.bytes).toBe(128 * kib);
  });

  test('[EX19] shrinks to what the slowest of it shows, whenever that was sent', () => {
    const clock = new FakeClock();
    const window = new SendWindow(() => clock.now());
    const sent = [60, 60, 60, 60, 60].map((size) => window.sent(size * kib));
    clock.advance(1_200);
    for (const [at, size] of [50, 40, 30, 24, 20].entries()) {
      const [one] = sent.slice(at);
      if (one) window.confirmed(one);
      expect(window.bytes).toBe(size * kib);
      clock.advance((60 * 1_000) / ([40, 30, 24, 20, 20][at] ?? 1) - (60 * 1_000) / size);
    }
    // A later one that is faster changes nothing: it was not sent at this size.
    window.confirmed({ underWay: 1_024 * kib, at: clock.now() - 1_001, changes: 0 });
    expect(window.bytes).toBe(20 * kib);
  });
});

import { fc, test as given } from '@fast-check/vitest';
import { describe, expect, test } from 'vitest';
import { Follower } from '../../../src/actors/cluster/follower.js';

const farthest = 65_536;

/** A server whose numbers are followed; `at` says what becomes of one: `+` and what is missing, `late` or `new`. */
const follow = () => {
  const follower = new Follower();
  let now = 0;
  const at = (number: number, epoch = 1): string => {
    const { missing, isLate, isRenumbered } = follower.arrive({ epoch, number }, now);
    if (isLate) return 'late';
    return isRenumbered ? 'new' : `+${missing}`;
  };
  const all = (...numbers: readonly number[]): string[] => numbers.map((number) => at(number));
  const wait = (ms: number): void => {
    now += ms;
  };
  return { follower, at, all, wait };
};

describe('a number far above the last one', () => {
  test('[EX9] [EX14] does not make the real ones late, and nothing is missing before it', () => {
    const { all } = follow();
    expect(all(1, 2, 999_999_999_999_999, 3, 4, 6)).toEqual(['+0', '+0', 'new', '+0', '+0', '+1']);
  });

  test.each([
    [farthest, `+${farthest - 1}`],
    [farthest + 1, 'new'],
  ])('[EX9] is one of more than 65,536 above: %d', (step, expected) => {
    expect(follow().all(1, 1 + step)).toEqual(['+0', expected]);
  });

  test('[EX9] is followed from then on, as a server may have lost as many in an outage', () => {
    const { all } = follow();
    expect(all(1, 2, 100_003, 100_004, 100_007, 100_004)).toEqual(['+0', '+0', 'new', '+0', '+2', 'late']);
  });

  test('[EX9] [EX14] begins no sequence with gaps, unless the next one comes too', () => {
    const { all } = follow();
    expect(all(1, 100_000, 100_005, 100_009, 2, 100_010, 100_012)).toEqual([
      '+0',
      'new',
      'new',
      'new',
      '+0',
      '+0',
      '+1',
    ]);
  });

  test('[EX9] [EX14] that comes first does not make the real ones late', () => {
    expect(follow().all(999_999_999, 7, 8, 8)).toEqual(['+0', 'new', '+0', 'late']);
  });

  test('[EX9] [EX14] again and again leaves the real sequence as it is', () => {
    const { all } = follow();
    expect(all(1, 2)).toEqual(['+0', '+0']);
    for (let number = 3; number < 1_000; number++) {
      expect(all(number * 1_000_000, number, number)).toEqual(['new', '+0', 'late']);
    }
    expect(all(1_001)).toEqual(['+1']);
  });

  test('[EX9] [EX14] is followed with three others at most, those with the most messages first', () => {
    const { follower, all } = follow();
    all(1, 2, 3);
    for (let at = 1; at <= 100; at++) all(at * 1_000_000);
    expect(follower.size).toBe(4);
    expect(all(4, 100_000_001, 99_000_001, 1_000_001)).toEqual(['+0', '+0', '+0', 'new']);
  });
});

describe('a number of another epoch', () => {
  test('[EX9] [EX14] takes nothing away from the last one', () => {
    const { at } = follow();
    expect([at(1), at(2), at(5, 9), at(2), at(4), at(6, 9), at(5, 9)]).toEqual([
      '+0',
      '+0',
      '+0',
      'late',
      '+1',
      '+0',
      'late',
    ]);
  });
});

describe('a number a little above the last one', () => {
  test('[EX9] [EX14] makes the real ones late for a second and no longer, also when it is forged again', () => {
    const { all, wait } = follow();
    expect(all(1, 2, 500)).toEqual(['+0', '+0', '+497']);
    for (let number = 3; number <= 12; number++) {
      expect(all(number)).toEqual(['late']);
      wait(100);
    }
    expect(all(13)).toEqual(['new']);
    for (let number = 14; number < 100; number++) {
      expect(all(number + 1_000, number, number)).toEqual([expect.stringMatching(/^\+/), '+0', 'late']);
      wait(100);
    }
  });

  test('[EX9] [EX14] does so once for a server that sends seldom', () => {
    const { all, wait } = follow();
    expect(all(1, 2, 500, 3)).toEqual(['+0', '+0', '+497', 'late']);
    wait(20_000);
    expect(all(501, 4, 5)).toEqual(['+0', 'new', '+0']);
    const later = follow();
    expect(later.all(1, 2, 500)).toEqual(['+0', '+0', '+497']);
    later.wait(30_000);
    expect(later.all(3, 4)).toEqual(['new', '+0']);
  });

  test('[EX9] [EX14] has no more effect if many others are forged among the real ones', () => {
    const { all, wait } = follow();
    all(1, 2, 50_000);
    for (let number = 3; number <= 12; number++) {
      all(number, ...[1, 2, 3, 4, 5, 6].map((at) => at * 1_000 + number * 7));
      wait(100);
    }
    expect(all(13, 14)).toEqual(['new', '+0']);
  });

  test('[EX9] makes what an abandoned connection delivers late, all of it', () => {
    const { all, wait } = follow();
    expect(all(1, 7, 2, 3, 8, 4, 5, 6, 9)).toEqual(['+0', '+5', 'late', 'late', '+0', 'late', 'late', 'late', '+0']);
    wait(5_000);
    expect(all(3, 10, 4, 5, 8)).toEqual(['late', '+0', 'late', 'late', 'late']);
  });

  test('[EX9] what has come is late for ever if it comes again, however long that takes', () => {
    const { all, wait } = follow();
    all(...Array.from({ length: 100 }, (_, at) => at + 1));
    for (let number = 1; number <= 100; number++) {
      wait(200);
      expect(all(number, 100 + number)).toEqual(['late', '+0']);
    }
  });
});

/** One message that arrives. */
type Arriving =
  /** The next one of the server. */
  | { readonly kind: 'next' }
  /** It loses some. */
  | { readonly kind: 'loss'; readonly count: number }
  /** One of the last 20 that came, again. */
  | { readonly kind: 'again'; readonly back: number }
  /** Any number, or one that follows the last forged one. */
  | { readonly kind: 'far'; readonly number: number; readonly epoch: number }
  | { readonly kind: 'after' }
  /** One near the server's. */
  | { readonly kind: 'near'; readonly above: number }
  | { readonly kind: 'wait'; readonly ms: number };

const next = fc.constant<Arriving>({ kind: 'next' });
const loss = fc.record({ kind: fc.constant('loss' as const), count: fc.integer({ min: 1, max: 2_000 }) });
const again = fc.record({ kind: fc.constant('again' as const), back: fc.nat(19) });
const wait = fc.record({ kind: fc.constant('wait' as const), ms: fc.constantFrom(1, 10, 100, 900, 5_000) });
const far = fc.record({
  kind: fc.constant('far' as const),
  number: fc.integer({ min: 1_000_000, max: 999_999_999_999_999 }),
  epoch: fc.constantFrom(1, 1, 1, 2, 3),
});
const after = fc.constant<Arriving>({ kind: 'after' });
const near = fc.record({ kind: fc.constant('near' as const), above: fc.integer({ min: 2, max: 60_000 }) });

/** Runs what arrives after 30 real messages. Calls `real` for each message of the server, the first time it comes. */
const play = (
  arriving: readonly Arriving[],
  real: (what: { number: number; lost: number; now: number; missing: number; isLate: boolean }) => void,
): { readonly doubled: number[]; readonly missing: number; readonly messages: number } => {
  const follower = new Follower();
  const came: number[] = [];
  const doubled: number[] = [];
  let [now, last, lost, forged, missing, messages] = [0, 0, 0, 0, 0, 0];
  const arrive = (number: number, epoch = 1) => {
    const arrival = follower.arrive({ epoch, number }, now);
    missing += arrival.missing;
    messages++;
    return arrival;
  };
  const onNext = (): void => {
    last++;
    real({ number: last, lost, now, ...arrive(last) });
    lost = 0;
    came.push(last);
  };
  for (let at = 0; at < 30; at++) onNext();
  for (const one of arriving) {
    switch (one.kind) {
      case 'next':
        onNext();
        break;
      case 'loss':
        last += one.count;
        lost += one.count;
        break;
      case 'again': {
        const number = came[came.length - 1 - one.back] ?? 1;
        if (!arrive(number).isLate) doubled.push(number);
        break;
      }
      case 'far':
        forged = one.number;
        arrive(one.number, one.epoch);
        break;
      case 'after':
        if (forged > 0) arrive(++forged);
        break;
      case 'near':
        arrive(last + one.above);
        break;
      case 'wait':
        now += one.ms;
    }
  }
  return { doubled, missing, messages };
};

describe('any sequence of a server', () => {
  const some = (...kinds: readonly fc.Arbitrary<Arriving>[]) =>
    fc.array(fc.oneof({ weight: 4, arbitrary: next }, ...kinds), { maxLength: 200 });

  given.prop([some(loss, again, wait)])(
    '[EX9] is delivered once, and exactly the lost ones are missing',
    (arriving) => {
      const { doubled } = play(arriving, ({ lost, missing, isLate }) => {
        expect({ missing, isLate }).toEqual({ missing: lost, isLate: false });
      });
      expect(doubled).toEqual([]);
    },
  );

  given.prop([some(loss, again, wait, far, after)])(
    '[EX9] [EX14] is so too among numbers that are forged far away',
    (arriving) => {
      const { doubled } = play(arriving, ({ lost, missing, isLate }) => {
        expect({ missing, isLate }).toEqual({ missing: lost, isLate: false });
      });
      expect(doubled).toEqual([]);
    },
  );

  given.prop([some(again, wait, far, after, near)])(
    '[EX9] [EX14] is late for a second at most among numbers that are forged nearby, and never comes twice',
    (arriving) => {
      const lateAt: number[] = [];
      const { doubled, missing, messages } = play(arriving, ({ now, isLate }) => {
        if (isLate) lateAt.push(now);
      });
      expect(Math.max(0, ...lateAt) - (lateAt[0] ?? 0)).toBeLessThan(1_000);
      expect(doubled).toEqual([]);
      expect(missing).toBeLessThan(farthest * messages);
    },
  );
});

import { fc, test as given } from '@fast-check/vitest';
import { describe, expect, test } from 'vitest';
import { firstEpoch, Numbering, type Position, Positions } from '../../../src/actors/cluster/sequence.js';
import { systemRandom } from '../../../src/actors/runtime/random.js';

describe('a message of this server', () => {
  test('[EX9] is numbered by one on each channel, in an epoch of that channel', () => {
    const numbering = new Numbering(0);
    const sent = ['a', 'a', 'b', 'a', 'b'].map((channel) => numbering.next(channel));
    expect(sent).toEqual([
      { epoch: 1, number: 1 },
      { epoch: 1, number: 2 },
      { epoch: 2, number: 1 },
      { epoch: 1, number: 3 },
      { epoch: 2, number: 2 },
    ]);
  });

  test('[EX9] of the least recently used of ten thousand channels starts a new epoch', () => {
    const numbering = new Numbering(0);
    for (let at = 0; at < 10_000; at++) numbering.next(`c${at}`);
    expect(numbering.next('c0')).toEqual({ epoch: 1, number: 2 });
    numbering.next('one more');
    expect(numbering.next('c0')).toEqual({ epoch: 1, number: 3 });
    expect(numbering.next('c1')).toEqual({ epoch: 10_002, number: 1 });
    expect(numbering.next('c3')).toEqual({ epoch: 4, number: 2 });
  });

  test.each(['__proto__', 'constructor', ''])('[EX9] %j is a channel like any other', (channel) => {
    const numbering = new Numbering(0);
    expect([numbering.next(channel).number, numbering.next(channel).number]).toEqual([1, 2]);
  });
});

const missingBefore = (positions: Positions, channel: string, node: string, position: Position): number =>
  positions.arrive(channel, node, position).missing;

test('[EX9] [EX14] the first number of a channel cannot be guessed', () => {
  const epochs = Array.from({ length: 1_000 }, () => new Numbering(firstEpoch(systemRandom)).next('c').epoch);
  expect(new Set(epochs).size).toBe(1_000);
  expect(epochs.every((epoch) => Number.isSafeInteger(epoch) && epoch > 0 && epoch < 10 ** 15)).toBe(true);
  expect(Math.max(...epochs)).toBeGreaterThan(2 ** 44);
});

describe('a message of another server', () => {
  /** What is missing before each of these. */
  const missing = (...seen: readonly (readonly [number, number])[]): number[] => {
    const positions = new Positions(() => 0);
    return seen.map(([epoch, number]) => missingBefore(positions, 'c', 'n', { epoch, number }));
  };

  test.each<[string, [number, number][], number[]]>([
    [
      'in a row',
      [
        [1, 1],
        [1, 2],
        [1, 3],
      ],
      [0, 0, 0],
    ],
    [
      'with a gap',
      [
        [1, 1],
        [1, 4],
        [1, 5],
        [1, 7],
      ],
      [0, 2, 0, 1],
    ],
    [
      'heard from the middle on',
      [
        [1, 70],
        [1, 71],
      ],
      [0, 0],
    ],
    [
      'in a new epoch',
      [
        [1, 5],
        [2, 1],
        [2, 2],
      ],
      [0, 0, 0],
    ],
    [
      'twice',
      [
        [1, 1],
        [1, 1],
        [1, 2],
      ],
      [0, 0, 0],
    ],
    [
      'backwards',
      [
        [1, 9],
        [1, 1],
      ],
      [0, 0],
    ],
  ])('[EX9] %s', (_, seen, expected) => {
    expect(missing(...seen)).toEqual(expected);
  });

  test('[EX9] behind the last one is late, and does not change the last', () => {
    const positions = new Positions(() => 0);
    const at = (number: number, epoch = 1) => {
      const { missing, isLate } = positions.arrive('c', 'n', { epoch, number });
      return { missing, isLate };
    };
    expect([at(5), at(9), at(7), at(9), at(10)]).toEqual([
      { missing: 0, isLate: false },
      { missing: 3, isLate: false },
      { missing: 0, isLate: true },
      { missing: 0, isLate: true },
      { missing: 0, isLate: false },
    ]);
    expect(at(1, 2)).toEqual({ missing: 0, isLate: false });
  });

  test('[EX9] [EX14] with an invented server does not use memory without a limit', () => {
    const positions = new Positions(() => 0);
    const at = (channel: number, node: number, number = 1) =>
      missingBefore(positions, `c${channel}`, `n${node}`, { epoch: 1, number });
    for (let channel = 0; channel < 100; channel++) for (let node = 0; node < 1_000; node++) at(channel, node);
    expect(at(0, 0, 5)).toBe(3);
    at(100, 0);
    expect([at(0, 0, 9), at(100, 0, 3)]).toEqual([0, 1]);
  });

  test('[EX9] is counted for each server and channel by itself', () => {
    const positions = new Positions(() => 0);
    const at = (channel: string, node: string, number: number): number =>
      missingBefore(positions, channel, node, { epoch: 1, number });
    expect([at('a', 'n', 1), at('b', 'n', 10), at('a', 'm', 20), at('a', 'n', 2), at('b', 'n', 12)]).toEqual([
      0, 0, 0, 0, 1,
    ]);
  });

  test('[EX9] a channel that is listened to again is a new beginning', () => {
    const positions = new Positions(() => 0);
    missingBefore(positions, 'a', 'n', { epoch: 1, number: 1 });
    missingBefore(positions, 'b', 'n', { epoch: 1, number: 1 });
    positions.forget('a');
    positions.forget('never heard');
    expect(missingBefore(positions, 'a', 'n', { epoch: 1, number: 50 })).toBe(0);
    expect(missingBefore(positions, 'b', 'n', { epoch: 1, number: 50 })).toBe(48);
  });

  test('[EX9] is followed for the thousand most recent servers of a channel', () => {
    const positions = new Positions(() => 0);
    for (let at = 0; at < 1_000; at++) missingBefore(positions, 'c', `n${at}`, { epoch: 1, number: 1 });
    expect(missingBefore(positions, 'c', 'n0', { epoch: 1, number: 3 })).toBe(1);
    missingBefore(positions, 'c', 'one more', { epoch: 1, number: 1 });
    expect(missingBefore(positions, 'c', 'n1', { epoch: 1, number: 3 })).toBe(0);
    expect(missingBefore(positions, 'c', 'n0', { epoch: 1, number: 5 })).toBe(1);
  });

  given.prop([fc.array(fc.boolean(), { minLength: 1, maxLength: 200 })])(
    '[EX9] of what one server has sent, as much is missing as was lost before the last that came',
    (comes) => {
      const numbering = new Numbering(0);
      const positions = new Positions(() => 0);
      const sent: (readonly [Position, boolean])[] = comes.map((isHeard) => [numbering.next('c'), isHeard]);
      const first = comes.indexOf(true);
      const last = comes.lastIndexOf(true);
      let counted = 0;
      for (const [position, isHeard] of sent) if (isHeard) counted += missingBefore(positions, 'c', 'n', position);
      expect(counted).toBe(comes.slice(Math.max(0, first), last + 1).filter((isHeard) => !isHeard).length);
    },
  );
});

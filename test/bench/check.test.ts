import { describe, expect, test } from 'vitest';
import { compared, comparison, type KeptRatio, keptOf, lostRows, lowerOf, tolerance } from '../../bench/check.js';
import { dailyOf } from '../../bench/daily.js';
import { isPeer } from '../../bench/processes.js';
import { rows } from '../../bench/rows/index.js';
import { resultOf, rowOf } from './sampleResults.js';

const ratio = (row: string, peer: string, value: number): KeptRatio => ({ row, what: `muster / ${peer}`, value });

const kept = [ratio('broadcast', 'ws', 0.8), ratio('broadcast', 'bun', 1.5), ratio('ask', 'ws', 0.35)];

/** The verdicts by row and peer. */
const verdicts = (now: readonly KeptRatio[]): Record<string, string> =>
  Object.fromEntries(compared(kept, now).map(({ row, what, verdict }) => [`${row}, ${what}`, verdict]));

describe('a check', () => {
  test('keeps the ratios of a run, and no missing ones', () => {
    const ratios = [
      { what: 'muster / ws', value: 0.9, must: 0.95 },
      { what: 'muster / bun', value: Number.NaN },
    ];
    const result = resultOf(rowOf({ ratios }), rowOf({ id: 'ask', facts: [{ what: 'size', value: 1, unit: '' }] }));
    const { startedAt, machine } = result;
    expect(keptOf(result)).toEqual({ startedAt, machine, ratios: [ratio('broadcast', 'ws', 0.9)] });
  });

  test('a row has lost if a ratio to one of its peers grew by more than the tolerance', () => {
    expect(tolerance).toBe(0.1);
    const now = [ratio('broadcast', 'ws', 0.87), ratio('broadcast', 'bun', 1.66), ratio('ask', 'ws', 0.31)];
    expect(verdicts(now)).toEqual({
      'broadcast, muster / ws': 'same',
      'broadcast, muster / bun': 'lost',
      'ask, muster / ws': 'gained',
    });
    expect(lostRows(compared(kept, now))).toEqual(['broadcast']);
    expect(lostRows(compared(kept, kept))).toEqual([]);
  });

  test('names a row once, however many of its ratios lost', () => {
    const now = kept.map((one) => ({ ...one, value: one.value * 1.2 }));
    expect(lostRows(compared(kept, now))).toEqual(['broadcast', 'ask']);
  });

  test('compares with the same row and the same peer only', () => {
    const now = [ratio('ask', 'bun', 9), ratio('burst', 'ws', 9)];
    expect(verdicts(now)).toEqual({
      'ask, muster / bun': 'new',
      'burst, muster / ws': 'new',
      'broadcast, muster / ws': 'missing',
      'broadcast, muster / bun': 'missing',
      'ask, muster / ws': 'missing',
    });
    expect(lostRows(compared(kept, now))).toEqual([]);
  });

  test('of two runs counts the lower ratio', () => {
    const again = [ratio('broadcast', 'bun', 1.4), ratio('broadcast', 'ws', 0.9), ratio('burst', 'ws', 0.1)];
    expect(lowerOf(kept, again).map(({ value }) => value)).toEqual([0.8, 1.4, 0.35]);
  });

  test('shows each ratio before and now, and by how much it changed', () => {
    const lines = comparison(compared(kept, [ratio('broadcast', 'ws', 0.96), ratio('burst', 'ws', 0.05)]));
    expect(lines).toEqual([
      '  broadcast: muster / ws     0.800 →   0.960   +20 %  LOST',
      '  burst: muster / ws             – →   0.050          not kept yet',
      '  broadcast: muster / bun    1.500 →       –          not measured',
      '  ask: muster / ws           0.350 →       –          not measured',
    ]);
  });

  test('has the rows whose figure is processor time or memory beside a peer', () => {
    const daily = dailyOf(rows);
    expect(daily.map(({ id }) => id)).toEqual(
      expect.arrayContaining([
        'broadcast',
        'hundred',
        'smallRooms',
        'storm',
        'join',
        'ask',
        'askOne',
        'events',
        'memory',
      ]),
    );
    expect(daily.map(({ unit }) => unit).filter((unit) => unit.startsWith('ms'))).toEqual([]);
    expect(daily.flatMap(({ daily: peers = [] }) => peers).filter((name) => !isPeer(name))).toEqual([]);
  });
});

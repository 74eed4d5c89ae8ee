import type { Fact, Ratio, Result, RowResult, SystemResult } from '../../bench/result.js';

/** What a system has done that takes so long. */
export const systemOf = (name: string, value: number, counts: Partial<SystemResult> = {}): SystemResult => ({
  name,
  median: value,
  min: value / 2,
  max: value * 2,
  samples: [value / 2, value, value * 2],
  delivered: 12_000,
  due: 12_000,
  ...counts,
});

export const rowOf = (parts: Partial<RowResult>): RowResult => ({
  id: 'broadcast',
  title: 'One broadcast',
  note: '',
  unit: 'µs per delivery',
  systems: [],
  ratios: [],
  facts: [],
  ...parts,
});

export const resultOf = (...rows: readonly RowResult[]): Result => ({
  machine: {
    cpu: 'A processor',
    cores: 2,
    memory: 4 * 2 ** 30,
    system: 'Linux 6.1 x64',
    node: '20.19.0',
    versions: { muster: '0.1.0', ws: '8.23.0' },
  },
  isQuick: false,
  startedAt: '2026-01-02T03:04:05.678Z',
  seconds: 900,
  rows,
});

const kept: Ratio = { what: 'muster / ws string', value: 0.9, must: 0.95, aim: 0.8 };
export const missed: Ratio = { what: 'muster / socket.io', value: 0.8, must: 0.75, aim: 0.6 };
const size: Fact = { what: 'one more room', value: 96, unit: 'bytes', must: 160, aim: 100 };
export const lossy = systemOf('hasty', 3, { delivered: 11_000 });

/** Two rows, in which a must is missed and a system has lost something. */
export const whole = resultOf(
  rowOf({
    systems: [systemOf('muster', 2), systemOf('ws string', 2.2), systemOf('socket.io', 2.5), lossy],
    ratios: [kept, missed],
  }),
  rowOf({ id: 'membership', title: 'One more room', unit: 'bytes', facts: [size] }),
);

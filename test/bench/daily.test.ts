import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { check } from '../../bench/daily.js';
import type { Row } from '../../bench/rowRunner.js';
import { systemOf } from './sampleResults.js';

const plan = { isQuick: true, isCheck: true, rounds: 1, maxConnections: 20, progress: () => {} };

/** A row that measures these ratios, one in each run, the last again and again. */
const rowOf = (id: string, ...values: number[]): Row => ({
  id,
  title: '',
  note: '',
  unit: '',
  daily: ['ws string'],
  run: async () => {
    const value = (values.length > 1 ? values.shift() : values[0]) ?? Number.NaN;
    return { systems: [], ratios: [{ what: 'muster / ws string', value }], facts: [] };
  },
});

const broken: Row = { ...rowOf('broken'), run: () => Promise.reject(new Error('no luck')) };
const lossy: Row = {
  ...rowOf('lossy'),
  run: async () => ({ systems: [systemOf('muster', 1, { delivered: 1, due: 2 })], ratios: [], facts: [] }),
};

describe('the kept ratios', () => {
  let folder = '';
  let path = '';

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'muster-check-'));
    path = join(folder, 'check.json');
    expect(await check([rowOf('ask', 1), rowOf('join', 0.5)], plan, true, path)).toEqual({
      lines: ['kept 2 ratios in bench/results/check.json'],
      isWell: true,
    });
  });

  afterEach(() => rmSync(folder, { recursive: true }));

  const ratios = (): Record<string, number> =>
    Object.fromEntries(
      JSON.parse(readFileSync(path, 'utf8')).ratios.map(({ row, value }: { row: string; value: number }) => [
        row,
        value,
      ]),
    );

  test('are replaced row by row', async () => {
    await check([rowOf('ask', 0.9)], plan, true, path);
    expect(ratios()).toEqual({ ask: 0.9, join: 0.5 });
  });

  test('stay as they are if a row fails or Muster loses a message', async () => {
    for (const bad of [broken, lossy]) {
      const { lines, isWell } = await check([rowOf('ask', 0.9), bad], plan, true, path);
      expect([lines.at(-1), isWell]).toEqual(['nothing was kept', false]);
    }
    expect(ratios()).toEqual({ ask: 1, join: 0.5 });
  });

  test('are what the next check compares with', async () => {
    const { lines, isWell } = await check([rowOf('ask', 1.05), rowOf('join', 0.3)], plan, false, path);
    expect(isWell).toBe(true);
    expect(lines).toEqual([
      expect.stringMatching(/^ {2}ask: muster \/ ws string +1\.000 → +1\.050 +\+5 %$/),
      expect.stringMatching(/^ {2}join: muster \/ ws string +0\.500 → +0\.300 +-40 % {2}gained$/),
      expect.stringMatching(/^no row lost more than 10 % since \d{4}-\d\d-\d\d$/),
    ]);
    expect(ratios()).toEqual({ ask: 1, join: 0.5 });
  });

  test('a row has lost only if it is slower twice', async () => {
    const once = await check([rowOf('ask', 1.3, 1.02), rowOf('join', 0.5)], plan, false, path);
    expect(once.isWell).toBe(true);
    const twice = await check([rowOf('ask', 1.3, 1.2), rowOf('join', 0.5)], plan, false, path);
    expect(twice.isWell).toBe(false);
    expect(twice.lines.at(-1)).toMatch(/^lost more than 10 % since \S+: ask$/);
  });

  test('a check of some rows misses none of the others', async () => {
    const { lines } = await check([rowOf('ask', 1)], plan, false, path);
    expect(lines.filter((line) => line.includes('not measured'))).toEqual([]);
  });

  test('a check fails with a row that fails, and with Muster when it loses a message', async () => {
    const failed = await check([rowOf('ask', 1), broken], plan, false, path);
    expect(failed).toMatchObject({ isWell: false, lines: expect.arrayContaining(['broken failed: no luck']) });
    const lost = await check([rowOf('ask', 1), lossy], plan, false, path);
    expect(lost).toMatchObject({ isWell: false, lines: expect.arrayContaining(['lossy: muster lost messages']) });
  });

  test('a check without them says how to keep some', async () => {
    const { lines, isWell } = await check([rowOf('ask', 1)], plan, false, join(folder, 'none.json'));
    expect([lines, isWell]).toEqual([['no ratios are kept: `npm run bench -- --check --keep` does so'], false]);
  });
});

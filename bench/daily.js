// npm run bench -- --check: measures the rows of a check, and compares them with the kept ratios.
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { compared, comparison, keptOf, lostRows, lowerOf, tolerance } from './check.js';
import { measureRows } from './measure.js';
import { lossesOf } from './verdict.js';

/** @typedef {import('./check.js').Kept} Kept */

const file = fileURLToPath(new URL('results/check.json', import.meta.url));

/** Returns the rows that are part of a check. @param {readonly import('./rowRunner.js').Row[]} rows */
export const dailyOf = (rows) => rows.filter(({ daily }) => daily !== undefined);

/** Resolves with the kept ratios; `undefined` if there are none. @param {string} path @returns {Promise<Kept | undefined>} */
const read = async (path) => (existsSync(path) ? JSON.parse(await readFile(path, 'utf8')) : undefined);

/**
 * Returns which systems of Muster lost messages.
 *
 * @param {import('./result.js').Result} result
 */
const lossesOfMuster = (result) =>
  lossesOf(result)
    .filter(({ name }) => name.startsWith('muster'))
    .map(({ row, name }) => `${row}: ${name} lost messages`);

/**
 * Measures rows, and keeps their ratios or compares them with the kept ones. A row that seems to have lost is measured
 * once more, and each of its ratios counts with the lower value. Resolves with the lines to print, and whether all is
 * well.
 *
 * @param {readonly import('./rowRunner.js').Row[]} rows
 * @param {import('./measure.js').Plan} plan
 * @param {boolean} isKept
 * @param {string} [path] of the kept ratios
 */
export const check = async (rows, plan, isKept, path = file) => {
  const { result, leftOut, failed } = await measureRows(rows, plan);
  const problems = [...failed, ...lossesOfMuster(result)];
  const now = keptOf(result);
  if (isKept) {
    if (problems.length > 0) return { lines: [...leftOut, ...problems, 'nothing was kept'], isWell: false };
    const before = (await read(path))?.ratios ?? [];
    const others = before.filter(({ row }) => !rows.some(({ id }) => id === row));
    await writeFile(path, `${JSON.stringify({ ...now, ratios: [...others, ...now.ratios] }, null, 2)}\n`);
    return { lines: [...leftOut, `kept ${now.ratios.length} ratios in bench/results/check.json`], isWell: true };
  }
  const kept = await read(path);
  if (!kept) return { lines: ['no ratios are kept: `npm run bench -- --check --keep` does so'], isWell: false };
  const wanted = kept.ratios.filter(({ row }) => rows.some(({ id }) => id === row));
  const first = lostRows(compared(wanted, now.ratios));
  let { ratios } = now;
  if (first.length > 0) {
    plan.progress(`once more: ${first.join(', ')}`);
    const again = await measureRows(
      rows.filter(({ id }) => first.includes(id)),
      plan,
    );
    problems.push(...again.failed, ...lossesOfMuster(again.result));
    ratios = lowerOf(ratios, keptOf(again.result).ratios);
  }
  const all = compared(wanted, ratios);
  const lost = lostRows(all);
  const summary =
    lost.length > 0
      ? `lost more than ${tolerance * 100} % since ${kept.startedAt.slice(0, 10)}: ${lost.join(', ')}`
      : `no row lost more than ${tolerance * 100} % since ${kept.startedAt.slice(0, 10)}`;
  const isWell = lost.length === 0 && problems.length === 0;
  return { lines: [...comparison(all), ...leftOut, ...problems, summary], isWell };
};

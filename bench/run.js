// npm run bench: measures the systems, prints the results, and stores them with a chart.
import { spawnSync } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { chart } from './chart.js';
import { machine } from './machine.js';
import { table } from './report.js';
import { RowRunner } from './rowRunner.js';
import { rows } from './rows/index.js';
import { lossesOf, mustsOf } from './verdict.js';

const usage = `npm run bench -- [--quick] [--only ROW[,ROW]] [--rounds N]

  --quick    fewer connections and rounds: a first impression
  --only     these rows: ${rows.map(({ id }) => id).join(', ')}
  --rounds   rounds of each system instead of 9 (quick: 3), in rows without a fixed number
`;

const options = /** @type {const} */ ({
  quick: { type: 'boolean', default: false },
  only: { type: 'string' },
  rounds: { type: 'string' },
  help: { type: 'boolean', default: false },
});

/** @param {string} why @returns {never} */
const exitWith = (why) => {
  process.stderr.write(`${why}\n\n${usage}`);
  process.exit(1);
};

const given = () => {
  try {
    return parseArgs({ options }).values;
  } catch (error) {
    return exitWith(error instanceof Error ? error.message : String(error));
  }
};

/** @param {string | undefined} only */
const chosen = (only) => {
  if (only === undefined) return rows;
  const names = only.split(',');
  const unknown = names.find((name) => !rows.some(({ id }) => id === name));
  if (unknown !== undefined) exitWith(`there is no row "${unknown}"`);
  return rows.filter(({ id }) => names.includes(id));
};

/** Files that each process needs besides its sockets. */
const spareFiles = 500;
/** Connections that every row needs. */
const minConnections = 2_000;

/** Returns the maximum number of connections of a process. Node and its child processes raise the limit of files. */
const connectionLimit = () => {
  const limit = Number(spawnSync('sh', ['-c', 'ulimit -n']).stdout.toString().trim());
  return Number.isNaN(limit) ? Number.POSITIVE_INFINITY : limit - spareFiles;
};

/** Returns a function that prints progress: on a terminal in one line, elsewhere in a line per step. */
const progress = () => {
  const { isTTY } = process.stderr;
  const began = performance.now();
  /** @param {string} text */
  return (text) => {
    const line = `${((performance.now() - began) / 1_000).toFixed(0).padStart(4)} s  ${text}`;
    process.stderr.write(isTTY ? `\r\x1b[K${line}` : `${line}\n`);
  };
};

const { quick, only, rounds, help } = given();
if (help) {
  process.stdout.write(usage);
  process.exit(0);
}
const selected = chosen(only);
const roundCount = rounds === undefined ? (quick ? 3 : 9) : Number(rounds);
if (!(Number.isInteger(roundCount) && roundCount > 0)) exitWith(`--rounds takes a whole number above 0, got ${rounds}`);

const maxConnections = connectionLimit();
if (maxConnections < minConnections)
  exitWith(`\`ulimit -n\` allows fewer than ${minConnections + spareFiles} open files`);
const startedAt = new Date();
const report = progress();

/** @type {import('./result.js').RowResult[]} */
const results = [];
/** @type {string[]} */
const leftOut = [];
for (const row of selected) {
  const why = row.whyMissing?.();
  if (why !== undefined) {
    report(`${row.id}: left out, ${why}`);
    leftOut.push(`${row.id} was left out: ${why}`);
    continue;
  }
  const runner = new RowRunner({
    isQuick: quick,
    rounds: roundCount,
    maxConnections,
    progress: (text) => report(`${row.id}: ${text}`),
  });
  results.push(await runner.runRow(row));
}
if (process.stderr.isTTY) process.stderr.write('\r\x1b[K');

/** @type {import('./result.js').Result} */
const result = {
  machine: await machine(),
  isQuick: quick,
  startedAt: startedAt.toISOString(),
  seconds: Math.round((Date.now() - startedAt.getTime()) / 1_000),
  rows: results,
};
const name = quick ? 'quick' : only === undefined ? 'latest' : 'partial';
const folder = new URL('results/', import.meta.url);
await mkdir(folder, { recursive: true });
await writeFile(new URL(`${name}.json`, folder), `${JSON.stringify(result, null, 2)}\n`);
await writeFile(new URL(`${name}.svg`, folder), chart(result));
process.stdout.write(`${table(result)}\n`);
const { count, missed } = mustsOf(result);
const losses = lossesOf(result).map(({ row, name: system }) => `${system} (${row})`);
process.stdout.write(
  `${count - missed.length} of ${count} musts hold; the results are in bench/results/${name}.json\n`,
);
for (const line of leftOut) process.stdout.write(`${line}\n`);
if (losses.length > 0) process.stdout.write(`lost messages: ${losses.join(', ')}\n`);

// npm run bench: measures the systems, prints the results, and stores them with a chart.
import { spawnSync } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { chart } from './chart.js';
import { check, dailyOf } from './daily.js';
import { measureRows } from './measure.js';
import { table } from './report.js';
import { rows } from './rows/index.js';
import { lossesOf, mustsOf } from './verdict.js';

const usage = `npm run bench -- [--quick] [--only ROW[,ROW]] [--rounds N]
npm run bench -- --check [--keep] [--only ROW[,ROW]] [--rounds N]

  --quick    fewer connections and rounds: a first impression
  --check    a quick run of some rows; exits with 1 if one lost more than 10 % against the kept ratios
  --keep     keeps the ratios of a check in place of comparing them
  --only     these rows: ${rows.map(({ id }) => id).join(', ')}
  --rounds   rounds of each system instead of 9 (quick: 3, check: 5), in rows without a fixed number
`;

const options = /** @type {const} */ ({
  quick: { type: 'boolean', default: false },
  check: { type: 'boolean', default: false },
  keep: { type: 'boolean', default: false },
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

/** @param {readonly import('./rowRunner.js').Row[]} among @param {string | undefined} only */
const chosen = (among, only) => {
  if (only === undefined) return among;
  const names = only.split(',');
  const unknown = names.find((name) => !among.some(({ id }) => id === name));
  if (unknown !== undefined) exitWith(`there is no row "${unknown}"${among === rows ? '' : ' in a check'}`);
  return among.filter(({ id }) => names.includes(id));
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

/** @param {readonly string[]} lines */
const print = (lines) => {
  if (process.stderr.isTTY) process.stderr.write('\r\x1b[K');
  for (const line of lines) process.stdout.write(`${line}\n`);
};

const { quick, check: isCheck, keep, only, rounds, help } = given();
if (help) {
  process.stdout.write(usage);
  process.exit(0);
}
if (keep && !isCheck) exitWith('--keep needs --check');
const selected = chosen(isCheck ? dailyOf(rows) : rows, only);
const roundCount = rounds === undefined ? (isCheck ? 5 : quick ? 3 : 9) : Number(rounds);
if (!(Number.isInteger(roundCount) && roundCount > 0)) exitWith(`--rounds takes a whole number above 0, got ${rounds}`);

const maxConnections = connectionLimit();
if (maxConnections < minConnections)
  exitWith(`\`ulimit -n\` allows fewer than ${minConnections + spareFiles} open files`);
const plan = { isQuick: quick || isCheck, isCheck, rounds: roundCount, maxConnections, progress: progress() };
const folder = new URL('results/', import.meta.url);
await mkdir(folder, { recursive: true });

const measure = async () => {
  const { result, leftOut, failed } = await measureRows(selected, plan);
  const isWhole = only === undefined && failed.length === 0;
  const name = quick ? 'quick' : isWhole ? 'latest' : 'partial';
  await writeFile(new URL(`${name}.json`, folder), `${JSON.stringify(result, null, 2)}\n`);
  await writeFile(new URL(`${name}.svg`, folder), chart(result));
  const { count, missed } = mustsOf(result);
  const losses = lossesOf(result).map(({ row, name: system }) => `${system} (${row})`);
  print([
    table(result),
    `${count - missed.length} of ${count} musts hold; the results are in bench/results/${name}.json`,
    ...leftOut,
    ...failed,
    ...(losses.length > 0 ? [`lost messages: ${losses.join(', ')}`] : []),
  ]);
  return failed.length === 0;
};

if (isCheck) {
  const { lines, isWell } = await check(selected, plan, keep);
  print(lines);
  if (!isWell) process.exitCode = 1;
} else if (!(await measure())) process.exitCode = 1;

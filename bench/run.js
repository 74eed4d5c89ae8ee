// npm run bench: measures Muster and the others, and prints, draws and keeps what it has found.
import { spawnSync } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { chart } from './chart.js';
import { machine } from './machine.js';
import { table } from './report.js';
import { rows } from './rows/index.js';
import { Stage } from './stage.js';
import { lossesOf, mustsOf } from './verdict.js';

const usage = `npm run bench -- [--quick] [--only ROW[,ROW]] [--rounds N]

  --quick    fewer connections and rounds: a first impression
  --only     these rows: ${rows.map(({ id }) => id).join(', ')}
  --rounds   so many rounds of each system instead of 9 (quick: 3), in rows without a number of their own
`;

const options = /** @type {const} */ ({
  quick: { type: 'boolean', default: false },
  only: { type: 'string' },
  rounds: { type: 'string' },
  help: { type: 'boolean', default: false },
});

/** @param {string} why @returns {never} */
const refuse = (why) => {
  process.stderr.write(`${why}\n\n${usage}`);
  process.exit(1);
};

const given = () => {
  try {
    return parseArgs({ options }).values;
  } catch (error) {
    return refuse(error instanceof Error ? error.message : String(error));
  }
};

/** @param {string | undefined} only */
const chosen = (only) => {
  if (only === undefined) return rows;
  const names = only.split(',');
  const unknown = names.find((name) => !rows.some(({ id }) => id === name));
  if (unknown !== undefined) refuse(`there is no row "${unknown}"`);
  return rows.filter(({ id }) => names.includes(id));
};

/** Each process needs a few files beside its sockets, … */
const spare = 500;
/** … and what is small in some rows must fit in any case. */
const leastConnections = 2_000;

/** Node raises its limit as far as it may, and so do those whom it starts. */
const mostConnections = () => {
  const limit = Number(spawnSync('sh', ['-c', 'ulimit -n']).stdout.toString().trim());
  return Number.isNaN(limit) ? Number.POSITIVE_INFINITY : limit - spare;
};

/** On a terminal one line that changes, elsewhere a line for each step. */
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
const mine = chosen(only);
const mostRounds = rounds === undefined ? (quick ? 3 : 9) : Number(rounds);
if (!(Number.isInteger(mostRounds) && mostRounds > 0)) refuse(`--rounds takes a whole number above 0, got ${rounds}`);

const most = mostConnections();
if (most < leastConnections) refuse(`\`ulimit -n\` allows fewer than ${leastConnections + spare} open files`);
const startedAt = new Date();
const tell = progress();

/** @type {import('./result.js').RowResult[]} */
const found = [];
/** @type {string[]} */
const leftOut = [];
for (const row of mine) {
  const why = row.whyMissing?.();
  if (why !== undefined) {
    tell(`${row.id}: left out, as ${why}`);
    leftOut.push(`${row.id} is left out: ${why}`);
    continue;
  }
  const stage = new Stage({
    isQuick: quick,
    rounds: mostRounds,
    mostConnections: most,
    progress: (text) => tell(`${row.id}: ${text}`),
  });
  found.push(await stage.play(row));
}
if (process.stderr.isTTY) process.stderr.write('\r\x1b[K');

/** @type {import('./result.js').Result} */
const result = {
  machine: await machine(),
  isQuick: quick,
  startedAt: startedAt.toISOString(),
  seconds: Math.round((Date.now() - startedAt.getTime()) / 1_000),
  rows: found,
};
const name = quick ? 'quick' : only === undefined ? 'latest' : 'partial';
const folder = new URL('results/', import.meta.url);
await mkdir(folder, { recursive: true });
await writeFile(new URL(`${name}.json`, folder), `${JSON.stringify(result, null, 2)}\n`);
await writeFile(new URL(`${name}.svg`, folder), chart(result));
process.stdout.write(`${table(result)}\n`);
const { count, missed } = mustsOf(result);
const losses = lossesOf(result).map(({ row, name: system }) => `${system} (${row})`);
process.stdout.write(`${count - missed.length} of ${count} musts are kept; bench/results/${name}.json has it all\n`);
for (const line of leftOut) process.stdout.write(`${line}\n`);
if (losses.length > 0) process.stdout.write(`messages were lost by ${losses.join(', ')}\n`);

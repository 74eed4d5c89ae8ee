// Formats a result as text: aligned for a terminal, or as Markdown for the documentation.
import { figure, grouped } from './figures.js';
import { faultOf, lossesOf, mustsOf, verdictOf } from './verdict.js';

/**
 * @typedef {import('./result.js').Result} Result
 * @typedef {import('./result.js').RowResult} RowResult
 * @typedef {import('./result.js').SystemResult} SystemResult
 * @typedef {import('./verdict.js').Judged} Judged
 */

/** @type {Readonly<Record<import('./verdict.js').Verdict, string>>} */
const marks = { aim: '✓ and the aim', must: '✓', missed: '✗ MISSED', open: '' };

/** @param {number | undefined} bound */
const atMost = (bound) => (bound === undefined ? '' : `≤ ${bound}`);

/**
 * Formats a figure. A fact has its unit; a small ratio has three decimals, to show by how much it misses its must.
 *
 * @param {Judged} judged
 */
const valueText = (judged) => {
  const { value } = judged;
  if ('unit' in judged) return `${figure(value)} ${judged.unit}`.trim();
  return Number.isFinite(value) && Math.abs(value) < 10 ? value.toFixed(3) : figure(value);
};

/** @param {SystemResult} system */
const rangeOf = ({ min, max }) => `${figure(min)} – ${figure(max)}`;

/** @param {SystemResult} system */
const deliveredOf = (system) => {
  const { delivered, due } = system;
  if (due === 0 && delivered === 0) return '';
  const fault = faultOf(system);
  return `${grouped(delivered)} of ${grouped(due)}${fault === undefined ? '' : `, ${fault}`}`;
};

/**
 * Returns the machine and the versions of a run, as two lines.
 *
 * @param {Result} result
 * @returns {readonly [string, string]}
 */
const environment = ({ machine }) => {
  const { cpu, cores, memory, system, node, go, versions, commit, accounting } = machine;
  const place = [`${cpu}, ${cores} cores`, `${(memory / 2 ** 30).toFixed(1)} GiB`, system, `Node ${node}`];
  const source = accounting === undefined ? [] : [`processor time from ${accounting}`];
  const programs = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  return [
    [...place, ...(go === undefined ? [] : [`Go ${go}`]), ...source].join(' · '),
    [...programs, ...(commit === undefined ? [] : [`commit ${commit}`])].join(' · '),
  ];
};

/** @param {Result} result */
const occasion = ({ startedAt, seconds, isQuick }) => {
  const kind = isQuick ? 'A quick run' : 'A run';
  const time = seconds < 120 ? `${Math.round(seconds)} seconds` : `${Math.round(seconds / 60)} minutes`;
  return `${kind} of ${startedAt.slice(0, 16).replace('T', ' ')} UTC, ${time}`;
};

/**
 * Returns how many musts hold, which are missed, and which systems lost messages.
 *
 * @param {Result} result
 * @returns {readonly string[]}
 */
const summary = (result) => {
  const { count, missed } = mustsOf(result);
  const held = `${count - missed.length} of ${count} musts hold`;
  const misses = missed.map((one) => `${one.row}: ${one.what} is ${valueText(one)}, must be ${atMost(one.must)}`);
  const losses = lossesOf(result).map((system) => `${system.row}: ${system.name} ${faultOf(system)}`);
  return [held, ...misses, ...losses];
};

/**
 * Aligns cells in columns. Figures are aligned to the right.
 *
 * @param {readonly (readonly string[])[]} lines
 * @param {readonly boolean[]} isFigure by column
 * @returns {readonly string[]}
 */
const aligned = (lines, isFigure) => {
  const widths = isFigure.map((_, at) => Math.max(0, ...lines.map((cells) => cells[at]?.length ?? 0)));
  const pad = (/** @type {string} */ cell, /** @type {number} */ at) =>
    isFigure[at] ? cell.padStart(widths[at] ?? 0) : cell.padEnd(widths[at] ?? 0);
  return lines.map((cells) => `  ${cells.map(pad).join('  ')}`.trimEnd());
};

/** @param {SystemResult} system */
const systemCells = (system) => {
  const mark = faultOf(system) === undefined ? '' : '!! ';
  return [system.name, figure(system.median), `[${rangeOf(system)}]`, `${mark}${deliveredOf(system)}`];
};

/** @param {Judged} judged */
const judgedCells = (judged) => {
  const { what, must, aim } = judged;
  const bounds = [must === undefined ? '' : `must ${atMost(must)}`, aim === undefined ? '' : `aim ${atMost(aim)}`];
  return [what, valueText(judged), ...bounds, marks[verdictOf(judged)]];
};

/**
 * @param {RowResult} row
 * @returns {readonly string[]}
 */
const block = (row) => {
  const systems = aligned(row.systems.map(systemCells), [false, true, true, false]);
  const judged = aligned([...row.ratios, ...row.facts].map(judgedCells), [false, true, false, false, false]);
  const heading = `${row.id} – ${row.title}${row.unit === '' ? '' : ` (${row.unit})`}`;
  const note = row.note === '' ? [] : [`  ${row.note}`];
  const gap = systems.length > 0 && judged.length > 0 ? [''] : [];
  return [heading, ...note, ...systems, ...gap, ...judged, ''];
};

/**
 * Returns the result as plain text, with one block per row.
 *
 * @param {Result} result
 * @returns {string}
 */
export const table = (result) =>
  [occasion(result), ...environment(result), '', ...result.rows.flatMap(block), ...summary(result)].join('\n');

/** @param {string} text */
const cell = (text) => text.replaceAll('|', '\\|').replaceAll(/\s+/g, ' ');

/**
 * @param {readonly string[]} heads
 * @param {readonly (readonly string[])[]} lines
 * @returns {readonly string[]}
 */
const markdownTable = (heads, lines) => {
  if (lines.length === 0) return [];
  const rule = heads.map((_, at) => (at === 0 ? '---' : '--:'));
  return [heads, rule, ...lines.map((cells) => cells.map(cell))].map((cells) => `| ${cells.join(' | ')} |`).concat('');
};

/**
 * @param {RowResult} row
 * @returns {readonly string[]}
 */
const section = (row) => {
  const systems = row.systems.map((system) => {
    const delivered = deliveredOf(system);
    const isWhole = faultOf(system) === undefined;
    return [system.name, figure(system.median), rangeOf(system), isWhole ? delivered : `**${delivered}**`];
  });
  const judged = [...row.ratios, ...row.facts].map((one) => {
    const mark = marks[verdictOf(one)];
    const isMissed = verdictOf(one) === 'missed';
    return [one.what, valueText(one), atMost(one.must), atMost(one.aim), isMissed ? `**${mark}**` : mark];
  });
  return [
    `### ${row.title}`,
    '',
    ...(row.note === '' ? [] : [row.note, '']),
    ...markdownTable(['', cell(row.unit), 'min – max', 'delivered'], systems),
    ...markdownTable(['', 'value', 'must', 'aim', ''], judged),
  ];
};

/**
 * Returns the result as Markdown: a summary, then the tables of each row.
 *
 * @param {Result} result
 * @returns {string}
 */
export const markdown = (result) => {
  const [place, programs] = environment(result);
  const list = summary(result).map((line) => `- ${line}`);
  const head = [`${occasion(result)}, on ${place}, with ${programs}.`, '', ...list, ''];
  return [...head, ...result.rows.flatMap(section)].join('\n').trimEnd();
};

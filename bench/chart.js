// Draws a result as one SVG: in each row, the cost of every system relative to Muster.
import { figure } from './figures.js';
import { faultOf } from './verdict.js';

/**
 * @typedef {import('./result.js').RowResult} RowResult
 *
 * @typedef {object} Bar
 * @property {string} name
 * @property {number} times its cost, as a multiple of the first system of the row
 * @property {number | undefined} bound its minimum cost for Muster's must to hold
 * @property {boolean} isWhole whether all messages were delivered
 * @property {boolean} isBase
 */

const width = 840;
const margin = 20;
const barsAt = 250;
const barsWidth = 430;
const lineHeight = 22;
const barHeight = 14;
const headerHeight = 66;
const titleHeight = 30;
const gapHeight = 14;

const ink = '#1f2933';
const faint = '#52606d';
const colours = { base: '#0b7a5c', other: '#9fb3c8', bound: '#b42318' };

/** @type {Readonly<Record<string, string>>} */
const entities = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

/**
 * Escapes a text for XML. Replaces control characters, which XML does not allow.
 *
 * @param {string} text
 */
const escaped = (text) => text.replaceAll(/\p{Cc}/gu, ' ').replaceAll(/[&<>"']/g, (char) => entities[char] ?? char);

/** @param {string} name */
const isMuster = (name) => name.toLowerCase() === 'muster';

/**
 * Returns the ratio of a row's base to another system, if the row has it.
 *
 * @param {RowResult} row
 * @param {string} base
 * @param {string} name
 */
const ratioWith = (row, base, name) =>
  row.ratios.find(({ what }) => what.toLowerCase() === `${base} / ${name}`.toLowerCase());

/**
 * Returns the bars of a row, the base first. Returns none if the row has nothing to compare.
 *
 * @param {RowResult} row
 * @returns {readonly Bar[]}
 */
const barsOf = (row) => {
  const measured = row.systems.filter(({ median }) => Number.isFinite(median) && median > 0);
  const base = measured.find(({ name }) => isMuster(name)) ?? measured[0];
  if (base === undefined || measured.length < 2) return [];
  const others = measured.filter((system) => system !== base);
  return [base, ...others].map((system) => {
    // The table's ratio is the median of those within rounds, and differs slightly from that of the medians.
    const ratio = ratioWith(row, base.name, system.name);
    const { name } = system;
    const times = ratio === undefined || !(ratio.value > 0) ? system.median / base.median : 1 / ratio.value;
    const bound = ratio?.must === undefined ? undefined : 1 / ratio.must;
    return { name, times, bound, isWhole: faultOf(system) === undefined, isBase: system === base };
  });
};

/**
 * @param {number} x
 * @param {number} y
 * @param {string} words
 * @param {string} more attributes
 */
const text = (x, y, words, more = '') => `<text x="${x}" y="${y}"${more}>${escaped(words)}</text>`;

/**
 * @param {Bar} bar
 * @param {number} y
 * @param {number} scale pixels per cost of the first system
 */
const drawnBar = ({ name, times, bound, isWhole, isBase }, y, scale) => {
  const length = Math.max(1, Math.round(times * scale));
  const colour = isBase ? colours.base : colours.other;
  const middle = y + barHeight - 3;
  const label = `${figure(times)} ×${isWhole ? '' : ', not all delivered'}`;
  const labelAt = barsAt + Math.max(length, Math.round((bound ?? 0) * scale)) + 8;
  const line = barsAt + Math.round((bound ?? 0) * scale);
  return [
    text(barsAt - 8, middle, name, ` text-anchor="end"${isBase ? ' font-weight="600"' : ''}`),
    `<rect x="${barsAt}" y="${y}" width="${length}" height="${barHeight}" fill="${colour}"/>`,
    ...(bound === undefined
      ? []
      : [`<path d="M${line} ${y - 3}v${barHeight + 6}" stroke="${colours.bound}" stroke-width="2"/>`]),
    text(labelAt, middle, label),
  ];
};

/**
 * @param {RowResult} row
 * @param {readonly Bar[]} bars
 * @param {number} top
 */
const drawnRow = (row, bars, top) => {
  // Each row has its own scale: a cost of 20 times the base in one would flatten all the others.
  const scale = barsWidth / Math.max(...bars.flatMap(({ times, bound = 0 }) => [times, bound]));
  const title = text(margin, top + 18, row.title, ' font-size="14" font-weight="600"');
  return [title, ...bars.flatMap((bar, at) => drawnBar(bar, top + titleHeight + at * lineHeight, scale))];
};

/**
 * Describes a row in words, for screen readers.
 *
 * @param {RowResult} row
 * @param {readonly Bar[]} bars
 */
const described = (row, bars) => {
  const all = bars.map(
    ({ name, times, isWhole }) => `${name} ${figure(times)}${isWhole ? '' : ' (not all delivered)'}`,
  );
  return `${row.title}: ${all.join(', ')}.`;
};

/**
 * Returns the result as an SVG with its own background and without external resources.
 *
 * @param {import('./result.js').Result} result
 * @returns {string}
 */
export const chart = (result) => {
  const rows = result.rows.map((row) => ({ row, bars: barsOf(row) })).filter(({ bars }) => bars.length > 0);
  const heightOf = (/** @type {readonly Bar[]} */ bars) => titleHeight + bars.length * lineHeight + gapHeight;
  const tops = rows.map((_, at) => rows.slice(0, at).reduce((sum, { bars }) => sum + heightOf(bars), headerHeight));
  const height = rows.reduce((sum, { bars }) => sum + heightOf(bars), headerHeight) + margin;
  const heading = 'The cost of each system, as a multiple of the first of its row';
  const key = 'Shorter is cheaper. Where a bar reaches its red line, Muster meets its requirement.';
  const box = `width="${width}" height="${height}"`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" ${box} viewBox="0 0 ${width} ${height}" role="img" aria-labelledby="title desc">`,
    `<title id="title">${escaped(heading)}</title>`,
    `<desc id="desc">${escaped(rows.map(({ row, bars }) => described(row, bars)).join(' '))}</desc>`,
    `<rect ${box} rx="8" fill="#ffffff"/>`,
    `<g font-family="system-ui, sans-serif" font-size="12" fill="${ink}">`,
    text(margin, 30, heading, ' font-size="16" font-weight="600"'),
    text(margin, 50, key, ` fill="${faint}"`),
    ...rows.flatMap(({ row, bars }, at) => drawnRow(row, bars, tops[at] ?? 0)),
    '</g>',
    '</svg>',
    '',
  ].join('\n');
};

// What holds of a result, and what does not: said in one place, for the table, the page and the chart.
import { grouped } from './figures.js';

/**
 * @typedef {import('./result.js').Ratio | import('./result.js').Fact} Judged
 * @typedef {'aim' | 'must' | 'missed' | 'open'} Verdict the best that is met; open when nothing is asked for
 */

/**
 * @param {Judged} judged
 * @returns {Verdict}
 */
export const verdictOf = ({ value, must, aim }) => {
  // A figure that could not be had holds nothing.
  const isThere = Number.isFinite(value);
  if (aim !== undefined && isThere && value <= aim) return 'aim';
  // An aim alone binds nobody.
  if (must === undefined) return 'open';
  return isThere && value <= must ? 'must' : 'missed';
};

/**
 * What is judged in a row.
 *
 * @param {import('./result.js').RowResult} row
 * @returns {readonly Judged[]}
 */
const judgedIn = ({ ratios, facts }) => [...ratios, ...facts];

/**
 * The musts of a run: how many there are, and those that are missed, each with the row it stands in.
 *
 * @param {import('./result.js').Result} result
 */
export const mustsOf = ({ rows }) => {
  const all = rows.flatMap((row) => judgedIn(row).map((judged) => ({ row: row.id, ...judged })));
  const musts = all.filter(({ must }) => must !== undefined);
  return { count: musts.length, missed: musts.filter((one) => verdictOf(one) === 'missed') };
};

/**
 * The systems that have not delivered exactly what was due.
 *
 * @param {import('./result.js').Result} result
 */
export const lossesOf = ({ rows }) =>
  rows.flatMap((row) =>
    row.systems.filter(({ delivered, due }) => delivered !== due).map((system) => ({ row: row.id, ...system })),
  );

/**
 * What a system lacks, in words; nothing when all has come.
 *
 * @param {{ readonly delivered: number, readonly due: number }} counts
 * @returns {string | undefined}
 */
export const faultOf = ({ delivered, due }) => {
  if (delivered === due) return undefined;
  return delivered < due ? `LOST ${grouped(due - delivered)}` : `${grouped(delivered - due)} TOO MANY`;
};

// Decides which requirements a result meets: for the table, the page and the chart.
import { grouped } from './figures.js';

/**
 * @typedef {import('./result.js').Ratio | import('./result.js').Fact} Judged
 * @typedef {'aim' | 'must' | 'missed' | 'open'} Verdict the strictest bound that is met; `open` without a must
 */

/**
 * Returns the verdict on a ratio or a fact.
 *
 * @param {Judged} judged
 * @returns {Verdict}
 */
export const verdictOf = ({ value, must, aim }) => {
  // A missing figure meets no bound.
  const isKnown = Number.isFinite(value);
  if (aim !== undefined && isKnown && value <= aim) return 'aim';
  // An aim alone cannot be missed.
  if (must === undefined) return 'open';
  return isKnown && value <= must ? 'must' : 'missed';
};

/**
 * Returns all figures of a row that can have bounds.
 *
 * @param {import('./result.js').RowResult} row
 * @returns {readonly Judged[]}
 */
const judgedIn = ({ ratios, facts }) => [...ratios, ...facts];

/**
 * Returns the number of musts in a run, and the missed ones with the ids of their rows.
 *
 * @param {import('./result.js').Result} result
 */
export const mustsOf = ({ rows }) => {
  const all = rows.flatMap((row) => judgedIn(row).map((judged) => ({ row: row.id, ...judged })));
  const musts = all.filter(({ must }) => must !== undefined);
  return { count: musts.length, missed: musts.filter((one) => verdictOf(one) === 'missed') };
};

/**
 * Returns the systems whose deliveries differ from those due.
 *
 * @param {import('./result.js').Result} result
 */
export const lossesOf = ({ rows }) =>
  rows.flatMap((row) =>
    row.systems.filter(({ delivered, due }) => delivered !== due).map((system) => ({ row: row.id, ...system })),
  );

/**
 * Describes how the deliveries of a system differ from those due; `undefined` if they do not.
 *
 * @param {{ readonly delivered: number, readonly due: number }} counts
 * @returns {string | undefined}
 */
export const faultOf = ({ delivered, due }) => {
  if (delivered === due) return undefined;
  return delivered < due ? `LOST ${grouped(due - delivered)}` : `${grouped(delivered - due)} TOO MANY`;
};

// Compares the ratios of a run with those of an earlier one, and finds what got slower.

/**
 * A ratio of Muster to a peer.
 *
 * @typedef {{ readonly row: string, readonly what: string, readonly value: number }} KeptRatio
 *
 * @typedef {object} Kept
 * @property {string} startedAt
 * @property {import('./machine.js').Machine} machine
 * @property {readonly KeptRatio[]} ratios
 *
 * @typedef {object} Compared
 * @property {string} row
 * @property {string} what
 * @property {number | undefined} kept `undefined` if it is new
 * @property {number | undefined} now `undefined` if it was not measured
 * @property {number | undefined} change as a share: 0.1 says that Muster costs 10 % more beside the peer
 * @property {'same' | 'lost' | 'gained' | 'new' | 'missing'} verdict
 */

/** How much a ratio may grow. */
export const tolerance = 0.1;

/**
 * Returns what is kept of a run.
 *
 * @param {import('./result.js').Result} result
 * @returns {Kept}
 */
export const keptOf = ({ startedAt, machine, rows }) => ({
  startedAt,
  machine,
  ratios: rows.flatMap(({ id, ratios }) =>
    ratios.filter(({ value }) => Number.isFinite(value)).map(({ what, value }) => ({ row: id, what, value })),
  ),
});

/** @param {KeptRatio} ratio */
const keyOf = ({ row, what }) => JSON.stringify([row, what]);

/** @param {number} change @returns {Compared['verdict']} */
const verdictOn = (change) => {
  if (change > tolerance) return 'lost';
  return change < -tolerance ? 'gained' : 'same';
};

const nothing = { kept: undefined, now: undefined, change: undefined };

/**
 * Compares each ratio with the kept one of the same row and peer. A missing one is no loss: its peer may not be
 * installed.
 *
 * @param {readonly KeptRatio[]} kept
 * @param {readonly KeptRatio[]} now
 * @returns {readonly Compared[]}
 */
export const compared = (kept, now) => {
  const before = new Map(kept.map((ratio) => [keyOf(ratio), ratio.value]));
  const known = new Set(now.map(keyOf));
  const measured = now.map((ratio) => {
    const { row, what, value } = ratio;
    const old = before.get(keyOf(ratio));
    if (old === undefined) return { ...nothing, row, what, now: value, verdict: /** @type {const} */ ('new') };
    const change = value / old - 1;
    return { row, what, kept: old, now: value, change, verdict: verdictOn(change) };
  });
  const missing = kept
    .filter((ratio) => !known.has(keyOf(ratio)))
    .map(({ row, what, value }) => ({ ...nothing, row, what, kept: value, verdict: /** @type {const} */ ('missing') }));
  return [...measured, ...missing];
};

/**
 * Returns the ids of the rows that lost, each once.
 *
 * @param {readonly Compared[]} all
 * @returns {readonly string[]}
 */
export const lostRows = (all) => [...new Set(all.filter(({ verdict }) => verdict === 'lost').map(({ row }) => row))];

/**
 * Returns the ratios of two runs, the lower of each. What is slow in one run only, something else slowed down.
 *
 * @param {readonly KeptRatio[]} one
 * @param {readonly KeptRatio[]} other
 * @returns {readonly KeptRatio[]}
 */
export const lowerOf = (one, other) => {
  const others = new Map(other.map((ratio) => [keyOf(ratio), ratio.value]));
  return one.map((ratio) => ({ ...ratio, value: Math.min(ratio.value, others.get(keyOf(ratio)) ?? ratio.value) }));
};

/** @param {number | undefined} value */
const ratioText = (value) => value?.toFixed(3) ?? '–';

/** @param {number | undefined} change */
const changeText = (change) => {
  if (change === undefined) return '';
  const percent = Math.round(change * 100);
  return `${percent > 0 ? '+' : ''}${percent} %`;
};

/** @type {Readonly<Record<Compared['verdict'], string>>} */
const marks = { same: '', lost: 'LOST', gained: 'gained', new: 'not kept yet', missing: 'not measured' };

/**
 * Returns one line for each ratio.
 *
 * @param {readonly Compared[]} all
 * @returns {readonly string[]}
 */
export const comparison = (all) => {
  const names = all.map(({ row, what }) => `${row}: ${what}`);
  const width = Math.max(0, ...names.map(({ length }) => length));
  return all.map(({ kept, now, change, verdict }, at) => {
    const figures = `${ratioText(kept).padStart(7)} → ${ratioText(now).padStart(7)}  ${changeText(change).padStart(6)}`;
    return `  ${(names[at] ?? '').padEnd(width)}  ${figures}  ${marks[verdict]}`.trimEnd();
  });
};

// The few statistics of the bench.

/**
 * @param {readonly number[]} values
 * @returns {number[]}
 */
const ascending = (values) => [...values].sort((one, other) => one - other);

/**
 * The value in the middle, or half way between the two in the middle; NaN of none.
 *
 * @param {readonly number[]} values
 * @returns {number}
 */
export const median = (values) => {
  const sorted = ascending(values);
  const upper = sorted[sorted.length >> 1] ?? Number.NaN;
  const lower = sorted[(sorted.length - 1) >> 1] ?? Number.NaN;
  return (lower + upper) / 2;
};

/**
 * The smallest of the values that at least this share of them does not exceed; NaN of none.
 *
 * @param {readonly number[]} values
 * @param {number} share such as 0.99
 * @returns {number}
 */
export const percentile = (values, share) =>
  ascending(values)[Math.max(0, Math.ceil(values.length * share) - 1)] ?? Number.NaN;

/**
 * How two systems compare: the median of their ratios in each round, so that what slows a whole round slows both.
 *
 * @param {readonly number[]} values
 * @param {readonly number[]} others of the same rounds
 * @returns {number}
 */
export const medianRatio = (values, others) => {
  if (values.length !== others.length) throw new Error(`${values.length} rounds against ${others.length}`);
  return median(values.map((value, at) => value / (others[at] ?? Number.NaN)));
};

/**
 * How two systems compare that were not measured round by round.
 *
 * @param {readonly number[]} values
 * @param {readonly number[]} others
 * @returns {number}
 */
export const ratioOfMedians = (values, others) => median(values) / median(others);

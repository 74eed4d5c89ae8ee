// The statistics of the bench.

/**
 * @param {readonly number[]} values
 * @returns {number[]}
 */
const ascending = (values) => [...values].sort((one, other) => one - other);

/**
 * Returns the middle value, or the mean of the two middle ones; NaN without values.
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
 * Returns the smallest value that at least this share of the values does not exceed; NaN without values.
 *
 * @param {readonly number[]} values
 * @param {number} share such as 0.99
 * @returns {number}
 */
export const percentile = (values, share) =>
  ascending(values)[Math.max(0, Math.ceil(values.length * share) - 1)] ?? Number.NaN;

/**
 * Returns the median of the ratios of two systems within the rounds. A disturbance of a round slows both.
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
 * Returns the ratio of the medians of two systems that were not measured in the same rounds.
 *
 * @param {readonly number[]} values
 * @param {readonly number[]} others
 * @returns {number}
 */
export const ratioOfMedians = (values, others) => median(values) / median(others);

// Formats figures.

/**
 * Formats a whole number in groups of three digits.
 *
 * @param {number} count
 */
export const grouped = (count) => String(Math.round(count)).replaceAll(/\B(?=(\d{3})+$)/g, ' ');

/**
 * Formats a figure with about three significant digits.
 *
 * @param {number | null} value `null` for a missing figure: JSON has no NaN
 * @returns {string}
 */
export const figure = (value) => {
  if (value === null || !Number.isFinite(value)) return '–';
  const size = Math.abs(value);
  if (size >= 1_000) return grouped(value);
  return value.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 || size === 0 ? 2 : 3);
};

// Figures as people read them.

/**
 * A whole number, in groups of three digits.
 *
 * @param {number} count
 */
export const grouped = (count) => String(Math.round(count)).replaceAll(/\B(?=(\d{3})+$)/g, ' ');

/**
 * A figure with about three digits that matter.
 *
 * @param {number | null} value null is what JSON makes of a figure that there is not
 * @returns {string}
 */
export const figure = (value) => {
  if (value === null || !Number.isFinite(value)) return '–';
  const size = Math.abs(value);
  if (size >= 1_000) return grouped(value);
  return value.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 || size === 0 ? 2 : 3);
};

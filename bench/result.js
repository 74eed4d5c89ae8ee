// What a run has found, as it is printed, drawn and kept.

/**
 * What one system of a row has done.
 *
 * @typedef {object} SystemResult
 * @property {string} name
 * @property {number} median
 * @property {number} min
 * @property {number} max
 * @property {readonly number[]} samples one for each round
 * @property {number} delivered messages that have come to a client
 * @property {number} due messages that should have
 */

/**
 * How two systems compare; the must is kept when the value is not above it.
 *
 * @typedef {object} Ratio
 * @property {string} what such as `muster / ws string`
 * @property {number} value
 * @property {number | undefined} [must]
 * @property {number | undefined} [aim]
 */

/**
 * A figure that stands for itself; its must is one like a ratio's.
 *
 * @typedef {object} Fact
 * @property {string} what
 * @property {number} value
 * @property {string} unit
 * @property {number | undefined} [must]
 * @property {number | undefined} [aim]
 */

/**
 * @typedef {object} RowResult
 * @property {string} id
 * @property {string} title
 * @property {string} note
 * @property {string} unit of the systems' figures
 * @property {readonly SystemResult[]} systems
 * @property {readonly Ratio[]} ratios
 * @property {readonly Fact[]} facts
 */

/**
 * @typedef {object} Result
 * @property {import('./machine.js').Machine} machine
 * @property {boolean} isQuick
 * @property {string} startedAt
 * @property {number} seconds
 * @property {readonly RowResult[]} rows
 */

export {};

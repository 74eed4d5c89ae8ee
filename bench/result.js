// The types of a run's result.

/**
 * The result of one system in a row.
 *
 * @typedef {object} SystemResult
 * @property {string} name
 * @property {number} median
 * @property {number} min
 * @property {number} max
 * @property {readonly number[]} samples one for each round
 * @property {number} delivered messages that arrived at a client
 * @property {number} due messages that should have arrived
 */

/**
 * A ratio of two systems. Must and aim are upper bounds.
 *
 * @typedef {object} Ratio
 * @property {string} what such as `muster / ws string`
 * @property {number} value
 * @property {number | undefined} [must]
 * @property {number | undefined} [aim]
 */

/**
 * A single figure. Must and aim are upper bounds.
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

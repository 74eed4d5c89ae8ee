// Measures rows one after the other.
import { machine } from './machine.js';
import { RowRunner } from './rowRunner.js';

/**
 * @typedef {import('./result.js').Result} Result
 * @typedef {import('./rowRunner.js').Row} Row
 *
 * @typedef {object} Plan
 * @property {boolean} isQuick
 * @property {boolean} isCheck
 * @property {number} rounds
 * @property {number} maxConnections
 * @property {(text: string) => void} progress
 *
 * @typedef {object} Measured
 * @property {Result} result
 * @property {readonly string[]} leftOut which rows could not run, and why
 * @property {readonly string[]} failed which rows failed, and why
 */

/**
 * Measures rows. A row that fails does not end the run.
 *
 * @param {readonly Row[]} rows
 * @param {Plan} plan
 * @returns {Promise<Measured>}
 */
export const measureRows = async (rows, plan) => {
  const startedAt = new Date();
  /** @type {import('./result.js').RowResult[]} */
  const results = [];
  /** @type {string[]} */
  const leftOut = [];
  /** @type {string[]} */
  const failed = [];
  for (const row of rows) {
    const progress = (/** @type {string} */ text) => plan.progress(`${row.id}: ${text}`);
    const why = row.whyMissing?.();
    if (why !== undefined) {
      progress(`left out, ${why}`);
      leftOut.push(`${row.id} was left out: ${why}`);
      continue;
    }
    try {
      results.push(await new RowRunner({ ...plan, progress }).runRow(row));
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      progress(`failed, ${reason}`);
      failed.push(`${row.id} failed: ${reason}`);
    }
  }
  const seconds = Math.round((Date.now() - startedAt.getTime()) / 1_000);
  const { isQuick } = plan;
  const result = { machine: await machine(), isQuick, startedAt: startedAt.toISOString(), seconds, rows: results };
  return { result, leftOut, failed };
};

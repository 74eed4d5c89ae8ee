import { broadcast, burst } from './broadcast.js';

/** @type {readonly import('../stage.js').Row[]} */
export const rows = [broadcast, burst];

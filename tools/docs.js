// Writes what the tables of the source say into docs/ and docstrings: `npm run docs:tables`, after a build.
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { withLimitMembers, withLimits, withMetrics } from './tables.js';

const root = fileURLToPath(new URL('..', import.meta.url));

/**
 * @param {string} file
 * @param {(text: string) => string} change
 */
const rewrite = (file, change) => writeFileSync(root + file, change(readFileSync(root + file, 'utf8')));

rewrite('docs/limits.md', withLimits);
rewrite('docs/metrics.md', withMetrics);
rewrite('src/limits.ts', withLimitMembers);

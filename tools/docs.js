// Writes what the tables of the source say into docs/ and docstrings: `npm run docs`, after a build.
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { limitMembers, limitsTable, metricsTables, replaceRegion } from './tables.js';

const root = fileURLToPath(new URL('..', import.meta.url));

/**
 * @param {string} file
 * @param {(text: string) => string} change
 */
const rewrite = (file, change) => writeFileSync(root + file, change(readFileSync(root + file, 'utf8')));

rewrite('docs/limits.md', (page) => replaceRegion(page, 'limits', limitsTable()));
rewrite('docs/metrics.md', (page) =>
  Object.entries(metricsTables()).reduce(
    (text, [section, table]) => replaceRegion(text, `metrics ${section}`, table),
    page,
  ),
);
rewrite('src/limits.ts', (source) =>
  source.replace(/(export interface Limits \{\n)[^}]*(\})/, (_, open, close) => `${open}${limitMembers()}${close}`),
);

// The size of what a page loads, bundled by esbuild and by Vite from what was built: node tools/size.js
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { bundlers, scriptsIn } from './bundle.js';

const dist = fileURLToPath(new URL('../dist/', import.meta.url));

/**
 * @typedef {{ readonly title: string, readonly file: string, readonly takes: string, readonly most: number,
 *   readonly beside?: string }} Page
 * `most` is the number of bytes that it may cost, minified and compressed: beside another page, if one is named.
 */

/** What a page takes from the package. @type {readonly Page[]} */
const pages = [
  { title: 'dial, with everything', file: 'client/client.js', takes: '{ dial }', most: 7_168 },
  { title: 'a contract, without its schema library', file: 'contract/contract.js', takes: '* as all', most: 1_024 },
  {
    title: 'the hooks, beside the client and without React',
    file: 'react/react.js',
    takes: '* as all',
    most: 1_536,
    beside: 'dial, with everything',
  },
];

/** @param {string} folder */
const compressed = (folder) =>
  scriptsIn(folder).reduce((sum, script) => sum + gzipSync(readFileSync(script), { level: 9 }).length, 0);

/** The bytes of each page and bundler. @type {Map<string, number>} */
const measured = new Map();
const folder = mkdtempSync(join(tmpdir(), 'bundles-'));
/** @param {Page} page @param {number} at */
const measure = async ({ title, file, takes, most, beside }, at) => {
  const path = join(dist, file);
  if (!existsSync(path)) {
    console.error(`${title}: dist/${file} has not been built`);
    process.exitCode = 1;
    return;
  }
  const name = takes.replace(/^\* as |[{} ]/g, '');
  const entry = join(folder, `page${at}.js`);
  // Every export is used, so that none is left out.
  writeFileSync(entry, `import ${takes} from ${JSON.stringify(path)}; globalThis.page = { ${name} };`);
  for (const [bundler, bundle] of bundlers) {
    const out = join(folder, bundler, `${at}`);
    await bundle(entry, out);
    const whole = compressed(out);
    measured.set(`${title} ${bundler}`, whole);
    const bytes = whole - (measured.get(`${beside} ${bundler}`) ?? 0);
    const line = `${title}, by ${bundler}: ${bytes} bytes of at most ${most}`;
    if (bytes <= most) console.log(line);
    else console.error(line);
    if (bytes > most) process.exitCode = 1;
  }
};
try {
  for (const [at, page] of pages.entries()) await measure(page, at);
} finally {
  rmSync(folder, { recursive: true, force: true });
}

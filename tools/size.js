// The size of what a page loads, bundled by esbuild and by Vite from what was built: node tools/size.js
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { bundlers, scriptsIn } from './bundle.js';

const dist = fileURLToPath(new URL('../dist/', import.meta.url));

/**
 * @typedef {{ readonly file: string, readonly takes: string, readonly name: string }} Import
 * @typedef {{ readonly title: string, readonly takes: Import, readonly beside?: Import, readonly most: number }} Page
 * `most` is the number of bytes that it may add to what the page has beside it, minified and compressed.
 */

/** @type {Import} */
const dial = { file: 'client/client.js', takes: '{ dial }', name: 'dial' };
/** Every export, so that none is left out. @param {string} file @returns {Import} */
const allOf = (file) => ({ file, takes: '* as all', name: 'all' });

/** What a page takes from the package. @type {readonly Page[]} */
const pages = [
  { title: 'dial, with everything', takes: dial, most: 12_288 },
  { title: 'a contract, without its schema library', takes: allOf('contract/contract.js'), most: 1_024 },
  { title: 'the hooks beside dial, without React', takes: allOf('react/react.js'), beside: dial, most: 1_536 },
];

const folder = mkdtempSync(join(tmpdir(), 'bundles-'));
let bundles = 0;

/**
 * Returns the size of a page that takes these.
 * @param {(typeof bundlers)[number][1]} bundle
 * @param {readonly Import[]} imports
 */
const sizeOf = async (bundle, imports) => {
  const out = join(folder, `${++bundles}`);
  const entry = join(folder, `page${bundles}.js`);
  const lines = imports.map(({ takes, file }) => `import ${takes} from ${JSON.stringify(join(dist, file))};`);
  writeFileSync(entry, `${lines.join('\n')}\nglobalThis.page = { ${imports.map(({ name }) => name)} };`);
  await bundle(entry, out);
  return scriptsIn(out).reduce((sum, script) => sum + gzipSync(readFileSync(script), { level: 9 }).length, 0);
};

/** @param {Page} page */
const measure = async ({ title, takes, beside, most }) => {
  if (!existsSync(join(dist, takes.file))) {
    console.error(`${title}: dist/${takes.file} has not been built`);
    process.exitCode = 1;
    return;
  }
  for (const [bundler, bundle] of bundlers) {
    const whole = await sizeOf(bundle, beside ? [beside, takes] : [takes]);
    const bytes = whole - (beside ? await sizeOf(bundle, [beside]) : 0);
    const line = `${title}, by ${bundler}: ${bytes} bytes of at most ${most}`;
    if (bytes <= most) console.log(line);
    else console.error(line);
    if (bytes > most) process.exitCode = 1;
  }
};

try {
  for (const page of pages) await measure(page);
} finally {
  rmSync(folder, { recursive: true, force: true });
}

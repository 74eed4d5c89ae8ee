// The size of what a page loads, bundled by esbuild and by Vite from what was built: node tools/size.js
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build as esbuild } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
/** @param {string} path of a built file */
const built = (path) => JSON.stringify(pathToFileURL(join(root, 'dist', path)).pathname);

/** @typedef {{ readonly title: string, readonly code: string, readonly most: number }} Page */

/** What a page takes from the package, and the most bytes that it may cost, minified and compressed. @type {readonly Page[]} */
const pages = [
  {
    title: 'dial, with everything',
    code: `import { dial } from ${built('client/client.js')}; globalThis.page = dial;`,
    most: 7_168,
  },
  {
    title: 'a contract, without its schema library',
    code: `import * as contract from ${built('contract/contract.js')}; globalThis.page = { ...contract };`,
    most: 1_024,
  },
  {
    title: 'the hooks, without React and the client',
    code: `import * as hooks from ${built('react/react.js')}; globalThis.page = { ...hooks };`,
    most: 1_536,
  },
];

/** @param {string} entry @param {string} folder */
const byEsbuild = async (entry, folder) => {
  const outdir = join(folder, 'esbuild');
  await esbuild({
    entryPoints: [entry],
    outdir,
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'browser',
    external: ['react'],
    logLevel: 'error',
  });
  return outdir;
};

/** @param {string} entry @param {string} folder */
const byVite = async (entry, folder) => {
  const outDir = join(folder, 'vite');
  const vite = await import('vite');
  await vite.build({
    root: folder,
    configFile: false,
    logLevel: 'error',
    build: {
      outDir,
      target: 'es2022',
      modulePreload: false,
      rollupOptions: { input: entry, external: ['react'] },
    },
  });
  return outDir;
};

/** @param {string} folder */
const compressed = (folder) =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.js'))
    .reduce((sum, name) => sum + gzipSync(readFileSync(join(folder, name)), { level: 9 }).length, 0);

const bundlers = /** @type {const} */ ([
  ['esbuild', byEsbuild],
  ['Vite', byVite],
]);

const folder = mkdtempSync(join(tmpdir(), 'bundles-'));
try {
  for (const [at, { title, code, most }] of pages.entries()) {
    const entry = join(folder, `page${at}.js`);
    writeFileSync(entry, code);
    for (const [bundler, bundle] of bundlers) {
      const bytes = compressed(await bundle(entry, join(folder, `${at}`)));
      console.log(`${title}, by ${bundler}: ${bytes} bytes of at most ${most}`);
      if (bytes > most) process.exitCode = 1;
    }
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}

// Bundles what a page takes from the package, as its authors would.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { build as esbuild } from 'esbuild';

/** @param {string} entry @param {string} outdir */
const byEsbuild = (entry, outdir) =>
  esbuild({
    entryPoints: [entry],
    outdir,
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'browser',
    external: ['react'],
    logLevel: 'error',
  });

/** @param {string} entry @param {string} outDir */
const byVite = async (entry, outDir) => {
  const vite = await import('vite');
  await vite.build({
    root: join(entry, '..'),
    configFile: false,
    logLevel: 'error',
    build: {
      outDir,
      target: 'es2022',
      modulePreload: false,
      rollupOptions: { input: entry, external: ['react'] },
    },
  });
};

/** What a page is bundled by. Each makes a folder with the bundle of an entry. */
export const bundlers = /** @type {const} */ ([
  ['esbuild', byEsbuild],
  ['Vite', byVite],
]);

/** Returns the scripts of a bundle. @param {string} folder */
export const scriptsIn = (folder) =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.js'))
    .map((name) => join(folder, name));

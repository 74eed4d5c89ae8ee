// Bundles the server and the page, and starts the server: npm run example:board
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

/** @param {string} path */
const here = (path) => fileURLToPath(new URL(path, import.meta.url));

await Promise.all([
  build({
    entryPoints: [here('server.ts')],
    outdir: here('dist'),
    bundle: true,
    platform: 'node',
    format: 'esm',
    packages: 'external',
  }),
  build({
    entryPoints: { app: here('client/main.tsx') },
    outdir: here('dist'),
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2022',
    jsx: 'automatic',
    define: { 'process.env.NODE_ENV': '"production"' },
  }),
]);

await import(new URL('dist/server.js', import.meta.url).href);

// Finds Bun, which has its own package.json.
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const folder = new URL('bun/', import.meta.url);
const manifest = new URL('node_modules/bun/package.json', folder);

/** The path of the Bun system's program, and of Bun. The package calls it `.exe` on every system. */
export const bunServer = fileURLToPath(new URL('server.js', folder));
export const bunProgram = fileURLToPath(new URL('node_modules/bun/bin/bun.exe', folder));

/** Returns why Bun cannot be measured here; `undefined` if it can. */
export const whyNoBun = () =>
  existsSync(manifest) && existsSync(bunProgram)
    ? undefined
    : 'Bun is not installed (`npm run bench` and `npm run bench:install` do so)';

/** Returns the version by name; empty if it is not installed. @returns {Readonly<Record<string, string>>} */
export const bunVersions = () =>
  whyNoBun() === undefined ? { bun: JSON.parse(readFileSync(manifest, 'utf8')).version } : {};

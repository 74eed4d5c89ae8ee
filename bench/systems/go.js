// Builds the Go systems, once per version of their sources.
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const folder = fileURLToPath(new URL('go', import.meta.url));
const cache = fileURLToPath(new URL('../../node_modules/.cache/bench-go', import.meta.url));
const buildTimeout = 240_000;

/** Returns the path of Go, if it is installed. */
export const findGo = () => {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/local/go/bin', '/usr/lib/go/bin'];
  return folders.map((one) => join(one, 'go')).find((path) => existsSync(path));
};

const hashOfSources = async () => {
  const hash = createHash('sha256');
  for (const name of (await readdir(folder)).sort()) hash.update(name).update(await readFile(join(folder, name)));
  return hash.digest('hex').slice(0, 16);
};

/** @param {unknown} error */
const reasonOf = (error) => {
  const output = error instanceof Error && 'stderr' in error ? String(error.stderr).trim() : '';
  return (output || String(error)).split('\n').at(-1);
};

/**
 * Builds the program of all Go systems if necessary. Resolves with the path of the program, or with why it could not be built.
 *
 * @returns {Promise<{ path: string | undefined, why: string | undefined }>}
 */
export const goSystem = async () => {
  const go = findGo();
  if (go === undefined) return { path: undefined, why: 'there is no Go to build it with' };
  const path = join(cache, `systems-${await hashOfSources()}`);
  if (existsSync(path)) return { path, why: undefined };
  await mkdir(cache, { recursive: true });
  const made = `${path}.${process.pid}`;
  try {
    await promisify(execFile)(go, ['build', '-o', made, '.'], { cwd: folder, timeout: buildTimeout });
    // Another run may have built the same program; replacing it is harmless.
    await rename(made, path);
    return { path, why: undefined };
  } catch (error) {
    await rm(made, { force: true });
    return { path: undefined, why: `it could not be built (${reasonOf(error)})` };
  }
};

// The package as it is published, made once for all checks of a run.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

/** @typedef {{ readonly file: string, readonly paths: readonly string[] }} Packed */

/** @type {Packed | undefined} */
let packed;

/** Packs what was built; the file is gone with the process. @returns {Packed} */
export const pack = () => {
  if (packed) return packed;
  const folder = mkdtempSync(join(tmpdir(), 'packed-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  const said = execFileSync('npm', ['pack', '--ignore-scripts', '--json', '--pack-destination', folder], {
    cwd: root,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
    shell: process.platform === 'win32',
  });
  /** @type {[{ filename: string, files: { path: string }[] }]} */
  const [{ filename, files }] = JSON.parse(said);
  packed = { file: join(folder, filename), paths: files.map(({ path }) => path) };
  return packed;
};

// Installs the packages of folders with their own package.json, unless what their lockfiles say is there already.
// node tools/install.js FOLDER …
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** @param {string} folder */
const install = (folder) => {
  const mark = join(folder, 'node_modules', '.installed');
  const wanted = createHash('sha256')
    .update(readFileSync(join(folder, 'package-lock.json')))
    .digest('hex');
  if (existsSync(mark) && readFileSync(mark, 'utf8') === wanted) return;
  console.error(`Installs the packages of ${folder} (once, and again when its lockfile changes)`);
  const isWindows = process.platform === 'win32';
  execFileSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: folder,
    stdio: ['ignore', 'ignore', 'inherit'],
    shell: isWindows,
  });
  writeFileSync(mark, wanted);
};

for (const folder of process.argv.slice(2)) install(folder);

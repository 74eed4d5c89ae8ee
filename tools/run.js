// Runs checks of the package, after it has installed what they need: node tools/run.js NAME [OPTION …]
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { install } from './install.js';

const [name = '', ...options] = process.argv.slice(2);
install(fileURLToPath(new URL('.', import.meta.url)));
const { status } = spawnSync(process.execPath, [fileURLToPath(new URL(`${name}.js`, import.meta.url)), ...options], {
  stdio: 'inherit',
});
process.exitCode = status ?? 1;

// All checks of the package as its users get it; it must have been built: npm run check
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { pack } from './pack.js';

const root = fileURLToPath(new URL('..', import.meta.url));
/** @param {string} path inside the installed packages */
const tool = (path) => join(root, 'tools/node_modules', path);
const { file } = pack();

/** @typedef {readonly [title: string, command: readonly string[]]} Check */

/** Takes as long as all the others together, so they run beside it. @type {Check} */
const programs = ['programs that use the package', ['tools/consumer.js']];
/** @type {readonly Check[]} */
const others = [
  ['the public types are those of api/', ['tools/api.js']],
  ['knip', [tool('knip/bin/knip.js'), '--config', 'knip.jsonc']],
  ['publint', [tool('publint/src/cli.js'), 'run', file, '--strict']],
  ['attw', [tool('@arethetypeswrong/cli/dist/index.js'), file, '--profile', 'esm-only', '--format', 'ascii']],
  ['links', ['tools/links.js']],
  ['the size of what a page loads', ['tools/size.js']],
];

/** @param {readonly string[]} command */
const run = async (command) => {
  const child = spawn(process.execPath, command, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => {
      said += text;
    });
  }
  const [code] = await once(child, 'close');
  return { isWell: code === 0, said: said.trim() };
};

/** @param {Check} check */
const check = async ([title, command]) => {
  const began = performance.now();
  const { isWell, said } = await run(command);
  console.log(`${isWell ? '✓' : '✗'} ${title} (${((performance.now() - began) / 1_000).toFixed(1)} s)`);
  if (isWell) return;
  console.error(said);
  process.exitCode = 1;
};

const inTurn = async () => {
  for (const one of others) await check(one);
};
await Promise.all([check(programs), inTurn()]);

// Describes the machine and the versions of a run. Figures mean little without them.
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { arch, availableParallelism, cpus, release, totalmem, type } from 'node:os';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { accounting } from './cpu.js';
import { redisVersion } from './redis.js';
import { bunVersions } from './systems/bun.js';
import { findGo } from './systems/go.js';
import { socketioVersions } from './systems/socketio.js';

/**
 * The machine and the versions of a run.
 *
 * @typedef {object} Machine
 * @property {string} cpu
 * @property {number} cores that this process may use
 * @property {number} memory in bytes
 * @property {string} system the operating system and its version
 * @property {string} node
 * @property {string | undefined} [go] version of Go, if installed
 * @property {Readonly<Record<string, string>>} versions of the measured packages, by name
 * @property {string | undefined} [commit] of this project, if git is installed
 * @property {string} [accounting] source of the processor times
 */

const root = fileURLToPath(new URL('..', import.meta.url));
const run = promisify(execFile);

/**
 * Resolves with the output of a command; `undefined` if it cannot run.
 *
 * @param {string} command
 * @param {readonly string[]} options
 * @returns {Promise<string | undefined>}
 */
const printed = async (command, options) => {
  try {
    return (await run(command, options, { cwd: root, timeout: 10_000 })).stdout.trim();
  } catch {
    return undefined;
  }
};

/**
 * Resolves with the version in a package.json.
 *
 * @param {string} path from the root of the project
 * @returns {Promise<string>}
 */
const versionIn = async (path) => {
  /** @type {unknown} */
  const manifest = JSON.parse(await readFile(`${root}${path}`, 'utf8'));
  return typeof manifest === 'object' && manifest !== null && 'version' in manifest
    ? String(manifest.version)
    : 'unknown';
};

const versions = async () => {
  const installed = ['ws', 'redis', 'xstate'];
  const all = installed.map(
    async (name) => /** @type {const} */ ([name, await versionIn(`node_modules/${name}/package.json`)]),
  );
  const modules = await readFile(`${root}bench/systems/go/go.mod`, 'utf8');
  /** @param {RegExp} pattern */
  const moduleVersion = (pattern) => pattern.exec(modules)?.[1] ?? 'unknown';
  const broker = redisVersion();
  return {
    muster: await versionIn('package.json'),
    ...Object.fromEntries(await Promise.all(all)),
    ...socketioVersions(),
    ...bunVersions(),
    neffos: moduleVersion(/kataras\/neffos v(\S+)/),
    gws: moduleVersion(/lxzan\/gws v(\S+)/),
    ...(broker === undefined ? {} : { 'redis-server': broker }),
  };
};

const commit = async () => {
  const id = await printed('git', ['rev-parse', '--short', 'HEAD']);
  if (!id) return undefined;
  const changes = await printed('git', ['status', '--porcelain', '--', 'src', 'bench', 'package.json']);
  return changes ? `${id} with changes` : id;
};

const goVersion = async () => {
  const go = findGo();
  const version = go === undefined ? undefined : await printed(go, ['version']);
  return version?.match(/go(\d\S*)/)?.[1];
};

/**
 * Describes this machine and the installed versions.
 *
 * @returns {Promise<Machine>}
 */
export const machine = async () => ({
  cpu: cpus()[0]?.model.trim() || 'unknown processor',
  cores: availableParallelism(),
  memory: totalmem(),
  system: `${type()} ${/^[\d.]+/.exec(release())?.[0] ?? ''} ${arch()}`,
  node: process.versions.node,
  go: await goVersion(),
  versions: await versions(),
  commit: await commit(),
  accounting,
});

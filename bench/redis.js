// Finds redis-server, and starts it for the bench and the tests.
import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { startDaemon } from './daemon.js';

/** Returns the path of redis-server, whether or not it exists. */
const redisServer = () => process.env['REDIS_SERVER'] || '/usr/bin/redis-server';

/** Returns why redis-server cannot run; `undefined` if it can. */
export const whyNoRedis = () => {
  try {
    accessSync(redisServer(), constants.X_OK);
    return undefined;
  } catch {
    return `there is no ${redisServer()} (REDIS_SERVER may name another)`;
  }
};

/** Returns the version of redis-server, if it is installed. @returns {string | undefined} */
export const redisVersion = () => {
  if (whyNoRedis() !== undefined) return undefined;
  return /\bv=(\S+)/.exec(spawnSync(redisServer(), ['--version'], { encoding: 'utf8' }).stdout)?.[1];
};

/**
 * Starts a redis-server that keeps nothing on disk.
 *
 * @param {number} port
 * @param {string} folder its working directory
 * @param {{ wrapper?: readonly string[], more?: readonly string[] }} [options] a command in front of it, and arguments
 *   after its own, as in a configuration file
 */
export const startRedisServer = (port, folder, { wrapper = [], more = [] } = {}) => {
  const [program = redisServer(), ...before] = [...wrapper, redisServer()];
  const own = ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder, '--save', '', '--appendonly', 'no'];
  return startDaemon([program, ...before, ...own, ...more], folder, /Ready to accept connections/);
};

// Finds redis-server.
import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';

/** Returns the path of redis-server, whether or not it exists. */
export const redisServer = () => process.env['REDIS_SERVER'] || '/usr/bin/redis-server';

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

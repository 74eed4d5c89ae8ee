// Where there is a redis-server, if there is one.
import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';

/** The one that is to be used, whether or not it is there. */
export const redisServer = () => process.env['REDIS_SERVER'] || '/usr/bin/redis-server';

/** Why there is no redis-server here; nothing if there is. */
export const whyNoRedis = () => {
  try {
    accessSync(redisServer(), constants.X_OK);
    return undefined;
  } catch {
    return `there is no ${redisServer()} (REDIS_SERVER may name another)`;
  }
};

/** @returns {string | undefined} */
export const redisVersion = () => {
  if (whyNoRedis() !== undefined) return undefined;
  return /\bv=(\S+)/.exec(spawnSync(redisServer(), ['--version'], { encoding: 'utf8' }).stdout)?.[1];
};

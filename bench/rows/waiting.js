// Waits for counts of a server.
import { SystemError } from '../worker.js';

/** @typedef {import('../rowRunner.js').Pair['server']} Server */

/** Time between two looks, in ms, and how many there are at most. */
const every = 5;
const maxLooks = 2_000;

/**
 * Waits until a count of a server is as wanted, for 10 s at most. Resolves with the last count.
 *
 * @param {Server} server
 * @param {'members' | 'counted'} what
 * @param {(count: number) => boolean} isWanted
 */
const countOf = async (server, what, isWanted) => {
  for (let left = maxLooks; left > 0; left--) {
    const count = await server.figure(what, 'counts');
    if (isWanted(count)) return count;
    await new Promise((resolve) => setTimeout(resolve, every));
  }
  return server.figure(what, 'counts');
};

/** Waits until a server has so many connections. @param {Server} server @param {number} members */
export const settled = async (server, members) => {
  const count = await countOf(server, 'members', (now) => now === members);
  if (count !== members)
    throw new SystemError(server.system, `${server.name} stays at ${count} connections instead of ${members}`);
};

/**
 * Waits until a server has counted the events that are due. Resolves with their number.
 *
 * @param {Server} server
 * @param {number} from
 * @param {number} due
 */
export const counted = async (server, from, due) =>
  (await countOf(server, 'counted', (now) => now - from >= due)) - from;

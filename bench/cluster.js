// Two servers of a system that share a broker, each with clients of its own.
import { startPair, startWorker } from './conductor.js';

/**
 * @typedef {import('./conductor.js').Pair} Pair
 *
 * @typedef {object} Cluster
 * @property {string} name
 * @property {Pair} near whose server is told to publish
 * @property {Pair} far whose clients hear it all the same
 * @property {() => Promise<number>} links to the broker, of both servers together
 * @property {() => Promise<void>} stop
 */

export const nodes = 2;

/**
 * Each has a broker of its own, so that whoever is connected to that is known.
 *
 * @param {string} name of the system
 * @returns {Promise<Cluster>}
 */
export const startCluster = async (name) => {
  /** @type {{ stop: () => Promise<void> }[]} */
  const started = [];
  const stop = async () => {
    for (const one of started.splice(0).reverse()) await one.stop();
  };
  /** @template {{ stop: () => Promise<void> }} T @param {T} one */
  const kept = (one) => {
    started.push(one);
    return one;
  };
  try {
    const broker = kept(startWorker(`broker of ${name}`, 'broker.js'));
    const { url } = await broker.ready;
    const [near, far] = [kept(await startPair(name)), kept(await startPair(name))];
    for (const { server } of [near, far]) await server.call('joinCluster', { url });
    return { name, near, far, links: () => broker.figure('connections', 'connections'), stop };
  } catch (error) {
    await stop();
    throw error;
  }
};

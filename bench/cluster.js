// Two servers of a system that share a broker. Each has its own clients.
import { startPair, startWorker } from './processes.js';

/**
 * @typedef {import('./processes.js').Pair} Pair
 *
 * @typedef {object} Cluster
 * @property {string} name
 * @property {Pair} local the server that publishes, with its clients
 * @property {Pair} remote the server that only receives, with its clients
 * @property {() => Promise<number>} links resolves with the number of connections to the broker, of both servers
 * @property {() => Promise<void>} stop
 */

export const nodes = 2;

/**
 * Starts two servers of a system. Each cluster has its own broker, whose connections are all the cluster's.
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
    const [local, remote] = [kept(await startPair(name)), kept(await startPair(name))];
    for (const { server } of [local, remote]) await server.call('joinCluster', { url });
    return { name, local, remote, links: () => broker.figure('connections', 'connections'), stop };
  } catch (error) {
    await stop();
    throw error;
  }
};

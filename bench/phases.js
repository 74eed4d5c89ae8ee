// What rows do with the systems in a phase, and what a phase costs.

/**
 * @typedef {import('./processes.js').Pair} Pair
 * @typedef {import('./rowRunner.js').Sample} Sample
 */

/** Minimum processor time of a sample, in µs. A cheaper action is repeated, for at most so many ms. */
const minCpu = 300_000;
const maxDuration = 10_000;

/**
 * Measures the processor time of all servers per message, in µs. Repeats the action until a sample is long enough. Does
 * not repeat it once a message is lost.
 *
 * @param {readonly Pair[]} pairs
 * @param {() => Promise<{ readonly delivered: number, readonly due: number }>} act
 * @param {() => Promise<unknown>} [prepare] what is not measured, before each action
 * @returns {Promise<Sample>}
 */
export const perMessageOf = async (pairs, act, prepare = async () => {}) => {
  const spent = () => sumOf(pairs.map(({ server }) => server.cpu()));
  const end = performance.now() + maxDuration;
  const sum = { cpu: 0, delivered: 0, due: 0 };
  do {
    await prepare();
    const before = await spent();
    const { delivered, due } = await act();
    sum.cpu += (await spent()) - before;
    sum.delivered += delivered;
    sum.due += due;
  } while (sum.cpu < minCpu && sum.delivered === sum.due && performance.now() < end);
  return { figure: sum.cpu / Math.max(sum.delivered, 1), delivered: sum.delivered, due: sum.due };
};

/** @param {readonly Promise<number>[]} figures */
const sumOf = async (figures) => (await Promise.all(figures)).reduce((sum, one) => sum + one, 0);

/**
 * Waits for the deliveries that are due, an equal share at each server's clients. Resolves with the number delivered.
 *
 * @param {readonly Pair[]} pairs
 * @param {number} due
 */
export const awaitDeliveries = (pairs, due) =>
  sumOf(pairs.map(({ load }) => load.figure('delivered', 'expect', { deliveries: due / pairs.length })));

/**
 * Measures the processor time of all servers per delivery, in µs.
 *
 * @param {readonly Pair[]} pairs
 * @param {number} due deliveries of one action, an equal share at each server's clients
 * @param {() => Promise<unknown>} act
 * @returns {Promise<Sample>}
 */
export const perDeliveryOf = (pairs, due, act) =>
  perMessageOf(
    pairs,
    async () => {
      await act();
      return { delivered: await awaitDeliveries(pairs, due), due };
    },
    async () => {
      for (const { load } of pairs) await load.call('reset', { awake: true });
    },
  );

/**
 * Measures the processor time of one server per delivery, in µs.
 *
 * @param {Pair} pair
 * @param {number} due
 * @param {() => Promise<unknown>} act
 */
export const perDelivery = (pair, due, act) => perDeliveryOf([pair], due, act);

/** Connects clients to each server. @param {readonly Pair[]} pairs @param {Readonly<Record<string, unknown>>} plan */
export const connectClients = async (pairs, plan) => {
  for (const { load } of pairs) await load.call('connect', plan);
};

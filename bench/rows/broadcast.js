import { bytes, connectClients, perDelivery, ratiosOf, systemsOf } from '../rowRunner.js';

/** @typedef {import('../rowRunner.js').Row} Row */

const all = ['muster', 'ws string', 'ws prepared', 'socket.io', 'go neffos', 'go neffos sync'];

/** @param {import('../rowRunner.js').RowRunner} runner @param {number} perTick @param {number} rounds */
const measure = (runner, perTick, rounds) => {
  const connections = runner.connections(5_000, 1_000);
  return runner.withSystems(all, async (pairs) => {
    await connectClients(pairs, { count: connections });
    return runner.measureRounds(pairs, (pair) => {
      const plan = { rounds, perTick, bytes };
      return perDelivery(pair, rounds * perTick * connections, () => pair.server.call('broadcast', plan));
    });
  });
};

/**
 * @param {Pick<Row, 'id' | 'title' | 'note'>} about
 * @param {number} perTick
 * @param {number} rounds
 * @param {readonly import('../rowRunner.js').Against[]} against
 * @returns {Row}
 */
const rowOf = (about, perTick, rounds, against) => ({
  ...about,
  unit: 'µs of processor time per delivery',
  async run(runner) {
    const samples = await measure(runner, perTick, rounds);
    return { systems: systemsOf(samples), ratios: ratiosOf(samples, against), facts: [] };
  },
});

export const broadcast = rowOf(
  {
    id: 'broadcast',
    title: 'One broadcast per tick, 5 000 connections',
    note: 'A round begins when the previous one has been handed to the operating system.',
  },
  1,
  20,
  [
    { other: 'ws string', must: 0.95, aim: 0.8 },
    { other: 'ws prepared', must: 1.1, aim: 1 },
    { other: 'socket.io', must: 0.75, aim: 0.6 },
    { other: 'go neffos' },
    { other: 'go neffos sync' },
  ],
);

export const burst = rowOf(
  {
    id: 'burst',
    title: 'Twenty broadcasts per tick, 5 000 connections',
    note: 'Twenty messages are published one after the other, then handed to the operating system.',
  },
  20,
  2,
  [
    { other: 'ws string', must: 0.12, aim: 0.08 },
    { other: 'ws prepared' },
    { other: 'socket.io' },
    { other: 'go neffos' },
    { other: 'go neffos sync' },
  ],
);

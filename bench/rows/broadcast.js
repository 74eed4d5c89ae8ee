import { bytes, connectClients, perDelivery, ratiosOf, systemsOf } from '../rowRunner.js';

/** @typedef {import('../rowRunner.js').Row} Row */

const everyone = ['muster', 'ws string', 'ws prepared', 'socket.io', 'bun', 'go neffos', 'go neffos sync', 'go gws'];

/**
 * @param {import('../rowRunner.js').RowRunner} runner
 * @param {readonly string[]} systems
 * @param {number} perTick
 * @param {number} rounds
 */
const measure = (runner, systems, perTick, rounds) => {
  const connections = runner.connections(5_000, 1_000);
  return runner.withSystems(systems, async (pairs) => {
    await connectClients(pairs, { count: connections });
    return runner.measureRounds(pairs, (pair) => {
      const plan = { rounds, perTick, bytes };
      return perDelivery(pair, rounds * perTick * connections, () => pair.server.call('broadcast', plan));
    });
  });
};

/**
 * @param {Pick<Row, 'id' | 'title' | 'note' | 'daily'>} about
 * @param {readonly string[]} systems
 * @param {number} perTick
 * @param {number} rounds
 * @param {readonly import('../rowRunner.js').Against[]} against
 * @returns {Row}
 */
const rowOf = (about, systems, perTick, rounds, against) => ({
  ...about,
  unit: 'µs of processor time per delivery',
  async run(runner) {
    const samples = await measure(runner, systems, perTick, rounds);
    return { systems: systemsOf(samples), ratios: ratiosOf(samples, against), facts: [] };
  },
});

export const broadcast = rowOf(
  {
    id: 'broadcast',
    title: 'One broadcast per tick, 5 000 connections',
    note: 'A round begins when the previous one has been handed to the operating system.',
    daily: ['ws string', 'bun'],
  },
  everyone,
  1,
  20,
  [
    { other: 'ws string', must: 0.8, aim: 0.72 },
    { other: 'ws prepared', must: 1.1, aim: 1 },
    { other: 'socket.io', must: 0.75, aim: 0.6 },
    { other: 'bun', must: 1.45, aim: 1.3 },
    { other: 'go neffos' },
    { other: 'go neffos sync' },
    { other: 'go gws' },
  ],
);

export const burst = rowOf(
  {
    id: 'burst',
    title: 'Twenty broadcasts per tick, 5 000 connections',
    note: 'Twenty messages are published one after the other, then handed to the operating system.',
    daily: ['ws string', 'bun'],
  },
  everyone,
  20,
  2,
  [
    { other: 'ws string', must: 0.055 },
    { other: 'ws prepared' },
    { other: 'socket.io' },
    { other: 'bun', aim: 1.2 },
    { other: 'go neffos' },
    { other: 'go neffos sync' },
    { other: 'go gws' },
  ],
);

export const hundred = rowOf(
  {
    id: 'hundred',
    title: 'A hundred broadcasts per tick, 5 000 connections',
    note: 'A hundred messages are published one after the other, then handed to the operating system.',
    daily: ['bun'],
  },
  ['muster', 'bun', 'go gws'],
  100,
  1,
  [{ other: 'bun', must: 0.55 }, { other: 'go gws' }],
);

import { bytes, enter, perDelivery, ratiosOf, systemsOf } from '../stage.js';

/** @typedef {import('../stage.js').Row} Row */

const all = ['muster', 'ws string', 'ws prepared', 'socket.io', 'go neffos', 'go neffos sync'];

/** @param {import('../stage.js').Stage} stage @param {number} perTurn @param {number} rounds */
const measure = (stage, perTurn, rounds) => {
  const connections = stage.connections(5_000, 1_000);
  return stage.with(all, async (pairs) => {
    await enter(pairs, { count: connections });
    return stage.rotate(pairs, (pair) => {
      const plan = { rounds, perTurn, bytes };
      return perDelivery(pair, rounds * perTurn * connections, () => pair.server.call('broadcast', plan));
    });
  });
};

/**
 * @param {Pick<Row, 'id' | 'title' | 'note'>} about
 * @param {number} perTurn
 * @param {number} rounds
 * @param {readonly import('../stage.js').Against[]} against
 * @returns {Row}
 */
const rowOf = (about, perTurn, rounds, against) => ({
  ...about,
  unit: 'µs of processor time per delivery',
  async run(stage) {
    const samples = await measure(stage, perTurn, rounds);
    return { systems: systemsOf(samples), ratios: ratiosOf(samples, against), facts: [] };
  },
});

export const broadcast = rowOf(
  {
    id: 'broadcast',
    title: 'One broadcast in a turn, 5 000 connections',
    note: 'A round begins when the one before has been handed over.',
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
    title: 'Twenty broadcasts in a turn, 5 000 connections',
    note: 'Twenty messages are issued one after the other, and then handed over.',
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

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

/** @type {Row} */
export const broadcast = {
  id: 'broadcast',
  title: 'One broadcast in a turn, 5 000 connections',
  note: 'A round begins when the one before has been handed over.',
  unit: 'µs of processor time per delivery',
  async run(stage) {
    const samples = await measure(stage, 1, 20);
    const ratios = ratiosOf(samples, [
      { other: 'ws string', must: 0.95, aim: 0.8 },
      { other: 'ws prepared', must: 1.1, aim: 1 },
      { other: 'socket.io', must: 0.75, aim: 0.6 },
      { other: 'go neffos' },
      { other: 'go neffos sync' },
    ]);
    return { systems: systemsOf(samples), ratios, facts: [] };
  },
};

/** @type {Row} */
export const burst = {
  id: 'burst',
  title: 'Twenty broadcasts in a turn, 5 000 connections',
  note: 'Twenty messages are issued one after the other, and then handed over.',
  unit: 'µs of processor time per delivery',
  async run(stage) {
    const samples = await measure(stage, 20, 2);
    const ratios = ratiosOf(samples, [
      { other: 'ws string', must: 0.12, aim: 0.08 },
      { other: 'ws prepared' },
      { other: 'socket.io' },
      { other: 'go neffos' },
      { other: 'go neffos sync' },
    ]);
    return { systems: systemsOf(samples), ratios, facts: [] };
  },
};

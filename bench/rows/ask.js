import { bytes, connectClients, perMessageOf, ratiosOf, systemsOf } from '../rowRunner.js';

const clients = 64;
const systems = ['muster', 'ws string', 'socket.io', 'bun', 'go neffos', 'go gws'];

/**
 * @param {Pick<import('../rowRunner.js').Row, 'id' | 'title' | 'note'>} about
 * @param {number} outstanding
 * @param {{ readonly full: number, readonly quick: number }} asks of each client
 * @param {readonly import('../rowRunner.js').Against[]} against
 * @returns {import('../rowRunner.js').Row}
 */
const rowOf = (about, outstanding, { full, quick }, against) => ({
  ...about,
  unit: 'µs of processor time per ask',
  daily: ['ws string', 'go gws'],
  async run(runner) {
    const each = runner.pick(full, quick);
    return runner.withSystems(systems, async (pairs) => {
      await connectClients(pairs, { count: clients });
      const samples = await runner.measureRounds(pairs, (pair) =>
        perMessageOf([pair], async () => {
          const delivered = await pair.load.figure('answered', 'ask', { outstanding, each, bytes });
          return { delivered, due: clients * each };
        }),
      );
      return { systems: systemsOf(samples), ratios: ratiosOf(samples, against), facts: [] };
    });
  },
});

const note = 'The ws loop, Bun and gws echo every message.';

export const ask = rowOf(
  {
    id: 'ask',
    title: 'An ask from a client, and its answer',
    note: `64 clients, each with 16 asks in flight. ${note}`,
  },
  16,
  { full: 1_600, quick: 400 },
  [
    { other: 'ws string', must: 0.35 },
    { other: 'socket.io', must: 0.8 },
    { other: 'go gws', must: 1 },
    { other: 'bun', aim: 1.2 },
    { other: 'go neffos' },
  ],
);

export const askOne = rowOf(
  {
    id: 'askOne',
    title: 'An ask from a client, one at a time',
    note: `64 clients, each with one ask in flight. ${note}`,
  },
  1,
  { full: 600, quick: 300 },
  [
    { other: 'ws string', must: 0.85, aim: 0.75 },
    { other: 'socket.io' },
    { other: 'go gws' },
    { other: 'bun' },
    { other: 'go neffos' },
  ],
);

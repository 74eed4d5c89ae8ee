import { perMessageOf, ratiosOf, systemsOf } from '../rowRunner.js';
import { settled } from './waiting.js';

const clients = 500;
/** Below the limit of rooms of one connection, with the one of the handshake. */
const each = 40;
const among = 500;
/** Each sample has new clients, which takes time. */
const maxRounds = 5;

/** @type {import('../rowRunner.js').Row} */
export const join = {
  id: 'join',
  title: 'One more room joined',
  note: `${clients} clients join ${each} further rooms at once, and await the answers. The ws loop and gws have a map of sets. Each sample has new clients.`,
  unit: 'µs of processor time per room joined',
  daily: ['ws string', 'socket.io'],
  async run(runner) {
    return runner.withSystems(['muster', 'ws string', 'socket.io', 'bun', 'go neffos', 'go gws'], async (pairs) => {
      const samples = await runner.measureRounds(
        pairs,
        (pair) => {
          const { server, load } = pair;
          let open = 0;
          return perMessageOf(
            [pair],
            async () => {
              const delivered = await load.figure('answered', 'join', { outstanding: each, each, among });
              return { delivered, due: clients * each };
            },
            async () => {
              await load.call('disconnect', { count: open });
              await settled(server, 0);
              await load.call('connect', { count: clients, rooms: 1, among: 50 });
              open = clients;
            },
          ).finally(() => load.call('disconnect', { count: open }));
        },
        Math.min(runner.rounds, maxRounds),
      );
      const ratios = ratiosOf(samples, [
        { other: 'ws string', must: 1, aim: 0.8 },
        { other: 'socket.io' },
        { other: 'bun' },
        { other: 'go neffos' },
        { other: 'go gws' },
      ]);
      return { systems: systemsOf(samples), ratios, facts: [] };
    });
  },
};

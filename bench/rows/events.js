import { bytes, connectClients, perMessageOf, ratiosOf, systemsOf } from '../rowRunner.js';
import { counted } from './waiting.js';

const clients = 64;

/** @type {import('../rowRunner.js').Row} */
export const events = {
  id: 'events',
  title: 'Events from clients',
  note: '64 clients send events, 16 per write. The handler only counts them.',
  unit: 'µs of processor time per event',
  daily: ['ws string', 'socket.io'],
  async run(runner) {
    const each = runner.pick(4_000, 1_600);
    return runner.withSystems(['muster', 'ws string', 'socket.io', 'bun', 'go neffos', 'go gws'], async (pairs) => {
      await connectClients(pairs, { count: clients });
      const samples = await runner.measureRounds(pairs, (pair) => {
        const { server, load } = pair;
        let from = 0;
        return perMessageOf(
          [pair],
          async () => {
            const due = await load.figure('sent', 'send', { each, bytes });
            return { delivered: await counted(server, from, due), due };
          },
          async () => {
            from = await server.figure('counted', 'counts');
          },
        );
      });
      const perSecond = systemsOf(samples).map(({ name, median }) => ({
        what: `${name}: events per second of processor time`,
        value: 1e6 / median,
        unit: 'events',
      }));
      const ratios = ratiosOf(samples, [
        { other: 'ws string', must: 0.85, aim: 0.7 },
        { other: 'socket.io', must: 0.25 },
        { other: 'bun' },
        { other: 'go neffos' },
        { other: 'go gws' },
      ]);
      return { systems: systemsOf(samples), ratios, facts: perSecond };
    });
  },
};

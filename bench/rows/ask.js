import { bytes, connectClients, ratiosOf, systemsOf } from '../rowRunner.js';

const clients = 64;

/** @type {import('../rowRunner.js').Row} */
export const ask = {
  id: 'ask',
  title: 'An ask from a client, and its answer',
  note: '64 clients, each with 16 asks in flight. The ws loop echoes every message.',
  unit: 'µs of processor time per ask',
  async run(runner) {
    const each = runner.pick(1_600, 400);
    return runner.withSystems(['muster', 'ws string', 'socket.io', 'go neffos'], async (pairs) => {
      await connectClients(pairs, { count: clients });
      const samples = await runner.measureRounds(pairs, async ({ server, load }) => {
        const before = await server.cpu();
        const delivered = await load.figure('answered', 'ask', { outstanding: 16, each, bytes });
        const cost = (await server.cpu()) - before;
        return { figure: cost / delivered, delivered, due: clients * each };
      });
      const ratios = ratiosOf(samples, [
        { other: 'socket.io', must: 0.8 },
        { other: 'ws string', aim: 1.15 },
        { other: 'go neffos' },
      ]);
      return { systems: systemsOf(samples), ratios, facts: [] };
    });
  },
};

/** @type {import('../rowRunner.js').Row} */
export const inbound = {
  id: 'inbound',
  title: 'Events from clients',
  note: '64 clients send events, 16 per write. The handler only counts them.',
  unit: 'µs of processor time per event',
  async run(runner) {
    const each = runner.pick(4_000, 1_000);
    return runner.withSystems(['muster', 'ws string', 'socket.io', 'go neffos'], async (pairs) => {
      await connectClients(pairs, { count: clients });
      const samples = await runner.measureRounds(pairs, async ({ server, load }) => {
        const from = await server.figure('counted', 'counts');
        const before = await server.cpu();
        const due = await load.figure('sent', 'send', { each, bytes });
        const delivered = await counted(server, from, due);
        const cost = (await server.cpu()) - before;
        return { figure: cost / delivered, delivered, due };
      });
      const perSecond = systemsOf(samples).map(({ name, median }) => ({
        what: `${name}: events per second of processor time`,
        value: 1e6 / median,
        unit: 'events',
      }));
      const ratios = ratiosOf(samples, [{ other: 'ws string' }, { other: 'socket.io' }, { other: 'go neffos' }]);
      return { systems: systemsOf(samples), ratios, facts: perSecond };
    });
  },
};

/**
 * Waits until a server has counted the events that are due. Resolves with the number after 10 s at the latest.
 *
 * @param {import('../rowRunner.js').Pair['server']} server
 * @param {number} from
 * @param {number} due
 */
const counted = async (server, from, due) => {
  for (let left = 1_000; left > 0; left--) {
    const now = (await server.figure('counted', 'counts')) - from;
    if (now >= due) return now;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return (await server.figure('counted', 'counts')) - from;
};

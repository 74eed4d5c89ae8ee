import { bytes, enter, ratiosOf, systemsOf } from '../stage.js';

const clients = 64;

/** @type {import('../stage.js').Row} */
export const ask = {
  id: 'ask',
  title: 'An ask and its answer, client to server and back',
  note: '64 clients, each with 16 asks under way. The ws loop echoes what it gets.',
  unit: 'µs of processor time per ask',
  async run(stage) {
    const each = stage.pick(1_600, 400);
    return stage.with(['muster', 'ws string', 'socket.io', 'go neffos'], async (pairs) => {
      await enter(pairs, { count: clients });
      const samples = await stage.rotate(pairs, async ({ server, load }) => {
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

/** @type {import('../stage.js').Row} */
export const inbound = {
  id: 'inbound',
  title: 'Events from clients',
  note: '64 clients send events that a handler only counts, sixteen in a write.',
  unit: 'µs of processor time per event',
  async run(stage) {
    const each = stage.pick(4_000, 1_000);
    return stage.with(['muster', 'ws string', 'socket.io', 'go neffos'], async (pairs) => {
      await enter(pairs, { count: clients });
      const samples = await stage.rotate(pairs, async ({ server, load }) => {
        const from = await server.figure('counted', 'counts');
        const before = await server.cpu();
        const due = await load.figure('sent', 'send', { each, bytes });
        const delivered = await counted(server, from, due);
        const cost = (await server.cpu()) - before;
        return { figure: cost / delivered, delivered, due };
      });
      const perSecond = systemsOf(samples).map(({ name, median }) => ({
        what: `${name}: events for each second of processor time`,
        value: 1e6 / median,
        unit: 'events',
      }));
      const ratios = ratiosOf(samples, [{ other: 'ws string' }, { other: 'socket.io' }, { other: 'go neffos' }]);
      return { systems: systemsOf(samples), ratios, facts: perSecond };
    });
  },
};

/** @param {import('../stage.js').Pair['server']} server @param {number} from @param {number} due */
const counted = async (server, from, due) => {
  for (let left = 1_000; left > 0; left--) {
    const now = (await server.figure('counted', 'counts')) - from;
    if (now >= due) return now;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return (await server.figure('counted', 'counts')) - from;
};

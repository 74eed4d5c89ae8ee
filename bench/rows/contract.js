import { bytes, connectClients, ratiosOf, systemsOf } from '../rowRunner.js';

const clients = 64;
const [zod, json, body] = ['muster, contract', 'muster, JSON by hand', 'muster, body'];

/** @type {import('../rowRunner.js').Row} */
export const contractRow = {
  id: 'contract',
  title: 'An ask with a contract, and its answer',
  note: '64 clients, each with 16 asks in flight, whose data is an object of three members. The server validates it with Zod, parses it without validation, or echoes the body.',
  unit: 'µs of processor time per ask',
  async run(runner) {
    const each = runner.pick(1_600, 400);
    return runner.withSystems([zod, json, body], async (pairs) => {
      await connectClients(pairs, { count: clients });
      const samples = await runner.measureRounds(pairs, async ({ server, load }) => {
        const before = await server.cpu();
        const delivered = await load.figure('answered', 'ask', { outstanding: 16, each, bytes });
        const cost = (await server.cpu()) - before;
        return { figure: cost / delivered, delivered, due: clients * each };
      });
      const ratios = ratiosOf(samples, [{ other: json, must: 1.2 }, { other: body }]);
      return { systems: systemsOf(samples), ratios, facts: [] };
    });
  },
};

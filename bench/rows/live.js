import { grouped } from '../figures.js';
import { connectClients, systemsOf } from '../rowRunner.js';
import { median } from '../statistics.js';
import { settled } from './waiting.js';

/** @type {import('../rowRunner.js').Row} */
export const live = {
  id: 'live',
  title: 'Connects and disconnects beside 15 000 connections',
  note: 'Clients connect, join a room and disconnect with a close frame, beside 1 000 or 15 000 open connections.',
  unit: 'µs of processor time per connect',
  async run(runner) {
    const moving = runner.pick(800, 200);
    const [few, many] = [1_000, runner.connections(15_000, 3_000, moving)];
    return runner.withSystems(['muster', 'muster'], async (pairs) => {
      const [small, large] = pairs;
      if (!small || !large) throw new Error('two servers are needed');
      const [besideMany, besideFew] = [`beside ${grouped(many)}`, `beside ${grouped(few)}`];
      const all = new Map([
        [besideMany, { pair: large, open: many }],
        [besideFew, { pair: small, open: few }],
      ]);
      for (const { pair, open } of all.values()) await connectClients([pair], { count: open, rooms: 1, among: 100 });
      /** @type {Map<string, number[]>} */
      const disconnects = new Map([...all.keys()].map((name) => [name, []]));
      const pairsByName = [...all].map(([name, { pair }]) => ({ ...pair, name }));
      const samples = await runner.measureRounds(
        pairsByName,
        async ({ name, server, load }) => {
          const open = all.get(name)?.open ?? 0;
          const before = await server.cpu();
          await load.call('connect', { count: moving, rooms: 1, among: 100 });
          const between = await server.cpu();
          await load.call('disconnect', { count: moving });
          await settled(server, open);
          disconnects.get(name)?.push(((await server.cpu()) - between) / moving);
          return { figure: (between - before) / moving, delivered: moving, due: moving };
        },
        5,
      );
      const [connectMany = [], connectFew = []] = [...samples.values()].map((one) => one.samples);
      const [disconnectMany = [], disconnectFew = []] = [...disconnects.values()].map((all) => all.slice(1));
      /** @param {readonly number[]} some @param {readonly number[]} others */
      const ratio = (some, others) => median(some.map((one, at) => one / (others[at] ?? 0)));
      return {
        systems: systemsOf(samples),
        ratios: [
          { what: `connect: ${besideMany} / ${besideFew}`, value: ratio(connectMany, connectFew), must: 1.5, aim: 1 },
          {
            what: `disconnect: ${besideMany} / ${besideFew}`,
            value: ratio(disconnectMany, disconnectFew),
            must: 1.5,
            aim: 1,
          },
        ],
        facts: [
          { what: `disconnect, ${besideMany}`, value: median(disconnectMany), unit: 'µs' },
          { what: `disconnect, ${besideFew}`, value: median(disconnectFew), unit: 'µs' },
        ],
      };
    });
  },
};

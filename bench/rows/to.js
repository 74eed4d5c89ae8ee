import { grouped } from '../figures.js';
import { bytes, connectClients, perDelivery, systemsOf } from '../rowRunner.js';
import { median, ratioOfMedians } from '../statistics.js';

const perTick = 64;

/** @type {import('../rowRunner.js').Row} */
export const to = {
  id: 'to',
  title: 'A message to one of 15 000 connections',
  note: 'Each message goes to the next of 1 000 clients, 64 per tick. `to` is a broadcast to an id, `emit` a call on the connection.',
  unit: 'µs of processor time per message',
  async run(runner) {
    const [few, many] = [1_000, runner.connections(15_000, 3_000)];
    const count = runner.pick(40_000, 10_000);
    return runner.withSystems(['muster', 'muster'], async (pairs) => {
      const [small, large] = pairs;
      if (!small || !large) throw new Error('two servers are needed');
      await connectClients([small], { count: few });
      await connectClients([large], { count: many });
      const [ofMany, ofFew] = [`1 of ${grouped(many)}`, `1 of ${grouped(few)}`];
      /** Each way counts as a system. @type {{ name: string, pair: import('../rowRunner.js').Pair, how: string }[]} */
      const ways = [
        { name: `to, ${ofMany}`, pair: large, how: 'to' },
        { name: `emit, ${ofMany}`, pair: large, how: 'emit' },
        { name: `to, ${ofFew}`, pair: small, how: 'to' },
        { name: `emit, ${ofFew}`, pair: small, how: 'emit' },
      ];
      const systems = ways.map(({ name, pair }) => ({ ...pair, name }));
      const samples = await runner.measureRounds(systems, (pair) => {
        const how = ways.find(({ name }) => name === pair.name)?.how;
        return perDelivery(pair, count, () => pair.server.call('toEach', { count, perTick, bytes, how }));
      });
      const [toMany, emitMany, toFew, emitFew] = ways.map(({ name }) => samples.get(name)?.samples ?? []);
      if (!toMany || !emitMany || !toFew || !emitFew) throw new Error('nothing was measured');
      return {
        systems: systemsOf(samples),
        ratios: [
          {
            what: `to / emit, ${ofMany}`,
            value: median(toMany.map((one, at) => one / (emitMany[at] ?? 0))),
            must: 1.5,
            aim: 1,
          },
          {
            // Any write costs more in a larger process. This ratio removes that.
            what: `to / emit, ${ofMany} / ${ofFew}`,
            value: ratioOfMedians(toMany, emitMany) / ratioOfMedians(toFew, emitFew),
            must: 1.25,
          },
          { what: `to, ${ofMany} / ${ofFew}`, value: ratioOfMedians(toMany, toFew) },
          { what: `emit, ${ofMany} / ${ofFew}`, value: ratioOfMedians(emitMany, emitFew) },
        ],
        facts: [],
      };
    });
  },
};

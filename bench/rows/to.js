import { bytes, enter, perDelivery, systemsOf } from '../stage.js';
import { median, ratioOfMedians } from '../statistics.js';

const perTurn = 64;

/** @type {import('../stage.js').Row} */
export const to = {
  id: 'to',
  title: 'A message to one of 15 000',
  note: 'To the next of a thousand clients each time, 64 in a turn; emit is a call on the handle of the connection.',
  unit: 'µs of processor time per message',
  async run(stage) {
    const [few, many] = [1_000, stage.connections(15_000, 3_000)];
    const count = stage.pick(40_000, 10_000);
    return stage.with(['muster', 'muster'], async (pairs) => {
      const [small, large] = pairs;
      if (!small || !large) throw new Error('two servers are needed');
      await enter([small], { count: few });
      await enter([large], { count: many });
      /** Each way is a system of its own. @type {{ name: string, pair: import('../stage.js').Pair, how: string }[]} */
      const ways = [
        { name: `to, among ${many}`, pair: large, how: 'to' },
        { name: `emit, among ${many}`, pair: large, how: 'emit' },
        { name: `to, among ${few}`, pair: small, how: 'to' },
        { name: `emit, among ${few}`, pair: small, how: 'emit' },
      ];
      const asked = ways.map(({ name, pair }) => ({ ...pair, name }));
      const samples = await stage.rotate(asked, (pair) => {
        const how = ways.find(({ name }) => name === pair.name)?.how;
        return perDelivery(pair, count, () => pair.server.call('toEach', { count, perTurn, bytes, how }));
      });
      const [toMany, emitMany, toFew, emitFew] = ways.map(({ name }) => samples.get(name)?.samples ?? []);
      if (!toMany || !emitMany || !toFew || !emitFew) throw new Error('nothing was measured');
      return {
        systems: systemsOf(samples),
        ratios: [
          {
            what: `to / emit, among ${many}`,
            value: median(toMany.map((one, at) => one / (emitMany[at] ?? 0))),
            must: 3,
            aim: 1.5,
          },
          {
            // A write costs more in a larger process, whoever asks for it: that is not what is asked.
            what: `the same, among ${many} / among ${few}`,
            value: ratioOfMedians(toMany, emitMany) / ratioOfMedians(toFew, emitFew),
            must: 1.25,
          },
          { what: `to among ${many} / to among ${few}`, value: ratioOfMedians(toMany, toFew) },
          { what: `emit among ${many} / emit among ${few}`, value: ratioOfMedians(emitMany, emitFew) },
        ],
        facts: [],
      };
    });
  },
};

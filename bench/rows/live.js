import { enter, systemsOf } from '../stage.js';
import { median } from '../statistics.js';

/** @typedef {import('../stage.js').Pair} Pair */

/** @param {Pair['server']} server @param {number} members */
const settled = async (server, members) => {
  for (let left = 2_000; left > 0; left--) {
    if ((await server.figure('members', 'counts')) === members) return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  throw new Error(`${server.name} does not come to ${members} members`);
};

/** @type {import('../stage.js').Row} */
export const live = {
  id: 'live',
  title: 'Coming and going among 15 000',
  note: 'Connections come in, are in a room, and leave by a close frame, while 1 000 or 15 000 others are there.',
  unit: 'µs of processor time per connection that comes',
  async run(stage) {
    const moving = stage.pick(800, 200);
    const [few, many] = [1_000, stage.connections(15_000, 3_000, moving)];
    return stage.with(['muster', 'muster'], async (pairs) => {
      const [small, large] = pairs;
      if (!small || !large) throw new Error('two servers are needed');
      const all = new Map([
        [`among ${many}`, { pair: large, there: many }],
        [`among ${few}`, { pair: small, there: few }],
      ]);
      for (const { pair, there } of all.values()) await enter([pair], { count: there, rooms: 1, among: 100 });
      /** @type {Map<string, number[]>} */
      const leaving = new Map([...all.keys()].map((name) => [name, []]));
      const asked = [...all].map(([name, { pair }]) => ({ ...pair, name }));
      const samples = await stage.rotate(
        asked,
        async ({ name, server, load }) => {
          const there = all.get(name)?.there ?? 0;
          const before = await server.cpu();
          await load.call('enter', { count: moving, rooms: 1, among: 100 });
          const between = await server.cpu();
          await load.call('leave', { count: moving });
          await settled(server, there);
          leaving.get(name)?.push(((await server.cpu()) - between) / moving);
          return { figure: (between - before) / moving, delivered: moving, due: moving };
        },
        5,
      );
      const [comeMany = [], comeFew = []] = [...samples.values()].map((its) => its.samples);
      const [goMany = [], goFew = []] = [...leaving.values()].map((its) => its.slice(1));
      /** @param {readonly number[]} some @param {readonly number[]} others */
      const ratio = (some, others) => median(some.map((one, at) => one / (others[at] ?? 0)));
      return {
        systems: systemsOf(samples),
        ratios: [
          { what: `coming: among ${many} / among ${few}`, value: ratio(comeMany, comeFew), must: 1.5, aim: 1 },
          { what: `going: among ${many} / among ${few}`, value: ratio(goMany, goFew), must: 1.5, aim: 1 },
        ],
        facts: [
          { what: `going, among ${many}`, value: median(goMany), unit: 'µs' },
          { what: `going, among ${few}`, value: median(goFew), unit: 'µs' },
        ],
      };
    });
  },
};

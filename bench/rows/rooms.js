import { bytes, enter, perDelivery, systemsOf } from '../stage.js';
import { median } from '../statistics.js';

const perConnection = 128;
const rooms = 2_000;
const perTurn = 8;

/** @type {import('../stage.js').Row} */
export const roomsRow = {
  id: 'rooms',
  title: '128 rooms for each connection, 2 000 busy rooms',
  note: 'A visit is one message to one member. Eight rooms speak in each turn, or all of them; a write alone is a broadcast to everybody, with as many bytes in it.',
  unit: 'µs of processor time per visit',
  async run(stage) {
    const connections = stage.connections(1_000, 500);
    return stage.with(['muster'], async (pairs) => {
      await enter(pairs, { count: connections, rooms: perConnection, among: rooms });
      const [pair] = pairs;
      if (!pair) throw new Error('a server is needed');
      const visits = connections * perConnection;
      const times = stage.pick(3, 1);
      /** @type {Readonly<Record<string, { due: number, plan: Readonly<Record<string, number>> }>>} */
      const ways = {
        'eight rooms in a turn': { due: visits, plan: { rounds: rooms / perTurn, perTurn, bytes, rooms } },
        'all rooms in a turn': { due: visits * times, plan: { rounds: times, perTurn: rooms, bytes, rooms } },
        'a write alone': { due: connections * 60, plan: { rounds: 60, bytes } },
        'a write of 128 messages': { due: visits * times, plan: { rounds: times, perTurn: perConnection, bytes } },
      };
      const asked = Object.keys(ways).map((name) => ({ ...pair, name }));
      const samples = await stage.rotate(asked, (one) => {
        const way = ways[one.name];
        if (!way) throw new Error(`there is no way "${one.name}"`);
        return perDelivery(one, way.due, () => one.server.call('broadcast', way.plan));
      });
      const [eight = [], every = [], write = [], large = []] = asked.map(({ name }) => samples.get(name)?.samples);
      /** @param {readonly number[]} some @param {readonly number[]} others */
      const over = (some, others) => median(some.map((one, at) => one - (others[at] ?? 0)));
      return {
        systems: systemsOf(samples),
        ratios: [],
        facts: [
          {
            what: 'eight rooms in a turn, above the write',
            value: over(eight, write),
            unit: 'µs per visit',
            must: 3,
            aim: 1,
          },
          {
            what: 'all rooms in a turn, above the write',
            value: over(every, large),
            unit: 'µs per visit',
            must: 3,
            aim: 1,
          },
        ],
      };
    });
  },
};

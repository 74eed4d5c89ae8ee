import { bytes, connectClients, perDelivery, systemsOf } from '../rowRunner.js';
import { median } from '../statistics.js';

const perConnection = 128;
const rooms = 2_000;
const perTick = 8;

/** @type {import('../rowRunner.js').Row} */
export const roomsRow = {
  id: 'rooms',
  title: '128 rooms per connection, 2 000 busy rooms',
  note: 'Eight rooms get a message per tick, or all of them. For comparison, single writes with as many bytes are broadcasts to all connections.',
  unit: 'µs of processor time per delivery',
  async run(runner) {
    const connections = runner.connections(1_000, 500);
    return runner.withSystems(['muster'], async (pairs) => {
      await connectClients(pairs, { count: connections, rooms: perConnection, among: rooms });
      const [pair] = pairs;
      if (!pair) throw new Error('a server is needed');
      const deliveries = connections * perConnection;
      const times = runner.pick(3, 1);
      /** @type {Readonly<Record<string, { due: number, plan: Readonly<Record<string, number>> }>>} */
      const ways = {
        'eight rooms per tick': { due: deliveries, plan: { rounds: rooms / perTick, perTick, bytes, rooms } },
        'all rooms per tick': { due: deliveries * times, plan: { rounds: times, perTick: rooms, bytes, rooms } },
        'a single write': { due: connections * 60, plan: { rounds: 60, bytes } },
        'a write of 128 messages': { due: deliveries * times, plan: { rounds: times, perTick: perConnection, bytes } },
      };
      const systems = Object.keys(ways).map((name) => ({ ...pair, name }));
      const samples = await runner.measureRounds(systems, (one) => {
        const way = ways[one.name];
        if (!way) throw new Error(`there is no way "${one.name}"`);
        return perDelivery(one, way.due, () => one.server.call('broadcast', way.plan));
      });
      const [eight = [], every = [], write = [], large = []] = systems.map(({ name }) => samples.get(name)?.samples);
      /** @param {readonly number[]} some @param {readonly number[]} others */
      const difference = (some, others) => median(some.map((one, at) => one - (others[at] ?? 0)));
      return {
        systems: systemsOf(samples),
        ratios: [],
        facts: [
          {
            what: 'eight rooms per tick, above the write',
            value: difference(eight, write),
            unit: 'µs per delivery',
            must: 1,
            aim: 0.3,
          },
          {
            what: 'all rooms per tick, above the write',
            value: difference(every, large),
            unit: 'µs per delivery',
            must: 1,
            aim: 0.3,
          },
        ],
      };
    });
  },
};

import { bytes, connectClients, perDelivery, ratiosOf, systemsOf } from '../rowRunner.js';
import { median } from '../statistics.js';

/** Members of each room. */
const size = 10;
/** Messages of a phase, before it is repeated. */
const messages = 2_560;
const many = 64;

/** @type {import('../rowRunner.js').Row} */
export const smallRooms = {
  id: 'smallRooms',
  title: 'Small rooms: 10 000 connections in 1 000 rooms of ten',
  note: 'One message per tick, or 64, to one room after the other. The ws loop and gws have a map of sets.',
  unit: 'µs of processor time per delivery, one message per tick',
  daily: ['ws string', 'bun'],
  async run(runner) {
    const connections = runner.connections(10_000, 5_000);
    const rooms = Math.max(1, Math.floor(connections / size));
    return runner.withSystems(['muster', 'ws string', 'socket.io', 'bun', 'go gws'], async (pairs) => {
      await connectClients(pairs, { count: rooms * size, rooms: 1, among: rooms });
      /** @param {number} perTick */
      const measure = (perTick) => {
        const plan = { rounds: messages / perTick, perTick, bytes, rooms };
        return runner.measureRounds(pairs, (pair) =>
          perDelivery(pair, messages * size, () => pair.server.call('broadcast', plan)),
        );
      };
      const [one, batches] = [await measure(1), await measure(many)];
      const ratiosOfMany = ratiosOf(batches, [
        { other: 'ws string', must: 0.95, aim: 0.85 },
        { other: 'socket.io' },
        { other: 'bun' },
        { other: 'go gws' },
      ]);
      for (const [name, { delivered, due }] of batches) {
        const sum = one.get(name);
        if (sum) one.set(name, { ...sum, delivered: sum.delivered + delivered, due: sum.due + due });
      }
      return {
        systems: systemsOf(one),
        ratios: [
          ...ratiosOf(one, [
            { other: 'ws string', must: 1, aim: 0.85 },
            { other: 'socket.io' },
            { other: 'bun' },
            { other: 'go gws' },
          ]),
          ...ratiosOfMany.map((ratio) => ({ ...ratio, what: `${many} per tick: ${ratio.what}` })),
        ],
        facts: [...batches].map(([name, { samples }]) => ({
          what: `${name}: ${many} per tick`,
          value: median(samples),
          unit: 'µs per delivery',
        })),
      };
    });
  },
};

import { connectClients, perDelivery, ratiosOf, systemsOf } from '../rowRunner.js';
import { median } from '../statistics.js';

const rounds = 20;
const bytes = 4_096;

/**
 * The cost of compression to the server, and the bytes that it saves.
 *
 * @type {import('../rowRunner.js').Row}
 */
export const deflate = {
  id: 'deflate',
  daily: ['socket.io, compressed'],
  title: 'One broadcast of 4 KiB of JSON per tick, 1 000 connections, compressed',
  note: 'Each message differs. The clients offer `permessage-deflate`, and count what they receive without reading it. Both systems compress messages from 1 KiB on, each by itself.',
  unit: 'µs of processor time per delivery',
  async run(runner) {
    const connections = runner.connections(1_000, 1_000);
    const names = ['muster, compressed', 'muster', 'socket.io, compressed', 'socket.io'];
    return runner.withSystems(names, async (pairs) => {
      await connectClients(pairs, { count: connections });
      /** @type {Map<string, number[]>} */
      const sizes = new Map(pairs.map(({ name }) => [name, []]));
      const samples = await runner.measureRounds(pairs, async ({ name, server, load, ...rest }) => {
        const before = await load.figure('bytes', 'received');
        const plan = { rounds, perTick: 1, bytes, body: 'json' };
        const sample = await perDelivery({ name, server, load, ...rest }, rounds * connections, () =>
          server.call('broadcast', plan),
        );
        const after = await load.figure('bytes', 'received');
        sizes.get(name)?.push((after - before) / Math.max(sample.delivered, 1));
        return sample;
      });
      return {
        systems: systemsOf(samples),
        ratios: ratiosOf(samples, [
          { other: 'muster', must: 1.2, aim: 1 },
          { other: 'socket.io, compressed', must: 0.15, aim: 0.1 },
          { other: 'socket.io' },
        ]),
        facts: [...sizes].map(([name, each]) => ({
          what: `${name}: on the wire, per delivery`,
          value: median(each),
          unit: 'bytes',
        })),
      };
    });
  },
};

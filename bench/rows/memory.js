import { bytes, systemOf } from '../rowRunner.js';
import { median } from '../statistics.js';

/** @typedef {import('../rowRunner.js').Pair} Pair */

/** Resolves with the memory of a server after garbage collection. @param {Pair} pair */
const memoryOf = async ({ server }) => {
  const { heapUsed } = await server.call(server.name.startsWith('go') ? 'gc' : 'usage');
  return { rss: server.rss, heap: heapUsed === undefined ? undefined : Number(heapUsed) };
};

/**
 * Measures the memory of connections, above that of the same process after a few have connected and disconnected.
 *
 * @param {Pair} pair
 * @param {{ count: number, rooms: number, among: number }} plan
 */
const footprint = async (pair, { count, rooms, among }) => {
  const { server, load } = pair;
  const some = 100;
  await load.call('connect', { count: some, rooms, among });
  await load.call('disconnect', { count: some });
  const before = await memoryOf(pair);
  await load.call('connect', { count, rooms, among });
  await load.call('ask', { outstanding: 1, each: 1, bytes });
  await load.call('reset');
  await server.call('broadcast', { rounds: 1, perTick: 1, bytes });
  const delivered = await load.figure('delivered', 'expect', { deliveries: count });
  const after = await memoryOf(pair);
  const heap = after.heap === undefined || before.heap === undefined ? undefined : after.heap - before.heap;
  return { rss: (after.rss - before.rss) / count, heap: heap === undefined ? undefined : heap / count, delivered };
};

/** @type {import('../rowRunner.js').Row} */
export const memory = {
  id: 'memory',
  title: 'Memory per connection',
  note: 'Each connection is in one namespace and one room, and has had an ask and a broadcast. Each measurement has its own process. The first table is the memory of the whole process, the second adds the heap.',
  unit: 'bytes per connection',
  async run(runner) {
    const count = runner.connections(5_000, 1_000);
    const rounds = runner.pick(3, 1);
    const names = ['muster', 'ws string', 'socket.io', 'go neffos'];
    /** @type {Map<string, { rss: number[], heap: number[], delivered: number }>} */
    const all = new Map(names.map((name) => [name, { rss: [], heap: [], delivered: 0 }]));
    for (let round = 1; round <= rounds; round++) {
      for (const name of names) {
        runner.progress(`round ${round} of ${rounds}, ${name}`);
        await runner.withSystems([name], async ([pair]) => {
          if (!pair) return void all.delete(name);
          const { rss, heap, delivered } = await footprint(pair, { count, rooms: 1, among: 100 });
          const entry = all.get(name);
          entry?.rss.push(rss);
          if (heap !== undefined) entry?.heap.push(heap);
          if (entry) entry.delivered += delivered;
          return undefined;
        });
      }
    }
    /** @param {string} name @param {'rss' | 'heap'} what */
    const of = (name, what) => median(all.get(name)?.[what] ?? []);
    return {
      systems: [...all].map(([name, { rss, delivered }]) => systemOf(name, rss, delivered, count * rounds)),
      ratios: [
        { what: 'muster / socket.io', value: of('muster', 'rss') / of('socket.io', 'rss'), must: 1 },
        { what: 'heap: muster / socket.io', value: of('muster', 'heap') / of('socket.io', 'heap'), must: 0.8 },
      ],
      facts: [
        { what: 'muster: whole process', value: of('muster', 'rss'), unit: 'bytes', aim: 14_336 },
        ...[...all]
          .filter(([, { heap }]) => heap.length > 0)
          .map(([name]) => ({ what: `${name}: heap`, value: of(name, 'heap'), unit: 'bytes' })),
      ],
    };
  },
};

/** @type {import('../rowRunner.js').Row} */
export const membership = {
  id: 'membership',
  title: 'Memory per additional room',
  note: 'The memory of connections in 101 rooms, minus that of as many in one room. Each room has at least 50 members; the rooms themselves count too.',
  unit: 'bytes of heap per membership',
  async run(runner) {
    const [count, among, more] = [1_000, 2_000, 100];
    const rounds = runner.pick(3, 1);
    /** @type {number[]} */
    const samples = [];
    let received = 0;
    /** @param {number} rooms */
    const heapWith = (rooms) =>
      runner.withSystems(['muster'], async ([pair]) => {
        if (!pair) throw new Error('a server is needed');
        const { heap, delivered } = await footprint(pair, { count, rooms, among });
        received += delivered;
        return Number(heap);
      });
    for (let round = 1; round <= rounds; round++) {
      runner.progress(`round ${round} of ${rounds}`);
      const one = await heapWith(1);
      samples.push(((await heapWith(1 + more)) - one) / more);
    }
    return {
      systems: [systemOf('muster', samples, received, count * rounds * 2)],
      ratios: [],
      facts: [{ what: 'one more room', value: median(samples), unit: 'bytes', must: 160, aim: 100 }],
    };
  },
};

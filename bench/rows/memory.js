import { bytes, systemOf } from '../stage.js';
import { median } from '../statistics.js';

/** @typedef {import('../stage.js').Pair} Pair */

/** @param {Pair} pair */
const memoryOf = async ({ server }) => {
  const { heapUsed } = await server.call(server.name.startsWith('go') ? 'gc' : 'usage');
  return { rss: server.rss, heap: heapUsed === undefined ? undefined : Number(heapUsed) };
};

/**
 * What connections cost, against the same process when it has seen some come and go.
 *
 * @param {Pair} pair
 * @param {{ count: number, rooms: number, among: number }} plan
 */
const footprint = async (pair, { count, rooms, among }) => {
  const { server, load } = pair;
  const some = 100;
  await load.call('enter', { count: some, rooms, among });
  await load.call('leave', { count: some });
  const before = await memoryOf(pair);
  await load.call('enter', { count, rooms, among });
  await load.call('ask', { outstanding: 1, each: 1, bytes });
  await load.call('reset');
  await server.call('broadcast', { rounds: 1, perTurn: 1, bytes });
  const delivered = await load.figure('delivered', 'expect', { deliveries: count });
  const after = await memoryOf(pair);
  const heap = after.heap === undefined || before.heap === undefined ? undefined : after.heap - before.heap;
  return { rss: (after.rss - before.rss) / count, heap: heap === undefined ? undefined : heap / count, delivered };
};

/** @type {import('../stage.js').Row} */
export const memory = {
  id: 'memory',
  title: 'What a connection takes in memory',
  note: 'In one namespace and one room, after an ask and a broadcast, in a process of its own each time. The figures of the systems are of the whole process; those of the heap stand below.',
  unit: 'bytes per connection',
  async run(stage) {
    const count = stage.connections(5_000, 1_000);
    const rounds = stage.pick(3, 1);
    const names = ['muster', 'ws string', 'socket.io', 'go neffos'];
    /** @type {Map<string, { rss: number[], heap: number[], delivered: number }>} */
    const all = new Map(names.map((name) => [name, { rss: [], heap: [], delivered: 0 }]));
    for (let round = 1; round <= rounds; round++) {
      for (const name of names) {
        stage.progress(`round ${round} of ${rounds}, ${name}`);
        await stage.with([name], async ([pair]) => {
          if (!pair) return void all.delete(name);
          const { rss, heap, delivered } = await footprint(pair, { count, rooms: 1, among: 100 });
          const its = all.get(name);
          its?.rss.push(rss);
          if (heap !== undefined) its?.heap.push(heap);
          if (its) its.delivered += delivered;
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
        { what: 'muster: of the whole process', value: of('muster', 'rss'), unit: 'bytes', aim: 14_336 },
        ...[...all]
          .filter(([, { heap }]) => heap.length > 0)
          .map(([name]) => ({ what: `${name}: on the heap`, value: of(name, 'heap'), unit: 'bytes' })),
      ],
    };
  },
};

/** @type {import('../stage.js').Row} */
export const membership = {
  id: 'membership',
  title: 'What one more room takes in memory',
  note: 'Connections in 101 rooms against as many in one, each room with 50 or more of them; the room itself is counted as well.',
  unit: 'bytes of heap per membership',
  async run(stage) {
    const [count, among, more] = [1_000, 2_000, 100];
    const rounds = stage.pick(3, 1);
    /** @type {number[]} */
    const samples = [];
    let came = 0;
    /** @param {number} rooms */
    const heapWith = (rooms) =>
      stage.with(['muster'], async ([pair]) => {
        if (!pair) throw new Error('a server is needed');
        const { heap, delivered } = await footprint(pair, { count, rooms, among });
        came += delivered;
        return Number(heap);
      });
    for (let round = 1; round <= rounds; round++) {
      stage.progress(`round ${round} of ${rounds}`);
      const one = await heapWith(1);
      samples.push(((await heapWith(1 + more)) - one) / more);
    }
    return {
      systems: [systemOf('muster', samples, came, count * rounds * 2)],
      ratios: [],
      facts: [{ what: 'one more room', value: median(samples), unit: 'bytes', must: 160, aim: 100 }],
    };
  },
};

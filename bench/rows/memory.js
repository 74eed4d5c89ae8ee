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

/** Systems that a bound refers to. */
const bounded = ['muster', 'ws string', 'socket.io'];

/** @type {import('../rowRunner.js').Row} */
export const memory = {
  id: 'memory',
  title: 'Memory per connection, 15 000 connections',
  note: 'Each connection is in one namespace and one room, and has had an ask and a broadcast. Each measurement has its own process. Systems without a bound are measured once. The first table is the memory of the whole process, the second adds the heap.',
  unit: 'bytes per connection',
  daily: ['socket.io'],
  async run(runner) {
    const count = runner.connections(15_000, 3_000);
    const rounds = runner.pick(3, 1);
    const names = ['muster', 'ws string', 'socket.io', 'bun', 'go neffos', 'go gws'];
    /** @type {Map<string, { rss: number[], heap: number[], delivered: number }>} */
    const all = new Map(names.map((name) => [name, { rss: [], heap: [], delivered: 0 }]));
    for (let round = 1; round <= rounds; round++) {
      for (const name of names) {
        // One round is enough for systems without a bound.
        if (round > 1 && !bounded.includes(name)) continue;
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
    /** @param {string} other */
    const ratio = (other) => ({ what: `muster / ${other}`, value: of('muster', 'rss') / of(other, 'rss') });
    const heap = { what: 'heap: muster / socket.io', value: of('muster', 'heap') / of('socket.io', 'heap') };
    /** @type {readonly import('../result.js').Ratio[]} */
    const ratios = [
      { ...ratio('socket.io'), must: 0.7 },
      { ...heap, must: 0.65 },
      { ...ratio('ws string'), aim: 1.6 },
      ...['bun', 'go neffos', 'go gws'].map(ratio),
    ];
    return {
      systems: [...all].map(([name, { rss, delivered }]) => systemOf(name, rss, delivered, count * rss.length)),
      // A peer may be missing.
      ratios: ratios.filter(({ value }) => Number.isFinite(value)),
      facts: [
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
      facts: [{ what: 'one more room', value: median(samples), unit: 'bytes', must: 133, aim: 100 }],
    };
  },
};

import { connectClients, systemsOf } from '../rowRunner.js';
import { median, percentile } from '../statistics.js';

/** @typedef {import('../rowRunner.js').Pair} Pair */

const healthy = 1_000;
const stalledCount = 100;
const every = 50;
const bytes = 16_384;
const ms = 8_000;
/**
 * The kernel buffers some megabytes for a client that does not read. The stalled clients get most of them beforehand,
 * in their own room. They congest soon after the stream begins.
 */
const fill = { room: 'r0', rounds: 58, bytes: 60_000 };
/** Some clients stall and disconnect beforehand, so that the first eviction of a process is not measured. */
const warmUp = { count: 20, ms: 4_000 };

/**
 * Starts a process of clients that do not read.
 *
 * @param {Pair} pair
 * @param {number} count
 */
const stall = async (pair, count) => {
  const clients = await pair.addClients();
  await clients.call('connect', { count, rooms: 1 });
  await clients.call('stall');
  await pair.server.call('broadcast', fill);
  return clients;
};

/**
 * Measures a steady stream, with or without stalled clients.
 *
 * @param {Pair} pair
 * @param {number} stalled number of clients that do not read
 */
const stream = async (pair, stalled) => {
  const { server, load } = pair;
  await connectClients([pair], { count: healthy });
  const first = await stall(pair, warmUp.count);
  await server.call('steady', { ms: warmUp.ms, every, bytes });
  await first.stop();
  if (stalled > 0) await stall(pair, stalled);
  await load.call('measureLatencies');
  await load.call('reset');
  await server.call('usage');
  const before = server.rss;
  let peak = before;
  const watching = setInterval(() => {
    peak = Math.max(peak, server.rss);
  }, 100);
  const published = await server.figure('published', 'steady', { ms, every, bytes });
  clearInterval(watching);
  const due = published * healthy;
  const delivered = await load.figure('delivered', 'expect', { deliveries: due });
  const { latencies } = Object(await load.call('latencies'));
  const left = await server.figure('members', 'counts');
  return {
    p50: percentile(latencies, 0.5),
    p99: percentile(latencies, 0.99),
    grown: (peak - before) / 2 ** 20,
    delivered,
    due,
    kept: left - healthy,
  };
};

/** @type {import('../rowRunner.js').Row} */
export const stalledRow = {
  id: 'stalled',
  title: '1 000 clients that read, and 100 that do not',
  note: 'Twenty messages of 16 KiB per second, for 8 s. The figure is their delay to the clients that read. The stalled clients have been sent 3.5 MB before, which the kernel buffers. The loop and Socket.IO close no connection, and buffer what is not read.',
  unit: 'ms until delivery, 99th percentile',
  async run(runner) {
    const names = ['muster', 'ws string', 'socket.io'];
    const rounds = runner.pick(5, 1);
    /** @type {Map<string, import('../rowRunner.js').Samples>} */
    const samples = new Map();
    /** @type {Map<string, { p50s: number[], grown: number[], kept: number[] }>} */
    const more = new Map();
    for (let round = 1; round <= rounds; round++) {
      for (const name of names) {
        // One round is enough for systems without a must.
        if (round > 1 && name !== 'muster') continue;
        for (const stalled of [0, stalledCount]) {
          const label = stalled > 0 ? `${name}, with ${stalled} stalled clients` : name;
          runner.progress(`round ${round} of ${rounds}, ${label}`);
          const found = await runner.withSystems([name], async ([pair]) => pair && stream(pair, stalled));
          // A peer that is missing.
          if (found === undefined) continue;
          const { p50, p99, grown, kept, delivered, due } = found;
          const entry = samples.get(label) ?? { samples: [], delivered: 0, due: 0 };
          samples.set(label, entry);
          entry.samples.push(p99);
          entry.delivered += delivered;
          entry.due += due;
          const figures = more.get(label) ?? { p50s: [], grown: [], kept: [] };
          more.set(label, figures);
          figures.p50s.push(p50);
          figures.grown.push(grown);
          figures.kept.push(kept);
        }
      }
    }
    const [without = [], withStalled = []] = [...samples.values()].map((entry) => entry.samples);
    const allowed = Math.max(median(without) * 1.1, median(without) + 2);
    return {
      systems: systemsOf(samples),
      ratios: [],
      facts: [
        {
          what: 'muster: 99th percentile, with stalled clients',
          value: median(withStalled),
          unit: 'ms',
          must: allowed,
        },
        ...[...more].flatMap(([name, { p50s, grown, kept }]) => [
          { what: `${name}: median`, value: median(p50s), unit: 'ms' },
          {
            what: `${name}: memory growth`,
            value: median(grown),
            unit: 'MiB',
            ...(name.startsWith('muster,') ? { must: 100 } : {}),
          },
          ...(name.includes(',')
            ? [
                {
                  what: `${name}: still connected at the end`,
                  value: median(kept),
                  unit: 'connections',
                  ...(name.startsWith('muster') ? { must: 0 } : {}),
                },
              ]
            : []),
        ]),
      ],
    };
  },
};

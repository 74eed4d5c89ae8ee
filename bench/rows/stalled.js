import { enter, systemsOf } from '../stage.js';
import { median, percentile } from '../statistics.js';

/** @typedef {import('../stage.js').Pair} Pair */

const healthy = 1_000;
const stalled = 100;
const every = 50;
const bytes = 16_384;
const ms = 8_000;
/**
 * The kernel takes some megabytes for a client that does not read before anybody can tell. The better part of them is
 * sent to those clients alone, in a room of theirs, so that they congest soon after the stream begins.
 */
const fill = { room: 'r0', rounds: 58, bytes: 60_000 };
/** Before that a few stall and go, so that what a server does then for the first time is not measured. */
const early = { count: 20, ms: 4_000 };

/**
 * Clients in a process of their own who do not read.
 *
 * @param {Pair} pair
 * @param {number} count
 */
const stall = async (pair, count) => {
  const idle = await pair.another();
  await idle.call('enter', { count, rooms: 1 });
  await idle.call('stall');
  await pair.server.call('broadcast', fill);
  return idle;
};

/**
 * A steady stream, with or without some who do not read.
 *
 * @param {Pair} pair
 * @param {number} idle
 */
const stream = async (pair, idle) => {
  const { server, load } = pair;
  await enter([pair], { count: healthy });
  const first = await stall(pair, early.count);
  await server.call('steady', { ms: early.ms, every, bytes });
  await first.stop();
  if (idle > 0) await stall(pair, idle);
  await load.call('listen');
  await load.call('reset');
  await server.call('usage');
  const before = server.rss;
  let peak = before;
  const watching = setInterval(() => {
    peak = Math.max(peak, server.rss);
  }, 100);
  const issued = await server.figure('issued', 'steady', { ms, every, bytes });
  clearInterval(watching);
  const due = issued * healthy;
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

/** @type {import('../stage.js').Row} */
export const stalledRow = {
  id: 'stalled',
  title: '1 000 who read and 100 who do not',
  note: 'Twenty messages of 16 KiB in a second, for 8 seconds; how long they take to those who read. Those who do not have got 3.5 MB before, which the kernel keeps for them. The loop and Socket.IO let nobody go, and keep what is not read.',
  unit: 'ms until a message is there, 99 of 100',
  async run(stage) {
    const names = ['muster', 'ws string', 'socket.io'];
    const rounds = stage.pick(5, 1);
    /** @type {Map<string, import('../stage.js').Samples>} */
    const samples = new Map();
    /** @type {Map<string, { half: number[], grown: number[], kept: number[] }>} */
    const more = new Map();
    for (let round = 1; round <= rounds; round++) {
      for (const name of names) {
        // One round is enough for those whom nothing is asked of.
        if (round > 1 && name !== 'muster') continue;
        for (const idle of [0, stalled]) {
          const label = idle > 0 ? `${name}, and ${idle} who do not read` : name;
          stage.progress(`round ${round} of ${rounds}, ${label}`);
          const { p50, p99, grown, kept, delivered, due } = await stage.with([name], async ([pair]) => {
            if (!pair) throw new Error('a server is needed');
            return stream(pair, idle);
          });
          const its = samples.get(label) ?? { samples: [], delivered: 0, due: 0 };
          samples.set(label, its);
          its.samples.push(p99);
          its.delivered += delivered;
          its.due += due;
          const their = more.get(label) ?? { half: [], grown: [], kept: [] };
          more.set(label, their);
          their.half.push(p50);
          their.grown.push(grown);
          their.kept.push(kept);
        }
      }
    }
    const [without = [], within = []] = [...samples.values()].map((its) => its.samples);
    const allowed = Math.max(median(without) * 1.1, median(without) + 2);
    return {
      systems: systemsOf(samples),
      ratios: [],
      facts: [
        { what: 'muster: 99 of 100, with those who do not read', value: median(within), unit: 'ms', must: allowed },
        ...[...more].flatMap(([name, { half, grown, kept }]) => [
          { what: `${name}: half of the messages`, value: median(half), unit: 'ms' },
          {
            what: `${name}: memory grown`,
            value: median(grown),
            unit: 'MiB',
            ...(name.startsWith('muster,') ? { must: 100 } : {}),
          },
          ...(name.includes(',')
            ? [
                {
                  what: `${name}: kept at the end`,
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

import { bytes, connectClients, ratiosOf, systemsOf } from '../rowRunner.js';
import { percentile } from '../statistics.js';

/**
 * Reports to the stream how many rounds its clients have received, until it ends.
 *
 * @param {import('../rowRunner.js').Pair} pair
 * @param {Promise<unknown>} stream
 */
const followUp = async ({ server, load }, stream) => {
  let isOver = false;
  const ended = stream.finally(() => {
    isOver = true;
  });
  // The loop may fail first.
  ended.catch(() => {});
  while (!isOver) {
    await server.call('seen', { rounds: await load.figure('messages', 'complete') });
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return ended;
};

const names = ['muster', 'ws string', 'socket.io', 'bun', 'go neffos', 'go neffos sync', 'go gws'];

/** @type {import('../rowRunner.js').Row} */
export const delay = {
  id: 'delay',
  title: 'New connections during continuous broadcasts to 15 000',
  note: 'A third process connects a client every 20 ms and measures how long its handshake takes. A round begins when the previous one has been handed to the operating system. At most 20 rounds are in flight.',
  unit: 'ms until a new client is connected, 99th percentile',
  async run(runner) {
    const connections = runner.connections(15_000, 3_000);
    const ms = runner.pick(4_000, 2_000);
    return runner.withSystems(names, async (pairs) => {
      await connectClients(pairs, { count: connections });
      const probers = new Map();
      for (const { name, addClients } of pairs) probers.set(name, await addClients());
      /** @type {Map<string, { p50: number[], delay: number[] }>} */
      const more = new Map(pairs.map(({ name }) => [name, { p50: [], delay: [] }]));
      const samples = await runner.measureRounds(
        pairs,
        async (pair) => {
          await pair.load.call('reset');
          const stream = pair.server.call('stream', { ms, perTick: 1, bytes });
          const probing = probers.get(pair.name)?.call('probe', { ms: ms - 500, every: 20 });
          probing?.catch(() => {});
          const { rounds, p99 } = Object(await followUp(pair, stream));
          const { took } = Object(await probing);
          const due = Number(rounds) * connections;
          const delivered = await pair.load.figure('delivered', 'expect', { deliveries: due });
          more.get(pair.name)?.p50.push(percentile(took, 0.5));
          if (p99 !== undefined) more.get(pair.name)?.delay.push(Number(p99));
          return { figure: percentile(took, 0.99), delivered, due };
        },
        runner.pick(5, 1),
      );
      const ratios = ratiosOf(samples, [
        { other: 'socket.io', must: 0.05 },
        { other: 'ws string' },
        { other: 'go neffos' },
        { other: 'go neffos sync' },
        { other: 'bun' },
        { other: 'go gws' },
      ]);
      // The first figure of each is from the warm-up round.
      const measured = [...more].map(([name, { p50, delay: delays }]) => ({
        name,
        p50: p50.slice(1),
        delays: delays.slice(1),
      }));
      const facts = measured.flatMap(({ name, p50, delays }) => [
        { what: `${name}: until a new client is connected, median`, value: percentile(p50, 0.5), unit: 'ms' },
        ...(delays.length > 0
          ? [
              {
                what: `${name}: delay of the event loop, 99th percentile`,
                value: percentile(delays, 0.5),
                unit: 'ms',
                ...(name === 'muster' ? { must: 9, aim: 6 } : {}),
              },
            ]
          : []),
      ]);
      return { systems: systemsOf(samples), ratios, facts };
    });
  },
};

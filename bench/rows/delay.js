import { bytes, enter, ratiosOf, systemsOf } from '../stage.js';
import { percentile } from '../statistics.js';

/**
 * Tells a stream how far its clients have come, until it ends.
 *
 * @param {import('../stage.js').Pair} pair
 * @param {Promise<unknown>} stream
 */
const followUp = async ({ server, load }, stream) => {
  let isOver = false;
  const ended = stream.finally(() => {
    isOver = true;
  });
  while (!isOver) {
    await server.call('seen', { rounds: await load.figure('messages', 'complete') });
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return ended;
};

/** @type {import('../stage.js').Row} */
export const delay = {
  id: 'delay',
  title: 'Who comes in while 15 000 are broadcast to without a pause',
  note: 'Somebody new every 20 ms, from a third process; the time until it is in. A new round begins when the one before has been handed over, and at most twenty are on their way.',
  unit: 'ms until a new connection is in, 99 of 100',
  async run(stage) {
    const connections = stage.connections(15_000, 3_000);
    const ms = stage.pick(4_000, 2_000);
    return stage.with(['muster', 'ws string', 'socket.io', 'go neffos', 'go neffos sync'], async (pairs) => {
      await enter(pairs, { count: connections });
      const probers = new Map();
      for (const { name, another } of pairs) probers.set(name, await another());
      /** @type {Map<string, { p50: number[], delay: number[] }>} */
      const more = new Map(pairs.map(({ name }) => [name, { p50: [], delay: [] }]));
      const samples = await stage.rotate(
        pairs,
        async (pair) => {
          await pair.load.call('reset');
          const stream = pair.server.call('stream', { ms, perTurn: 1, bytes });
          const probing = probers.get(pair.name)?.call('probe', { ms: ms - 500, every: 20 });
          const { rounds, p99 } = Object(await followUp(pair, stream));
          const { took } = Object(await probing);
          const due = Number(rounds) * connections;
          const delivered = await pair.load.figure('delivered', 'expect', { deliveries: due });
          more.get(pair.name)?.p50.push(percentile(took, 0.5));
          if (p99 !== undefined) more.get(pair.name)?.delay.push(Number(p99));
          return { figure: percentile(took, 0.99), delivered, due };
        },
        stage.pick(3, 1),
      );
      const ratios = ratiosOf(samples, [
        { other: 'socket.io', must: 0.15 },
        { other: 'ws string' },
        { other: 'go neffos' },
        { other: 'go neffos sync' },
      ]);
      // The first of each was the round that warms up.
      const measured = [...more].map(([name, { p50, delay: delays }]) => ({
        name,
        p50: p50.slice(1),
        delays: delays.slice(1),
      }));
      const facts = measured.flatMap(({ name, p50, delays }) => [
        { what: `${name}: until a new connection is in, half of them`, value: percentile(p50, 0.5), unit: 'ms' },
        ...(delays.length > 0
          ? [
              {
                what: `${name}: delay of the event loop, 99 of 100`,
                value: percentile(delays, 0.5),
                unit: 'ms',
                ...(name === 'muster' ? { must: 15, aim: 8 } : {}),
              },
            ]
          : []),
      ]);
      return { systems: systemsOf(samples), ratios, facts };
    });
  },
};

import { bytes, connectClients, ratiosOf, systemsOf } from '../rowRunner.js';
import { percentile } from '../statistics.js';
import { settled } from './waiting.js';

/** Handshakes in flight. */
const atOnce = 200;
/** Time between two broadcasts, and between two asks of the witness, in ms. */
const everyMessage = 100;
const everyAsk = 10;
/** The broadcasts and the asks go on in steps of so many ms until all clients are connected. */
const stepMs = 500;

/**
 * Broadcasts to the residents, and asks with the witness, until all newcomers are connected.
 *
 * @param {import('../rowRunner.js').Pair} pair
 * @param {import('../worker.js').Worker} witness
 * @param {Promise<unknown>} arrivals
 */
const whileArriving = async ({ server }, witness, arrivals) => {
  let isOver = false;
  const arrived = arrivals.finally(() => {
    isOver = true;
  });
  // The loop may fail first.
  arrived.catch(() => {});
  /** @type {number[]} */
  const took = [];
  const sum = { published: 0, asked: 0 };
  do {
    const [published, answers] = await Promise.all([
      server.figure('published', 'steady', { ms: stepMs, every: everyMessage, bytes, room: 'r0' }),
      witness.call('witness', { ms: stepMs, every: everyAsk, bytes }),
    ]);
    sum.published += published;
    sum.asked += Number(answers['asked']);
    took.push(...Object(answers['took']));
  } while (!isOver);
  await arrived;
  return { ...sum, took };
};

/** @type {import('../rowRunner.js').Row} */
export const rush = {
  id: 'rush',
  title: '10 000 clients connect beside 5 000 that are broadcast to',
  note: '200 of them are under way at a time. Meanwhile a room of 5 000 gets a message every 100 ms, and a client in a process of its own asks every 10 ms.',
  unit: 'ms until that client has its answer, 99th percentile',
  async run(runner) {
    const residents = runner.connections(5_000, 1_000);
    const count = runner.connections(10_000, 2_000, residents + 1);
    return runner.withSystems(['muster', 'ws string', 'socket.io'], async (pairs) => {
      await connectClients(pairs, { count: residents, rooms: 1, among: 1 });
      const others = new Map();
      for (const { name, addClients } of pairs) {
        const [newcomers, witness] = [await addClients(), await addClients()];
        await witness.call('connect', { count: 1 });
        others.set(name, { newcomers, witness });
      }
      /** @type {Map<string, { longest: number[], delay: number[], seconds: number[] }>} */
      const more = new Map(pairs.map(({ name }) => [name, { longest: [], delay: [], seconds: [] }]));
      const samples = await runner.measureRounds(
        pairs,
        async (pair, round) => {
          const { server, load } = pair;
          const { newcomers, witness } = others.get(pair.name);
          await load.call('reset');
          await server.call('watchLoop');
          const began = performance.now();
          let seconds = 0;
          const arrivals = newcomers.call('connect', { count, atOnce }).then(() => {
            seconds = (performance.now() - began) / 1_000;
          });
          const { published, asked, took } = await whileArriving(pair, witness, arrivals);
          const p99 = await server.figure('p99', 'loopDelay');
          const heard = await load.figure('delivered', 'expect', { deliveries: published * residents });
          const connected = (await server.figure('members', 'counts')) - residents - 1;
          await newcomers.call('disconnect', { count, atOnce });
          await settled(server, residents + 1);
          if (round > 0) {
            more.get(pair.name)?.longest.push(Math.max(...took));
            more.get(pair.name)?.delay.push(p99);
            more.get(pair.name)?.seconds.push(seconds);
          }
          return {
            figure: percentile(took, 0.99),
            delivered: heard + took.length + connected,
            due: published * residents + asked + count,
          };
        },
        runner.pick(3, 1),
      );
      return {
        systems: systemsOf(samples),
        ratios: ratiosOf(samples, [{ other: 'ws string' }, { other: 'socket.io' }]),
        facts: [...more].flatMap(([name, { longest, delay, seconds }]) => [
          {
            what: `${name}: the longest wait for an answer`,
            value: Math.max(...longest),
            unit: 'ms',
            ...(name === 'muster' ? { must: 1_000 } : {}),
          },
          {
            what: `${name}: delay of the event loop, 99th percentile`,
            value: percentile(delay, 0.5),
            unit: 'ms',
            ...(name === 'muster' ? { must: 9, aim: 6 } : {}),
          },
          { what: `${name}: until all are connected`, value: percentile(seconds, 0.5), unit: 's' },
        ]),
      };
    });
  },
};

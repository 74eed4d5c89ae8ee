import { ratiosOf, systemsOf } from '../rowRunner.js';
import { median } from '../statistics.js';
import { settled } from './waiting.js';

/** Handshakes and closes in flight. */
const atOnce = 128;
/** A storm takes seconds. */
const maxRounds = 5;

/** Further samples of a system. @typedef {{ cold: number[], close: number[] }} More */

/**
 * Connects clients that each join a room, then closes them.
 *
 * @param {import('../rowRunner.js').Pair} pair
 * @param {number} count
 */
const stormOf = async ({ server, load }, count) => {
  const start = await server.cpu();
  await load.call('connect', { count, rooms: 1, among: 100, atOnce });
  const connected = await server.cpu();
  const members = await server.figure('members', 'counts');
  const before = await server.cpu();
  await load.call('disconnect', { count, atOnce });
  await settled(server, 0);
  return { open: (connected - start) / count, close: ((await server.cpu()) - before) / count, members };
};

/**
 * @param {ReadonlyMap<string, More>} all
 * @param {keyof More} what
 * @param {readonly import('../rowRunner.js').Against[]} against
 */
const furtherRatios = (all, what, against) => {
  const samples = new Map([...all].map(([name, more]) => [name, { samples: more[what], delivered: 0, due: 0 }]));
  return ratiosOf(samples, against).map((ratio) => ({ ...ratio, what: `${what}: ${ratio.what}` }));
};

/** @type {import('../rowRunner.js').Row} */
export const storm = {
  id: 'storm',
  title: '5 000 clients connect, join a room, and close',
  note: '128 of them are under way at a time. They close with a close frame, and the server ends the connection. Cold is the first storm of a process.',
  unit: 'µs of processor time per connect and join',
  daily: ['ws string', 'socket.io'],
  async run(runner) {
    const count = runner.connections(5_000, 2_000);
    return runner.withSystems(['muster', 'ws string', 'socket.io', 'bun', 'go neffos', 'go gws'], async (pairs) => {
      /** @type {Map<string, More>} */
      const more = new Map(pairs.map(({ name }) => [name, { cold: [], close: [] }]));
      const samples = await runner.measureRounds(
        pairs,
        async (pair, round) => {
          const { open, close, members } = await stormOf(pair, count);
          if (round === 0) more.get(pair.name)?.cold.push(open);
          else more.get(pair.name)?.close.push(close);
          return { figure: open, delivered: members, due: count };
        },
        Math.min(runner.rounds, maxRounds),
      );
      return {
        systems: systemsOf(samples),
        ratios: [
          ...ratiosOf(samples, [
            { other: 'ws string', must: 2, aim: 1.5 },
            { other: 'socket.io', must: 0.85 },
            { other: 'bun' },
            { other: 'go neffos' },
            { other: 'go gws' },
          ]),
          ...furtherRatios(more, 'close', [
            { other: 'ws string', must: 1.5, aim: 1.2 },
            { other: 'socket.io', must: 1.2 },
            { other: 'bun' },
            { other: 'go neffos' },
            { other: 'go gws' },
          ]),
          // A check compares no ratio of a single sample.
          ...(runner.isCheck ? [] : furtherRatios(more, 'cold', [{ other: 'ws string' }, { other: 'socket.io' }])),
        ],
        facts: [...more].flatMap(([name, { cold, close }]) => [
          { what: `${name}: connect and join, cold`, value: median(cold), unit: 'µs' },
          { what: `${name}: close`, value: median(close), unit: 'µs' },
        ]),
      };
    });
  },
};

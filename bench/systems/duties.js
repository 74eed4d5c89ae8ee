// What the conductor can ask of every server written for Node.
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { number, obey, say, text } from '../line.js';

/**
 * @typedef {object} System
 * @property {(room: string, body: string) => void} issue a message to everybody in a room; `''` is everybody
 * @property {() => Promise<unknown>} handedOver resolves when all that was issued has been handed over
 * @property {(index: number, body: string) => void} emit a message straight to one client
 * @property {((index: number, body: string) => void) | undefined} to a broadcast that names one client
 * @property {() => number} members
 * @property {() => number} counted events of which nothing else is done
 */

const turn = () => new Promise((resolve) => setImmediate(resolve));

/** Every message has a text of its own. @param {number} bytes @param {number} at */
const bodyOf = (bytes, at) => String(at).padEnd(bytes, '.');

/**
 * Rounds of one or several messages; the next begins when the one before has been handed over.
 *
 * @param {System} system
 * @param {import('../line.js').Fields} args
 */
const broadcast = async (system, args) => {
  const [rounds, perTurn, bytes, rooms] = [
    number(args, 'rounds'),
    number(args, 'perTurn', 1),
    number(args, 'bytes'),
    number(args, 'rooms', 0),
  ];
  let issued = 0;
  for (let round = 0; round < rounds; round++) {
    for (let more = perTurn; more > 0; more--) {
      // With rooms, each has its turn.
      const room = rooms > 0 ? `r${issued % rooms}` : text(args, 'room');
      system.issue(room, bodyOf(bytes, issued++));
    }
    await system.handedOver();
  }
  return { issued };
};

/** So many rounds may be on their way to clients that take long. */
const mostUnderWay = 20;

/** Rounds for so long, as fast as the clients take them. */
class Stream {
  #seen = 0;
  #rounds = 0;
  /** @type {() => void} */
  #wake = () => {};

  /** @param {number} rounds that every client has completely */
  seen(rounds) {
    this.#seen = rounds;
    this.#wake();
  }

  /**
   * @param {System} system
   * @param {number} ms
   * @param {number} bytes
   */
  async run(system, ms, bytes) {
    const delay = monitorEventLoopDelay({ resolution: 1 });
    delay.enable();
    const end = performance.now() + ms;
    while (performance.now() < end) {
      while (this.#rounds - this.#seen >= mostUnderWay) {
        await new Promise((resolve) => {
          this.#wake = () => resolve(undefined);
        });
      }
      system.issue('', bodyOf(bytes, this.#rounds++));
      await system.handedOver();
    }
    delay.disable();
    return { rounds: this.#rounds, p99: delay.percentile(99) / 1e6, max: delay.max / 1e6 };
  }
}

/**
 * A message every so often, with the time of its issue.
 *
 * @param {System} system
 * @param {{ ms: number, every: number, bytes: number }} plan
 */
const steady = async (system, { ms, every, bytes }) => {
  const began = performance.now();
  let issued = 0;
  while (performance.now() - began < ms) {
    system.issue('', `@${process.hrtime.bigint()}@`.padEnd(bytes, '.'));
    issued++;
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, began + issued * every - performance.now())));
  }
  return { issued };
};

/**
 * Messages to one client each, the next client each time.
 *
 * @param {System} system
 * @param {import('../line.js').Fields} args
 */
const toEach = async (system, args) => {
  const [count, perTurn, bytes] = [number(args, 'count'), number(args, 'perTurn'), number(args, 'bytes')];
  const send = args['how'] === 'to' ? system.to : system.emit;
  if (!send) throw new Error('this system has no such call');
  const members = system.members();
  for (let at = 0; at < count; at++) {
    send((at * 7919) % members, bodyOf(bytes, at));
    if ((at + 1) % perTurn === 0) await turn();
  }
  await system.handedOver();
  return { issued: count };
};

const collect = globalThis.gc ?? (() => {});

/** What is in memory when all that can go has gone. */
const usage = async () => {
  for (let times = 0; times < 4; times++) {
    await turn();
    collect();
  }
  const { rss, heapUsed } = process.memoryUsage();
  return { rss, heapUsed };
};

/** Stops everything here for so long, as a busy program does. @param {number} ms */
const hold = (ms) => {
  // What was asked for is answered first.
  setImmediate(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms));
};

/**
 * @param {System} system
 * @param {number} port
 */
export const serve = (system, port) => {
  let stream = new Stream();
  obey({
    broadcast: (args) => broadcast(system, args),
    toEach: (args) => toEach(system, args),
    stream(args) {
      stream = new Stream();
      return stream.run(system, number(args, 'ms'), number(args, 'bytes'));
    },
    seen: (args) => stream.seen(number(args, 'rounds')),
    steady: (args) =>
      steady(system, { ms: number(args, 'ms'), every: number(args, 'every'), bytes: number(args, 'bytes') }),
    hold: (args) => hold(number(args, 'ms')),
    counts: () => ({ members: system.members(), counted: system.counted() }),
    usage,
  });
  say({ ready: true, port });
};

export { turn };

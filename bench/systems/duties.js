// What the conductor can ask of every server written for Node: alike for all, so that only the systems differ.
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { number, obey, say, text } from '../line.js';

/** @typedef {import('../line.js').Fields} Fields */

/**
 * One of the systems that are compared.
 *
 * @typedef {object} System
 * @property {(room: string, body: string) => void} issue a message to everybody in a room; `''` is everybody
 * @property {() => Promise<unknown>} handedOver resolves when all that was issued has been handed over
 * @property {Readonly<Record<string, () => ((body: string) => unknown)[]>>} ways to send to one client: a call for each
 * @property {() => number} members
 * @property {() => number} counted events of which nothing else is done
 * @property {() => number} evicted clients that were let go as they did not read
 * @property {(url: string) => Promise<unknown>} [joinCluster] resolves when what is published there comes
 */

/** @returns {Promise<void>} */
export const turn = () => new Promise((resolve) => setImmediate(resolve));

/** @param {number} ms */
const after = (ms) => new Promise((resolve) => setTimeout(resolve, Math.max(0, ms)));

/** Every message has a text of its own. @param {number} bytes @param {number} at */
const bodyOf = (bytes, at) => String(at).padEnd(bytes, '.');

/**
 * Rounds of one or several messages; the next begins when the one before has been handed over.
 *
 * @param {System} system
 * @param {Fields} args with `rooms`, each of so many rooms has its turn
 */
const broadcast = async (system, args) => {
  const [rounds, perTurn, bytes] = [number(args, 'rounds'), number(args, 'perTurn', 1), number(args, 'bytes')];
  const rooms = number(args, 'rooms', 0);
  const room = text(args, 'room');
  let issued = 0;
  for (let round = 0; round < rounds; round++) {
    for (let more = perTurn; more > 0; more--) {
      system.issue(rooms > 0 ? `r${issued % rooms}` : room, bodyOf(bytes, issued++));
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
 * @param {Fields} args
 */
const steady = async (system, args) => {
  const [ms, every, bytes] = [number(args, 'ms'), number(args, 'every'), number(args, 'bytes')];
  const began = performance.now();
  let issued = 0;
  while (performance.now() - began < ms) {
    system.issue('', `@${process.hrtime.bigint()}@`.padEnd(bytes, '.'));
    issued++;
    await after(began + issued * every - performance.now());
  }
  return { issued };
};

/** As many clients are spoken to, however many there are: what is compared is the way to them, not how many are in reach of a cache. */
const spokenTo = 1_000;

/** The calls of each way, made once: in the round that warms up. @type {Map<string, ((body: string) => unknown)[]>} */
const callsOf = new Map();

/** So many, from all over. @template T @param {readonly T[]} all */
const someOf = (all) => {
  const step = Math.max(Math.floor(all.length / spokenTo), 1);
  return all.filter((_, at) => at % step === 0).slice(0, spokenTo);
};

/**
 * Messages to one client each, the next client each time.
 *
 * @param {System} system
 * @param {Fields} args
 */
const toEach = async (system, args) => {
  const [count, perTurn, bytes] = [number(args, 'count'), number(args, 'perTurn'), number(args, 'bytes')];
  const how = text(args, 'how');
  const calls = callsOf.get(how) ?? someOf(system.ways[how]?.() ?? []);
  if (calls.length === 0) throw new Error(`this system has no way "${how}"`);
  callsOf.set(how, calls);
  for (let at = 0; at < count; at++) {
    calls[at % calls.length]?.(bodyOf(bytes, at));
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
    steady: (args) => steady(system, args),
    counts: () => ({ members: system.members(), counted: system.counted(), evicted: system.evicted() }),
    async joinCluster(args) {
      if (!system.joinCluster) throw new Error('this system knows no cluster');
      await system.joinCluster(text(args, 'url'));
    },
    cpu: () => process.cpuUsage(),
    usage,
  });
  say({ ready: true, port });
};

// The requests that every Node system answers. The code is shared, so that only the systems differ.
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { answerRequests, number, text, writeLine } from '../line.js';

/** @typedef {import('../line.js').Fields} Fields */

/**
 * One of the compared systems.
 *
 * @typedef {object} System
 * @property {(room: string, body: string) => void} publish broadcasts a message to a room; to all clients with `''`
 * @property {() => Promise<unknown>} flushed resolves once all published messages are handed to the operating system
 * @property {Readonly<Record<string, () => ((body: string) => unknown)[]>>} ways to send to one client: each
 *   returns one function per client
 * @property {() => number} members number of connections
 * @property {() => number} counted number of received `count` events
 * @property {() => number} evicted number of evicted slow consumers
 * @property {() => void} [collect] collects garbage, in a runtime whose heap does not compare with Node's
 * @property {(url: string) => Promise<unknown>} [joinCluster] resolves once it receives what the other node publishes
 */

/** Resolves in the next tick of the event loop. @returns {Promise<void>} */
export const nextTick = () => new Promise((resolve) => setImmediate(resolve));

/** @param {number} ms */
const after = (ms) => new Promise((resolve) => setTimeout(resolve, Math.max(0, ms)));

/** Returns the body of a message, different for each. @param {number} bytes @param {number} at */
const bodyOf = (bytes, at) => String(at).padEnd(bytes, '.');

/** Returns a body of JSON, as a list of orders has it. Each is different. @param {number} bytes @param {number} at */
const jsonOf = (bytes, at) => {
  let text = '[';
  for (let row = at * 31; text.length < bytes; row++) {
    const price = ((row * 2_654_435_761) % 100_000) / 100;
    const customer = (row * 40_503) % 9_973;
    const placed = new Date(1_700_000_000_000 + row * 98_765).toISOString();
    text += `{"order":${100_000 + row},"customer":"c-${customer}","price":${price},"placed":"${placed}","paid":${row % 3 > 0}},`;
  }
  return `${text.slice(0, bytes - 1)}]`;
};

/**
 * Publishes rounds of messages. A round begins once the previous one is handed to the operating system.
 *
 * @param {System} system
 * @param {Fields} args with `rooms`, the messages go to so many rooms in rotation; with `body: 'json'` they are JSON
 */
const broadcast = async (system, args) => {
  const [rounds, perTick, bytes] = [number(args, 'rounds'), number(args, 'perTick', 1), number(args, 'bytes')];
  const rooms = number(args, 'rooms', 0);
  const room = text(args, 'room');
  const make = text(args, 'body') === 'json' ? jsonOf : bodyOf;
  let published = 0;
  for (let round = 0; round < rounds; round++) {
    for (let more = perTick; more > 0; more--) {
      system.publish(rooms > 0 ? `r${published % rooms}` : room, make(bytes, published++));
    }
    await system.flushed();
  }
  return { published };
};

/** Maximum number of rounds that the clients have not received completely. */
const maxInFlight = 20;

/** Publishes rounds for a given time, as fast as the clients receive them. */
class Stream {
  #received = 0;
  #rounds = 0;
  /** @type {() => void} */
  #wake = () => {};

  /** Notes how many rounds every client has received. @param {number} rounds */
  seen(rounds) {
    this.#received = rounds;
    this.#wake();
  }

  /**
   * Runs the stream. Resolves with the number of rounds and the delay of the event loop.
   *
   * @param {System} system
   * @param {number} ms
   * @param {number} bytes
   */
  async run(system, ms, bytes) {
    const delay = monitorEventLoopDelay({ resolution: 1 });
    delay.enable();
    const end = performance.now() + ms;
    while (performance.now() < end) {
      while (this.#rounds - this.#received >= maxInFlight) {
        await new Promise((resolve) => {
          this.#wake = () => resolve(undefined);
        });
      }
      system.publish('', bodyOf(bytes, this.#rounds++));
      await system.flushed();
    }
    delay.disable();
    return { rounds: this.#rounds, p99: delay.percentile(99) / 1e6, max: delay.max / 1e6 };
  }
}

/**
 * Publishes messages at a fixed interval, to all clients or to one room. Each contains the time of its publication.
 *
 * @param {System} system
 * @param {Fields} args
 */
const steady = async (system, args) => {
  const [ms, every, bytes] = [number(args, 'ms'), number(args, 'every'), number(args, 'bytes')];
  const room = text(args, 'room');
  const began = performance.now();
  let published = 0;
  while (performance.now() - began < ms) {
    system.publish(room, `@${process.hrtime.bigint()}@`.padEnd(bytes, '.'));
    published++;
    await after(began + published * every - performance.now());
  }
  return { published };
};

/**
 * Number of clients that get messages, however many are connected. The row compares the ways to send, not the caches of
 * the processor.
 */
const maxTargets = 1_000;

/** The functions of each way, made in the warm-up round. @type {Map<string, ((body: string) => unknown)[]>} */
const callsOf = new Map();

/** Returns an evenly spaced selection. @template T @param {readonly T[]} all */
const someOf = (all) => {
  const step = Math.max(Math.floor(all.length / maxTargets), 1);
  return all.filter((_, at) => at % step === 0).slice(0, maxTargets);
};

/**
 * Sends messages to one client at a time, in rotation.
 *
 * @param {System} system
 * @param {Fields} args
 */
const toEach = async (system, args) => {
  const [count, perTick, bytes] = [number(args, 'count'), number(args, 'perTick'), number(args, 'bytes')];
  const how = text(args, 'how');
  const calls = callsOf.get(how) ?? someOf(system.ways[how]?.() ?? []);
  if (calls.length === 0) throw new Error(`this system has no way "${how}"`);
  callsOf.set(how, calls);
  for (let at = 0; at < count; at++) {
    calls[at % calls.length]?.(bodyOf(bytes, at));
    if ((at + 1) % perTick === 0) await nextTick();
  }
  await system.flushed();
  return { published: count };
};

/** Resolves with the memory in use after garbage collection. @param {System} system */
const usage = async ({ collect }) => {
  const run = collect ?? globalThis.gc ?? (() => {});
  for (let times = 0; times < 4; times++) {
    await nextTick();
    run();
  }
  const { rss, heapUsed } = process.memoryUsage();
  return collect ? { rss } : { rss, heapUsed };
};

/**
 * Answers the requests of the bench for a system.
 *
 * @param {System} system
 * @param {number} port
 */
export const serve = (system, port) => {
  let stream = new Stream();
  /** Since `watchLoop`. */
  const delay = monitorEventLoopDelay({ resolution: 1 });
  answerRequests({
    broadcast: (args) => broadcast(system, args),
    toEach: (args) => toEach(system, args),
    stream(args) {
      stream = new Stream();
      return stream.run(system, number(args, 'ms'), number(args, 'bytes'));
    },
    seen: (args) => stream.seen(number(args, 'rounds')),
    steady: (args) => steady(system, args),
    watchLoop() {
      delay.reset();
      delay.enable();
    },
    loopDelay() {
      delay.disable();
      return { p99: delay.percentile(99) / 1e6, max: delay.max / 1e6 };
    },
    counts: () => ({ members: system.members(), counted: system.counted(), evicted: system.evicted() }),
    async joinCluster(args) {
      if (!system.joinCluster) throw new Error('this system has no cluster');
      await system.joinCluster(text(args, 'url'));
    },
    cpu: () => process.cpuUsage(),
    usage: () => usage(system),
  });
  writeLine({ ready: true, port });
};

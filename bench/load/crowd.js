// Many clients of one server, and what has come to them.
import { Client } from './client.js';
import { dialects } from './dialects.js';

/** So many shake hands at once. */
const atOnce = 200;
/** Whatever has not come after so many milliseconds in which nothing came does not come any more. */
const patience = 2_000;

/**
 * @param {() => boolean} isThere
 * @param {() => number} progress
 * @param {number} idle milliseconds without progress
 */
const until = async (isThere, progress, idle) => {
  let last = progress();
  let since = performance.now();
  while (!isThere()) {
    await new Promise((resolve) => setTimeout(resolve, 1));
    const now = progress();
    if (now !== last) {
      last = now;
      since = performance.now();
    } else if (performance.now() - since > idle) return;
  }
};

/**
 * Does something for each of so many, some at once.
 *
 * @param {number} count
 * @param {(index: number) => Promise<void>} work
 */
const severally = async (count, work) => {
  let next = 0;
  const goOn = async () => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: atOnce }, goOn));
};

/**
 * The rooms of one client: different ones, and in the end about as many clients in each.
 *
 * @param {number} index
 * @param {number} rooms
 * @param {number} among
 */
const roomsOf = (index, rooms, among) => Array.from({ length: rooms }, (_, at) => `r${(index * 61 + at * 17) % among}`);

export class Crowd {
  /** @type {Client[]} */
  clients = [];
  #isAwake = false;

  /**
   * @param {string} dialect
   * @param {number} port
   */
  constructor(dialect, port) {
    const known = dialects[dialect];
    if (!known) throw new Error(`there is no dialect "${dialect}"`);
    this.dialect = known;
    this.port = port;
  }

  /**
   * @param {number} count
   * @param {number} rooms of each
   * @param {number} among how many there are
   */
  async enter(count, rooms, among) {
    await severally(count, async (index) => {
      this.clients.push(await this.admit(roomsOf(index, rooms, among)));
    });
  }

  /** One who comes in, and is nobody of the crowd. @param {readonly string[]} rooms */
  async admit(rooms) {
    const client = new Client(this.port, this.dialect.path);
    await client.upgraded;
    await this.dialect.enter(client);
    await this.dialect.join(client, rooms);
    client.entered();
    return client;
  }

  /** @param {number} count of those who came last */
  async leave(count) {
    const leaving = this.clients.splice(this.clients.length - count);
    for (let at = 0; at < leaving.length; at += atOnce) {
      const some = leaving.slice(at, at + atOnce);
      for (const client of some) client.goodbye();
      await Promise.all(some.map(({ closed }) => closed));
    }
  }

  get count() {
    let sum = 0;
    for (const { count } of this.clients) sum += count;
    return sum;
  }

  reset() {
    for (const client of this.clients) client.count = 0;
  }

  /**
   * Does not sleep until what is expected has come. To wake a process that sleeps is work for whoever sends to it, and
   * how often that happens would depend on how busy the clients are, and not on the server.
   */
  stayAwake() {
    if (this.#isAwake) return;
    this.#isAwake = true;
    const goOn = () => {
      if (this.#isAwake) setImmediate(goOn);
    };
    goOn();
  }

  /** The messages that everybody has. */
  get complete() {
    let least = Number.POSITIVE_INFINITY;
    for (const { count } of this.clients) least = Math.min(least, count);
    return least;
  }

  /** Waits for so many messages, or until none has come for a while. @param {number} deliveries */
  async expect(deliveries) {
    const count = () => this.count;
    await until(() => count() >= deliveries, count, patience);
    this.#isAwake = false;
    return this.count;
  }

  /** Everybody says this once. @param {(index: number) => string} textOf */
  speak(textOf) {
    for (const [index, client] of this.clients.entries()) client.say(textOf(index));
  }
}

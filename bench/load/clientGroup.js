// Many clients of one server, and the count of their messages.
import { Client } from './client.js';
import { dialects } from './dialects.js';

/** Default for the maximum number of handshakes at a time. */
export const handshakesAtOnce = 200;
/** Messages count as lost after so many ms without one. */
const idleTimeout = 2_000;

/**
 * Waits until a condition holds, or its progress stops.
 *
 * @param {() => boolean} isDone
 * @param {() => number} progress
 * @param {number} idle maximum time without progress, in ms
 */
const until = async (isDone, progress, idle) => {
  let last = progress();
  let since = performance.now();
  while (!isDone()) {
    await new Promise((resolve) => setTimeout(resolve, 1));
    const now = progress();
    if (now !== last) {
      last = now;
      since = performance.now();
    } else if (performance.now() - since > idle) return;
  }
};

/**
 * Runs `work` for each index, some at a time.
 *
 * @param {number} count
 * @param {number} atOnce
 * @param {(index: number) => Promise<void>} work
 */
const forEachIndex = async (count, atOnce, work) => {
  let next = 0;
  const worker = async () => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
};

/**
 * Returns the rooms of one client. Rooms differ, and have about the same number of clients.
 *
 * @param {number} index
 * @param {number} rooms
 * @param {number} among
 */
const roomsOf = (index, rooms, among) => Array.from({ length: rooms }, (_, at) => `r${(index * 61 + at * 17) % among}`);

/** The clients of one server. */
export class ClientGroup {
  /** @type {Client[]} */
  clients = [];
  #isAwake = false;

  /**
   * @param {string} dialect the protocol of the server
   * @param {number} port
   * @param {boolean} offersDeflate whether its clients offer compression
   */
  constructor(dialect, port, offersDeflate = false) {
    const found = dialects[dialect];
    if (!found) throw new Error(`there is no dialect "${dialect}"`);
    this.dialect = found;
    this.port = port;
    this.offersDeflate = offersDeflate;
  }

  /**
   * Connects clients.
   *
   * @param {number} count
   * @param {number} rooms of each client
   * @param {number} among number of all rooms
   * @param {number} atOnce
   */
  async connect(count, rooms, among, atOnce) {
    await forEachIndex(count, atOnce, async (index) => {
      this.clients.push(await this.connectOne(roomsOf(index, rooms, among)));
    });
  }

  /** Connects a client that does not belong to the group. @param {readonly string[]} rooms */
  async connectOne(rooms) {
    const client = new Client(this.port, this.dialect.path, this.offersDeflate);
    await client.upgraded;
    await this.dialect.connect(client);
    for (const room of rooms) client.send(this.dialect.join(room));
    for (let more = rooms.length; more > 0; more--) await client.waitFor(this.dialect.isJoined);
    client.startCounting();
    return client;
  }

  /**
   * Closes the newest clients.
   *
   * @param {number} count
   * @param {number} atOnce
   */
  async disconnect(count, atOnce) {
    const closing = this.clients.splice(this.clients.length - count);
    await forEachIndex(closing.length, atOnce, async (index) => {
      closing[index]?.close();
      await closing[index]?.closed;
    });
  }

  /** Number of messages that all clients have received. */
  get count() {
    let sum = 0;
    for (const { count } of this.clients) sum += count;
    return sum;
  }

  /** Number of bytes that all clients have received. */
  get received() {
    let sum = 0;
    for (const { socket } of this.clients) sum += socket.bytesRead;
    return sum;
  }

  /** Sets all counts to 0. */
  reset() {
    for (const client of this.clients) client.count = 0;
  }

  /**
   * Keeps this process busy until `rest`, or until the expected messages have arrived. Waking a sleeping process costs the sender
   * processor time. How often that happens would depend on the clients, not on the server.
   */
  stayAwake() {
    if (this.#isAwake) return;
    this.#isAwake = true;
    const spin = () => {
      if (this.#isAwake) setImmediate(spin);
    };
    spin();
  }

  /** Ends `stayAwake`. */
  rest() {
    this.#isAwake = false;
  }

  /** Number of messages that every client has received. */
  get complete() {
    let least = Number.POSITIVE_INFINITY;
    for (const { count } of this.clients) least = Math.min(least, count);
    return least;
  }

  /**
   * Waits for so many messages, or until none arrives for 2 s. Resolves with the number received.
   *
   * @param {number} deliveries
   */
  async expect(deliveries) {
    const count = () => this.count;
    await until(() => count() >= deliveries, count, idleTimeout);
    this.rest();
    return this.count;
  }

  /** Sends one message from every client. @param {(index: number) => string} textOf */
  sendFromAll(textOf) {
    for (const [index, client] of this.clients.entries()) client.send(textOf(index));
  }
}

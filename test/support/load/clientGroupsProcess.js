import { connect } from 'node:net';
import { frame, upgrade } from '../peers/clientFrames.js';

/**
 * Many clients in a process of their own, so that they take no time from the server. They find frames by their headers
 * and read only the beginning of each payload. The parent process sends commands.
 *
 * @typedef {import('./clientGroups.js').GroupCommand} GroupCommand
 * @typedef {import('./clientGroups.js').GroupEvent} GroupEvent
 */

/** The process ends after this, in ms, even if the test has not ended it. */
const lifetime = 300_000;
/** How many connect at the same time. */
const concurrency = 50;
/** How many bytes of a payload are read. */
const headBytes = 96;

const pong = Buffer.from([0x8a, 0x80, 0, 0, 0, 0]);

/** @param {GroupEvent} event */
const send = (event) => {
  if (process.connected) process.send?.(event);
};

const micros = () => Number(process.hrtime.bigint() / 1_000n);

/** One client of a group, and what it has received. */
class Client {
  last = 0;
  isInOrder = true;
  hasEnded = false;
  pings = 0;
  isReady = false;
  #isUpgraded = false;
  /** Of an incomplete frame: its beginning, or how many bytes of its payload are still to come. @type {Buffer} */
  #kept = Buffer.alloc(0);
  #rest = 0;

  /**
   * @param {Group} group
   * @param {number} port
   * @param {string} id
   */
  constructor(group, port, id) {
    this.group = group;
    this.socket = connect(port, '127.0.0.1');
    this.socket.setNoDelay(true);
    this.socket.on('error', () => {});
    this.socket.on('data', (bytes) => this.#read(bytes));
    this.socket.on('close', () => {
      this.hasEnded = true;
      group.review();
    });
    this.socket.write(upgrade(`/?id=${id}`));
  }

  /** @param {Buffer} bytes */
  #read(bytes) {
    const data = this.#kept.length > 0 ? Buffer.concat([this.#kept, bytes]) : bytes;
    this.#kept = Buffer.alloc(0);
    let at = this.#isUpgraded ? 0 : this.#upgrade(data);
    while (at < data.length) {
      if (this.#rest > 0) {
        const more = Math.min(this.#rest, data.length - at);
        this.#rest -= more;
        at += more;
        continue;
      }
      const head = frameAt(data, at);
      if (!head) {
        this.#kept = Buffer.from(data.subarray(at));
        return;
      }
      this.#rest = head.length;
      at += head.size;
      this.#take(head.opcode, data.toString('latin1', at, at + Math.min(head.length, headBytes)));
    }
  }

  /** Returns where the frames begin. @param {Buffer} data */
  #upgrade(data) {
    const end = data.indexOf('\r\n\r\n');
    if (end === -1) {
      this.#kept = data;
      return data.length;
    }
    this.#isUpgraded = true;
    this.socket.write(Buffer.concat([frame('M'), frame('$1;default;;_OnNamespaceConnect;0;0;')]));
    return end + 4;
  }

  /**
   * @param {number} opcode
   * @param {string} text
   */
  #take(opcode, text) {
    if (opcode === 9) {
      this.pings++;
      this.socket.write(pong);
    } else if (text === '$1;;;;;;') {
      this.isReady = true;
      this.group.review();
    } else if (text.startsWith(';default;;news;')) {
      const [, , , , , , number, sentAt] = text.split(';');
      this.isInOrder &&= Number(number) === this.last + 1;
      this.last = Number(number);
      this.group.received(this.last, micros() - Number(sentAt));
    }
  }
}

/**
 * Returns the header of the frame at this offset, once it and the head of the payload have arrived.
 * @param {Buffer} data
 * @param {number} at
 */
const frameAt = (data, at) => {
  const there = data.length - at;
  if (there < 2) return undefined;
  const short = data.readUInt8(at + 1);
  const size = short < 126 ? 2 : short === 126 ? 4 : 10;
  if (there < size) return undefined;
  const length = size === 2 ? short : size === 4 ? data.readUInt16BE(at + 2) : Number(data.readBigUInt64BE(at + 2));
  if (there < size + Math.min(length, headBytes)) return undefined;
  return { opcode: data.readUInt8(at) & 15, size, length };
};

/** A group of clients. */
class Group {
  /** @type {Client[]} */
  clients = [];
  /** @type {number[]} */
  #latencies = [];
  /** Number of a message -> how many clients have received it. @type {Map<number, number>} */
  #counts = new Map();
  #isReady = false;
  #hasEnded = false;

  /**
   * @param {string} name
   * @param {number} port
   * @param {number} count
   */
  constructor(name, port, count) {
    this.name = name;
    this.port = port;
    this.count = count;
    this.review();
  }

  /** Connects more clients, and reports when all are ready or ended. */
  review() {
    const coming = this.clients.filter(({ isReady, hasEnded }) => !isReady && !hasEnded).length;
    for (let more = concurrency - coming; more > 0 && this.clients.length < this.count; more--) {
      this.clients.push(new Client(this, this.port, `${this.name}-${this.clients.length}`));
    }
    const isComplete = this.clients.length === this.count;
    if (!this.#isReady && isComplete && this.clients.every(({ isReady }) => isReady)) {
      this.#isReady = true;
      send({ event: 'ready', group: this.name });
    }
    if (!this.#hasEnded && isComplete && this.clients.every(({ hasEnded }) => hasEnded)) {
      this.#hasEnded = true;
      send({ event: 'ended', group: this.name });
    }
  }

  /**
   * @param {number} number
   * @param {number} latency
   */
  received(number, latency) {
    this.#latencies.push(latency);
    const count = (this.#counts.get(number) ?? 0) + 1;
    this.#counts.set(number, count);
    if (count < this.clients.length) return;
    this.#counts.delete(number);
    send({ event: 'received', group: this.name, number });
  }

  report() {
    const sorted = Float64Array.from(this.#latencies).sort();
    const at = (/** @type {number} */ share) => (sorted[Math.floor((sorted.length - 1) * share)] ?? 0) / 1_000;
    this.#latencies = [];
    const clients = this.clients.map(({ last, isInOrder, hasEnded, pings }) => ({ last, isInOrder, hasEnded, pings }));
    send({ event: 'report', group: this.name, clients, latency: { p50: at(0.5), p99: at(0.99), max: at(1) } });
  }
}

/** @type {Map<string, Group>} */
const groups = new Map();

process.on('message', (/** @type {GroupCommand} */ command) => {
  if (command.command === 'dial') groups.set(command.group, new Group(command.group, command.port, command.count));
  const group = groups.get(command.group);
  if (command.command === 'stall') for (const { socket } of group?.clients ?? []) socket.pause();
  if (command.command === 'resume') for (const { socket } of group?.clients ?? []) socket.resume();
  if (command.command === 'report') group?.report();
});
process.on('disconnect', () => process.exit());
setTimeout(() => process.exit(1), lifetime);

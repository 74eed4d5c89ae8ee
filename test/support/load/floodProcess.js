import { connect } from 'node:net';
import { crc32 } from 'node:zlib';
import { frame, upgrade } from '../peers/clientFrames.js';

/**
 * Clients in a process of their own for whom it is enough to know which bytes they were sent: how many, and their
 * checksum. Told what to do by the process that has started it, and what they are by its arguments.
 *
 * @typedef {{ readonly bytes: number, readonly checksum: number, readonly hasEnded: boolean }} Sighting
 * @typedef {'flood' | 'quiet' | 'ask' | 'report'} FloodOrder
 */

const [port = '', count = '', event = '', bodyBytes = ''] = process.argv.slice(2);
/** No flood outlives this, whatever becomes of the test. */
const longest = 120_000;
const atOnce = 50;
/** Between two asks of the same client. */
const askEvery = 50;
/** Nobody keeps what is read, so that all read into the same bytes. */
const shared = Buffer.allocUnsafe(256 * 1_024);

const said = frame(`;default;;${event};0;0;${'x'.repeat(Number(bodyBytes))}`);
const asked = frame('$9;default;;ping;0;0;');

class Client {
  bytes = 0;
  checksum = 0;
  hasEnded = false;
  isQuiet = false;
  #isIn = false;
  #begun = '';
  /** @type {(() => void) | undefined} */
  #onAnswer;

  /** @param {() => void} onIn */
  constructor(onIn) {
    this.onIn = onIn;
    this.socket = connect({
      port: Number(port),
      host: '127.0.0.1',
      onread: { buffer: shared, callback: (size) => this.#read(shared.subarray(0, size)) },
    });
    this.socket.on('error', () => {});
    this.socket.on('close', () => {
      this.hasEnded = true;
    });
    this.socket.write(upgrade());
    this.socket.write(frame('M'));
    this.socket.write(frame('$1;default;;_OnNamespaceConnect;0;0;'));
  }

  /** Says it again and again, as fast as it leaves. */
  flood() {
    const goOn = () => {
      while (!this.isQuiet && !this.hasEnded && this.socket.write(said));
    };
    this.socket.on('drain', goOn);
    goOn();
  }

  /** @returns {Promise<number>} the milliseconds until it is answered */
  ask() {
    const began = performance.now();
    return new Promise((resolve) => {
      this.#onAnswer = () => resolve(performance.now() - began);
      this.socket.write(asked);
    });
  }

  /** @param {Buffer} bytes */
  #read(bytes) {
    if (this.#isIn) {
      this.bytes += bytes.length;
      this.checksum = crc32(bytes, this.checksum);
      if (this.#onAnswer && bytes.includes('$9;')) this.#onAnswer();
      return true;
    }
    this.#begun += bytes.toString('latin1');
    if (!this.#begun.endsWith('$1;;;;;;')) return true;
    this.#isIn = true;
    this.#begun = '';
    this.onIn();
    return true;
  }
}

/** @type {Client[]} */
const clients = [];

const fill = () => {
  if (clients.length < Number(count)) clients.push(new Client(fill));
  else if (++late === atOnce) process.send?.('ready');
};
let late = 0;

/** @type {number[]} */
const latencies = [];

const askOnAndOn = async () => {
  const [client] = clients;
  if (!client) return;
  latencies.push(await client.ask());
  if (client.isQuiet) process.send?.({ latencies });
  else setTimeout(askOnAndOn, askEvery);
};

process.on('message', (/** @type {FloodOrder} */ order) => {
  if (order === 'flood') for (const client of clients) client.flood();
  if (order === 'quiet') for (const client of clients) client.isQuiet = true;
  if (order === 'ask') void askOnAndOn();
  if (order === 'report') {
    process.send?.({ sightings: clients.map(({ bytes, checksum, hasEnded }) => ({ bytes, checksum, hasEnded })) });
  }
});
process.on('disconnect', () => process.exit());
setTimeout(() => process.exit(1), longest);
for (let more = atOnce; more > 0; more--) fill();

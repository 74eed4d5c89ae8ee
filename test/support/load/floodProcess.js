import { connect } from 'node:net';
import { crc32 } from 'node:zlib';
import { frame, upgrade } from '../peers/clientFrames.js';

/**
 * Clients in a process of their own that count the bytes they receive, and their checksum. The arguments configure
 * them; the parent process sends commands.
 *
 * @typedef {{ readonly bytes: number, readonly checksum: number, readonly hasEnded: boolean }} ClientSummary
 * @typedef {'flood' | 'quiet' | 'ask' | 'report'} FloodCommand
 */

const [port = '', count = '', event = '', bodyBytes = ''] = process.argv.slice(2);
/** The process ends after this, in ms, even if the test has not ended it. */
const lifetime = 300_000;
const concurrency = 50;
/** Time between two asks of the same client, in ms. */
const askInterval = 50;
/** All clients read into these bytes, as none keeps them. */
const shared = Buffer.allocUnsafe(256 * 1_024);

const eventFrame = frame(`;default;;${event};0;0;${'x'.repeat(Number(bodyBytes))}`);
const askFrame = frame('$9;default;;ping;0;0;');

class Client {
  bytes = 0;
  checksum = 0;
  hasEnded = false;
  isQuiet = false;
  #isConnected = false;
  #handshake = '';
  /** @type {(() => void) | undefined} */
  #onReply;

  /** @param {() => void} onConnected */
  constructor(onConnected) {
    this.onConnected = onConnected;
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

  /** Sends the event as fast as the socket takes it. */
  flood() {
    const goOn = () => {
      while (!this.isQuiet && !this.hasEnded && this.socket.write(eventFrame));
    };
    this.socket.on('drain', goOn);
    goOn();
  }

  /** @returns {Promise<number>} the time to the reply, in ms */
  ask() {
    const began = performance.now();
    return new Promise((resolve) => {
      this.#onReply = () => resolve(performance.now() - began);
      this.socket.write(askFrame);
    });
  }

  /** @param {Buffer} bytes */
  #read(bytes) {
    if (this.#isConnected) {
      this.bytes += bytes.length;
      this.checksum = crc32(bytes, this.checksum);
      if (this.#onReply && bytes.includes('$9;')) this.#onReply();
      return true;
    }
    this.#handshake += bytes.toString('latin1');
    if (!this.#handshake.endsWith('$1;;;;;;')) return true;
    this.#isConnected = true;
    this.#handshake = '';
    this.onConnected();
    return true;
  }
}

/** @type {Client[]} */
const clients = [];

const fill = () => {
  if (clients.length < Number(count)) clients.push(new Client(fill));
  else if (++filled === concurrency) process.send?.('ready');
};
let filled = 0;

/** @type {number[]} */
const latencies = [];

const askRepeatedly = async () => {
  const [client] = clients;
  if (!client) return;
  latencies.push(await client.ask());
  if (client.isQuiet) process.send?.({ latencies });
  else setTimeout(askRepeatedly, askInterval);
};

process.on('message', (/** @type {FloodCommand} */ command) => {
  if (command === 'flood') for (const client of clients) client.flood();
  if (command === 'quiet') for (const client of clients) client.isQuiet = true;
  if (command === 'ask') void askRepeatedly();
  if (command === 'report') {
    process.send?.({ summaries: clients.map(({ bytes, checksum, hasEnded }) => ({ bytes, checksum, hasEnded })) });
  }
});
process.on('disconnect', () => process.exit());
setTimeout(() => process.exit(1), lifetime);
for (let more = concurrency; more > 0; more--) fill();

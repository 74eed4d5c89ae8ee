// One client, as cheap as possible: a socket, and a count of received messages.
import { connect } from 'node:net';
import { clientFrame, FrameReader } from './frames.js';

const textOpcode = 1;
const closeOpcode = 8;
const pingOpcode = 9;
const pongOpcode = 10;
/** Ping and pong of Engine.IO, which are messages of one character. */
const enginePing = '2';
const enginePong = clientFrame('3');
const engineLength = 1;
/** A close frame with code 1000. */
const normalClosure = clientFrame(Buffer.from([0x03, 0xe8]), closeOpcode);

/** The read buffer of all clients, which copy what they keep. */
const readBuffer = Buffer.allocUnsafe(256 * 1_024);

export class Client {
  /** Number of data messages received since `startCounting`. */
  count = 0;
  isOpen = false;
  /** The received part of the upgrade's response; `undefined` once it is complete. @type {string | undefined} */
  #response = '';
  #onUpgraded = () => {};
  /** Resolves once the upgrade is complete, or the socket closed. Servers accept no frame before. */
  upgraded = new Promise((resolve) => {
    this.#onUpgraded = () => resolve(undefined);
  });
  #reader = new FrameReader((opcode, length, payload) => this.#frame(opcode, length, payload));
  /** @type {string[]} */
  #received = [];
  /** @type {{ matches: (text: string) => boolean, resolve: () => void, reject: (error: Error) => void } | undefined} */
  #waiting;
  /**
   * Called with each data message, and with as much of its payload as is kept.
   *
   * @type {((payload: Buffer | undefined) => void) | undefined}
   */
  onMessage;

  /**
   * @param {number} port
   * @param {string} path
   * @param {boolean} offersDeflate whether it offers compression. It counts compressed messages, and reads none
   */
  constructor(port, path, offersDeflate = false) {
    this.socket = connect({
      port,
      host: '127.0.0.1',
      noDelay: true,
      onread: {
        buffer: readBuffer,
        callback: (size, bytes) => this.#read(Buffer.from(bytes.buffer, bytes.byteOffset, size)),
      },
    });
    this.socket.on('error', () => {});
    this.closed = new Promise((resolve) =>
      this.socket.once('close', () => {
        this.isOpen = false;
        this.#waiting?.reject(new Error('the connection closed'));
        this.#onUpgraded();
        resolve(undefined);
      }),
    );
    this.socket.write(
      [
        `GET ${path} HTTP/1.1`,
        `Host: 127.0.0.1:${port}`,
        'Connection: Upgrade',
        'Upgrade: websocket',
        'Sec-WebSocket-Version: 13',
        'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
        ...(offersDeflate ? ['Sec-WebSocket-Extensions: permessage-deflate'] : []),
        '\r\n',
      ].join('\r\n'),
    );
  }

  /** Sends a text frame. @param {string} text */
  send(text) {
    this.socket.write(clientFrame(text));
  }

  /** Sends what `work` sends in one write. @param {() => void} work */
  together(work) {
    this.socket.cork();
    work();
    this.socket.uncork();
  }

  /** How much of each payload to keep, in bytes. @param {number} keeps */
  set keeps(keeps) {
    this.#reader.keeps = keeps;
  }

  /**
   * Waits for a message that matches. Drops those before it.
   *
   * @param {(text: string) => boolean} matches
   * @returns {Promise<void>}
   */
  waitFor(matches) {
    return new Promise((resolve, reject) => {
      if (this.socket.destroyed) return reject(new Error('the connection is closed'));
      this.#waiting = { matches, resolve, reject };
      this.#match();
    });
  }

  /** Ends the handshake. From now on messages are counted and passed to `onMessage`. */
  startCounting() {
    this.isOpen = true;
    this.count = 0;
    this.#received = [];
    this.#reader.keeps = 0;
  }

  /** Sends a close frame. As in a browser, the server ends the connection. */
  close() {
    this.socket.write(normalClosure);
  }

  /** @param {Buffer} bytes */
  #read(bytes) {
    if (this.#response === undefined) this.together(() => this.#reader.take(bytes));
    else this.#readResponse(this.#response + bytes.toString('latin1'));
    return true;
  }

  /** @param {string} response */
  #readResponse(response) {
    this.#response = response;
    const end = response.indexOf('\r\n\r\n');
    if (end === -1) return;
    if (!response.startsWith('HTTP/1.1 101')) {
      this.socket.destroy();
      return;
    }
    this.#response = undefined;
    this.#onUpgraded();
    this.#reader.take(Buffer.from(response.slice(end + 4), 'latin1'));
  }

  /**
   * @param {number} opcode
   * @param {number} length
   * @param {Buffer | undefined} payload
   */
  #frame(opcode, length, payload) {
    if (opcode === pingOpcode) return void this.socket.write(clientFrame(payload ?? Buffer.alloc(0), pongOpcode));
    if (opcode === closeOpcode) return void this.socket.end();
    if (opcode > 2) return undefined;
    // No other message of a row is as short.
    if (opcode === textOpcode && length === engineLength && (this.isOpen || String(payload) === enginePing)) {
      return void this.socket.write(enginePong);
    }
    if (this.isOpen) {
      this.count++;
      this.onMessage?.(payload);
      return undefined;
    }
    this.#received.push(String(payload));
    return this.#match();
  }

  #match() {
    const waiting = this.#waiting;
    if (!waiting) return;
    for (let text = this.#received.shift(); text !== undefined; text = this.#received.shift()) {
      if (!waiting.matches(text)) continue;
      this.#waiting = undefined;
      waiting.resolve();
      return;
    }
  }
}

// One client, as cheap as can be: a socket, and a count of the messages that have come.
import { connect } from 'node:net';
import { clientFrame, FrameReader } from './frames.js';

const textOpcode = 1;
const closeOpcode = 8;
const pingOpcode = 9;
const pongOpcode = 10;
/** Engine.IO's own ping and pong, which are messages of one letter. */
const engineHello = '2';
const engineAnswer = clientFrame('3');
const engineLength = 1;

/** All read into the same bytes, as nobody keeps them. */
const shared = Buffer.allocUnsafe(256 * 1_024);

export class Client {
  /** Data messages that have come. */
  count = 0;
  isOpen = false;
  /** The answer to the upgrade, as far as it has come; nothing any more once it is whole. @type {string | undefined} */
  #answer = '';
  #onUpgraded = () => {};
  /** Resolves when the server has shaken hands: it wants to hear nothing earlier. */
  upgraded = new Promise((resolve) => {
    this.#onUpgraded = () => resolve(undefined);
  });
  #reader = new FrameReader((opcode, length, payload) => this.#frame(opcode, length, payload));
  /** @type {string[]} */
  #heard = [];
  /** @type {{ matches: (text: string) => boolean, resolve: () => void, reject: (error: Error) => void } | undefined} */
  #waiting;
  /** Told of each data message; with its payload, if that is kept. @type {((payload: Buffer | undefined) => void) | undefined} */
  onMessage;

  /**
   * @param {number} port
   * @param {string} path
   */
  constructor(port, path) {
    this.socket = connect({
      port,
      host: '127.0.0.1',
      noDelay: true,
      onread: {
        buffer: shared,
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
        '\r\n',
      ].join('\r\n'),
    );
  }

  /** @param {string} text */
  say(text) {
    this.socket.write(clientFrame(text));
  }

  /** How much of each message is told. @param {number} keeps bytes */
  set keeps(keeps) {
    this.#reader.keeps = keeps;
  }

  /**
   * Waits for a message; others before it are passed over.
   *
   * @param {(text: string) => boolean} matches
   * @returns {Promise<void>}
   */
  hear(matches) {
    return new Promise((resolve, reject) => {
      if (this.socket.destroyed) return reject(new Error('the connection is closed'));
      this.#waiting = { matches, resolve, reject };
      this.#offer();
    });
  }

  /** The first part is over: from now on messages are told or counted. */
  entered() {
    this.isOpen = true;
    this.count = 0;
    this.#heard = [];
    this.#reader.keeps = 0;
  }

  goodbye() {
    this.socket.end(clientFrame(Buffer.from([0x03, 0xe8]), closeOpcode));
  }

  /** @param {Buffer} bytes */
  #read(bytes) {
    if (this.#answer === undefined) this.#reader.take(bytes);
    else this.#readAnswer(this.#answer + bytes.toString('latin1'));
    return true;
  }

  /** @param {string} answer */
  #readAnswer(answer) {
    this.#answer = answer;
    const end = answer.indexOf('\r\n\r\n');
    if (end === -1) return;
    if (!answer.startsWith('HTTP/1.1 101')) {
      this.socket.destroy();
      return;
    }
    this.#answer = undefined;
    this.#onUpgraded();
    this.#reader.take(Buffer.from(answer.slice(end + 4), 'latin1'));
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
    // Nothing else that is sent here is as short.
    if (opcode === textOpcode && length === engineLength && (this.isOpen || String(payload) === engineHello)) {
      return void this.socket.write(engineAnswer);
    }
    if (this.isOpen) {
      this.count++;
      this.onMessage?.(payload);
      return undefined;
    }
    this.#heard.push(String(payload));
    return this.#offer();
  }

  #offer() {
    const waiting = this.#waiting;
    if (!waiting) return;
    for (let text = this.#heard.shift(); text !== undefined; text = this.#heard.shift()) {
      if (!waiting.matches(text)) continue;
      this.#waiting = undefined;
      waiting.resolve();
      return;
    }
  }
}

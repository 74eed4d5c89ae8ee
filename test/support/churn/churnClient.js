// One cheap client of the churn: a socket, a parser that knows just what the churn's server sends, and what it saw.

import { connect } from 'node:net';
import { frame, upgrade } from '../peers/clientFrames.js';

/** @typedef {import('../history/history.js').LineEnd} LineEnd */
/** @typedef {{ readonly port: number, readonly number: number, readonly user: number }} Dialled */
/** @typedef {{ opened(line: ChurnLine): void, answered(line: ChurnLine, token: string): void, over(line: ChurnLine): void }} Host */

/** A broadcast, and one to a room, begin so; what follows is the number. */
const spoken = ';n;;e;0;0;'.length;
const spokenInRoom = ';n;r00;e;0;0;'.length;
/** Digits of a number in a body. */
const digits = 8;
/** So much of a frame says all there is to know of it. */
const telling = spokenInRoom + digits;
const firstAnswer = 2 ** 31;

const semicolon = 0x3b;
const textFrame = 0x81;
const closeFrame = 0x88;
const pingFrame = 0x89;

/** What is read goes into one buffer for all, and is used up at once. */
const buffer = Buffer.alloc(65_536);
/** Tables of the long kind are rare: most connections see some thousand numbers. */
const firstRoom = 1_024;

const goodbye = Buffer.from([0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe8]);
const goodbyeToo = Buffer.from([0x88, 0x82, 0, 0, 0, 0, 0x0f, 0xa0]);

export class ChurnLine {
  /** @type {'dialling' | 'shaking' | 'open' | 'over'} */
  phase = 'dialling';
  /** @type {LineEnd} */
  end = 'open';
  /** Why it has been ended by this side because of what came. @type {string | undefined} */
  complaint;
  isConnected = false;
  /** @type {Set<string>} */
  rooms = new Set();
  /** The token of the step that has not been answered. @type {string | undefined} */
  pending;
  #seen = new Uint32Array(firstRoom);
  #count = 0;
  #answers = 0;
  #tokens = 0;
  /** The beginning of a frame whose telling part is not all there. @type {Buffer | undefined} */
  #rest;
  /** Bytes of a long frame that are still to come, and its number. */
  #skip = 0;
  #skipped = 0;
  #isPaused = false;

  /**
   * @param {Dialled} dialled
   * @param {Host} host
   */
  constructor({ port, number, user }, host) {
    this.number = number;
    this.host = host;
    this.socket = connect({
      port,
      host: '127.0.0.1',
      onread: {
        buffer,
        callback: (length) => {
          this.#take(buffer.subarray(0, length));
          return !this.#isPaused;
        },
      },
    });
    this.socket.on('error', () => {});
    this.socket.on('close', () => {
      if (this.end === 'open') this.end = 'ended';
      this.phase = 'over';
      host.over(this);
    });
    this.socket.write(upgrade(`/?id=u${user}&n=${number}`));
    this.socket.write(frame('M'));
  }

  /** What it saw, in order. */
  get seen() {
    return this.#seen.subarray(0, this.#count);
  }
  get isIdle() {
    return this.phase === 'open' && this.end === 'open' && this.pending === undefined && !this.#isPaused;
  }

  /**
   * Asks the server for a step; the answer is one of those that are counted.
   *
   * @param {string} event
   * @param {string} room
   */
  ask(event, room = '') {
    this.pending = `$${this.#tokens++}`;
    this.socket.write(frame(`${this.pending};n;${room};${event};0;0;`));
  }

  /** @param {string} event */
  say(event) {
    this.socket.write(frame(`;n;;${event};0;0;`));
  }

  /** The client's close frame; what still comes is read to the end. */
  leave() {
    this.end = 'left';
    this.socket.write(goodbye);
  }

  /** @param {boolean} isHard whether not even a last packet says so */
  cut(isHard) {
    this.end = 'left';
    if (isHard) this.socket.resetAndDestroy();
    else this.socket.destroy();
  }

  pause() {
    this.#isPaused = true;
    this.socket.pause();
  }
  resume() {
    this.#isPaused = false;
    if (this.phase !== 'over') this.socket.resume();
  }

  /** @param {number} number */
  #note(number) {
    if (this.#count === this.#seen.length) {
      const wider = new Uint32Array(this.#count * 2);
      wider.set(this.#seen);
      this.#seen = wider;
    }
    this.#seen[this.#count++] = number;
  }

  /** @param {string} why */
  #complain(why) {
    this.complaint ??= why;
    this.cut(false);
  }

  /** @param {Buffer} chunk */
  #take(chunk) {
    let bytes = chunk;
    if (this.#rest) {
      bytes = Buffer.concat([this.#rest, chunk]);
      this.#rest = undefined;
    }
    let at = 0;
    if (this.phase === 'dialling') {
      const over = bytes.indexOf('\r\n\r\n');
      if (over === -1) {
        this.#rest = Buffer.from(bytes);
        return;
      }
      this.phase = 'shaking';
      at = over + 4;
    }
    if (this.#skip > 0) {
      const skipping = Math.min(this.#skip, bytes.length - at);
      this.#skip -= skipping;
      at += skipping;
      if (this.#skip === 0) this.#note(this.#skipped);
    }
    while (at < bytes.length) {
      const next = this.#frame(bytes, at);
      if (next === at) {
        this.#rest = Buffer.from(bytes.subarray(at));
        return;
      }
      at = next;
    }
  }

  /**
   * Takes one frame, or none when too little of it is there; says where the next one begins.
   *
   * @param {Buffer} bytes
   * @param {number} at
   */
  #frame(bytes, at) {
    const left = bytes.length - at;
    if (left < 2) return at;
    let length = bytes[at + 1] ?? 0;
    let head = 2;
    if (length === 126) {
      if (left < 4) return at;
      length = bytes.readUInt16BE(at + 2);
      head = 4;
    } else if (length === 127) {
      if (left < 10) return at;
      length = bytes.readUInt32BE(at + 6);
      head = 10;
    }
    const payload = at + head;
    const end = payload + length;
    const isSpoken = bytes[at] === textFrame && left > head && bytes[payload] === semicolon;
    if (!isSpoken) {
      if (end > bytes.length) return at;
      this.#other(bytes[at] ?? 0, bytes.toString('latin1', payload, end));
      return end;
    }
    if (left < head + Math.min(telling, length)) return at;
    const number = this.#numberAt(bytes, payload + (bytes[payload + 3] === semicolon ? spoken : spokenInRoom));
    if (end <= bytes.length) {
      this.#note(number);
      return end;
    }
    this.#skip = end - bytes.length;
    this.#skipped = number;
    return bytes.length;
  }

  /**
   * @param {Buffer} bytes
   * @param {number} at
   */
  #numberAt(bytes, at) {
    let number = 0;
    for (let digit = 0; digit < digits; digit++) {
      const value = (bytes[at + digit] ?? 0) - 0x30;
      if (value < 0 || value > 9) this.#complain(`no number at ${bytes.toString('latin1', at - 13, at + digits)}`);
      number = number * 10 + value;
    }
    return number;
  }

  /**
   * Whatever is not spoken to many.
   *
   * @param {number} kind
   * @param {string} text
   */
  #other(kind, text) {
    if (kind === closeFrame) {
      if (this.end !== 'open') return;
      this.end = 'ended';
      this.socket.end(goodbyeToo);
    } else if (kind === pingFrame) {
      this.socket.write(frame(text, { opcode: 10 }));
    } else if (kind !== textFrame) {
      this.#complain(`a frame of kind ${kind} came`);
    } else if (this.phase === 'shaking') {
      if (!text.startsWith('A')) this.#complain(`A was due, ${text} came`);
      this.phase = 'open';
      this.host.opened(this);
    } else if (text.startsWith('$')) {
      this.#answer(text);
    } else {
      this.#obey(text);
    }
  }

  /** @param {string} text */
  #answer(text) {
    const [token = '', , , , isError, , body] = text.split(';');
    if (token !== this.pending) this.#complain(`an answer to ${this.pending} was due, ${text} came`);
    // A reply carries a number, and a step that was answered counts; a refusal is of no account.
    const number = body ? Number(body) : firstAnswer + this.#answers++;
    if (isError !== '1') this.#note(number);
    this.pending = undefined;
    this.host.answered(this, token);
  }

  /**
   * The server asks into a room, or out of one.
   *
   * @param {string} text
   */
  #obey(text) {
    const [token = '', , room = '', event] = text.split(';');
    if (event === '_OnRoomJoin') this.rooms.add(room);
    else if (event === '_OnRoomLeave') this.rooms.delete(room);
    else this.#complain(`nothing of the kind was due: ${text}`);
    this.socket.write(frame(`${token};;;;;;`));
  }
}

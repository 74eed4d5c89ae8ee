// One cheap client of the churn: a socket, a parser for exactly what the churn's server sends, and the numbers received.

import { connect } from 'node:net';
import { frame, upgrade } from '../peers/clientFrames.js';

/** @typedef {import('../history/history.js').ConnectionEnd} LineEnd */
/** @typedef {{ readonly port: number, readonly number: number, readonly user: number }} Target */
/** @typedef {{ opened(line: ChurnClient): void, answered(line: ChurnClient, token: string): void, over(line: ChurnClient): void }} Host */

/** A broadcast to the namespace, and one to a room, begin like this. The number follows. */
const namespaceHead = ';n;;e;0;0;'.length;
const roomHead = ';n;r00;e;0;0;'.length;
/** Digits of a number in a body. */
const digits = 8;
/** This much of a frame contains its number. */
const headLength = roomHead + digits;
const firstReply = 2 ** 31;

const semicolon = 0x3b;
const textFrame = 0x81;
const closeFrame = 0x88;
const pingFrame = 0x89;

/** All clients read into one buffer, and use it up at once. */
const buffer = Buffer.alloc(65_536);
/** Most connections receive a few thousand numbers. */
const initialCapacity = 1_024;

const closeFrame1000 = Buffer.from([0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe8]);
const closeFrame4000 = Buffer.from([0x88, 0x82, 0, 0, 0, 0, 0x0f, 0xa0]);

export class ChurnClient {
  /** @type {'dialling' | 'handshaking' | 'open' | 'over'} */
  phase = 'dialling';
  /** @type {LineEnd} */
  end = 'open';
  /** The first frame that the server must not send. @type {string | undefined} */
  violation;
  isConnected = false;
  /** @type {Set<string>} */
  rooms = new Set();
  /** The token of the ask that has no reply. @type {string | undefined} */
  pending;
  #received = new Uint32Array(initialCapacity);
  #count = 0;
  #replies = 0;
  #tokens = 0;
  /** The beginning of a frame whose head is incomplete. @type {Buffer | undefined} */
  #rest;
  /** How many bytes of a long frame are still to come, and its number. */
  #skip = 0;
  #skipped = 0;
  #isPaused = false;

  /**
   * @param {Target} dialled
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

  /** The numbers that it has received, in order. */
  get received() {
    return this.#received.subarray(0, this.#count);
  }
  get isIdle() {
    return this.phase === 'open' && this.end === 'open' && this.pending === undefined && !this.#isPaused;
  }

  /**
   * Sends an ask. Its reply is counted.
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

  /** Sends a close frame, and reads what still arrives. */
  leave() {
    this.end = 'left';
    this.socket.write(closeFrame1000);
  }

  /** @param {boolean} isHard whether to reset the socket instead of ending it */
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
    if (this.#count === this.#received.length) {
      const wider = new Uint32Array(this.#count * 2);
      wider.set(this.#received);
      this.#received = wider;
    }
    this.#received[this.#count++] = number;
  }

  /** @param {string} why */
  #violate(why) {
    this.violation ??= why;
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
      this.phase = 'handshaking';
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
   * Takes one frame, or none if too little of it has arrived. Returns where the next one begins.
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
    const isBroadcast = bytes[at] === textFrame && left > head && bytes[payload] === semicolon;
    if (!isBroadcast) {
      if (end > bytes.length) return at;
      this.#other(bytes[at] ?? 0, bytes.toString('latin1', payload, end));
      return end;
    }
    if (left < head + Math.min(headLength, length)) return at;
    const number = this.#numberAt(bytes, payload + (bytes[payload + 3] === semicolon ? namespaceHead : roomHead));
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
      if (value < 0 || value > 9) this.#violate(`no number at ${bytes.toString('latin1', at - 13, at + digits)}`);
      number = number * 10 + value;
    }
    return number;
  }

  /**
   * Takes a frame that is no broadcast.
   *
   * @param {number} kind
   * @param {string} text
   */
  #other(kind, text) {
    if (kind === closeFrame) {
      if (this.end !== 'open') return;
      this.end = 'ended';
      this.socket.end(closeFrame4000);
    } else if (kind === pingFrame) {
      this.socket.write(frame(text, { opcode: 10 }));
    } else if (kind !== textFrame) {
      this.#violate(`unexpected frame of kind ${kind}`);
    } else if (this.phase === 'handshaking') {
      if (!text.startsWith('A')) this.#violate(`expected A, got ${text}`);
      this.phase = 'open';
      this.host.opened(this);
    } else if (text.startsWith('$')) {
      this.#takeReply(text);
    } else {
      this.#answerServer(text);
    }
  }

  /** @param {string} text */
  #takeReply(text) {
    const [token = '', , , , isError, , body] = text.split(';');
    if (token !== this.pending) this.#violate(`expected a reply to ${this.pending}, got ${text}`);
    // A reply carries a number; the answer to a step is counted; a refusal is neither.
    const number = body ? Number(body) : firstReply + this.#replies++;
    if (isError !== '1') this.#note(number);
    this.pending = undefined;
    this.host.answered(this, token);
  }

  /**
   * Answers the server's ask to join or leave a room.
   *
   * @param {string} text
   */
  #answerServer(text) {
    const [token = '', , room = '', event] = text.split(';');
    if (event === '_OnRoomJoin') this.rooms.add(room);
    else if (event === '_OnRoomLeave') this.rooms.delete(room);
    else this.#violate(`unexpected ask: ${text}`);
    this.socket.write(frame(`${token};;;;;;`));
  }
}

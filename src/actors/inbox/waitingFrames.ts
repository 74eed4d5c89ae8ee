import { copyBelow } from '../../protocol/codec.js';
import type { Body } from '../../protocol/message.js';

/** Size in bytes of the first buffer of a queue. */
const firstBuffer = 1024;
/** Maximum number of buffers that are kept for later queues. */
const maxSpare = 64;

/** How a message is kept. It stands in the upper two bits of the byte before a message, its length in the others. */
type Kind = 0 | 1 | 2;
const text: Kind = 0;
const binary: Kind = 1;
const alone: Kind = 2;
const kindShift = 6;
/** Says that the length follows, in two bytes. */
const isLong = 63;

/** A message that is kept by itself: a string, or many bytes. */
interface Alone {
  readonly data: Body;
  readonly isText: boolean;
}

const nothing = new Uint8Array(0);

/** Buffers that no queue uses now. */
const spare: Buffer[] = [];

/**
 * The received messages of one connection that wait, undecoded. Small ones are copied into one buffer, with one or three
 * bytes before each, so that they take about as much memory as on the wire; an object for each would take ten times as
 * much. A queue that is empty has no buffer.
 */
export class WaitingFrames {
  /** Whether the message that was shifted last is text. Its bytes are then valid UTF-8. */
  isText = false;
  #length = 0;
  #buffer: Buffer | undefined;
  /** The part of the buffer that is in use. */
  #from = 0;
  #to = 0;
  #alone: Alone[] = [];

  /** The number of messages that wait. */
  get length(): number {
    return this.#length;
  }

  /** The size of what it keeps them in, in bytes. */
  get memory(): number {
    return this.#alone.reduce((sum, { data }) => sum + data.length, this.#buffer?.length ?? 0);
  }

  /**
   * Appends the message from `start` to `end` of `data`. Copies its bytes: those of a small one lie among the others, and
   * its frame gets a copy. A frame of a larger one has a view of its bytes (FR7), so they are kept by themselves.
   */
  push(data: Body, isText: boolean, start = 0, end = data.length): void {
    this.#length++;
    if (typeof data === 'string') this.#alone.push({ data, isText });
    else if (end - start < copyBelow) return this.#append(data.subarray(start, end), isText ? text : binary);
    else this.#alone.push({ data: Buffer.from(data.subarray(start, end)), isText });
    return this.#append(nothing, alone);
  }

  /** Removes the first message and returns it. Its bytes are valid until the next call of any method. */
  shift(): Body | undefined {
    const buffer = this.#buffer;
    if (this.#length === 0 || !buffer) return undefined;
    this.#length--;
    const head = buffer[this.#from] ?? 0;
    let start = this.#from + 1;
    let length = head & isLong;
    if (length === isLong) {
      length = buffer.readUInt16LE(start);
      start += 2;
    }
    this.#from = start + length;
    const kind = head >> kindShift;
    this.isText = kind === text;
    return kind === alone ? this.#shiftAlone() : buffer.subarray(start, this.#from);
  }

  /** Removes all messages, and gives up the memory. */
  clear(): void {
    const buffer = this.#buffer;
    this.#length = 0;
    this.#from = 0;
    this.#to = 0;
    this.#buffer = undefined;
    if (this.#alone.length > 0) this.#alone = [];
    if (buffer?.length === firstBuffer && spare.length < maxSpare) spare.push(buffer);
  }

  #shiftAlone(): Body | undefined {
    // What stays in the array stays in memory, and a busy queue may never be empty.
    const one = this.#alone.shift();
    this.isText = one?.isText ?? false;
    return one?.data;
  }

  #append(data: Uint8Array, kind: Kind): void {
    const { length } = data;
    const head = length < isLong ? 1 : 3;
    const buffer = this.#withRoom(head + length);
    buffer[this.#to] = (kind << kindShift) | Math.min(length, isLong);
    if (head > 1) buffer.writeUInt16LE(length, this.#to + 1);
    buffer.set(data, this.#to + head);
    this.#to += head + length;
  }

  /** Returns the buffer with room behind what it holds. It is moved to the front, or to a larger buffer. */
  #withRoom(bytes: number): Buffer {
    this.#buffer ??= spare.pop() ?? Buffer.allocUnsafeSlow(firstBuffer);
    const buffer = this.#buffer;
    if (this.#to + bytes <= buffer.length) return buffer;
    const used = this.#to - this.#from;
    const needed = used + bytes;
    let room = buffer;
    if (needed * 2 > buffer.length) {
      room = Buffer.allocUnsafeSlow(Math.max(needed, buffer.length) * 2);
      this.#buffer = room;
    }
    buffer.copy(room, 0, this.#from, this.#to);
    this.#from = 0;
    this.#to = used;
    return room;
  }
}

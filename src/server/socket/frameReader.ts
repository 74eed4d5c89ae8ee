import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import type { Runnable } from '../../actors/runtime/background.js';
import { giveBack, isRead, keepRead, lasting } from './handleReads.js';
import type { ReadContext } from './readBudget.js';
import { cut, frameSize, headerSize, payloadStart, textFrameSize, unmaskText, unusual } from './textFrames.js';
import {
  bytesAwaited,
  hasEnded,
  isBetweenFrames,
  isBetweenMessages,
  takeData,
  takeEnds,
  type WsReceiver,
} from './wsReceiver.js';

/** Number of frames between two looks at the budget, and in the turn of a connection whose bytes wait. */
const framesPerTurn = 32;

/** The socket, as its reader needs it. */
export interface FrameReaderHost {
  /** Whether messages are wanted. */
  readonly isWanted: boolean;
  /**
   * Takes the payload of a text message, from `start` to `end` of the read buffer: valid UTF-8. Returns whether the next
   * may come at once.
   */
  readerOnText(bytes: Buffer, start: number, end: number): boolean;
  /** Called before bytes that wait are parsed: so many messages may come. */
  readerOnSlice(frames: number): void;
  /** Called after that. */
  readerOnSliceEnd(): void;
  /** Called when a part of the bytes that waited has been parsed. */
  readerOnProgress(): void;
}

/**
 * Parses the bytes of one socket. Whole text messages it parses itself, in the read buffer. Every other frame it passes
 * on to `ws`, which emits what it finds. Bytes that cannot be handled now wait here as they are (LM9).
 */
export class FrameReader implements Runnable {
  /** The beginning of a text message that the last read has cut. */
  #cut: Uint8Array | undefined;
  /** Bytes that were read and wait to be parsed, from `#at` on. */
  #rest: Buffer | undefined;
  #at = 0;
  /** Whether bytes are parsed now, and what has come meanwhile: a stream in memory may bring it within a write. */
  #isParsing = false;
  #later: Buffer | undefined;
  /** Whether the socket must not be read until the bytes that wait are parsed. */
  #isBehind = false;
  /** Whether `ws` has nothing of a message, so that the next frame may be parsed here. */
  #isOurs = true;
  /** Whether what is left has to wait for a slice, as the connection has had its messages. */
  #isSated = false;
  /** Whether nothing more is parsed: `ws` has found a close frame or an error, or the server has ended the socket. */
  #isOver = false;
  /** Whether the end of the socket waits for the bytes before it, which nothing holds back any more. */
  #isEnding = false;
  /** What `ws` is told once they are parsed. */
  #endings: (() => void)[] = [];
  #holdsEnds = false;

  private constructor(
    private readonly socket: Duplex,
    private readonly receiver: WsReceiver,
    private readonly host: FrameReaderHost,
    private readonly context: ReadContext,
  ) {}

  /** Returns the reader of a socket, in place of `ws`. Returns `undefined` where `ws` must read it itself. */
  static of(ws: WebSocket, socket: Duplex, host: FrameReaderHost, context: ReadContext): FrameReader | undefined {
    const receiver = takeData(ws, socket);
    return receiver && new FrameReader(socket, receiver, host, context);
  }

  /** Whether a message has begun and is not complete. */
  get isMidMessage(): boolean {
    return this.#cut !== undefined || !(this.#isOver || this.#isOurs || isBetweenMessages(this.receiver));
  }
  /** Whether bytes wait that were read. */
  get isHolding(): boolean {
    return this.#rest !== undefined;
  }
  /** Whether the socket must not be read until the bytes that wait are parsed. */
  get isBehind(): boolean {
    return this.#isBehind;
  }

  /**
   * Takes what was read. Parses it, as far as messages are wanted and the budget of the tick allows. Copies what it keeps.
   */
  read(bytes: Buffer): void {
    if (this.#isOver) return;
    if (this.#isParsing) {
      this.#later = this.#later ? Buffer.concat([this.#later, bytes]) : bytes;
      return;
    }
    if (this.#rest) return this.#append(bytes);
    this.#isSated = false;
    let at = 0;
    while (at < bytes.length && !this.#isSated && this.#mayGoOn() && !this.context.budget.isSpent) {
      at = this.#parse(bytes, at, framesPerTurn);
    }
    if (at < bytes.length && !this.#isOver) this.#hold(bytes, at);
    if (this.#later) this.#holdLater();
  }

  /** Parses some of the bytes that wait. Joins the queue again if more are left. */
  resume(): void {
    if (this.#rest && this.#mayGoOn()) {
      this.host.readerOnSlice(framesPerTurn);
      try {
        this.#parseRest();
      } finally {
        this.host.readerOnSliceEnd();
      }
      this.host.readerOnProgress();
    }
    this.wake();
    if (!this.#rest && this.#isEnding) this.#tellEnd();
  }

  /** Goes on with the bytes that wait, in a slice of background work, once messages are wanted. */
  wake(): void {
    if (!this.#rest || this.#isParsing) return;
    if (this.#mayGoOn()) this.context.queue.add(this);
    else this.#keep(this.#rest, this.#at);
  }

  /** Drops what waits, and what is read from now on: the server has ended the socket, or `ws` parses no more. */
  stop(): void {
    this.#isOver = true;
    this.#cut = undefined;
    this.#release();
    // Not at once: the caller does not expect the end of the socket within its call.
    if (this.#endings.length > 0) this.context.queue.add(this);
  }

  #parseRest(): void {
    const rest = this.#rest;
    if (!rest) return;
    this.#isSated = false;
    const at = this.#parse(rest, this.#at, this.#isEnding ? Number.POSITIVE_INFINITY : framesPerTurn);
    this.#at = at;
    if (this.#isOver || at === rest.length) this.#release();
    // It may have been dropped while it was parsed.
    if (this.#rest !== rest) giveBack(rest);
    if (this.#later) this.#holdLater();
  }

  #mayGoOn(): boolean {
    return !this.#isOver && (this.#isEnding || this.host.isWanted);
  }

  /** Parses at most so many frames. Returns where it stopped. */
  #parse(bytes: Buffer, from: number, frames: number): number {
    this.#isParsing = true;
    try {
      return this.#parseFrom(bytes, from, frames);
    } finally {
      this.#isParsing = false;
    }
  }

  #parseFrom(bytes: Buffer, from: number, frames: number): number {
    const { length } = bytes;
    // It may have found the end since the last write, as it decompresses in a thread.
    if (!this.#isOurs && hasEnded(this.receiver)) this.stop();
    let at = this.#cut ? this.#join(this.#cut, bytes, from) : from;
    for (let left = frames; at < length && left > 0 && !this.#isSated && this.#mayGoOn(); left--) {
      if (!this.#isOurs && !isBetweenMessages(this.receiver)) {
        at = this.#passOn(bytes, at);
        continue;
      }
      const size = textFrameSize(bytes, at, this.context.payload);
      if (size === cut || size > length - at) {
        this.#holdEnds();
        // A view would keep the whole read buffer.
        this.#cut = new Uint8Array(bytes.subarray(at));
        return length;
      }
      at = size !== unusual && this.#emit(bytes, at, at + size) ? at + size : this.#passOn(bytes, at);
    }
    return at;
  }

  /** Completes the text message that the last read has cut. If that takes more than one read more, `ws` takes it over. */
  #join(start: Uint8Array, bytes: Buffer, at: number): number {
    this.#cut = undefined;
    const header = start.length < headerSize ? Buffer.concat([start, bytes.subarray(at, at + headerSize)]) : start;
    const size = textFrameSize(header, 0, this.context.payload);
    const end = at + size - start.length;
    if (size <= 0 || end > bytes.length) {
      this.#write(Buffer.from(start.buffer, start.byteOffset, start.length));
      return at;
    }
    const frame = Buffer.concat([start, bytes.subarray(at, end)]);
    if (!this.#emit(frame, 0, size)) this.#write(frame);
    return end;
  }

  /** Passes on the text message from `at` to `end`, unless it is not valid UTF-8. Returns whether it was. */
  #emit(bytes: Buffer, at: number, end: number): boolean {
    const start = payloadStart(bytes, at);
    const isValid = unmaskText(bytes, start, end);
    if (isValid) this.#isSated = !this.host.readerOnText(bytes, start, end) && !this.#isEnding;
    return isValid;
  }

  /** Passes on to `ws` what is there of the frame at `at`, or of its next part. Returns where that ends. */
  #passOn(bytes: Buffer, at: number): number {
    const size = isBetweenFrames(this.receiver) ? frameSize(bytes, at) : bytesAwaited(this.receiver);
    const end = Math.min(at + size, bytes.length);
    this.#write(bytes.subarray(at, end));
    return end;
  }

  #write(bytes: Buffer): void {
    // As `ws` does.
    if (!this.receiver.write(lasting(bytes))) this.socket.pause();
    this.#isOurs = isBetweenMessages(this.receiver);
    if (hasEnded(this.receiver)) this.stop();
  }

  /** Keeps the bytes from `at` on until they can be parsed. Their turn comes soon, unless no messages are wanted. */
  #hold(bytes: Buffer, at: number): void {
    this.#holdEnds();
    this.#keep(bytes, at);
    // Its turn comes once others have had theirs; a tick is over sooner.
    this.#isBehind = this.#isSated || !this.host.isWanted;
    this.wake();
  }

  /** Keeps the bytes that have come while others were parsed. */
  #holdLater(): void {
    const later = this.#later;
    this.#later = undefined;
    if (!later || this.#isOver) return;
    this.#holdEnds();
    this.#append(later);
    this.wake();
  }

  /** Keeps these bytes too. The socket must not be read meanwhile. */
  #append(bytes: Buffer): void {
    const rest = this.#rest;
    this.#setRest(rest ? Buffer.concat([rest.subarray(this.#at), bytes]) : lasting(bytes), 0);
    this.#isBehind = true;
  }

  /** Keeps the bytes from `at` on, and copies them if they are less than half of what they keep in memory. */
  #keep(bytes: Buffer, at: number): void {
    const isSmall = (bytes.length - at) * 2 < bytes.buffer.byteLength;
    if (isSmall || isRead(bytes)) this.#setRest(keepRead(bytes.subarray(at)), 0);
    else this.#setRest(bytes, at);
  }

  #release(): void {
    this.#setRest(undefined, 0);
    this.#isBehind = false;
  }

  /** Gives back what has waited before, unless it is parsed now. */
  #setRest(rest: Buffer | undefined, at: number): void {
    if (this.#rest && this.#rest !== rest && !this.#isParsing) giveBack(this.#rest);
    this.#rest = rest;
    this.#at = at;
  }

  /** From now on the end of the socket waits for the bytes that have come before it. */
  #holdEnds(): void {
    if (this.#holdsEnds) return;
    this.#holdsEnds = true;
    const { end, close } = takeEnds(this.socket);
    this.socket.on('end', () => this.#onEnd(end));
    this.socket.on('close', () => {
      this.#takeBuffered();
      this.#onEnd(close);
    });
  }

  /** Takes what a paused socket had read before it was closed. */
  #takeBuffered(): void {
    const { readableLength } = this.socket;
    const buffered: unknown = readableLength > 0 ? this.socket.read(readableLength) : undefined;
    if (!this.#isOver && Buffer.isBuffer(buffered)) this.#append(buffered);
  }

  #onEnd(tell: () => void): void {
    this.#isEnding = true;
    this.#endings.push(tell);
    if (this.#rest) this.wake();
    else this.#tellEnd();
  }

  #tellEnd(): void {
    for (const tell of this.#endings.splice(0)) tell();
  }
}

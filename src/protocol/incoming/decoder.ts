import { decode, type Frame, type NativeMode, ownCopy } from '../codec.js';
import type { Body } from '../message.js';
import { compact } from '../size.js';
import { asBuffer, bodyOf } from './undecoded.js';

/** The header of a frame that was decoded, without its wait token. Its bytes begin and end with a separator. */
interface Header {
  readonly bytes: Uint8Array;
  readonly namespace: string;
  readonly room: string;
  readonly event: string;
  readonly isError: boolean;
  readonly isNoOp: boolean;
}

const separator = 0x3b;
const separators = 6;
/** Number of headers that are kept. */
const slots = 256;
/** Maximum size of a header that is kept, and of a wait token, in bytes. Together they bound the memory of a decoder. */
const maxHeader = 512;
const maxWait = 128;

/** Returns where the wait token ends; -1 for one that is long, is not ASCII, or has no end. */
const waitEnd = (bytes: Uint8Array, start: number, end: number): number => {
  const most = Math.min(end, start + maxWait);
  for (let at = start; at < most; at++) {
    const byte = bytes[at] ?? 0;
    if (byte === separator) return at;
    if (byte >= 0x80) return -1;
  }
  return -1;
};

const isAt = (bytes: Uint8Array, from: number, end: number, header: Uint8Array): boolean => {
  const { length } = header;
  if (from + length > end) return false;
  for (let at = 0; at < length; at++) if (bytes[from + at] !== header[at]) return false;
  return true;
};

/**
 * Decodes what clients send. The header of a frame mostly equals that of an earlier one: then its names are known, and
 * its bytes need only be compared. The result is always that of `decode`.
 */
export class FrameDecoder {
  /** The header that was met last, and others by a hash of their bytes. */
  #last: Header | undefined;
  readonly #known: (Header | undefined)[] = new Array<undefined>(slots).fill(undefined);

  constructor(private readonly mode: NativeMode) {}

  /**
   * Returns the frame of the message from `start` to `end` of `data`, or `undefined` if it is not a frame (FR1). Bytes of
   * a text message are valid UTF-8. The frame holds no view of a read buffer, but for large binary bodies (FR7). Never
   * throws (FR2).
   */
  decode(data: Body, isText: boolean, start = 0, end = data.length): Frame | undefined {
    if (typeof data === 'string') return decode(data, this.mode);
    if (this.mode === 'only') return this.#slowly(data, isText, start, end);
    const header = waitEnd(data, start, end);
    if (header === -1) return this.#slowly(data, isText, start, end);
    const last = this.#last;
    if (last && isAt(data, header, end, last.bytes)) return frameOf(data, isText, start, header, end, last);
    return this.#lookUp(data, isText, start, header, end);
  }

  #slowly(data: Uint8Array, isText: boolean, start: number, end: number): Frame | undefined {
    return decode(bodyOf(data.subarray(start, end), isText), this.mode);
  }

  /** Looks for the header at `from`, which differs from the last one. */
  #lookUp(data: Uint8Array, isText: boolean, start: number, from: number, end: number): Frame | undefined {
    let hash = 0;
    let found = 0;
    let at = from;
    const most = Math.min(end, from + maxHeader);
    for (; at < most && found < separators; at++) {
      const byte = data[at] ?? 0;
      if (byte === separator) found++;
      hash = (Math.imul(hash, 31) + byte) | 0;
    }
    if (found < separators) return this.#slowly(data, isText, start, end);
    const slot = (hash ^ (hash >>> 8) ^ (hash >>> 16)) & (slots - 1);
    const known = this.#known[slot];
    if (known && isAt(data, from, end, known.bytes)) {
      this.#last = known;
      return frameOf(data, isText, start, from, end, known);
    }
    const frame = this.#slowly(data, isText, start, end);
    // The parts of a text would keep all of it in memory.
    if (frame) this.#keep(slot, new Uint8Array(data.subarray(from, at)), frame);
    return frame;
  }

  #keep(slot: number, bytes: Uint8Array, { namespace, room, event, isError, isNoOp }: Frame): void {
    const header = {
      bytes,
      namespace: compact(namespace),
      room: compact(room),
      event: compact(event),
      isError,
      isNoOp,
    };
    this.#known[slot] = header;
    this.#last = header;
  }
}

/** Returns the frame of the message from `start` to `end`, whose header is this one, and begins at `from`. */
const frameOf = (
  data: Uint8Array,
  isText: boolean,
  start: number,
  from: number,
  end: number,
  header: Header,
): Frame => {
  const at = from + header.bytes.length;
  const { namespace, room, event, isError, isNoOp } = header;
  return {
    wait: from === start ? '' : asBuffer(data).toString('latin1', start, from),
    namespace,
    room,
    event,
    isError,
    isNoOp,
    body: isText ? textFrom(data, at, end) : ownCopy(data.subarray(at, end)),
    isBinary: !isText,
    isNative: false,
  };
};

/** The default encoding is UTF-8, and need not be looked up. */
const textFrom = (data: Uint8Array, start: number, end: number): string =>
  start === end ? '' : asBuffer(data).toString(undefined, start, end);

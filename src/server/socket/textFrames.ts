import { isUtf8 } from 'node:buffer';

/** The first byte of a whole text message: final, not compressed. */
const wholeText = 0x81;
const masked = 0x80;
const short16 = 126;
const short64 = 127;
const maskSize = 4;
/** Payloads from this size on are unmasked by words. */
const wordsFrom = 32;
const anyHighBit = 0x80_80_80_80;

/** Maximum size of the header of a frame that is parsed here. */
export const headerSize = 8;

/** Said of a frame whose header is cut, and is usual so far. */
export const cut = -1;
/** Said of a frame that is parsed by `ws`. */
export const unusual = 0;

/**
 * Returns the size of the masked, whole text frame that begins at `at`, header included. `bytes` may end before it does.
 * Returns `cut` while too little of the header is there, and `unusual` for any other frame, and for one whose payload is
 * over `limit`.
 */
export const textFrameSize = (bytes: Uint8Array, at: number, limit: number): number => {
  if (bytes[at] !== wholeText) return unusual;
  const available = bytes.length - at;
  if (available < 2) return cut;
  const second = bytes[at + 1] ?? 0;
  if (second < masked) return unusual;
  const short = second - masked;
  if (short < short16) return short > limit ? unusual : short + 2 + maskSize;
  if (short === short64) return unusual;
  if (available < 4) return cut;
  const length = ((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0);
  return length > limit ? unusual : length + headerSize;
};

/** A mask, as bytes and as a word. */
const maskBytes = new Uint8Array(maskSize);
const maskWord = new Int32Array(maskBytes.buffer);

/** The last read buffer, and all of its memory as words: most reads bring many frames. */
let lastBytes: Uint8Array = maskBytes;
let lastWords: Int32Array = maskWord;

/** Returns all of the memory that a buffer is a part of, as words. */
const wordsOf = (bytes: Buffer): Int32Array => {
  if (bytes !== lastBytes) {
    lastBytes = bytes;
    lastWords = new Int32Array(bytes.buffer, 0, bytes.buffer.byteLength >> 2);
  }
  return lastWords;
};

/** Returns where the payload of the frame at `at` begins: a frame for which `textFrameSize` has returned its size. */
export const payloadStart = (bytes: Uint8Array, at: number): number =>
  at + ((bytes[at + 1] ?? 0) - masked === short16 ? headerSize : headerSize - 2);

/** Returns the size of any frame, header included. Returns `Infinity` while its header is cut. */
export const frameSize = (bytes: Buffer, at: number): number => {
  const available = bytes.length - at;
  if (available < 2) return Number.POSITIVE_INFINITY;
  const second = bytes[at + 1] ?? 0;
  const short = second & short64;
  const more = short === short16 ? 2 : short === short64 ? 8 : 0;
  if (available < 2 + more) return Number.POSITIVE_INFINITY;
  const length = more === 0 ? short : more === 2 ? bytes.readUInt16BE(at + 2) : Number(bytes.readBigUInt64BE(at + 2));
  return 2 + more + (second >= masked ? maskSize : 0) + length;
};

/**
 * Unmasks a payload in place, by the mask before it. Returns whether it is valid UTF-8. If it is not, the payload is
 * masked again.
 */
export const unmaskText = (bytes: Buffer, start: number, end: number): boolean => {
  if (unmask(bytes, start, end)) return true;
  if (isUtf8(bytes.subarray(start, end))) return true;
  unmask(bytes, start, end);
  return false;
};

/** Unmasks a payload, or masks it. Returns whether the result is ASCII. */
const unmask = (bytes: Buffer, start: number, end: number): boolean => {
  if (end - start >= wordsFrom) return unmaskWords(bytes, start, end);
  const first = bytes[start - 4] ?? 0;
  const second = bytes[start - 3] ?? 0;
  const third = bytes[start - 2] ?? 0;
  const fourth = bytes[start - 1] ?? 0;
  const wholeEnd = end - 3;
  let seen = 0;
  let at = start;
  for (; at < wholeEnd; at += 4) {
    const one = (bytes[at] ?? 0) ^ first;
    const two = (bytes[at + 1] ?? 0) ^ second;
    const three = (bytes[at + 2] ?? 0) ^ third;
    const four = (bytes[at + 3] ?? 0) ^ fourth;
    bytes[at] = one;
    bytes[at + 1] = two;
    bytes[at + 2] = three;
    bytes[at + 3] = four;
    seen |= one | two | three | four;
  }
  return (seen | unmaskBytes(bytes, start, at, end)) < 0x80;
};

/** Unmasks the bytes from `at` to `end` of a payload that begins at `start`. Returns all of them, or-ed. */
const unmaskBytes = (bytes: Buffer, start: number, from: number, end: number): number => {
  let seen = 0;
  for (let at = from; at < end; at++) {
    const one = (bytes[at] ?? 0) ^ (bytes[start - maskSize + ((at - start) & 3)] ?? 0);
    bytes[at] = one;
    seen |= one;
  }
  return seen;
};

/** Returns a mask as its words meet it `turn` bytes after the start of a payload, in the byte order of this machine. */
const turnedMask = (bytes: Buffer, start: number, turn: number): number => {
  for (let at = 0; at < maskSize; at++) maskBytes[at] = bytes[start - maskSize + ((turn + at) & 3)] ?? 0;
  return maskWord[0] ?? 0;
};

/** Unmasks a long payload, four bytes a step where they lie in a word. */
const unmaskWords = (bytes: Buffer, start: number, end: number): boolean => {
  const words = wordsOf(bytes);
  const offset = bytes.byteOffset;
  const wordsStart = start + (-(offset + start) & 3);
  const wordsEnd = end - ((offset + end) & 3);
  const mask = turnedMask(bytes, start, wordsStart - start);
  const last = (offset + wordsEnd) >> 2;
  let seen = 0;
  for (let at = (offset + wordsStart) >> 2; at < last; at++) {
    const word = (words[at] ?? 0) ^ mask;
    words[at] = word;
    seen |= word;
  }
  const others = unmaskBytes(bytes, start, start, wordsStart) | unmaskBytes(bytes, start, wordsEnd, end);
  return (seen & anyHighBit) === 0 && others < 0x80;
};

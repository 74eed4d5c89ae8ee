/** What a client and its server do, in order. */
type Step =
  | { readonly kind: 'bytes'; readonly bytes: Buffer }
  /** The connection no longer wants to be read, from now on or from this many messages later. */
  | { readonly kind: 'pause'; readonly after: number }
  | { readonly kind: 'resume' }
  /** The handler of the next message takes so long that the rest of the tick is over. */
  | { readonly kind: 'slow'; readonly after: number }
  /** The event loop goes on. */
  | { readonly kind: 'tick' };

/** How a stream ends: by a FIN, a reset, or the server itself. */
type Ending = 'end' | 'reset' | 'close' | 'destroy';

export interface Stream {
  readonly steps: readonly Step[];
  readonly ending: Ending;
  /** Maximum size of a message, in bytes. */
  readonly payload: number;
}

/** The bounds of the server that reads the streams: small ones, so that streams often meet them. */
export const bounds = { payload: 300, fragments: 3 } as const;
/** The bound of a few servers, so that lengths of 16 bits end within it. */
const largePayload = 65_537;

/** Maximum count of the numbers that stand for a stream. */
export const maxNumbers = 120;

/** Turns a list of numbers into choices. Where the list ends, each choice is the first. */
class Choices {
  #at = 0;
  constructor(private readonly numbers: readonly number[]) {}

  get isOver(): boolean {
    return this.#at >= this.numbers.length;
  }
  /** Returns a number from 0 to below `count`. */
  below(count: number): number {
    return (this.numbers[this.#at++] ?? 0) % count;
  }
  one<Value>(values: readonly Value[]): Value {
    const value = values[this.below(values.length)];
    if (value === undefined) throw new Error('there is nothing to choose from');
    return value;
  }
}

const texts = [
  '',
  ';;;e;0;0;',
  'ä',
  '\u{1f600} and more',
  'é'.repeat(63),
  `${'long '.repeat(40)}€`,
  `${'\u{1f600}'.repeat(33)}é`,
].map((text) => Buffer.from(text));

/** Sizes around those that change the form of a length or the way in which a payload is unmasked. */
const sizes = [0, 1, 2, 3, 4, 5, 6, 7, 124, 125, 126, 127, 128, 129, 130, 131, 255, 256, 298, 299, 300] as const;
const letters = Buffer.from('abcdefghijklmnopqrstuvwxyz'.repeat(12));
const large = Buffer.alloc(largePayload + 1, letters);
const ascii = (size: number): Buffer => letters.subarray(0, size);

/** Bytes that are no UTF-8: cut, overlong, a surrogate, out of range, a lone continuation. */
const broken = [
  'c3',
  'e2',
  'e282',
  'f09f98',
  'c080',
  'e08080',
  'eda080',
  'edbfbf',
  'f4908080',
  'f8',
  '80',
  'bf',
  'ff',
].map((hex) => Buffer.from(hex, 'hex'));

/** A text with bytes anywhere in it that are no UTF-8. */
const brokenText = (choices: Choices): Buffer => {
  const around = choices.below(2) === 1 ? choices.one(texts) : ascii(choices.below(bounds.payload - 4));
  const at = choices.below(around.length + 1);
  return Buffer.concat([around.subarray(0, at), choices.one(broken), around.subarray(at)]);
};

const payloadOf = (choices: Choices): Buffer => {
  const kind = choices.below(80);
  if (kind === 79) return brokenText(choices);
  if (kind < 30) return choices.one(texts);
  return ascii(kind < 60 ? choices.one(sizes) : choices.below(bounds.payload + 1));
};

interface Given {
  readonly first: number;
  readonly payload: Buffer;
  /** 0 for the shortest form of the length, 1 for 16 bits, 2 for 64 bits. */
  readonly form?: number;
  readonly isUnmasked?: boolean;
}

const keys = [0x5a910ce7, 0, 0xff, 0x80808080] as const;

const frame = (choices: Choices, { first, payload, form = 0, isUnmasked = false }: Given): Buffer => {
  const { length } = payload;
  const shortest = length < 126 ? 0 : length < 65_536 ? 1 : 2;
  const bits = Math.max(form, shortest);
  const high = isUnmasked ? 0 : 0x80;
  const lengthSize = [0, 2, 8][bits] ?? 0;
  const start = 2 + lengthSize + (isUnmasked ? 0 : 4);
  const bytes = Buffer.alloc(start + length);
  bytes[0] = first;
  bytes[1] = high | (bits === 0 ? length : bits === 1 ? 126 : 127);
  if (bits > 0) bytes.writeUIntBE(length, bits === 1 ? 2 : 4, bits === 1 ? 2 : 6);
  if (isUnmasked) {
    payload.copy(bytes, start);
    return bytes;
  }
  const key = choices.below(8) === 7 ? choices.below(2 ** 16) * 0x10003 : choices.one(keys);
  bytes.writeUInt32BE(key % 2 ** 32, start - 4);
  for (let at = 0; at < length; at++) bytes[start + at] = (payload[at] ?? 0) ^ (bytes[start - 4 + (at & 3)] ?? 0);
  return bytes;
};

/** The opcode of the frame, with the bit that says whether it is the last of its message. */
const last = 0x80;
const text = 1;
const binary = 2;
const close = 8;
const ping = 9;
const pong = 10;

const closePayload = (choices: Choices): Buffer => {
  const code = choices.one([1000, 1001, 3000, 4999, 1005, 999, 1006, 0]);
  const reason = choices.one(['', 'bye', 'ä'.repeat(20)]);
  if (choices.below(8) === 7) return Buffer.from(choices.one(['', '03', '03e8c3', '03e8ff']), 'hex');
  return Buffer.concat([Buffer.from([code >> 8, code & 255]), Buffer.from(reason)]);
};

/** What the parts of a message consist of, in turns. */
const splits = [['part '], ['e2'], ['€'], ['q'.repeat(90)], ['e2', '82ac'], ['f09f', '9880'], ['', 'x']].map((parts) =>
  parts.map((part) => Buffer.from(part, /^[0-9a-f]{2,4}$/.test(part) ? 'hex' : 'utf8')),
);

/** A frame, or all parts of a message, maybe with control frames in between. */
const message = (choices: Choices, isLarge: boolean): Buffer => {
  const kind = choices.below(64);
  const whole = (first: number, payload: Buffer, more: Partial<Given> = {}): Buffer =>
    frame(choices, { first, payload, ...more });
  if (isLarge && kind < 8) return whole(last | text, large.subarray(0, largePayload - 2 + choices.below(4)));
  if (kind < 30) return whole(last | text, payloadOf(choices));
  // More than are handled without a look at the time.
  if (kind < 34) return Buffer.concat(Array(40).fill(whole(last | text, Buffer.from('burst'))));
  if (kind < 38) return whole(last | binary, payloadOf(choices));
  if (kind < 44) return whole(last | choices.one([ping, pong]), Buffer.from(choices.one(['', 'a', 'p'.repeat(125)])));
  if (kind < 50) {
    const parts = choices.below(20) === 19 ? 3 : 1 + choices.below(2);
    const opcode = choices.one([text, binary]);
    const frames: Buffer[] = [];
    const split = choices.one(splits);
    for (let part = 0; part <= parts; part++) {
      if (choices.below(4) === 3) frames.push(whole(last | choices.one([ping, pong]), Buffer.from('between')));
      if (choices.below(80) === 79) frames.push(whole(last | text, Buffer.from('not a part')));
      frames.push(
        whole(
          (part === parts ? last : 0) | (part === 0 ? opcode : 0),
          split[part % split.length] ?? choices.one(texts),
        ),
      );
    }
    return Buffer.concat(frames);
  }
  if (kind < 54) return whole(last | text, payloadOf(choices), { form: 1 + choices.below(2) });
  // All others end the stream, or leave a message without its end.
  switch (choices.below(kind < 63 ? 1 : 12)) {
    case 0:
    case 1:
      return whole(last | text, Buffer.from('as usual'));
    case 2:
      return whole(last | close, closePayload(choices));
    case 3:
      return whole(last | text, Buffer.alloc(301 + choices.below(3), 'o'));
    case 4:
      return whole(last | text | ((1 + choices.below(7)) << 4), payloadOf(choices));
    case 5:
      return whole(last | choices.one([3, 7, 11, 15, 0]), Buffer.from('opcode'));
    case 6:
      return whole(last | text, payloadOf(choices), { isUnmasked: true });
    case 7:
      return whole(last | ping, Buffer.alloc(126, 'c'));
    case 8:
      return whole(choices.one([ping, close]), Buffer.from('part of a control frame'));
    case 9:
      return whole(text, Buffer.from('without an end'));
    case 10:
      return Buffer.from(choices.one(['81ff0000000000010000', '81ffffffffffffffffff', '81fe', '82ff00200000']), 'hex');
    default:
      return Buffer.from(Array.from({ length: 1 + choices.below(12) }, () => choices.below(256)));
  }
};

/**
 * Returns the bytes in pieces: one, pieces of any size, of a few bytes, or of one. Pieces that wait together become one,
 * so `ws` counts fewer of them: a stream with pauses has no tiny ones.
 */
const cutUp = (choices: Choices, bytes: Buffer, hasPauses: boolean): Buffer[] => {
  const style = choices.below(hasPauses || bytes.length > 10_000 ? 6 : 8);
  if (style < 4 || bytes.length === 0) return [bytes];
  const pieces: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const size = style === 7 ? 1 : choices.isOver ? bytes.length : 1 + choices.below(style === 6 ? 7 : 400);
    pieces.push(bytes.subarray(at, at + size));
    at += size;
  }
  return pieces;
};

/** Returns numbers that stand for a stream: for the same seed the same ones. Neighbouring seeds have nothing in common. */
export const numbersOf = (seed: number): number[] => {
  let state = Math.imul(seed ^ (seed >>> 16), 0x45d9f3b) >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
  return Array.from({ length: next() % (maxNumbers + 1) }, () => next() & 0xffff);
};

/** Returns the stream that these numbers stand for. */
export const streamOf = (numbers: readonly number[]): Stream => {
  const choices = new Choices(numbers);
  const ending = choices.one(['end', 'end', 'end', 'reset', 'close', 'destroy'] as const);
  const hasPauses = choices.below(2) === 1;
  const isLarge = choices.below(256) === 255;
  const steps: Step[] = [];
  while (!choices.isOver) {
    const messages: Buffer[] = [];
    for (let more = choices.below(12); more >= 0 && !choices.isOver; more--) messages.push(message(choices, isLarge));
    const pieces = cutUp(choices, Buffer.concat(messages), hasPauses);
    const rarely = 1 + Math.min(pieces.length, 12);
    for (const bytes of pieces) {
      if (hasPauses && choices.below(rarely) === rarely - 1) {
        const after = choices.below(5);
        steps.push(
          choices.one<Step>([
            { kind: 'pause', after },
            { kind: 'slow', after },
            { kind: 'pause', after },
            { kind: 'resume' },
          ]),
        );
      }
      steps.push({ kind: 'bytes', bytes });
    }
    if (choices.below(3) === 2) steps.push({ kind: 'tick' });
    if (hasPauses && choices.below(2) === 1) steps.push({ kind: 'resume' }, { kind: 'tick' });
  }
  return { steps, ending, payload: isLarge ? largePayload : bounds.payload };
};

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
}

/** The bounds of the server that reads the streams: small ones, so that streams often meet them. */
export const bounds = { payload: 300, fragments: 3 } as const;

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
  one<Value>(values: readonly [Value, ...Value[]]): Value {
    return values[this.below(values.length)] ?? values[0];
  }
}

const texts = [
  '',
  ';;;e;0;0;',
  'ä',
  '\u{1f600} and more',
  'x'.repeat(7),
  'y'.repeat(125),
  'é'.repeat(63),
  'z'.repeat(127),
  'w'.repeat(131),
  `${'long '.repeat(40)}€`,
  'v'.repeat(299),
  'u'.repeat(300),
] as const;

/** Bytes that are no UTF-8: cut, overlong, a surrogate, out of range, a lone continuation. */
const broken = [
  'c3',
  'e282',
  'c080',
  'eda080',
  'f4908080',
  '80',
  `${'78'.repeat(40)}ff`,
  `${'c3a4'.repeat(70)}c3`,
] as const;

const payloadOf = (choices: Choices): Buffer =>
  choices.below(80) === 79 ? Buffer.from(choices.one(broken), 'hex') : Buffer.from(choices.one(texts));

interface Given {
  readonly first: number;
  readonly payload: Buffer;
  /** 0 for the shortest form of the length, 1 for 16 bits, 2 for 64 bits. */
  readonly form?: number;
  readonly isUnmasked?: boolean;
}

const frame = (choices: Choices, { first, payload, form = 0, isUnmasked = false }: Given): Buffer => {
  const { length } = payload;
  const shortest = length < 126 ? 0 : 1;
  const bits = Math.max(form, shortest);
  const high = isUnmasked ? 0 : 0x80;
  const head = [Buffer.from([first, high | (bits === 0 ? length : bits === 1 ? 126 : 127)])];
  if (bits === 1) head.push(Buffer.from([length >> 8, length & 255]));
  if (bits === 2) head.push(Buffer.from([0, 0, 0, 0, 0, 0, length >> 8, length & 255]));
  if (isUnmasked) return Buffer.concat([...head, payload]);
  const mask = choices.one([0x5a910ce7, 0, 0xff, 0x80808080]);
  const key = Buffer.alloc(4);
  key.writeUInt32BE(mask);
  return Buffer.concat([...head, key, payload.map((byte, at) => byte ^ (key[at & 3] ?? 0))]);
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

/** A frame, or all parts of a message, maybe with control frames in between. */
const message = (choices: Choices): Buffer => {
  const kind = choices.below(64);
  const whole = (first: number, payload: Buffer, more: Partial<Given> = {}): Buffer =>
    frame(choices, { first, payload, ...more });
  if (kind < 30) return whole(last | text, payloadOf(choices));
  // More than are handled without a look at the time.
  if (kind < 34) return Buffer.concat(Array.from({ length: 40 }, () => whole(last | text, Buffer.from('burst'))));
  if (kind < 38) return whole(last | binary, payloadOf(choices));
  if (kind < 44) return whole(last | choices.one([ping, pong]), Buffer.from(choices.one(['', 'a', 'p'.repeat(125)])));
  if (kind < 50) {
    const parts = choices.below(20) === 19 ? 3 : 1 + choices.below(2);
    const opcode = choices.one([text, binary]);
    const frames: Buffer[] = [];
    const split = choices.one([
      Buffer.from('part '),
      Buffer.from('e2', 'hex'),
      Buffer.from('€'),
      Buffer.from('q'.repeat(90)),
    ]);
    for (let part = 0; part <= parts; part++) {
      if (choices.below(4) === 3) frames.push(whole(last | choices.one([ping, pong]), Buffer.from('between')));
      if (choices.below(80) === 79) frames.push(whole(last | text, Buffer.from('not a part')));
      frames.push(whole((part === parts ? last : 0) | (part === 0 ? opcode : 0), split));
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
      return whole(last | text | choices.one([0x40, 0x20, 0x10]), Buffer.from('reserved'));
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
  const style = choices.below(hasPauses ? 6 : 8);
  if (style < 4 || bytes.length === 0) return [bytes];
  const pieces: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const size = style === 7 ? 1 : choices.isOver ? bytes.length : 1 + choices.below(style === 6 ? 7 : 400);
    pieces.push(bytes.subarray(at, at + size));
    at += size;
  }
  return pieces;
};

/** Returns the stream that these numbers stand for. */
export const streamOf = (numbers: readonly number[]): Stream => {
  const choices = new Choices(numbers);
  const ending = choices.one(['end', 'end', 'end', 'reset', 'close', 'destroy'] as const);
  const hasPauses = choices.below(2) === 1;
  const steps: Step[] = [];
  while (!choices.isOver) {
    const messages: Buffer[] = [];
    for (let more = choices.below(12); more >= 0 && !choices.isOver; more--) messages.push(message(choices));
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
  return { steps, ending };
};

import { constants, deflateRawSync } from 'node:zlib';
import { binary, encode, inParts, opcodes, pieces, ping, text } from './clientFrame.js';
import { agreed, type RfcCase, sectionOf, told } from './rfcCase.js';

/** The first of the three reserved bits: the message is compressed. */
const rsv1 = 4;
const offers = 'permessage-deflate';
const noTakeover = 'client_no_context_takeover; server_no_context_takeover';
const answer = agreed(`${offers}; ${noTakeover}`);

/** Compresses a message as RFC 7692 has it: without the end of an empty block. */
const deflated = (payload: string | Buffer, windowBits = 15): Buffer =>
  deflateRawSync(payload, { finishFlush: constants.Z_SYNC_FLUSH, windowBits }).subarray(0, -4);

interface Kind {
  readonly kind: string;
  readonly opcode: number;
  /** Whether compression makes a large one smaller. */
  readonly shrinks: boolean;
  body(size: number): Buffer;
}

const lines = Array.from({ length: 4_000 }, (_, at) =>
  JSON.stringify({ id: at, name: `client ${at % 37}`, at: at * 7 }),
);
const scripts = Buffer.from('schöner Gruß κόσμε 日本語 𐍈𝄞 '.repeat(4_000));
/** The text up to this size, filled up where a character would be cut. */
const utf8 = (size: number): Buffer => {
  let end = size;
  while (((scripts[end] ?? 0) & 0xc0) === 0x80) end--;
  return Buffer.concat([scripts.subarray(0, end), Buffer.alloc(size - end, '.')]);
};
/** Bytes of which none foretells the next. */
const noise = (size: number): Buffer => {
  let state = 1;
  const next = (): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return state >>> 16;
  };
  return Buffer.from(Array.from({ length: size }, next));
};

const kinds: readonly Kind[] = [
  {
    kind: 'lines of JSON',
    opcode: opcodes.text,
    shrinks: true,
    body: (size) => Buffer.from(lines.join('\n')).subarray(0, size),
  },
  { kind: 'a text in many scripts', opcode: opcodes.text, shrinks: true, body: utf8 },
  {
    kind: 'bytes that repeat',
    opcode: opcodes.binary,
    shrinks: true,
    body: (size) => Buffer.alloc(size, 'byte\xff\0'),
  },
  { kind: 'bytes of chance', opcode: opcodes.binary, shrinks: false, body: noise },
];

const sizes = [16, 64, 256, 1_024, 1_025, 4_096, 8_192, 16_384, 32_768, 65_536, 131_072, 131_073];
const partCounts = [2, 7, 64];
const many = 100;

const nameOf = (opcode: number): string => (opcode === opcodes.text ? 'text' : 'binary');
/** What the server sends back: it compresses what is larger than 1,024 bytes and at most 128 KiB, if that is smaller. */
const echoOf = ({ opcode, shrinks }: Pick<Kind, 'opcode' | 'shrinks'>, payload: Buffer): string =>
  told(
    shrinks && payload.length > 1_024 && payload.length <= 131_072 ? `compressed ${nameOf(opcode)}` : nameOf(opcode),
    payload,
  );

const whole = (opcode: number, payload: string | Buffer, windowBits?: number): Buffer =>
  encode({ opcode, payload: deflated(payload, windowBits), reserved: rsv1 });

/** A compressed message in so many frames, of which the first says so. */
const parts = (opcode: number, compressed: Buffer, count: number): Buffer[] => {
  const size = Math.max(1, Math.ceil(compressed.length / count));
  const all = pieces(compressed, size);
  return all.map((payload, at) =>
    encode({
      opcode: at === 0 ? opcode : opcodes.continuation,
      payload,
      isLast: at === all.length - 1,
      reserved: at === 0 ? rsv1 : 0,
    }),
  );
};

const hex = (bytes: string): Buffer => Buffer.from(bytes, 'hex');
const compressedText = (payload: Buffer): Buffer => encode({ opcode: opcodes.text, payload, reserved: rsv1 });

/** §12: messages that the client compresses, of many kinds and sizes, whole and in frames. */
export const compressed = (): RfcCase[] => {
  const { echoes, fails, ends } = sectionOf(12);
  const echo = (does: string, writes: readonly Buffer[], ...gets: readonly string[]): RfcCase =>
    echoes({ does, offers, writes, gets: [answer, ...gets] });
  const fail = (code: number, does: string, writes: readonly Buffer[], ...gets: readonly string[]): RfcCase =>
    fails(code, { does, offers, writes, gets: [answer, ...gets] });

  const ofKinds = kinds.flatMap((one) =>
    sizes.flatMap((size) => {
      const { kind, opcode } = one;
      const payload = one.body(size);
      const does = `${kind}, ${size} bytes`;
      const gets = echoOf(one, payload);
      const frame = whole(opcode, payload);
      return [
        echo(does, [frame], gets),
        echo(`${does}, in packets`, pieces(frame, frame.length < 1_000 ? 1 : 997), gets),
        ...partCounts.map((count) =>
          echo(`${does}, in ${count} frames`, parts(opcode, deflated(payload), count), gets),
        ),
        echo(`${does}, not compressed`, [encode({ opcode, payload })], gets),
      ];
    }),
  );
  const inARow = kinds.flatMap((one) =>
    [64, 1_024, 8_192].map((size) => {
      const payload = one.body(size);
      const frames = Array.from({ length: many }, () => whole(one.opcode, payload));
      return echo(
        `${many} times ${one.kind}, ${size} bytes`,
        [Buffer.concat(frames)],
        ...frames.map(() => echoOf(one, payload)),
      );
    }),
  );
  const hello = told('text', 'Hello');
  const examples = [
    echo('"Hello" in one block', [compressedText(hex('f248cdc9c90700'))], hello),
    echo('"Hello" in two frames', parts(opcodes.text, hex('f248cdc9c90700'), 2), hello),
    echo('"Hello" in a block without compression', [compressedText(hex('000500faff48656c6c6f00'))], hello),
    echo('"Hello" in a block that is said to be the last', [compressedText(hex('f348cdc9c9070000'))], hello),
    echo('"Hello" in two blocks', [compressedText(hex('f24805000000ffffcac9c90700'))], hello),
  ];
  const [first = text(''), second = text('')] = parts(opcodes.text, deflated('in two frames'), 2);
  const joined = told('text', 'in two frames');
  const mixed = [
    echo(
      'compressed messages and others in turns',
      [text('one'), whole(opcodes.text, 'two'), binary(Buffer.from([0, 255])), whole(opcodes.binary, 'four')],
      told('text', 'one'),
      told('text', 'two'),
      told('binary', Buffer.from([0, 255])),
      told('binary', 'four'),
    ),
    echo('a ping between the frames of a compressed message', [first, ping('p'), second], told('pong', 'p'), joined),
    // What is published leaves in a slice, after the pong.
    echo('a ping behind a compressed message', [Buffer.concat([first, second, ping('p')])], told('pong', 'p'), joined),
    ends({
      does: 'a close frame behind a compressed message',
      offers,
      writes: [Buffer.concat([first, second, encode({ opcode: opcodes.close, payload: hex('03e8') })])],
      gets: [answer, joined, 'close 1000'],
    }),
    echoes(
      { does: 'an empty compressed message', offers, writes: [compressedText(hex('00'))], gets: [answer, 'text'] },
      { gets: [answer], why: 'empty' },
    ),
  ];
  const continued = encode({ opcode: opcodes.continuation, payload: 'x', reserved: rsv1 });
  const bad = [
    fail(1002, 'the bit of compression on a later frame', [first, continued]),
    fail(1002, 'the bit of compression on a later frame of a message without', [
      ...inParts(opcodes.text, ['a', 'b']).slice(0, 1),
      continued,
    ]),
    ...['ping', 'pong', 'close'].map((kind) =>
      fail(1002, `the bit of compression on a ${kind}`, [
        encode({ opcode: { ping: 9, pong: 10, close: 8 }[kind] ?? 9, payload: hex('03e8'), reserved: rsv1 }),
      ]),
    ),
    ...[1, 2, 3, 5, 6, 7].map((reserved) =>
      fail(1002, `reserved bits ${reserved.toString(2).padStart(3, '0')}`, [
        encode({ opcode: opcodes.text, payload: deflated('reserved'), reserved }),
      ]),
    ),
    fail(1007, 'bytes that do not decompress', [compressedText(hex('ffffff'))]),
    fail(
      1007,
      'bytes that do not decompress, after a message',
      [whole(opcodes.text, 'one'), compressedText(hex('ffffff'))],
      told('text', 'one'),
    ),
    fail(
      1007,
      'a message that needs the window of the one before it',
      [compressedText(hex('f248cdc9c90700')), compressedText(hex('f200110000'))],
      hello,
    ),
    fail(1007, 'a compressed text that is no UTF-8', [whole(opcodes.text, hex('cebaeda080'))]),
    fail(1007, 'a compressed text in frames that is no UTF-8', parts(opcodes.text, deflated(hex('cebaeda080')), 3)),
    fail(1009, 'a compressed message that grows above the limit', [whole(opcodes.binary, Buffer.alloc(4_194_305))]),
  ];
  return [...ofKinds, ...inARow, ...examples, ...mixed, ...bad];
};

/** Offers that the server accepts: what it agrees to, and the window of the client. */
const accepted: readonly (readonly [offer: string, agreed: string, windowBits?: number])[] = [
  ['permessage-deflate', ''],
  ['permessage-deflate; client_no_context_takeover', ''],
  ['permessage-deflate; server_no_context_takeover', ''],
  ['permessage-deflate; server_no_context_takeover; client_no_context_takeover', ''],
  ['permessage-deflate; client_max_window_bits', ''],
  ...[9, 10, 11, 12, 13, 14, 15].map(
    (bits) => [`permessage-deflate; client_max_window_bits=${bits}`, `client_max_window_bits=${bits}; `, bits] as const,
  ),
  ['permessage-deflate; server_max_window_bits=15', 'server_max_window_bits=15; '],
  ['permessage-deflate; server_max_window_bits=9, permessage-deflate', ''],
  ['x-other, permessage-deflate; client_max_window_bits', ''],
];
/** Offers that it declines: nothing is compressed then. */
const declined = [
  'x-other',
  ...[8, 9, 10, 11, 12, 13, 14].map((bits) => `permessage-deflate; server_max_window_bits=${bits}`),
  'permessage-deflate; server_no_context_takeover; server_max_window_bits=9',
  'permessage-deflate; client_max_window_bits=7',
  'permessage-deflate; client_max_window_bits=16',
  'permessage-deflate; client_no_context_takeover=1',
  'permessage-deflate; unknown',
];

/** §13: offers of compression, with each of its parameters. */
export const offered = (): RfcCase[] => {
  const { echoes, fails } = sectionOf(13);
  return [
    ...accepted.flatMap(([offer, own, windowBits]) =>
      kinds.flatMap((one) => {
        const { kind, opcode } = one;
        const bodies = [16, 1_025, 40_000].map((size) => one.body(size));
        const gets = [agreed(`${offers}; ${own}${noTakeover}`), ...bodies.map((body) => echoOf(one, body))];
        const frames = bodies.map((body) => deflated(body, windowBits));
        return [
          echoes({
            does: `${offer}: ${kind}`,
            offers: offer,
            writes: frames.map((payload) => encode({ opcode, payload, reserved: rsv1 })),
            gets,
          }),
          echoes({
            does: `${offer}: ${kind}, in frames`,
            offers: offer,
            writes: frames.flatMap((payload) => parts(opcode, payload, 5)),
            gets,
          }),
        ];
      }),
    ),
    ...declined.flatMap((offer) => {
      const payload = Buffer.alloc(4_096, 'not compressed ');
      const gets = [agreed(), told('text', payload)];
      return [
        echoes({ does: `${offer}: declined, a message`, offers: offer, writes: [text(payload)], gets }),
        fails(1002, {
          does: `${offer}: declined, a compressed message`,
          offers: offer,
          writes: [text(payload), whole(opcodes.text, payload)],
          gets,
        }),
      ];
    }),
  ];
};

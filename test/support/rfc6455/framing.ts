import { binary, encode, inParts, opcodes, pieces, text } from './clientFrame.js';
import { type RfcCase, sectionOf, told } from './rfcCase.js';

const kinds = [
  { kind: 'text', opcode: opcodes.text, frame: text, body: (size: number) => Buffer.alloc(size, '*') },
  // Every byte there is, also those that are no UTF-8.
  { kind: 'binary', opcode: opcodes.binary, frame: binary, body: (size: number) => Buffer.alloc(size, bytes()) },
] as const;

const bytes = (): Buffer => Buffer.from(Array.from({ length: 256 }, (_, at) => at));

const sizes = [0, 1, 125, 126, 127, 128, 65_535, 65_536];

/** How the bytes of a frame are written. */
const writings = [
  { how: '', written: (frame: Buffer) => [frame] },
  { how: ', its payload after its head', written: (frame: Buffer) => [frame.subarray(0, 6), frame.subarray(6)] },
  { how: ', in octets', written: (frame: Buffer) => pieces(frame, frame.length < 1_000 ? 1 : 997) },
] as const;

const empty = { gets: [], why: 'empty' } as const;

/** §1: texts and binary messages at the bounds of each form of the length. */
export const framing = (): RfcCase[] =>
  kinds.flatMap(({ kind, frame, body }) =>
    sizes.flatMap((size) =>
      writings.map(({ how, written }) => {
        const payload = body(size);
        const does = size === 0 ? `an empty ${kind} message` : `a ${kind} message of ${size} bytes${how}`;
        return sectionOf(1).echoes(
          { does, writes: written(frame(payload)), gets: [told(kind, payload)] },
          size === 0 ? empty : undefined,
        );
      }),
    ),
  );

const large = [65_536, 262_144, 1_048_576, 4_194_304];
const partSizes = [65_536, 131_072, 1_048_576];
const small = [0, 16, 64, 256, 1_024, 4_096];
/** How many messages follow each other. */
const many = 200;

/** §9: large messages, whole, in frames and in pieces, and many small ones. */
export const sizesAndNumbers = (): RfcCase[] => {
  const { echoes, fails } = sectionOf(9);
  return kinds.flatMap(({ kind, opcode, frame, body }) => {
    const gets = (size: number): string[] => [told(kind, body(size))];
    const whole = large.map((size) =>
      echoes({ does: `a ${kind} message of ${size} bytes`, writes: [frame(body(size))], gets: gets(size) }),
    );
    const inFrames = partSizes.flatMap((part) => {
      const size = 4_194_304;
      const writes = inParts(opcode, pieces(body(size), part));
      return echoes({ does: `a ${kind} message of ${size} bytes in frames of ${part}`, writes, gets: gets(size) });
    });
    const inPieces = [1_024, 2_048, 16_384].map((piece) => {
      const size = 1_048_576;
      const writes = pieces(frame(body(size)), piece);
      return echoes({ does: `a ${kind} message of ${size} bytes in pieces of ${piece}`, writes, gets: gets(size) });
    });
    const inARow = small.map((size) => {
      const messages = Array.from({ length: many }, () => body(size));
      const given = {
        does: size === 0 ? `${many} empty ${kind} messages` : `${many} ${kind} messages of ${size} bytes`,
        writes: [Buffer.concat(messages.map(frame))],
        gets: messages.map((message) => told(kind, message)),
      };
      return echoes(given, size === 0 ? empty : undefined);
    });
    const parts = Array.from({ length: 65 }, () => 'x');
    const tooMany = echoes(
      { does: `a ${kind} message in 65 frames`, writes: inParts(opcode, parts), gets: [told(kind, parts.join(''))] },
      { gets: [], why: 'parts' },
    );
    return [
      ...whole,
      ...inFrames,
      ...inPieces,
      ...inARow,
      // The server closes: no close frame of this client is answered.
      { ...tooMany, closes: false, differs: { gets: ['close 1008'], why: 'parts' } } as const,
      fails(1009, { does: `a ${kind} message above the limit`, writes: [frame(body(4_194_305))] }),
      fails(1009, {
        does: `the head of a ${kind} message of 2^40 bytes`,
        writes: [Buffer.from([0x80 | opcode, 0xff, 0, 0, 1, 0, 0, 0, 0, 0, 1, 2, 3, 4])],
      }),
    ];
  });
};

/** §10: what fits nowhere else. */
export const others = (): RfcCase[] => {
  const { echoes, fails } = sectionOf(10);
  const { text: opcode } = opcodes;
  const long = Buffer.alloc(65_536, '*');
  return [
    ...[1_300, 536, 4_096].map((piece) =>
      echoes({
        does: `a text of 65536 bytes in packets of ${piece}`,
        writes: pieces(text(long), piece),
        gets: [told('text', long)],
      }),
    ),
    echoes({
      does: 'a text and a binary message in one packet',
      writes: [Buffer.concat([text('one'), binary(Buffer.from([0, 255]))])],
      gets: [told('text', 'one'), told('binary', Buffer.from([0, 255]))],
    }),
    fails(1002, { does: 'a frame without a mask', writes: [Buffer.from([0x80 | opcode, 1, 0x41])] }),
    fails(1002, {
      does: 'a frame without a mask after a message',
      writes: [text('one'), Buffer.from([0x80 | opcode, 1, 0x41])],
      gets: [told('text', 'one')],
    }),
    fails(1009, {
      does: 'a length with its highest bit',
      writes: [Buffer.from([0x80 | opcode, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 1, 1, 2, 3, 4])],
    }),
    echoes({
      does: 'a mask of zeros',
      writes: [Buffer.from([0x80 | opcode, 0x81, 0, 0, 0, 0, 0x41])],
      gets: [told('text', 'A')],
    }),
    echoes({
      does: 'two messages, the first in frames',
      writes: [...inParts(opcode, ['on', 'e']), encode({ opcode, payload: 'two' })],
      gets: [told('text', 'one'), told('text', 'two')],
    }),
  ];
};

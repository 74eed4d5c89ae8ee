import { describe, expect, test } from 'vitest';
import { bounds, type Stream } from '../support/frames/streams.js';
import { findDifference, playBoth } from '../support/frames/twoParsers.js';
import { binary, close, encode, inParts, opcodes, ping, pong, text } from '../support/rfc6455/clientFrame.js';

/** Some tests play a thousand streams. */
const timeout = 120_000;
const { payload } = bounds;
const letters = (count: number): Buffer => Buffer.alloc(count, 'abcdefghijklmnopqrstuvwxyz');

/** Bytes that come in pieces, each a read of its own. */
const inPieces = (bytes: Buffer, cuts: readonly number[]): Stream => ({
  steps: [0, ...cuts].map((from, at) => ({ kind: 'bytes', bytes: bytes.subarray(from, cuts[at] ?? bytes.length) })),
  ending: 'end',
  payload,
});

const hex = (bytes: string): Buffer => Buffer.from(bytes, 'hex');
/** A length that is written longer than it must be. */
const longForm = (length: Buffer, body: Buffer): Buffer =>
  Buffer.concat([hex('81'), length, text(body).subarray(text(body).length - body.length - 4)]);

const framesByKind: Readonly<Record<string, readonly Buffer[]>> = {
  'a text message': [0, 1, 5, 124, 125, 126, 127, 128, 129, payload].map((size) => text(letters(size))),
  'a text of characters of each length': [text(`a${'é€\u{1f600}'.repeat(20)}`)],
  'a text whose length is written longer': [
    longForm(hex('fe0003'), letters(3)),
    longForm(hex('ff0000000000000003'), letters(3)),
  ],
  'a binary message': [binary(letters(5)), binary(letters(130))],
  'a ping': [ping(''), ping('p'), ping(letters(125))],
  'a pong': [pong('p')],
  'a message in parts': [opcodes.text, opcodes.binary].map((opcode) =>
    Buffer.concat(
      inParts(opcode, [Buffer.from('part'), Buffer.from('€').subarray(0, 1), Buffer.from('€').subarray(1)]),
    ),
  ),
  'a ping between parts': [
    Buffer.concat([...inParts(opcodes.text, ['a', 'b']).flatMap((part) => [part, ping('p')])]),
    Buffer.concat([encode({ opcode: opcodes.text, payload: 'a', isLast: false }), ping('p'), text('b')]),
  ],
  'a close frame': [close(), close(1000), close(4001, 'bye'), close(1005), close(1000, hex('c3'))],
  'a message that is too big': [text(letters(payload + 1)), binary(letters(payload + 1)), hex('81ffffffffffffffffff')],
  'reserved bits': [1, 2, 4, 7].map((reserved) => encode({ opcode: opcodes.text, payload: 'reserved', reserved })),
  'an unknown opcode': [encode({ opcode: 3, payload: 'opcode' }), encode({ opcode: 11 })],
  'a frame without a mask': [hex('810161'), hex('8200')],
  'a control frame in parts, and one too long': [
    encode({ opcode: opcodes.ping, isLast: false }),
    ping(letters(126)),
    close(1000, letters(124)),
  ],
  'a text that is no UTF-8': [text(hex('c3')), text(Buffer.concat([letters(129), hex('e282')]))],
};

describe('a stream that is cut at each of its bytes leads to what it leads to with ws alone', { timeout }, () => {
  function* cutEverywhere(frames: readonly Buffer[]): Iterable<Stream> {
    for (const frame of frames) {
      const bytes = Buffer.concat([text('before'), frame, text('after')]);
      yield inPieces(bytes, []);
      for (let cut = 1; cut < bytes.length; cut++) yield inPieces(bytes, [cut]);
    }
  }

  test.each(Object.entries(framesByKind))('[FR11] [LM1] [LM6] [LM7] [SV6] %s', async (_, frames) => {
    const found = await findDifference(cutEverywhere(frames), (stream) => stream);
    if (!found) return;
    const [ours, theirs] = await playBoth(found);
    expect(ours).toEqual(theirs);
    expect(found).toBeUndefined();
  });
});

/** Texts that `ws` checks itself, that Node checks for it, and that are unmasked by words. */
const sizes = [0, 3, 9, 26, 133] as const;

/** Bytes that are no UTF-8: cut, overlong, surrogates, out of range, bytes that never occur, a continuation alone. */
const invalid = (
  'c3 e2 e282 f0 f09f f09f98 c080 c1bf e08080 e09fbf f0808080 f08fbfbf eda080 edbfbf eda080edb080 f4908080 ' +
  'f5808080 f8 fc fe ff 80 bf c320 e28220 e220ac f09f2080'
).split(' ');

/** A text of letters with these bytes at a place. */
const at = (place: number, size: number, bytes: Buffer): Buffer =>
  Buffer.concat([letters(place), bytes, letters(size - place)]);

describe('UTF-8', { timeout }, () => {
  function* places(): Iterable<readonly [size: number, place: number]> {
    for (const size of sizes) for (let place = 0; place <= size; place++) yield [size, place];
  }
  /** The text whole, cut before the bytes, and cut after each of them. */
  function* streamsOf(bytes: Buffer): Iterable<Stream> {
    for (const [size, place] of places()) {
      const frame = text(at(place, size, bytes));
      const end = frame.length - (size - place);
      const whole = Buffer.concat([frame, text('after')]);
      yield inPieces(whole, []);
      for (let cut = end - bytes.length; cut <= end; cut++) yield inPieces(whole, [cut]);
    }
  }

  test.each(invalid)(
    '[FR11] %s at any place of a text closes with 1007, also where a read ends in it',
    async (name) => {
      const bytes = hex(name);
      const found = await findDifference(streamsOf(bytes), (stream) => stream);
      expect(found && (await playBoth(found))).toBeUndefined();
      const [ours] = await playBoth(inPieces(text(at(2, 133, bytes)), []));
      expect(ours[0]).toBe('closing 1007 not UTF-8 notUtf8');
    },
  );

  test.each(['e9', '7ff', '800', '20ac', 'd7ff', 'e000', 'ffff', '10000', '1f600', '10ffff'])(
    '[FR11] the character U+%s is taken at any place of a text, also where a read ends in it',
    async (point) => {
      const bytes = Buffer.from(String.fromCodePoint(Number.parseInt(point, 16)));
      const found = await findDifference(streamsOf(bytes), (stream) => stream);
      expect(found && (await playBoth(found))).toBeUndefined();
      const [ours] = await playBoth(inPieces(text(at(2, 133, bytes)), []));
      expect(ours[0]).toBe(`text ${at(2, 133, bytes).toString()}`);
    },
  );
});

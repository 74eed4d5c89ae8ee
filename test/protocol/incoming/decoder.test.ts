import { fc, test as given } from '@fast-check/vitest';
import { describe, expect, test } from 'vitest';
import { decode, type Frame, type NativeMode } from '../../../src/protocol/codec.js';
import { FrameDecoder } from '../../../src/protocol/incoming/decoder.js';
import { isAnswer, mayBeAnswer } from '../../../src/protocol/token.js';

/** One message of a client: text is sent as UTF-8. */
interface Sent {
  readonly bytes: Uint8Array;
  readonly isText: boolean;
}

const utf8 = new TextDecoder('utf-8', { ignoreBOM: true });

/** A frame that is compared fast: its bytes are one string. */
const shown = (frame: Frame | undefined) => {
  if (!frame || typeof frame.body === 'string') return frame;
  return { ...frame, body: `${frame.body.constructor.name} ${Buffer.from(frame.body).toString('latin1')}` };
};

/** What `decode` makes of the message: the model. */
const modelOf = ({ bytes, isText }: Sent, mode: NativeMode): Frame | undefined =>
  decode(isText ? utf8.decode(bytes) : bytes, mode);

/** What the decoder makes of it, in a read buffer that has other content before, after and later. */
const decodedBy = (decoder: FrameDecoder, { bytes, isText }: Sent) => {
  const read = Buffer.concat([Buffer.from(';#;'), bytes, Buffer.from(';;;;;;;;')]);
  const frame = decoder.decode(read.subarray(3, 3 + bytes.length), isText);
  // A large binary body stays a view of the read buffer (FR7).
  if (bytes.length < 4096) read.fill('*');
  return frame;
};

const field = fc.constantFrom(
  '',
  'chat',
  'cha',
  'chat2',
  'r@%!semicolon@%!x',
  'é',
  '\ufeff',
  '😀',
  '_OnRoomJoin',
  'x'.repeat(300),
);
const flag = fc.constantFrom('0', '1', '', '2');
const wait = fc.constantFrom('', '$1', '$17', '#x', 'é', '\ufeff', '$'.repeat(200), 'tok-1');
const body = fc.constantFrom('', 'x', ';', ';;;;', '{"a":1}', 'é😀', 'y'.repeat(5_000), '\u0000', '\ufeffz');
const framed = fc.tuple(wait, field, field, field, flag, flag, body).map((fields) => Buffer.from(fields.join(';')));
/** Bytes that are mostly a frame, with a few changed or cut off. */
const damaged = fc
  .tuple(framed, fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { maxLength: 3 }), fc.nat())
  .map(([bytes, changes, length]) => {
    const copy = Buffer.from(bytes);
    for (const [at, byte] of changes) copy[at % Math.max(copy.length, 1)] = byte;
    return copy.subarray(0, length % 3 === 0 ? length % (copy.length + 1) : copy.length);
  });
const isUtf8 = (bytes: Uint8Array): boolean => {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return true;
  } catch {
    return false;
  }
};
const message: fc.Arbitrary<Sent> = fc
  .tuple(fc.oneof(framed, framed, damaged, fc.uint8Array({ maxLength: 30 })), fc.boolean())
  .map(([bytes, isText]) => ({ bytes, isText: isText && isUtf8(bytes) }));
const mode = fc.constantFrom<NativeMode>('none', 'mixed', 'only');

describe('a decoder that remembers headers', () => {
  given.prop([fc.array(message, { maxLength: 20 }), mode], { numRuns: 150 })(
    '[FR1] [FR2] [FR7] makes of each message what decode makes of it',
    (messages, nativeMode) => {
      const decoder = new FrameDecoder(nativeMode);
      for (const sent of messages)
        expect(shown(decodedBy(decoder, sent))).toStrictEqual(shown(modelOf(sent, nativeMode)));
    },
  );

  given.prop([message, fc.array(message, { maxLength: 5 })], { numRuns: 100 })(
    '[FR1] [FR2] [FR7] has the same result when it meets the same message again',
    (sent, between) => {
      const decoder = new FrameDecoder('none');
      for (const one of [sent, ...between, sent, sent]) {
        expect(shown(decodedBy(decoder, one))).toStrictEqual(shown(modelOf(one, 'none')));
      }
    },
  );

  test('[FR1] takes a text for what it is when it begins as the one before', () => {
    const decoder = new FrameDecoder('none');
    for (const text of [
      ';n;;e;0;0;a',
      ';n;;e;0;0',
      ';n;;e;0;0;',
      ';n;;e;1;0;b',
      ';n;;ee;0;0;c',
      '$1;n;;e;0;0;d',
      ';n;;',
    ]) {
      const sent = { bytes: Buffer.from(text), isText: true };
      expect(decodedBy(decoder, sent)).toStrictEqual(decode(text));
    }
  });

  test('[FR2] takes no binary message whose wait token is not UTF-8, whatever headers it knows', () => {
    const decoder = new FrameDecoder('none');
    const rest = Buffer.from(';n;;e;0;0;x');
    expect(decoder.decode(rest, false)?.event).toBe('e');
    expect(decoder.decode(Buffer.concat([Buffer.from([0xff]), rest]), false)).toBeUndefined();
  });

  test('[FR1] knows a header of a read buffer that is used again', () => {
    const decoder = new FrameDecoder('none');
    const read = Buffer.alloc(10);
    const events = ['a', 'b', 'a'].map((event) => {
      read.write(`;n;;${event};0;0;`);
      return decoder.decode(read, true)?.event;
    });
    expect(events).toEqual(['a', 'b', 'a']);
  });

  test('[FR1] knows a thousand headers apart', () => {
    const decoder = new FrameDecoder('none');
    for (let round = 0; round < 3; round++) {
      for (let at = 0; at < 1_000; at++) {
        const frame = decoder.decode(Buffer.from(`;n${at % 7};r${at % 11};e${at};0;0;${round}`), true);
        expect(frame).toMatchObject({
          namespace: `n${at % 7}`,
          room: `r${at % 11}`,
          event: `e${at}`,
          body: `${round}`,
        });
      }
    }
  });
});

describe('mayBeAnswer', () => {
  given.prop([message])('[AK7] is true of each answer, of text and of bytes', (sent) => {
    const frame = modelOf(sent, 'none');
    const isOne = frame !== undefined && isAnswer(frame.wait);
    const text = utf8.decode(sent.bytes);
    if (frame && sent.bytes.length > 0) expect(mayBeAnswer(sent.bytes)).toBe(isOne);
    if (frame && sent.isText && text !== '') expect(mayBeAnswer(text)).toBe(isOne);
  });
});

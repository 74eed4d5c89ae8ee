import { inflateRawSync } from 'node:zlib';
import { fc, test as property } from '@fast-check/vitest';
import { describe, expect, test } from 'vitest';
import { Deflater, maxDeflated } from '../../src/broadcast/deflater.js';
import { frame, joined, unframe } from '../../src/protocol/frame.js';

const tail = Buffer.from([0, 0, 0xff, 0xff]);

/** The first byte and the payload of the frames in these bytes, decompressed. */
const read = (bytes: Uint8Array): { readonly first: number; readonly payload: string }[] => {
  const found: { readonly first: number; readonly payload: string }[] = [];
  for (let at = 0; at < bytes.length; ) {
    const view = Buffer.from(bytes.subarray(at));
    const short = view.readUInt8(1);
    const head = short < 126 ? 2 : short === 126 ? 4 : 10;
    const length = head === 2 ? short : head === 4 ? view.readUInt16BE(2) : Number(view.readBigUInt64BE(2));
    const data = view.subarray(head, head + length);
    const first = view.readUInt8(0);
    const plain = first & 0x40 ? inflateRawSync(Buffer.concat([data, tail]), { finishFlush: 2 }) : data;
    found.push({ first, payload: plain.toString('latin1') });
    at += head + length;
  }
  return found;
};

const text = (length: number): string => 'abcdefgh'.repeat(Math.ceil(length / 8)).slice(0, length);
const deflater = (options = {}): Deflater => new Deflater({ threshold: 1_024, level: 1, ...options });

/** Returns a frame that the deflater knows as one of a broadcast. */
const offered = (to: Deflater, payload: string | Uint8Array): Uint8Array => {
  const bytes = frame(payload);
  to.offer(bytes);
  return bytes;
};

describe('what is compressed', () => {
  test.each([
    [1_024, 0x81],
    [1_025, 0xc1],
    [maxDeflated, 0xc1],
    [maxDeflated + 1, 0x81],
  ])('[CP2] a text of %d bytes', (length, first) => {
    const one = deflater();
    const wire = one.toWrite(offered(one, text(length)));
    expect(read(wire)).toEqual([{ first, payload: text(length) }]);
  });

  test('[CP2] binary messages too, and from the chosen size on', () => {
    const one = deflater({ threshold: 99 });
    expect(read(one.toWrite(offered(one, Buffer.from(text(100)))))).toEqual([{ first: 0xc2, payload: text(100) }]);
    expect(read(one.toWrite(offered(one, Buffer.from(text(99)))))).toEqual([{ first: 0x82, payload: text(99) }]);
  });

  test('[CP2] a message that becomes no smaller goes out as it is, and is tried once', () => {
    const one = deflater();
    const noise = Uint8Array.from({ length: 4_096 }, (_, at) => (at * at * 2_654_435_761) >>> 11);
    const bytes = offered(one, noise);
    for (let times = 0; times < 3; times++) expect(one.toWrite(bytes)).toBe(bytes);
    expect(one.tally).toEqual({ messages: 0, kept: 1, saved: 0 });
  });

  test('[CP2] a frame that was not published goes out as it is', () => {
    const one = deflater();
    const bytes = frame(text(5_000));
    expect(one.toWrite(bytes)).toBe(bytes);
    expect(one.join([bytes, bytes]).length).toBe(bytes.length * 2);
    expect(one.tally).toEqual({ messages: 0, kept: 0, saved: 0 });
  });

  test('[CP2] nothing is compressed before a client needs it, and then once for all', () => {
    const one = deflater();
    const bytes = offered(one, text(4_096));
    expect(one.tally.messages).toBe(0);
    const wire = one.toWrite(bytes);
    expect(one.toWrite(bytes)).toBe(wire);
    expect(one.tally).toEqual({ messages: 1, kept: 0, saved: 2 * (bytes.length - wire.length) });
  });
});

describe('several messages in one write', () => {
  test('[CP2] each is compressed once, also if it is part of several writes', () => {
    const one = deflater();
    const [large, small, other] = [text(3_000), text(10), text(2_000)].map((payload) => offered(one, payload));
    if (!large || !small || !other) throw new Error('three frames were made');
    const both = one.join([small, large]);
    const wire = one.toWrite(both);
    expect(one.toWrite(both)).toBe(wire);
    expect(read(one.toWrite(one.join([large, other]))).map(({ first }) => first)).toEqual([0xc1, 0xc1]);
    expect(read(wire).map(({ first }) => first)).toEqual([0x81, 0xc1]);
    expect(one.tally.messages).toBe(2);
  });

  test('[CP2] small ones alone are joined as ever', () => {
    const one = deflater();
    const bytes = one.join([offered(one, 'a'), offered(one, 'b')]);
    expect(one.toWrite(bytes)).toBe(bytes);
  });
});

property.prop([
  fc.array(
    fc.oneof(
      fc.string({ maxLength: 40 }),
      fc.string({ minLength: 20, maxLength: 300 }).map((s) => s.repeat(9)),
    ),
  ),
  fc.constantFrom(1, 6, 9),
])('[CP2] [CP3] whatever is joined, a client reads the same frames in the same order', (payloads, level) => {
  const one = deflater({ threshold: 30, level });
  const frames = payloads.map((payload, at) => (at % 3 === 0 ? frame(payload) : offered(one, payload)));
  const wire = one.toWrite(one.join(frames));
  const plain = joined(frames);
  expect(read(wire).map(({ first, payload }) => [first & ~0x40, payload])).toEqual(
    read(plain).map(({ first, payload }) => [first, payload]),
  );
  expect(wire.length).toBeLessThanOrEqual(plain.length);
  expect(one.tally.saved).toBe(plain.length - wire.length);
  expect(unframe(plain)).toHaveLength(payloads.length);
});

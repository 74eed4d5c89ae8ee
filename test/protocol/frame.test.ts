import { once } from 'node:events';
import type { Writable } from 'node:stream';
import { fc, test as given } from '@fast-check/vitest';
import { describe, expect, test } from 'vitest';
import * as ws from 'ws';
import { frame, joined } from '../../src/protocol/frame.js';

/** The parser of ws, as a client runs it. It is exported, and its types do not know of it. */
const { Receiver } = ws as unknown as {
  Receiver: new (options: { isServer: boolean; skipUTF8Validation: boolean }) => Writable;
};

interface Parsed {
  readonly data: Buffer;
  readonly isBinary: boolean;
}

/** What a client reads from these bytes. */
const received = async (...chunks: readonly Uint8Array[]): Promise<Parsed[]> => {
  const receiver = new Receiver({ isServer: false, skipUTF8Validation: false });
  const messages: Parsed[] = [];
  receiver.on('message', (data: Buffer, isBinary: boolean) => messages.push({ data, isBinary }));
  for (const chunk of chunks) receiver.write(chunk);
  receiver.end();
  await once(receiver, 'finish');
  return messages;
};

const lengths = [
  [0, 2],
  [1, 2],
  [125, 2],
  [126, 4],
  [65_535, 4],
  [65_536, 10],
  [200_000, 10],
] as const;

describe('one frame', () => {
  test.each(lengths)('[BC7] a text of %i bytes follows a head of %i', async (length, head) => {
    const text = 'x'.repeat(length);
    const bytes = frame(text);
    expect(bytes).toHaveLength(head + length);
    expect(bytes[0]).toBe(0x81);
    expect(await received(bytes)).toEqual([{ data: Buffer.from(text), isBinary: false }]);
  });

  test.each(lengths)('[BC7] [FR3] %i bytes follow a head of %i, unchanged', async (length, head) => {
    const body = Uint8Array.from({ length }, (_, at) => at % 251);
    const bytes = frame(body);
    expect(bytes).toHaveLength(head + length);
    expect(bytes[0]).toBe(0x82);
    expect(await received(bytes)).toEqual([{ data: Buffer.from(body), isBinary: true }]);
  });

  test('[BC7] the length is that of the bytes, not of the characters', async () => {
    const text = '€'.repeat(42);
    expect(frame(text).subarray(0, 4)).toEqual(Buffer.of(0x81, 126, 0, 126));
    expect(await received(frame(text))).toEqual([{ data: Buffer.from(text), isBinary: false }]);
  });

  test('[BC7] a frame copies its body: later changes are not sent', () => {
    const body = Uint8Array.of(1, 2, 3);
    const bytes = frame(body);
    body.fill(9);
    expect(bytes.subarray(2)).toEqual(Buffer.of(1, 2, 3));
  });

  test('[FR2] half a character is sent as valid UTF-8', async () => {
    const [message] = await received(frame('a\ud83db'));
    expect(message?.data.toString()).toBe('a\ufffdb');
  });
});

describe('several frames', () => {
  test('[BC6] one frame alone is the very same buffer', () => {
    const only = frame('only');
    expect(joined([only])).toBe(only);
  });

  test('[BC6] several are one buffer, in order', async () => {
    const frames = [frame('a'), frame(Uint8Array.of(0xff)), frame(''), frame('d'.repeat(70_000))];
    const messages = await received(joined(frames));
    expect(messages.map(({ data, isBinary }) => (isBinary ? data.toString('hex') : data.toString()))).toEqual([
      'a',
      'ff',
      '',
      'd'.repeat(70_000),
    ]);
  });

  test('[BC6] no frames are no bytes', () => {
    expect(joined([])).toHaveLength(0);
  });

  given.prop([fc.array(fc.oneof(fc.string({ unit: 'grapheme' }), fc.uint8Array()), { maxLength: 8 }), fc.nat()])(
    '[BC6] a client reads what was framed, wherever the bytes are cut',
    async (bodies, at) => {
      const bytes = joined(bodies.map((body) => frame(body)));
      const cut = at % (bytes.length + 1);
      const messages = await received(bytes.subarray(0, cut), bytes.subarray(cut));
      expect(messages).toEqual(
        bodies.map((body) => ({ data: Buffer.from(body as string), isBinary: typeof body !== 'string' })),
      );
    },
  );
});

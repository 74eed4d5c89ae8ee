import { fc, test as given } from '@fast-check/vitest';
import { describe, expect, test } from 'vitest';
import { decodeFrame } from '../../src/index.js';
import { decode } from '../../src/protocol/codec.js';

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

describe('decodeFrame', () => {
  test.each([
    ['', 'event'],
    ['$7', 'ask'],
    ['0abc-7', 'answer'],
  ])('[SV22] with the wait token "%s" it is an %s', (wait, kind) => {
    const text = `${wait};chat;r@%!semicolon@%!1;say;0;0;a;b`;
    const parts = { kind, wait, namespace: 'chat', room: 'r;1', event: 'say', isError: false };
    expect(decodeFrame(text)).toEqual({ ...parts, body: 'a;b', isBinary: false });
    expect(decodeFrame(bytesOf(text))).toEqual({ ...parts, body: bytesOf('a;b'), isBinary: true });
  });

  test('[SV22] an error is marked', () => {
    expect(decodeFrame('0abc-7;chat;;say;1;0;no')).toMatchObject({ kind: 'answer', isError: true, body: 'no' });
  });

  given.prop([
    fc.oneof(
      fc.string(),
      fc.uint8Array(),
      fc.array(fc.string()).map((fields) => fields.join(';')),
    ),
  ])('[SV22] it reads a frame where the server does, and nothing else', (data) => {
    const { kind, ...parts } = decodeFrame(data) ?? { kind: undefined };
    const { isNoOp, isNative, ...frame } = decode(data) ?? { isNoOp: false, isNative: false };
    expect(parts).toEqual(frame);
    expect(kind === undefined).toBe(decode(data) === undefined);
  });

  test.each([
    [undefined, 'undefined'],
    [null, 'null'],
    [{}, 'object'],
    [5, 'number'],
  ])('[SV22] %s is a mistake of the program', (data, got) => {
    expect(() => decodeFrame(data as never)).toThrow(
      new TypeError(`decodeFrame takes the data of a FRAME event, a string or a Uint8Array; got ${got}`),
    );
  });
});

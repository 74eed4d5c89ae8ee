import { describe, expect, test } from 'vitest';
import { ErrInvalidPayload } from '../../src/protocol/errors.js';
import {
  isSystemEvent,
  OnAnyEvent,
  OnNamespaceConnect,
  OnNamespaceConnected,
  OnNamespaceDisconnect,
  OnNativeMessage,
  OnRoomJoin,
  OnRoomJoined,
  OnRoomLeave,
  OnRoomLeft,
  ReceivedMessage,
} from '../../src/protocol/message.js';

describe('system events', () => {
  test.each([
    [OnNamespaceConnect, '_OnNamespaceConnect'],
    [OnNamespaceConnected, '_OnNamespaceConnected'],
    [OnNamespaceDisconnect, '_OnNamespaceDisconnect'],
    [OnRoomJoin, '_OnRoomJoin'],
    [OnRoomJoined, '_OnRoomJoined'],
    [OnRoomLeave, '_OnRoomLeave'],
    [OnRoomLeft, '_OnRoomLeft'],
  ])('[NS9] %s is one of the lifecycle', (event, name) => {
    expect(event).toBe(name);
    expect(isSystemEvent(event)).toBe(true);
  });

  test.each([OnAnyEvent, OnNativeMessage, 'chat', '', '_onroomjoin', 'OnRoomJoin', 'toString', '__proto__'])(
    '[NS9] %j is none',
    (event) => {
      expect(isSystemEvent(event)).toBe(false);
    },
  );
});

describe('a received message', () => {
  test('[FR7] has no flags until they are set', () => {
    const message = new ReceivedMessage('n', 'r', 'e', 'b');
    expect({ ...message }).toEqual({
      namespace: 'n',
      room: 'r',
      event: 'e',
      body: 'b',
      setBinary: false,
      isNative: false,
      isForced: false,
      isLocal: false,
    });
  });

  test('[FR9] json parses text and bytes', () => {
    const text = '{"a":["ü",1,null]}';
    const expected = { a: ['ü', 1, null] };
    expect(new ReceivedMessage('', '', 'e', text).json()).toEqual(expected);
    expect(new ReceivedMessage('', '', 'e', new TextEncoder().encode(text)).json()).toEqual(expected);
  });

  test.each<[string | Uint8Array]>([[''], ['{'], ['undefined'], [Uint8Array.of(0xff)]])(
    '[FR9] json of %o throws the shared error',
    (body) => {
      const message = new ReceivedMessage('', '', 'e', body);
      expect(() => message.json()).toThrow(ErrInvalidPayload);
    },
  );
});

describe('JSON that a client has written', () => {
  const parse = (text: string): unknown => new ReceivedMessage('', '', 'e', text).json();

  test.each([
    '{"__proto__":{"admin":true},"a":1}',
    '{"\\u005f_proto__":{"admin":true},"a":1}',
    '{"\\u005F\\u005Fproto\\u005f\\u005F":{"admin":true},"a":1}',
    '{"constructor":{"prototype":{"admin":true}},"a":1}',
    '{"\\u0063onstructor":{"prototype":{"admin":true}},"a":1}',
  ])('[FR9] %s has a harmless value', (text) => {
    const value = parse(text);
    expect(value).toEqual({ a: 1 });
    expect(Object.keys(Object(value))).toEqual(['a']);
    const merged = Object.assign({}, value);
    expect(Reflect.get(merged, 'admin')).toBeUndefined();
  });

  test('[FR9] at any depth, also in lists', () => {
    expect(parse('{"a":[{"b":{"__proto__":{"x":1},"c":2}}]}')).toEqual({ a: [{ b: { c: 2 } }] });
  });

  test('[FR9] a value that only looks so is kept', () => {
    const value = { constructor: 'Renault', text: '__proto__', escaped: 'é\\u' };
    expect(parse(JSON.stringify(value))).toEqual(value);
  });

  test.each(['['.repeat(65_536), '{"a":'.repeat(10_000), `${'['.repeat(32_000)}"__proto__"${']'.repeat(32_000)}`])(
    '[FR9] JSON of any depth parses, or throws the shared error',
    (text) => {
      try {
        parse(text);
      } catch (error) {
        expect(error).toBe(ErrInvalidPayload);
      }
    },
  );
});

import { fc, test as property } from '@fast-check/vitest';
import { describe, expect, test } from 'vitest';
import { ReceivedMessage } from '../../src/protocol/message.js';
import { nearest } from '../../src/protocol/nearest.js';
import { assertMembers, assertOutgoing } from '../../src/protocol/outgoing.js';

/** Checks a value as the calls of a program are checked. */
const check = (message: unknown) => (): void => {
  assertMembers(message);
  // The check is there for what the types do not allow.
  assertOutgoing(message as never);
};

const members = 'namespace room event body data to setBinary isNative err isForced isLocal json'.split(' ');

/** A message of a class of the program, with methods in its prototype. */
class Said {
  readonly event = 'said';
  readonly body = 'hi';
  get length(): number {
    return this.body.length;
  }
}
/** The same in the way of old programs: its methods are enumerable. */
const oldStyle: unknown = Object.assign(Object.create({ send() {} }), { event: 'said' });

describe('an outgoing message', () => {
  test.each<[object]>([
    [{ event: 'e' }],
    [{ namespace: '', event: 'e', body: '' }],
    [{ namespace: 'n', room: 'r', event: 'e', body: Uint8Array.of(1), to: 'joe', setBinary: true }],
    [{ event: 'e', room: undefined, body: undefined, err: undefined, setBinary: undefined }],
    [{ event: 'e', err: new TypeError('no') }],
    [{ isNative: true, body: 'raw' }],
    [new ReceivedMessage('n', '', 'e', Buffer.from('b'))],
    [{ ...new ReceivedMessage('n', '', 'e', 'b'), to: 'joe', json: () => 1 }],
    [new Said()],
  ])('[BC14] %o is one', (message) => {
    expect(check(message)).not.toThrow();
  });

  test('[BC14] inherited methods are no members', () => {
    expect(check(oldStyle)).not.toThrow();
  });

  test.each<[unknown, RegExp]>([
    [null, /a message is an object .* got null/],
    [undefined, /got undefined/],
    ['chat', /got chat/],
    [{}, /needs an event/],
    [{ event: '' }, /needs an event/],
    [{ event: 5 }, /"event" of a message takes a string, got 5/],
    [{ event: 'e', namespace: 5 }, /"namespace" of a message takes a string, got 5/],
    [{ event: 'e', room: null }, /"room" of a message takes a string, got null/],
    [{ event: 'e', to: { id: 'joe' } }, /"to" of a message takes a string, got an object/],
    [{ event: 'e', setBinary: 1 }, /"setBinary" of a message takes true or false, got 1/],
    [{ event: 'e', isNative: 'yes' }, /"isNative" of a message takes true or false, got "yes"/],
    [{ event: 'e', err: 'no' }, /"err" of a message takes an Error, got "no"/],
    [{ event: 'e', body: { a: 1 } }, /a body is a string or a Uint8Array, got object; JSON\.stringify/],
    [{ event: 'e', body: 5 }, /got number/],
    [{ event: 'e', body: [1, 2] }, /got object/],
  ])('[BC14] %o is refused before encoding, with the accepted types', (message, expected) => {
    expect(check(message)).toThrow(TypeError);
    expect(check(message)).toThrow(expected);
  });

  test.each([
    ['To', 'to'],
    ['Namespace', 'namespace'],
    ['room ', 'room'],
    ['rooms', 'room'],
    ['evnt', 'event'],
    ['Body', 'body'],
    ['setBinery', 'setBinary'],
    ['IsNative', 'isNative'],
    ['namspace', 'namespace'],
  ])('[BC14] instead of "%s" it says "%s"', (name, meant) => {
    expect(check({ event: 'e', [name]: 'joe' })).toThrow(
      `a message has no "${name}", got "joe": did you mean "${meant}"? The members of a message are namespace, room, event, body, data, to, setBinary, isNative, err`,
    );
  });

  test.each([
    ['payload', 'x'.repeat(100), `"${'x'.repeat(64)}…"`],
    ['n', 1, '1'],
    ['wait', Symbol('s'), 'Symbol(s)'],
    ['on', () => {}, 'a function'],
    ['x'.repeat(1_000), null, 'null'],
  ])('[BC14] "%s" is like no member', (name, value, shown) => {
    expect(check({ event: 'e', [name]: value })).toThrow(
      `a message has no "${name}", got ${shown}. The members of a message are namespace,`,
    );
  });

  property.prop([fc.string().filter((name) => !members.includes(name) && name !== '__proto__'), fc.anything()])(
    '[BC14] no other member passes, whatever its value',
    (name, value) => {
      expect(check({ event: 'e', [name]: value })).toThrow(TypeError);
    },
  );
});

describe('the nearest name', () => {
  test.each([
    ['abcde', ['abcdef', 'abcde'], 'abcde'],
    ['xbcxe', ['abcde'], 'abcde'],
    ['xbcxx', ['abcde'], undefined],
    ['ab', ['to'], undefined],
    ['', ['to'], undefined],
    ['eventx', ['event', 'events'], 'event'],
  ])('[BC14] [LM2] of "%s" among %o is %s', (given, names, found) => {
    expect(nearest(given, names)).toBe(found);
  });
});

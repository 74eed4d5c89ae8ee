import { describe, expect, test } from 'vitest';
import { closesWith, type Events, Handlers, type Namespaces, runGuarded } from '../../../src/actors/api/handlers.js';
import { Deadlines } from '../../../src/actors/runtime/deadlines.js';
import { CloseError, HandlerTimeout, reply } from '../../../src/protocol/errors.js';
import { OnAnyEvent, OnNativeMessage, OnRoomJoin } from '../../../src/protocol/message.js';
import { FakeClock } from '../../support/server/fakeClock.js';

const handler = (): void => {};
const other = (): void => {};

describe('the event map', () => {
  test('[NS8] a handler is found by namespace and event, and nowhere else', () => {
    const handlers = new Handlers({ a: { chat: handler }, b: { chat: other } }, undefined);
    expect(handlers.find('a', 'chat')).toBe(handler);
    expect(handlers.find('b', 'chat')).toBe(other);
    expect(handlers.find('a', 'talk')).toBeUndefined();
    expect(handlers.find('c', 'chat')).toBeUndefined();
  });

  test('[NS8] names that every object has are no handlers', () => {
    const handlers = new Handlers({ a: { chat: handler } }, undefined);
    for (const name of ['toString', 'constructor', '__proto__', 'hasOwnProperty']) {
      expect(handlers.find('a', name)).toBeUndefined();
      expect(handlers.find(name, 'chat')).toBeUndefined();
      expect(handlers.declares(name)).toBe(false);
    }
  });

  test('[NS1] a declared namespace is known by name', () => {
    const handlers = new Handlers({ a: {}, b: { chat: handler } }, { chat: handler });
    expect(handlers.namespaces).toEqual(['a', 'b', '']);
    expect(['a', 'b', '', 'c'].map((name) => handlers.declares(name))).toEqual([true, true, true, false]);
  });

  test('[AK8] an event without a handler goes to OnAnyEvent', () => {
    const handlers = new Handlers({ a: { [OnAnyEvent]: other, chat: handler } }, {});
    expect(handlers.find('a', 'chat')).toBe(handler);
    expect(handlers.find('a', 'talk')).toBe(other);
    expect(handlers.find('a', OnRoomJoin)).toBe(other);
    expect(handlers.find('a', OnNativeMessage)).toBe(other);
    expect(handlers.find('', OnNativeMessage)).toBeUndefined();
  });

  test.each<[boolean, boolean, Namespaces, Events | undefined]>([
    [true, true, {}, { [OnNativeMessage]: handler }],
    [true, true, { '': { [OnNativeMessage]: handler } }, undefined],
    [false, true, { '': { [OnNativeMessage]: handler, chat: handler } }, undefined],
    [false, true, { a: {} }, { [OnNativeMessage]: handler }],
    [false, false, { a: { [OnNativeMessage]: handler } }, undefined],
    [false, false, {}, { chat: handler }],
    [false, false, {}, { [OnAnyEvent]: handler }],
  ])('[HS10] native only: %s, native at all: %s, for %o and %o', (isNativeOnly, takesNative, namespaces, events) => {
    const handlers = new Handlers(namespaces, events);
    expect([handlers.isNativeOnly, handlers.takesNative]).toEqual([isNativeOnly, takesNative]);
  });

  test('[LM2] the empty namespace may be declared in two parts', () => {
    const handlers = new Handlers({ '': { chat: handler } }, { talk: other });
    expect([handlers.find('', 'chat'), handlers.find('', 'talk')]).toEqual([handler, other]);
  });

  test.each<[string, readonly unknown[], string]>([
    ['nothing at all', [{}, undefined], 'a Server needs namespaces: { name: { event(ns, message) {} } } or events'],
    ['a namespace of null', [{ a: null }, undefined], 'namespace "a" takes an object of handlers, got null'],
    ['a namespace of text', [{ a: 'x' }, undefined], 'namespace "a" takes an object of handlers, got string'],
    ['a handler of text', [{ a: { chat: 'x' } }, undefined], '"a".chat takes a function (ns, message), got string'],
    ['no handler', [{ a: { chat: undefined } }, undefined], '"a".chat takes a function (ns, message), got undefined'],
    ['events of null', [{}, null], 'namespace "" takes an object of handlers, got null'],
    ['one event twice', [{ '': { chat: handler } }, { chat: other }], '"".chat is declared twice'],
  ])('[LM2] %s throws with the received value and the allowed ones', (_, given, text) => {
    expect(() => Reflect.construct(Handlers, given)).toThrow(text);
  });
});

describe('running user code', () => {
  const make = () => {
    const clock = new FakeClock();
    const sweeper = new Deadlines(clock);
    const run = (code: () => unknown) => runGuarded(code, sweeper, 30_000);
    return { clock, sweeper, run };
  };
  const failure = new Error('no way');

  test.each<[string, () => unknown, object]>([
    ['nothing', () => undefined, { kind: 'nothing' }],
    ['a reply', () => reply('pong'), { kind: 'reply', body: 'pong' }],
    ['a returned error', () => failure, { kind: 'error', error: failure }],
    ['any other value', () => 42, { kind: 'nothing', ignored: 42 }],
    ['null', () => null, { kind: 'nothing', ignored: null }],
    [
      'a thrown error',
      () => {
        throw failure;
      },
      { kind: 'error', error: failure },
    ],
    [
      'a thrown text',
      () => {
        throw 'no way';
      },
      { kind: 'error', error: 'no way' },
    ],
  ])('[AK8] %s is an outcome, now or later', async (_, code, outcome) => {
    const { sweeper, clock, run } = make();
    expect(run(code)).toEqual(outcome);
    const late = run(async () => code());
    expect(late).toBeInstanceOf(Promise);
    expect(await late).toEqual(outcome);
    expect([sweeper.size, clock.timers]).toEqual([0, 0]);
  });

  test('[SV7] every object with a `then` is awaited', async () => {
    const { run } = make();
    // biome-ignore lint/suspicious/noThenProperty: a promise of another library looks just like this
    const foreign = { then: (resolve: (value: unknown) => void) => resolve(reply('late')) };
    expect(await run(() => foreign)).toEqual({ kind: 'reply', body: 'late' });
  });

  test('[SV2] a `then` that throws is an error like any other', async () => {
    const { sweeper, run } = make();
    const hostile = {
      // biome-ignore lint/suspicious/noThenProperty: this is what is being tested
      then() {
        throw failure;
      },
    };
    expect(await run(() => hostile)).toEqual({ kind: 'error', error: failure });
    expect(sweeper.size).toBe(0);
  });

  test('[SV4] a handler that never settles ends at its timeout', async () => {
    const { clock, sweeper, run } = make();
    const outcome = run(() => new Promise(() => {}));
    clock.advance(30_000);
    expect(await outcome).toEqual({ kind: 'error', error: new HandlerTimeout(30_000) });
    expect([sweeper.size, clock.timers]).toEqual([0, 0]);
  });

  test('[SV4] a handler that settles late changes nothing', async () => {
    const { clock, run } = make();
    let settle = (_: Error): void => {};
    const outcome = run(
      () =>
        new Promise((_, reject) => {
          settle = reject;
        }),
    );
    clock.advance(30_000);
    settle(failure);
    expect(await outcome).toEqual({ kind: 'error', error: new HandlerTimeout(30_000) });
  });

  test('[AK8] a CloseError asks for the connection to be closed, and nothing else does', () => {
    const close = new CloseError(4000, 'go');
    expect(closesWith(close)).toBe(close);
    expect(closesWith(failure)).toBeUndefined();
    expect(closesWith({ code: 4000, text: 'go' })).toBeUndefined();
  });
});

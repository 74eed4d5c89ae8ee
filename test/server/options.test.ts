import { describe, expect, test } from 'vitest';
import { defaultLimits } from '../../src/limits.js';
import { connectionMachine } from '../../src/machines/connection.js';
import { Proxies } from '../../src/server/admission/proxies.js';
import { checkOptions } from '../../src/server/checkOptions.js';
import { Server } from '../../src/server/server.js';

const namespaces = { default: { chat: () => {} } };
const check = (given: unknown): unknown => Reflect.apply(checkOptions, undefined, [given]);

describe('limits of a socket', () => {
  test('[BP1] a mark below the one of the socket would never see it drain, and is refused', () => {
    expect(() => check({ namespaces, limits: { highWaterMark: 1 } })).toThrow(
      /limit "highWaterMark" is at least a socket's own \d+, got 1/,
    );
  });
});

describe('defaults', () => {
  test('[LM2] a missing limit has its default', () => {
    expect(checkOptions({ namespaces })).toMatchObject({
      namespaces,
      limits: defaultLimits,
      origins: 'same-host',
      protocols: [],
      sliceMs: 4,
      syncBroadcaster: false,
      fireDisconnectAlways: false,
    });
  });

  test('[LM1] [HS5] [HS6] [HS8] [RM6] [AK9] [SV4] [BP1] [BP2] [BP3] [DO2] the bounds are those of the rules', () => {
    expect(defaultLimits).toMatchObject({
      payload: 64 * 1024,
      earlyFrames: 16,
      earlyBytes: 64 * 1024,
      ackTimeout: 5_000,
      connectTimeout: 5_000,
      rooms: 128,
      roomNameBytes: 255,
      asks: 1_000,
      askTimeout: 10_000,
      handlerTimeout: 30_000,
      highWaterMark: 64 * 1024,
      slowConsumerTimeout: 10_000,
      slowConsumerBytes: 1024 * 1024,
      slowConsumerMessages: 8_192,
      inboxMessages: 64,
      inboxBytes: 256 * 1024,
      doWaitTimeout: 30_000,
    });
  });

  test('[LM2] a given limit is kept, and changes no other', () => {
    const given = {
      namespaces,
      limits: { rooms: 5, payload: 1 },
      origins: ['https://example.com'],
      protocols: ['chat'],
      urlHeaders: ['X-Token'],
      sliceMs: 0.5,
      syncBroadcaster: true,
      fireDisconnectAlways: true,
      onConnect: () => {},
      machines: { connection: connectionMachine },
    };
    expect(checkOptions(given)).toEqual({
      ...given,
      limits: { ...defaultLimits, rooms: 5, payload: 1 },
      checkOutgoing: false,
      exposeErrors: true,
      proxies: expect.any(Proxies),
      urlHeaders: new Set(['x-websocket-reconnect', 'x-muster', 'x-token']),
    });
    expect(defaultLimits.rooms).toBe(128);
  });

  test('[LM2] undefined counts as missing', () => {
    const given = { namespaces, limits: undefined, sliceMs: undefined, origins: undefined, onConnect: undefined };
    expect(() => check(given)).not.toThrow();
    expect(check(given)).toMatchObject({ limits: defaultLimits, sliceMs: 4, origins: 'same-host' });
  });
});

describe('invalid options', () => {
  const onHooks = ['onUpgrade', 'onConnect', 'onDisconnect', 'onUpgradeError', 'onError', 'idGenerator'];

  test.each<[unknown, RegExp]>([
    [undefined, /takes an object of options, got undefined/],
    [null, /takes an object of options, got null/],
    ['default', /takes an object of options, got default/],
    [
      { namespaces, namepsaces: {} },
      /option "namepsaces" is unknown \(did you mean "namespaces"\?\); known are .*namespaces/,
    ],
    [{ namespaces, toString: 1 }, /option "toString" is unknown/],
    [{ namespaces, limits: { room: 5 } }, /limit "room" is unknown \(did you mean "rooms"\?\); known are .*rooms/],
    [{ namespaces, exposeErrors: 1 }, /option "exposeErrors" takes true or false, got 1/],
    [
      { namespaces, sameUser: () => true },
      /option "sameUser" compares the users of "authenticate", which is not given/,
    ],
  ])('[LM2] [SS15] %o throws with the received value and the known ones', (given, text) => {
    expect(() => check(given)).toThrow(text);
  });

  test.each(onHooks)('[LM2] %s takes a function', (hook) => {
    expect(() => check({ namespaces, [hook]: 'text' })).toThrow(`option "${hook}" takes a function, got string`);
    expect(() => check({ namespaces, [hook]: null })).toThrow(`option "${hook}" takes a function`);
  });

  test.each([0, -1, 0.5, 2 ** 31, Number.NaN, Number.POSITIVE_INFINITY, '5', null])(
    '[LM2] a limit is an integer above 0, not %o',
    (limit) => {
      for (const name of ['rooms', 'payload', 'fragments']) {
        expect(() => check({ namespaces, limits: { [name]: limit } })).toThrow(
          `limit "${name}" takes a whole number above 0 and up to 2147483647, got ${String(limit)}`,
        );
      }
    },
  );

  test.each([0, -1, 3e9, Number.NaN, '5'])('[LM2] a time is one that a timer can be set to, not %o', (limit) => {
    for (const name of ['ackTimeout', 'messageTimeout', 'pingInterval', 'slowConsumerTimeout']) {
      expect(() => check({ namespaces, limits: { [name]: limit } })).toThrow(
        `limit "${name}" takes milliseconds above 0 and up to 2147483647, got ${String(limit)}`,
      );
    }
    check({ namespaces, limits: { ackTimeout: 0.5, slowConsumerTimeout: 2 ** 31 - 1 } });
  });

  test.each([0, -4, Number.NaN, 'soon'])('[LM2] a slice is a number of milliseconds above 0, not %o', (sliceMs) => {
    expect(() => check({ namespaces, sliceMs })).toThrow(
      `option "sliceMs" takes milliseconds above 0, got ${String(sliceMs)}`,
    );
  });

  test.each<readonly [option: string, what: string, value: unknown, text: RegExp]>([
    ['origins', 'a text', 'everybody', /'same-host', 'any' or a list of origins, got everybody/],
    ['origins', 'a list of numbers', [5], /origins/],
    ['sliceMs', 'a text', '4', /sliceMs/],
    ['limits', 'a number', 5, /limits/],
    ['limits', 'a text', 'few', /limits/],
    ['syncBroadcaster', 'a text', 'yes', /syncBroadcaster/],
    ['fireDisconnectAlways', 'a number', 1, /fireDisconnectAlways/],
    ['protocols', 'a text', 'chat', /protocols/],
    ['protocols', 'a list of numbers', [5], /protocols/],
    ['machines', 'a number', 5, /machines/],
    ['machines', 'an unknown machine', { conection: connectionMachine }, /conection/],
    ['machines', 'what is no machine', { connection: {} }, /connection/],
    ['namespaces', 'a text', 'default', /namespace/],
    ['namespaces', 'a number', 5, /namespace/],
    ['events', 'a number', 5, /got number/],
  ])('[LM2] a Server refuses as option %s %s', (option, _, value, text) => {
    expect(() => Reflect.construct(Server, [{ namespaces, [option]: value }])).toThrow(text);
  });

  test('[LM2] a Server without any handler is refused', () => {
    expect(() => new Server({})).toThrow('a Server needs namespaces');
  });
});

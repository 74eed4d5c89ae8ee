import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  type Handler,
  HandlerTimeout,
  isSystemEvent,
  OnAnyEvent,
  registerKnownError,
  type ServerOptions,
} from '../../src/index.js';
import { type AttackOptions, useAttacks } from '../support/server/attack.js';

const attack = useAttacks();

const uncaught: unknown[] = [];
const note = (error: unknown): void => void uncaught.push(error);
beforeEach(() => {
  uncaught.length = 0;
  process.on('uncaughtException', note);
  process.on('unhandledRejection', note);
});
afterEach(async () => {
  await new Promise((resolve) => setImmediate(resolve));
  process.off('uncaughtException', note);
  process.off('unhandledRejection', note);
  expect(uncaught).toEqual([]);
});

const raise = (value: unknown): never => {
  throw value;
};
const unreadable = new Proxy(() => {}, { get: () => raise(new Error('not to be read')) });

/** A promise of another kind. */
const thenable = (then: (yes: () => void, no: () => void) => unknown): object => Object.fromEntries([['then', then]]);

/** An object that throws when it is inspected. */
const trapped = (): object => new Proxy({}, { getPrototypeOf: () => raise(new Error('trap')) });

/** Whatever a function of the program may do when it is called. */
const deeds: readonly (readonly [string, () => unknown])[] = [
  ['throws an Error', () => raise(new Error('boom'))],
  ['throws nothing', () => raise(undefined)],
  ['throws null', () => raise(null)],
  ['throws a symbol', () => raise(Symbol('s'))],
  ['throws something frozen', () => raise(Object.freeze({ message: 7 }))],
  ['throws an Error without a text', () => raise(new Error(''))],
  ['throws what has no text', () => raise({ toString: () => raise(new Error('no text')) })],
  ['throws what cannot be read', () => raise(unreadable)],
  ['throws what sets traps', () => raise(trapped())],
  [
    'throws an error whose status cannot be read',
    () => raise(Object.defineProperty(new Error(), 'status', { get: () => raise(new Error('get')) })),
  ],
  ['rejects with what sets traps', () => Promise.reject(trapped())],
  ['returns late what sets traps', async () => trapped()],
  [
    'returns a promise whose then throws',
    () => Object.assign(Promise.resolve(), Object.fromEntries([['then', () => raise(new Error('then'))]])),
  ],
  [
    'returns a promise whose constructor throws',
    () => Object.defineProperty(Promise.resolve(), 'constructor', { get: () => raise(new Error('get')) }),
  ],
  ['rejects', () => Promise.reject(new Error('boom'))],
  ['rejects with nothing', () => Promise.reject()],
  ['returns a number', () => 42],
  ['returns an Error', () => new Error('returned')],
  ['returns what cannot be read', () => unreadable],
  ['returns a promise of another kind that throws', () => thenable(() => raise(new Error('then')))],
  ['returns a promise of another kind that settles twice', () => thenable((yes, no) => [yes(), no()])],
  [
    'returns something whose then cannot be read',
    () => Object.defineProperty({}, 'then', { get: () => raise(new Error('get')) }),
  ],
  ['never settles', () => new Promise(() => {})],
];

/** The client asks for something that leads to each handler. */
const askFor: Readonly<Record<string, string>> = {
  chat: '$1;default;;chat;0;0;',
  _OnAnyEvent: '$1;default;;anything;0;0;',
  _OnRoomJoin: '$1;default;r;_OnRoomJoin;0;0;',
  _OnRoomJoined: '$1;default;r;_OnRoomJoin;0;0;',
};

describe('a handler that', () => {
  for (const [what, deed] of deeds)
    for (const event of Object.keys(askFor))
      test(`[SV2] [SV4] ${what}: ${event}`, async () => {
        // The map says what handlers may return; a program in plain JavaScript does as it likes.
        const handler: Handler = ({ conn }, message) => {
          const isAsked = conn.id !== 'healthy' && !(event === OnAnyEvent && isSystemEvent(message.event));
          return isAsked ? (deed() as undefined) : undefined;
        };
        await attack(
          { handlers: { [event]: handler }, limits: { handlerTimeout: 60 } },
          async ({ attacker, target: testServer }) => {
            const client = await (await attacker()).inDefault();
            client.send(askFor[event] ?? '');
            client.send('$2;default;;ping;0;0;');
            const answers: string[] = [];
            while (answers.at(-1) !== '$2;default;;ping;0;0;pong') answers.push(await client.nextText());
            for (const answer of answers) expect(answer).toMatch(/^\$[12];/);
            for (const { error } of testServer.errors)
              if (what === 'never settles') expect(error).toBeInstanceOf(HandlerTimeout);
          },
        );
      });
});

const hooks: readonly (keyof ServerOptions)[] = [
  'onUpgrade',
  'idGenerator',
  'onConnect',
  'onDisconnect',
  'onError',
  'onUpgradeError',
  'debug',
];

describe('a hook that', () => {
  for (const [what, deed] of deeds)
    for (const hook of hooks)
      test(`[SV2] [HS8] ${what}: ${hook}`, async () => {
        const isHealthy = (one: unknown): boolean => {
          const request = typeof one === 'object' && one !== null && 'request' in one ? one.request : one;
          const isNoted = Reflect.get(Object(one), 'connection') === 'healthy';
          return isNoted || String(Reflect.get(Object(request), 'url')).includes('id=healthy');
        };
        const run = (first: unknown, second: unknown): unknown => {
          if (isHealthy(first) || isHealthy(second)) return hook === 'idGenerator' ? 'healthy' : undefined;
          return deed();
        };
        // Typed for each hook by its own name; this one takes what any of them gets.
        const options: AttackOptions = {
          [hook]: run,
          limits: { handlerTimeout: 60, connectTimeout: 60, ackTimeout: 2_000 },
        };
        const bad: Handler = () => raise(new Error('for onError'));
        await attack({ ...options, handlers: { bad } }, async ({ attacker, target: testServer }) => {
          try {
            const client = await attacker();
            client.send('M');
            client.send('$1;default;;_OnNamespaceConnect;0;0;');
            client.send(';default;;bad;0;0;');
            await Promise.race([client.ping(), client.closed]);
            client.terminate();
          } catch {
            // Refused at the upgrade: that is one way out.
          }
          await expect.poll(() => testServer.server.totalConnections, { timeout: 30_000 }).toBe(1);
        });
      });
});

describe('a visitor that', () => {
  for (const [what, deed] of deeds)
    test(`[DO3] ${what}`, async () => {
      await attack({ limits: { handlerTimeout: 60 } }, async ({ target: testServer, attacker }) => {
        await (await attacker()).acknowledge();
        const walk = testServer.server.do(({ id }) => (id === 'healthy' ? undefined : deed()));
        const fails = !/number|twice|^returns what cannot|then cannot|^returns late/.test(what);
        if (fails) await expect(walk).rejects.toBeInstanceOf(AggregateError);
        else await walk.catch(() => {});
        expect(await (await testServer.dial('next')).acknowledge()).toBe('next');
      });
    });
});

test('[AK3] a matcher of errors that throws or rejects has matched nothing', async () => {
  registerKnownError(new Error('recognised'), () => raise(new Error('no')));
  // Plain JavaScript may give any function.
  registerKnownError(new Error('recognised'), (async () => raise(new Error('no'))) as unknown as () => boolean);
  const told: unknown[] = [];
  const handlers = { oops: (_: unknown, { err }: { err?: Error }) => void told.push(err?.message) };
  await attack({ handlers }, async ({ attacker }) => {
    const client = await (await attacker()).inDefault();
    client.send(';default;;oops;1;0;whatever');
    await client.expectNoFrame();
    expect(told).toEqual(['whatever']);
  });
});

import { expectTypeOf, test } from 'vitest';
import { z } from 'zod';
import { ask, contract, type DataMessage, event, fromServer } from '../../src/contract/contract.js';
import {
  type LifecycleMessage,
  type Message,
  type Middleware,
  type NSConn,
  namespace,
  OnAnyEvent,
  OnRoomJoin,
  rateLimit,
  reply,
  Server,
} from '../../src/index.js';

const app = contract({
  board: {
    edit: event(z.object({ task: z.string(), size: z.string().transform(Number) })),
    edited: fromServer(z.object({ task: z.string() })),
    stats: ask(z.void(), z.object({ open: z.number() })),
  },
  other: { ping: event(z.void()) },
});
type App = typeof app;
interface User {
  readonly id: number;
}
interface Stranger {
  readonly name: string;
}
const authenticate = async ({ token }: { readonly token: string | undefined }): Promise<User> => ({
  id: Number(token),
});

/** Code of a program that is compiled and not run. */
const compiled = (_: () => unknown): void => {};

test('[MW5] the event narrows the data, in handlers and in middleware', () => {
  compiled(
    () =>
      new Server({
        contract: app,
        authenticate: async ({ token }) => ({ id: Number(token) }),
        use: [
          (ns, message, next) => {
            expectTypeOf(ns.conn.user).toEqualTypeOf<{ id: number }>();
            expectTypeOf(message).toEqualTypeOf<Message | DataMessage>();
            return next();
          },
          {
            lifecycle: true,
            run(ns, message, next) {
              expectTypeOf(ns.conn.user.id).toBeNumber();
              expectTypeOf(message).toEqualTypeOf<Message | DataMessage | LifecycleMessage>();
              return next();
            },
          },
          rateLimit({ events: 1, per: 1, key: (ns) => ns.conn.id }),
          rateLimit<User>({ events: 1, per: 1, key: (ns) => ns.conn.user.id }),
        ],
        namespaces: {
          board: namespace(
            app.board,
            {
              rooms: 'closed',
              use: [
                (ns, message, next) => {
                  expectTypeOf(ns).toEqualTypeOf<NSConn<App['board']>>();
                  expectTypeOf(next).toEqualTypeOf<() => unknown>();
                  if (message.event === 'edit') {
                    expectTypeOf(message.data).toEqualTypeOf<{ task: string; size: number }>();
                  } else {
                    expectTypeOf(message).toEqualTypeOf<DataMessage<'stats', void>>();
                  }
                  // @ts-expect-error no client sends it
                  return message.event === 'edited' ? undefined : next();
                },
                {
                  lifecycle: true,
                  run(_, message, next) {
                    if (message.event === OnRoomJoin) expectTypeOf(message.isForced).toBeBoolean();
                    if (message.event === 'edit') expectTypeOf(message.data.size).toBeNumber();
                    return next();
                  },
                },
                rateLimit({ events: 1, per: 1 }),
              ],
            },
            {
              edit(ns, message) {
                expectTypeOf(message).toEqualTypeOf<DataMessage<'edit', { task: string; size: number }>>();
                ns.emit('edited', { task: message.data.task });
                // @ts-expect-error the data is of another type
                ns.emit('edited', { task: message.data.size });
              },
              stats: async () => ({ open: 3 }),
              [OnRoomJoin](_, message) {
                expectTypeOf(message).toEqualTypeOf<Message>();
              },
              [OnAnyEvent](_, { data }) {
                expectTypeOf(data).toBeUnknown();
              },
            },
          ),
          chat: namespace(
            { use: [(_, message, next) => (message.body === '' ? undefined : next())] },
            {
              say(ns, message) {
                expectTypeOf(message).toEqualTypeOf<Message>();
                ns.broadcast(message);
                return reply('done');
              },
            },
          ),
          plain: { say: (_, { body }) => reply(body) },
        },
      }),
  );
});

test('[MW5] the user is typed where it is said, and is that of the server', () => {
  compiled(
    () =>
      new Server({
        contract: app,
        authenticate,
        namespaces: {
          board: namespace<App['board'], User, App>(
            app.board,
            { use: [(ns, _, next) => (ns.conn.user.id === 0 ? undefined : next())] },
            {
              edit(ns) {
                expectTypeOf(ns).toEqualTypeOf<NSConn<App['board'], User, App>>();
                ns.conn.server.broadcast(null, { namespace: 'other', event: 'ping' });
              },
            },
          ),
          chat: namespace<User>({}, { say: (ns) => reply(String(ns.conn.user.id)) }),
        },
      }),
  );
  compiled(() => [
    new Server({
      authenticate,
      // @ts-expect-error another user
      namespaces: { chat: namespace<Stranger>({}, {}) },
    }),
    new Server({
      authenticate,
      namespaces: { chat: {} },
      // @ts-expect-error another user
      use: [rateLimit<Stranger>({ events: 1, per: 1 })],
    }),
  ]);
});

test('[MW5] a wrong namespace or middleware does not compile', () => {
  compiled(() => [
    // @ts-expect-error another namespace of the contract
    new Server({ contract: app, namespaces: { other: namespace(app.board, {}, {}) } }),
    // @ts-expect-error a namespace that the contract does not have
    new Server({ contract: app, namespaces: { chat: namespace(app.board, {}, {}) } }),
    // @ts-expect-error the namespace of the contract is missing
    new Server({ contract: app, namespaces: { board: namespace({}, {}) } }),
    // @ts-expect-error only the server sends it
    namespace(app.board, {}, { edited() {} }),
    // @ts-expect-error the answer has no number
    namespace(app.board, {}, { stats: () => ({ open: 'three' }) }),
    // @ts-expect-error nobody knows it
    namespace(app.board, { room: 'closed' }, {}),
    // @ts-expect-error neither open nor closed
    namespace({ rooms: 'shut' }, {}),
    // @ts-expect-error it would be around no lifecycle event
    namespace({ use: [{ lifecycle: false, run: () => {} }] }, {}),
    // @ts-expect-error a number has no effect
    namespace({}, { say: () => 5 }),
    // @ts-expect-error nothing of the kind is done
    rateLimit({ events: 1, per: 1, exceed: 'ban' }),
    // @ts-expect-error over what time?
    rateLimit({ events: 1 }),
  ]);
});

test('[MW5] a middleware by itself fits every server', () => {
  const log: Middleware = (ns, { namespace: name, event: which, room }, next) => {
    expectTypeOf(ns).toEqualTypeOf<NSConn>();
    expectTypeOf([name, which, room]).toEqualTypeOf<string[]>();
    return next();
  };
  compiled(() => [
    new Server({ use: [log, { lifecycle: true, run: log }], namespaces: { chat: {} } }),
    new Server<{ chat: { said: string } }>({ namespaces: { chat: namespace({ use: [log] }, {}) } }),
  ]);
});

import type { IncomingMessage } from 'node:http';
import { expectTypeOf, test } from 'vitest';
import { z } from 'zod';
import {
  ask,
  askClient,
  bytes,
  contract,
  type DataMessage,
  event,
  fromClient,
  fromServer,
} from '../../src/contract/contract.js';
import {
  type Body,
  type Conn,
  type Message,
  type NSConn,
  OnAnyEvent,
  OnNamespaceConnect,
  OnRoomJoin,
  reply,
  Server,
} from '../../src/index.js';
import { inspector } from '../../src/inspector/inspector.js';

const app = contract({
  board: {
    edit: event(z.object({ task: z.string(), size: z.string().transform(Number) })),
    seen: fromClient(z.string()),
    edited: fromServer(z.object({ task: z.string(), by: z.string() })),
    thumb: fromServer(bytes()),
    tick: fromServer(z.void()),
    stats: ask(z.void(), z.object({ open: z.number() })),
    confirm: askClient(z.string(), z.boolean()),
  },
});
type App = typeof app;
type User = { readonly id: number };
type BoardConn = NSConn<App['board'], User, App>;

/** Code of a program that is compiled and not run. */
const compiled = (_: () => unknown): void => {};

test('[CT3] handlers, users and answers are inferred from the options', () => {
  compiled(
    () =>
      new Server({
        contract: app,
        authenticate: async ({ token, request }) => {
          expectTypeOf(token).toEqualTypeOf<string | undefined>();
          expectTypeOf(request).toEqualTypeOf<IncomingMessage>();
          return { id: 1 };
        },
        onConnect(conn) {
          expectTypeOf(conn.user).toEqualTypeOf<{ id: number }>();
          expectTypeOf(conn.namespace('board')).toEqualTypeOf<NSConn<App['board'], { id: number }, App> | undefined>();
        },
        namespaces: {
          board: {
            [OnNamespaceConnect](ns, message) {
              expectTypeOf(ns.conn.user.id).toBeNumber();
              expectTypeOf(message).toEqualTypeOf<Message>();
            },
            edit(ns, message) {
              expectTypeOf(ns.conn.user).toEqualTypeOf<{ id: number }>();
              expectTypeOf(message).toEqualTypeOf<DataMessage<'edit', { task: string; size: number }, 'board'>>();
              ns.conn.server.broadcast(ns, { namespace: 'board', event: 'tick' });
            },
            stats: async (ns) => ({ open: ns.conn.user.id }),
            [OnAnyEvent](_, message) {
              expectTypeOf(message).toEqualTypeOf<DataMessage<string, unknown, 'board'>>();
            },
          },
          chat: {
            say(ns, message) {
              expectTypeOf(ns.conn.user.id).toBeNumber();
              expectTypeOf(message.body).toEqualTypeOf<Body>();
              ns.broadcastOthers('said', message.body);
              return reply('done');
            },
          },
        },
      }),
  );
});

test('[CT3] a token that expires has a user as well', () => {
  compiled(() => {
    const server = new Server({
      contract: app,
      authenticate: () => ({ user: { id: 1 }, expiresAt: new Date(0) }),
      namespaces: { board: { seen: (ns) => void expectTypeOf(ns.conn.user).toEqualTypeOf<{ id: number }>() } },
    });
    expectTypeOf(server).toExtend<Server<never, App, { id: number }>>();
  });
});

test('[CT3] [SS9] the user is handed on, typed, to every hook after authenticate', () => {
  compiled(
    () =>
      new Server({
        authenticate: async ({ token }) => ({ user: { id: String(token), isGuest: false }, expiresAt: new Date(0) }),
        idGenerator: (_, user) => {
          expectTypeOf(user).toEqualTypeOf<{ id: string; isGuest: boolean }>();
          return user.id;
        },
        sameUser: (one, other) => one.id === other.id,
        onConnect: (conn) => void expectTypeOf(conn.user.isGuest).toBeBoolean(),
        namespaces: { chat: { say: (ns) => void expectTypeOf(ns.conn.user.id).toBeString() } },
      }),
  );
  compiled(
    () =>
      new Server({
        authenticate: ({ token }) =>
          token === undefined ? { id: 'guest' } : { user: { id: token }, expiresAt: new Date(0) },
        idGenerator: (_, user) => user.id,
        namespaces: { chat: {} },
      }),
  );
  compiled(
    () =>
      new Server({
        idGenerator: (_, user) => {
          expectTypeOf(user).toBeUnknown();
          return 'joe';
        },
        events: {},
      }),
  );
  compiled(
    () =>
      new Server({
        authenticate: () => ({ id: 1 }),
        // @ts-expect-error an id is a string
        idGenerator: (_, user) => user.id,
        namespaces: { chat: {} },
      }),
  );
});

test('[CT3] a wrong handler does not compile', () => {
  compiled(() => [
    // @ts-expect-error only the server sends it
    new Server({ contract: app, namespaces: { board: { edited() {} } } }),
    // @ts-expect-error the server makes this ask
    new Server({ contract: app, namespaces: { board: { confirm: () => true } } }),
    // @ts-expect-error nobody sends it
    new Server({ contract: app, namespaces: { board: { edti() {} } } }),
    // @ts-expect-error the answer has no number
    new Server({ contract: app, namespaces: { board: { stats: () => ({ open: 'three' }) } } }),
    // @ts-expect-error an ask wants an answer
    new Server({ contract: app, namespaces: { board: { stats() {} } } }),
    // @ts-expect-error a namespace without a contract has no data
    new Server({ contract: app, namespaces: { bored: { edit: (_, { data }) => data } } }),
    // @ts-expect-error data is no body
    new Server({ contract: app, namespaces: { board: { seen: (_, { body }) => body } } }),
    // @ts-expect-error an event has no reply
    new Server({ contract: app, namespaces: { board: { seen: () => reply('') } } }),
  ]);
});

const wrongCalls = (ns: BoardConn): unknown => [
  // @ts-expect-error nobody sends it
  ns.emit('edti'),
  // @ts-expect-error only clients send it
  ns.emit('seen', '1'),
  // @ts-expect-error it is an ask
  ns.emit('confirm', 'sure?'),
  // @ts-expect-error the data is missing
  ns.emit('edited'),
  // @ts-expect-error the data is of another type
  ns.emit('edited', { task: 1, by: 'joe' }),
  // @ts-expect-error bytes are no text
  ns.emit('thumb', 'text'),
  // @ts-expect-error the schema decides what is binary
  ns.emitBinary('thumb', new Uint8Array()),
  // @ts-expect-error nobody sends it
  ns.broadcast('edti'),
  // @ts-expect-error the data is of another type
  ns.broadcast('edited', { task: '1' }),
  // @ts-expect-error only clients send it
  ns.broadcastOthers('seen', '1'),
  // @ts-expect-error the data is missing
  ns.broadcast({ event: 'edited' }),
  // @ts-expect-error it has data in place of a body
  ns.broadcast({ event: 'edited', body: '' }),
  // @ts-expect-error it is an ask
  ns.broadcastOthers({ event: 'confirm', data: 'sure?' }),
  // @ts-expect-error only clients send it
  ns.room('alpha')?.emit('seen', '1'),
  // @ts-expect-error the data is of another type
  ns.room('alpha')?.broadcast('edited', 5),
  // @ts-expect-error nobody sends it
  ns.room('alpha')?.broadcastOthers({ event: 'edti' }),
  // @ts-expect-error clients make it
  ns.ask('stats'),
  // @ts-expect-error it is an event
  ns.ask('edited', { task: '1', by: 'joe' }),
  // @ts-expect-error the data is missing
  ns.ask('confirm'),
];

test('[CT3] what the server sends is typed, with every handle', () => {
  compiled(() => wrongCalls);
  compiled(() => (ns: BoardConn, received: DataMessage<'edit', { task: string; size: string }>) => {
    expectTypeOf(ns.emit('edited', { task: '1', by: 'joe' })).toBeBoolean();
    expectTypeOf(ns.ask('confirm', 'sure?', { timeout: 5 })).toEqualTypeOf<Promise<boolean>>();
    expectTypeOf(ns.room('alpha')?.nsConn).toEqualTypeOf<BoardConn | undefined>();
    ns.emit('tick');
    ns.emit('thumb', new Uint8Array());
    ns.broadcast('edit', { task: '1', size: '3' });
    ns.broadcast({ event: 'tick', room: 'alpha' }, { event: 'edited', data: { task: '1', by: 'joe' }, to: 'joe' });
    ns.broadcastOthers(received);
    ns.room('alpha')?.emit('tick');
    ns.room('alpha')?.broadcast('edited', { task: '1', by: 'joe' });
    ns.room('alpha')?.broadcastOthers({ event: 'tick' });
  });
});

const wrongMessages = (server: Server<never, App, User>, conn: Conn<User, App>): unknown => [
  // @ts-expect-error the data is of another type
  server.broadcast(null, { namespace: 'board', event: 'edited', data: { task: '1', by: 5 } }),
  // @ts-expect-error the data is missing
  server.broadcast(null, { namespace: 'board', event: 'edited' }),
  // @ts-expect-error it has data in place of a body
  server.broadcast(null, { namespace: 'board', event: 'edited', body: '' }),
  // @ts-expect-error it has no body beside its data
  server.broadcast(null, { namespace: 'board', event: 'tick', body: '' }),
  // @ts-expect-error nobody sends it
  server.broadcast(null, { namespace: 'board', event: 'edti' }),
  // @ts-expect-error only clients send it
  server.broadcast(null, { namespace: 'board', event: 'seen', data: '1' }),
  // @ts-expect-error it is an ask
  server.broadcast(null, { namespace: 'board', event: 'confirm', data: 'sure?' }),
  // @ts-expect-error a namespace without a contract has bodies
  server.broadcast(null, { namespace: 'chat', event: 'said', data: 'hello' }),
  // @ts-expect-error clients make it
  server.ask({ namespace: 'board', event: 'stats' }),
  // @ts-expect-error it is an event
  server.ask({ namespace: 'board', event: 'tick' }),
  // @ts-expect-error the data is missing
  server.ask({ namespace: 'board', event: 'confirm' }),
  // @ts-expect-error it has data in place of a body
  server.ask({ namespace: 'board', event: 'confirm', body: 'sure?' }),
  // @ts-expect-error only clients send it
  conn.write({ namespace: 'board', event: 'seen', data: '1' }),
  // @ts-expect-error the data is of another type
  conn.ask({ namespace: 'board', event: 'confirm', data: 5 }),
  // @ts-expect-error only clients send it
  conn.namespace('board')?.emit('seen', '1'),
];

test('[CT3] what the server sends is typed, with messages', () => {
  compiled(() => wrongMessages);
  compiled(() => async (server: Server<never, App, User>, conn: Conn<User, App>, ns: BoardConn, message: Message) => {
    server.broadcast(null, { namespace: 'board', room: 'alpha', event: 'edited', data: { task: '1', by: 'joe' } });
    server.broadcast(ns, { namespace: 'board', event: 'tick' }, { namespace: 'chat', event: 'said', body: 'hello' });
    server.broadcast(ns.room('alpha') ?? conn, { event: 'said', body: 'hello', room: 'lobby' });
    server.broadcast(conn, message);
    expectTypeOf(await server.ask({ namespace: 'board', event: 'confirm', data: 'sure?' })).toBeBoolean();
    expectTypeOf(await server.ask({ namespace: 'chat', event: 'version' })).toEqualTypeOf<Message>();
    expectTypeOf(await conn.ask({ namespace: 'board', event: 'confirm', data: 'sure?' })).toBeBoolean();
    expectTypeOf(conn.write({ namespace: 'board', event: 'tick' })).toBeBoolean();
    expectTypeOf(conn.server.members('board', 'alpha')).toEqualTypeOf<BoardConn[]>();
    expectTypeOf(await conn.connect('board')).toEqualTypeOf<BoardConn>();
    expectTypeOf(server.connections()).toEqualTypeOf<Conn<User, App>[]>();
    await server.do(({ user }) => expectTypeOf(user).toEqualTypeOf<User>());
    inspector(server, { authorize: () => true });
  });
});

test('[CT3] a server without a contract is typed as before', () => {
  compiled(() => async (server: Server, ns: NSConn, message: Message) => {
    server.broadcast(ns, message);
    server.broadcast(null, { ...message, to: 'joe' }, { event: 'said', body: 'hello' });
    ns.broadcast('said', new Uint8Array());
    ns.room('lobby')?.broadcastOthers(message);
    expectTypeOf(await ns.ask('version')).toEqualTypeOf<Message>();
    expectTypeOf(await server.ask({ event: 'version' })).toEqualTypeOf<Message>();
    // @ts-expect-error there is no contract
    server.broadcast(null, { namespace: 'board', event: 'said', data: 'hello' });
  });
  interface Sent {
    readonly chat: ChatEvents;
  }
  interface ChatEvents {
    readonly said: string;
  }
  compiled(
    () =>
      new Server<Sent>({
        namespaces: {
          chat: {
            say(ns) {
              ns.emit('said', 'hello');
              // @ts-expect-error nobody says
              ns.emit('sayed', 'hello');
              ns.broadcast('said', 'hello');
            },
            [OnRoomJoin]: (_, { room }) => (room === '' ? undefined : reply('in')),
          },
        },
      }),
  );
});

test('[FR9] the body of a message as JSON has no type that nobody has said', () => {
  compiled(() => (message: Message) => {
    expectTypeOf(message.json()).toBeUnknown();
    expectTypeOf(message.json<{ a: number }>()).toEqualTypeOf<{ a: number }>();
    // @ts-expect-error it may be anything
    const count: number = message.json();
    return count;
  });
});

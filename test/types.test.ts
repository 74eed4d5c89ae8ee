import type { IncomingMessage } from 'node:http';
import { expectTypeOf, test } from 'vitest';
import { type AnyStateMachine, fromPromise, setup } from 'xstate';
import {
  type Body,
  type ConnectionChart,
  type ConnectionContext,
  type ConnectionEvent,
  type ConnectionInput,
  connectionConfig,
  connectionMachine,
  connectionSetup,
  type Handler,
  type Message,
  type NamespaceChart,
  type NSConn,
  namespaceMachine,
  OnRoomJoin,
  reply,
  roomMachine,
  Server,
  type ServerOptions,
} from '../src/index.js';

interface Sent {
  readonly [namespace: string]: { readonly [event: string]: Body };
  readonly chat: { readonly said: string; readonly picture: Uint8Array };
}

test('[LM2] handlers are typed without annotations, and their parameters are inferred', () => {
  const options: ServerOptions = {
    namespaces: {
      chat: {
        say(ns, message) {
          expectTypeOf(ns).toEqualTypeOf<NSConn>();
          expectTypeOf(message).toEqualTypeOf<Message>();
          expectTypeOf(ns.emit('anything', new Uint8Array())).toEqualTypeOf<boolean>();
          expectTypeOf(message.json<{ a: number }>()).toEqualTypeOf<{ a: number }>();
        },
        [OnRoomJoin]: (_, { room }) => (room === '' ? undefined : reply('in')),
        later: async () => reply('later'),
      },
    },
    onConnect(conn) {
      expectTypeOf(conn.request).toEqualTypeOf<IncomingMessage>();
      expectTypeOf(conn.get<string>('user')).toEqualTypeOf<string | undefined>();
    },
  };
  expectTypeOf(new Server(options).totalConnections).toEqualTypeOf<number>();
});

test('[LM2] a handler returns nothing or a reply', () => {
  expectTypeOf<() => string>().not.toExtend<Handler>();
  expectTypeOf<() => Promise<void>>().toExtend<Handler>();
});

test('[LM2] a handler of any bodies handles the events of a map as well', () => {
  const handler: Handler = () => reply();
  const options: ServerOptions<Sent> = { namespaces: { chat: { say: handler } } };
  expectTypeOf(options).not.toBeNever();
  expectTypeOf<NSConn<Sent['chat']>>().toExtend<NSConn>();
});

test('[LM2] with a map of outgoing events, emit and ask are checked against it', () => {
  const options: ServerOptions<Sent> = {
    namespaces: {
      chat: {
        say(ns) {
          ns.emit('said', 'hello');
          ns.emit('picture', new Uint8Array(1));
          // @ts-expect-error a picture is bytes
          ns.emit('picture', 'text');
          // @ts-expect-error nobody says
          ns.emit('sayed', 'hello');
          // @ts-expect-error nor asks
          void ns.ask('sayed').catch(() => {});
          ns.room('lobby')?.emit('said', 'hello');
          // @ts-expect-error a room of it takes the same
          ns.room('lobby')?.emit('sayed', 'hello');
        },
      },
    },
  };
  expectTypeOf(options.namespaces).not.toBeNever();
  expectTypeOf(new Server<Sent>(options)).toExtend<Server<Sent>>();
});

test('[SV18] [SV20] machines accepts every chart that satisfies the contract', () => {
  expectTypeOf(connectionMachine).toExtend<ConnectionChart>();
  expectTypeOf(connectionMachine.provide({ delays: { ackTimeout: 1 } })).toExtend<ConnectionChart>();
  const longer = connectionSetup.extend({ delays: { idle: 5 } }).createMachine({
    ...connectionConfig,
    states: {
      ...connectionConfig.states,
      closed: { type: 'final', after: { idle: {} }, entry: ['teardown', 'destroySocket'] },
    },
  });
  expectTypeOf(longer).toExtend<ConnectionChart>();
  expectTypeOf<AnyStateMachine>().toExtend<ConnectionChart>();
  const context = ({ input }: { input: ConnectionInput }) => ({
    ...input,
    early: { frames: 0, bytes: 0 },
    wasAccepted: false,
    reason: null,
    user: '',
  });
  const drawn = setup({
    types: {
      context: {} as ConnectionContext & { readonly user: string },
      events: {} as ConnectionEvent | { readonly type: 'PROMOTE' },
      input: {} as ConnectionInput,
    },
    actors: { login: fromPromise(async () => 'joe') },
  }).createMachine({ context, invoke: { src: 'login' } });
  expectTypeOf(drawn).toExtend<ConnectionChart>();
});

test('[SV18] a chart that does not keep it does not compile', () => {
  const knowsLess = setup({ types: { context: {} as { readonly id: string }, events: {} as ConnectionEvent } });
  const hearsLess = setup({ types: { context: {} as ConnectionContext, events: {} as { readonly type: 'ACK' } } });
  const wantsMore = setup({
    types: {
      context: {} as ConnectionContext,
      events: {} as ConnectionEvent,
      input: {} as ConnectionInput & { readonly role: string },
    },
  });
  expectTypeOf(knowsLess.createMachine({ context: { id: '' } })).not.toExtend<ConnectionChart>();
  const context: ConnectionContext = {
    id: '',
    isNativeOnly: false,
    isReachable: true,
    early: { frames: 0, bytes: 0 },
    wasAccepted: false,
    reason: null,
  };
  expectTypeOf(hearsLess.createMachine({ context })).not.toExtend<ConnectionChart>();
  expectTypeOf(wantsMore.createMachine({ context })).not.toExtend<ConnectionChart>();
  expectTypeOf(namespaceMachine).not.toExtend<ConnectionChart>();
  expectTypeOf(roomMachine).not.toExtend<NamespaceChart>();
  const machines: ServerOptions['machines'] = {
    // @ts-expect-error a room is no namespace
    namespace: roomMachine,
  };
  expectTypeOf(machines).not.toBeNever();
});

test('[SV19] a guard has the type of its namespace', () => {
  namespaceMachine.provide({
    guards: {
      mayConnect({ event }) {
        expectTypeOf(event.namespace).toEqualTypeOf<string>();
        expectTypeOf(event.conn.get('role')).toEqualTypeOf<unknown>();
        return true;
      },
    },
  });
});

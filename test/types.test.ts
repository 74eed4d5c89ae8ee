import type { IncomingMessage } from 'node:http';
import { expectTypeOf, test } from 'vitest';
import { type ActorRefFrom, type AnyActorRef, type AnyStateMachine, assign, fromPromise, setup } from 'xstate';
import {
  type Body,
  type Conn,
  type ConnectionChart,
  type ConnectionContext,
  type ConnectionEvent,
  type ConnectionInput,
  connectionConfig,
  connectionMachine,
  connectionSetup,
  type DecodedFrame,
  decodeFrame,
  type Handler,
  type Message,
  type NamespaceChart,
  type NoContract,
  type NSConn,
  namespace,
  namespaceConfig,
  namespaceMachine,
  namespaceSetup,
  OnRoomJoin,
  type RoomChart,
  reply,
  roomConfig,
  roomMachine,
  roomSetup,
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

const { open } = connectionConfig.states;

const strikes = connectionSetup
  .extend({
    types: {
      events: {} as { readonly type: 'MUTE'; readonly ms: number },
      tags: {} as 'muted',
      context: {} as { readonly strikes: number },
    },
    actors: { review: fromPromise(async ({ input }: { input: { readonly strikes: number } }) => input.strikes > 2) },
    guards: {
      isSay({ event }) {
        if (event.type !== 'FRAME') return false;
        expectTypeOf(decodeFrame(event.data)).toEqualTypeOf<DecodedFrame | undefined>();
        return decodeFrame(event.data)?.event === 'say';
      },
      hasMore: ({ context }, { than }: { readonly than: number }) => context.strikes > than,
    },
    delays: { muteTime: ({ event }) => (event.type === 'MUTE' ? event.ms : 30_000) },
    actions: { strike: assign({ strikes: ({ context }) => context.strikes + 1 }) },
  })
  // What a second call adds knows what the first has added.
  .extend({ actions: { forgive: assign({ strikes: 0 }), tell: ({ event }) => event.type === 'MUTE' && event.ms } })
  .createMachine({
    ...connectionConfig,
    context: (from) => ({ ...connectionConfig.context(from), strikes: 0 }),
    states: {
      ...connectionConfig.states,
      open: {
        ...open,
        on: { ...open.on, MUTE: { actions: 'tell' } },
        states: {
          ...open.states,
          voice: {
            initial: 'free',
            on: { MUTE: { target: '.muted', actions: 'strike' } },
            states: {
              free: {},
              muted: {
                tags: 'muted',
                invoke: { src: 'review', input: ({ context }) => ({ strikes: context.strikes }) },
                on: {
                  FRAME: [
                    { guard: 'isSay', actions: { type: 'refuse', params: { text: 'muted' } } },
                    { guard: { type: 'hasMore', params: { than: 2 } }, actions: ['refuse', 'forgive'] },
                    { actions: 'receive' },
                  ],
                },
                after: { muteTime: { target: 'free' } },
              },
            },
          },
        },
      },
    },
  });

test('[SV21] a chart with own events, tags, context, actors and names compiles without a cast', () => {
  expectTypeOf(strikes).toExtend<ConnectionChart>();
  const { context } = namespaceConfig;
  const counting = namespaceSetup
    .extend({ types: { context: {} as { readonly joins: number } }, actions: { join: assign({ joins: 1 }) } })
    .createMachine({ ...namespaceConfig, context: { ...context, joins: 0 }, exit: 'join' });
  expectTypeOf(counting).toExtend<NamespaceChart>();
  const tagged = roomSetup.extend({ types: { tags: {} as 'late' } }).createMachine({ ...roomConfig, tags: 'late' });
  expectTypeOf(tagged).toExtend<RoomChart>();
});

test('[SV21] what is not declared does not compile', () => {
  const own = connectionSetup.extend({ types: { events: {} as { readonly type: 'MUTE' }, tags: {} as 'muted' } });
  const { states } = connectionConfig;
  // @ts-expect-error there is no such event
  own.createMachine({ ...connectionConfig, states: { ...states, open: { ...open, on: { MUTED: {} } } } });
  // @ts-expect-error there is no such tag
  own.createMachine({ ...connectionConfig, states: { ...states, open: { ...open, tags: 'mute' } } });
  // @ts-expect-error there is no such action
  own.createMachine({ ...connectionConfig, states: { ...states, open: { ...open, entry: 'recieve' } } });
  // @ts-expect-error nor guard
  own.createMachine({ ...connectionConfig, states: { ...states, open: { ...open, always: { guard: 'isLate' } } } });
  // @ts-expect-error the context lacks a member
  connectionSetup.extend({ types: { context: {} as { readonly user: string } } }).createMachine(connectionConfig);
  // @ts-expect-error the text is missing
  own.createMachine({ ...connectionConfig, on: { MUTE: { actions: { type: 'refuse', params: {} } } } });
  expectTypeOf(own.createMachine).toBeFunction();
});

test('[SV25] the actor of a connection has the events, states and tags of the chart that is given', () => {
  type Typed = Conn<unknown, NoContract, typeof strikes>;
  const server = new Server({
    machines: { connection: strikes.provide({ delays: { muteTime: 5 } }) },
    namespaces: {
      chat: {
        mute(ns) {
          expectTypeOf(ns.conn).toEqualTypeOf<Typed>();
          for (const conn of ns.conn.server.connections()) expectTypeOf(conn).toEqualTypeOf<Typed>();
          expectTypeOf(ns.room('lobby')?.nsConn.conn).toEqualTypeOf<Typed | undefined>();
        },
      },
    },
    onConnect: (conn) => expectTypeOf(conn).toEqualTypeOf<Typed>(),
  });
  expectTypeOf(server.connections()).toEqualTypeOf<Typed[]>();
  expectTypeOf<Typed['actor']>().toEqualTypeOf<ActorRefFrom<typeof strikes>>();
  const use = (conn: Typed): void => {
    conn.actor.send({ type: 'MUTE', ms: 5 });
    conn.actor.send({ type: 'CLOSE', code: 1000, text: '' });
    expectTypeOf(conn.actor.getSnapshot().context.strikes).toBeNumber();
    expectTypeOf(conn.matches('open.voice.muted') || conn.matches('open.flow.congested')).toBeBoolean();
    expectTypeOf(conn.hasTag('muted') || conn.hasTag('congested')).toBeBoolean();
    // @ts-expect-error it needs its time
    conn.actor.send({ type: 'MUTE' });
    // @ts-expect-error there is no such event
    conn.actor.send({ type: 'MUTED' });
    // @ts-expect-error there is no such state
    conn.matches('open.voice.mutde');
    // @ts-expect-error there is no such tag
    conn.hasTag('mutde');
  };
  expectTypeOf(use).parameter(0).toEqualTypeOf<Typed>();
  // What takes any connection takes this one as well.
  expectTypeOf<Typed>().toExtend<Conn<unknown, NoContract>>();
  const handler: Handler = (ns) => void ns.conn.actor.send({ type: 'MUTE' });
  new Server({ namespaces: { chat: { handler } }, machines: { connection: strikes } });
});

test('[SV25] [MW5] namespace() takes the chart as a type, for its middleware and its handlers', () => {
  new Server({
    machines: { connection: strikes },
    namespaces: {
      chat: namespace<unknown, NoContract, typeof strikes>(
        { use: [(ns, _, next) => (ns.conn.matches('open.voice.muted') ? undefined : next())] },
        {
          mute(ns) {
            expectTypeOf(ns.conn).toEqualTypeOf<Conn<unknown, NoContract, typeof strikes>>();
            // @ts-expect-error there is no such event
            ns.conn.actor.send({ type: 'MUTED' });
          },
        },
      ),
    },
  });
});

test('[SV25] that of the built-in chart too, and that of an unknown one takes anything', () => {
  const patient = new Server({
    namespaces: { chat: {} },
    machines: { connection: connectionMachine.provide({ delays: { ackTimeout: 5 } }) },
  });
  for (const conn of patient.connections()) {
    conn.matches('open.flow.congested');
    conn.matches('acknowledging.server.unreached');
    conn.matches('open.flow');
    // @ts-expect-error there is no such state
    conn.matches('open.flw');
  }
  const usual = new Server({ namespaces: { chat: {} } });
  expectTypeOf(usual).toEqualTypeOf<Server>();
  const use = (conn: Conn): void => {
    expectTypeOf(conn.actor).toEqualTypeOf<AnyActorRef>();
    conn.actor.send({ type: 'ANY' });
    expectTypeOf(conn.matches).parameter(0).toExtend<string>();
    expectTypeOf<string>().toExtend<Parameters<typeof conn.matches>[0]>();
    expectTypeOf<string>().toExtend<Parameters<typeof conn.hasTag>[0]>();
  };
  expectTypeOf(use).toBeFunction();
  // A server that says what it sends runs any chart.
  expectTypeOf(new Server<Sent>({ machines: { connection: strikes }, namespaces: { chat: {} } })).toExtend<
    Server<Sent>
  >();
});

// What a program compiles against that has installed nothing beside the package: the main entry alone.
import {
  AskTimeout,
  CloseError,
  connectionConfig,
  connectionMachine,
  connectionSetup,
  type DisconnectReason,
  decodeFrame,
  exclude,
  type Handler,
  type Message,
  type NSConn,
  OnAnyEvent,
  OnNamespaceConnected,
  OnRoomJoin,
  type OutgoingMessage,
  reply,
  Server,
  type ServerOptions,
  UpgradeRefused,
} from 'musterjs';
import { assign } from 'xstate';
import { app } from './contract.js';

interface Sent {
  readonly [namespace: string]: { readonly [event: string]: string | Uint8Array };
  readonly chat: { readonly said: string; readonly picture: Uint8Array };
}

const time: Handler = () => reply(new Date(0).toISOString());
const greeting: OutgoingMessage = { namespace: 'chat', event: 'said', body: 'hello' };

const presence = connectionSetup.extend({ delays: { idle: 300_000 } }).createMachine({
  ...connectionConfig,
  states: {
    ...connectionConfig.states,
    open: {
      ...connectionConfig.states.open,
      states: {
        ...connectionConfig.states.open.states,
        presence: {
          initial: 'here',
          states: {
            here: { on: { FRAME: { target: 'here', reenter: true } }, after: { idle: { target: 'away' } } },
            away: { on: { FRAME: { target: 'here' } } },
          },
        },
      },
    },
  },
});
const muted = connectionSetup
  .extend({
    types: {
      events: {} as { readonly type: 'MUTE'; readonly ms: number },
      tags: {} as 'muted',
      context: {} as { readonly strikes: number },
    },
    guards: { isSay: ({ event }) => event.type === 'FRAME' && decodeFrame(event.data)?.event === 'say' },
    delays: { muteTime: ({ event }) => (event.type === 'MUTE' ? event.ms : 30_000) },
    actions: { strike: assign({ strikes: ({ context }) => context.strikes + 1 }) },
  })
  .createMachine({
    ...connectionConfig,
    context: (from) => ({ ...connectionConfig.context(from), strikes: 0 }),
    states: {
      ...connectionConfig.states,
      open: {
        ...connectionConfig.states.open,
        states: {
          ...connectionConfig.states.open.states,
          voice: {
            initial: 'free',
            on: { MUTE: { target: '.muted', actions: 'strike' } },
            states: {
              free: {},
              muted: {
                tags: 'muted',
                on: {
                  FRAME: [
                    { guard: 'isSay', actions: { type: 'refuse', params: { text: 'muted' } } },
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
export const moderated = new Server({
  machines: { connection: muted },
  namespaces: {
    chat: {
      mute(ns) {
        for (const conn of ns.conn.server.connections()) conn.actor.send({ type: 'MUTE', ms: 5 });
        // @ts-expect-error there is no such event
        ns.conn.actor.send({ type: 'MUTED' });
        // @ts-expect-error there is no such state
        if (ns.conn.matches('open.voice.mutde')) return undefined;
        return reply(String(ns.conn.hasTag('muted') && ns.conn.matches('open.voice.muted')));
      },
    },
  },
});
export const patient = connectionMachine.provide({ delays: { ackTimeout: 30_000 } });

export const options: ServerOptions<Sent> = {
  namespaces: {
    chat: {
      time,
      async say(ns, message) {
        ns.emit('said', `you said ${message.body}`);
        // @ts-expect-error a picture is bytes
        ns.emit('picture', 'text');
        // @ts-expect-error there is no such event
        ns.emit('sayed', 'hello');
        const answer: Message = await ns.ask('said', 'really?', { timeout: 1_000 });
        return reply(answer.body);
      },
      [OnRoomJoin](_ns, message) {
        if (message.room === 'staff') throw new CloseError(4_001, 'staff only');
      },
      [OnNamespaceConnected]: (ns) => ns.conn.set('since', Date.now()),
      [OnAnyEvent]: (_ns, message) => void message.event,
    },
  },
  onConnect(conn) {
    conn.set('user', conn.id);
  },
  onDisconnect(conn, reason: DisconnectReason) {
    console.log(conn.get<string>('user'), reason.code, reason.text);
  },
  onError(error, where) {
    if (error instanceof AskTimeout) console.log(error.timeout, where.during);
  },
  onUpgrade(request) {
    if (request.url === '/no') throw new UpgradeRefused(403, 'no');
  },
  machines: { connection: presence },
};

export const server: Server<Sent> = new Server<Sent>(options);
server.broadcast(exclude('joe'), greeting);
export const everyone: readonly NSConn[] = new Server({ namespaces: { chat: {} } }).connectionsByNamespace('chat');
// @ts-expect-error a misspelt option
export const misspelt = new Server({ namespaces: { chat: {} }, onConect() {} });
console.log(Object.keys(app.board));

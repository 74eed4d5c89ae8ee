import type { IncomingMessage } from 'node:http';
import { expectTypeOf, test } from 'vitest';
import {
  type Body,
  type Handler,
  type Message,
  type NSConn,
  OnRoomJoin,
  reply,
  Server,
  type ServerOptions,
} from '../src/index.js';

interface Sent {
  readonly [namespace: string]: { readonly [event: string]: Body };
  readonly chat: { readonly said: string; readonly picture: Uint8Array };
}

test('[LM2] handlers are typed without a word, and their parameters flow', () => {
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

test('[LM2] what a handler returns is nothing or a reply', () => {
  expectTypeOf<() => string>().not.toExtend<Handler>();
  expectTypeOf<() => Promise<void>>().toExtend<Handler>();
});

test('[LM2] with a map of what is sent, emit and ask are checked against it', () => {
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

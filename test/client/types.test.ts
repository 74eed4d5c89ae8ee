import { expectTypeOf, test } from 'vitest';
import { z } from 'zod';
import {
  type AnyEvents,
  type Client,
  dial,
  type Message,
  type NSConn,
  OnRoomJoined,
  reply,
} from '../../src/client/client.js';
import { ask, askClient, bytes, contract, event, fromClient, fromServer } from '../../src/contract/contract.js';

const app = contract({
  board: {
    edit: event(z.object({ task: z.string() })),
    seen: fromClient(z.string()),
    edited: fromServer(z.object({ task: z.string(), by: z.string() })),
    thumb: fromServer(bytes()),
    stats: ask(z.void(), z.object({ open: z.number() })),
    confirm: askClient(z.string(), z.boolean()),
  },
});

const typesOnly = (_: () => unknown): void => {};

test('[CL19] without a contract any event has a body', () => {
  typesOnly(async () => {
    const client = dial('ws://test', {
      namespaces: {
        chat: {
          said(ns, message) {
            expectTypeOf(ns).toEqualTypeOf<NSConn>();
            expectTypeOf(message).toEqualTypeOf<Message>();
            return reply('heard');
          },
        },
      },
    });
    const chat = await client.connect('chat');
    expectTypeOf(chat).toEqualTypeOf<NSConn<AnyEvents>>();
    expectTypeOf(chat.emit('say', 'hello')).toEqualTypeOf<boolean>();
    expectTypeOf(await chat.ask('version')).toEqualTypeOf<Message>();
    // @ts-expect-error a body is no object
    chat.emit('say', { text: 'hello' });
    // @ts-expect-error a handler returns a reply, and no text
    chat.on('said', () => 'heard');
  });
});

test('[CL19] a contract types what a client sends, asks, hears and answers', () => {
  typesOnly(async () => {
    const client = dial('ws://test', {
      contract: app,
      namespaces: {
        board: {
          edited(ns, { data }) {
            expectTypeOf(data).toEqualTypeOf<{ task: string; by: string }>();
            ns.emit('seen', data.task);
          },
          thumb: (_, { data }) => void expectTypeOf(data).toEqualTypeOf<Uint8Array>(),
          confirm: (_, { data }) => data === 'yes',
          [OnRoomJoined]: (_, message) => void expectTypeOf(message).toEqualTypeOf<Message>(),
        },
        plain: { said: (_, { body }) => void expectTypeOf(body).toEqualTypeOf<string | Uint8Array>() },
      },
    });
    const board = await client.connect('board');
    board.emit('edit', { task: '1' });
    expectTypeOf(await board.ask('stats')).toEqualTypeOf<{ open: number }>();
    const room = await board.joinRoom('alpha', { on: { edited: ({ data }) => void data.by.length } });
    room.emit('seen', '1');
    room.on('edited', ({ data }) => void expectTypeOf(data.by).toEqualTypeOf<string>());
    board.on('confirm', async ({ data }) => data.length > 0);
    (await client.connect('plain')).emit('say', 'hello');
  });
});

test('[CL19] what the contract does not allow does not compile', () => {
  typesOnly(async () => {
    const client: Client<typeof app> = dial('ws://test', { contract: app });
    const board = await client.connect('board');
    // @ts-expect-error no such namespace
    client.connect('bord');
    // @ts-expect-error no such event
    board.emit('edits', { task: '1' });
    // @ts-expect-error wrong data
    board.emit('edit', { task: 1 });
    // @ts-expect-error no data
    board.emit('edit');
    // @ts-expect-error only the server sends it
    board.emit('edited', { task: '1', by: 'joe' });
    // @ts-expect-error an ask is no event
    board.emit('stats');
    // @ts-expect-error an event is no ask
    board.ask('edit', { task: '1' });
    // @ts-expect-error only the server asks it
    board.ask('confirm', 'sure?');
    // @ts-expect-error the answer is a boolean
    board.on('confirm', () => 'yes');
    // @ts-expect-error a client does not hear what only clients send
    board.on('seen', () => {});
    // @ts-expect-error wrong data in a handler
    board.on('edited', ({ data }) => data.title);
    // @ts-expect-error no such event of the server
    dial('ws://test', { contract: app, namespaces: { board: { edits() {} } } });
  });
});

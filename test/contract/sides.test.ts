import { type } from 'arktype';
import * as v from 'valibot';
import { expectTypeOf, test } from 'vitest';
import { z } from 'zod';
import {
  type AnswerOf,
  type AskMessage,
  type AsksFrom,
  ask,
  askClient,
  bytes,
  contract,
  type DataArguments,
  type DataHandlers,
  type DataMessage,
  type DataOf,
  type EventMessage,
  type EventsFrom,
  event,
  fromClient,
  fromServer,
  type ReceivedAnswerOf,
  type ReceivedOf,
  type Schema,
} from '../../src/contract/contract.js';

interface Task {
  readonly task: string;
  readonly by?: string;
}
/** A schema of an interface, which has no index signature. */
const task: Schema<Task> = z.object({ task: z.string(), by: z.string().optional() }) as Schema<Task>;

const app = contract({
  board: {
    edit: event(z.object({ task: z.string(), size: z.string().transform(Number) })),
    seen: fromClient(v.string()),
    edited: fromServer(task),
    thumb: fromServer(bytes()),
    tick: fromServer(z.void()),
    stats: ask(z.void(), type({ open: 'number' })),
    rename: ask(
      z.string(),
      z.string().transform((name) => name.length),
    ),
    confirm: askClient(z.string(), z.boolean()),
  },
});
type Board = (typeof app)['board'];

test('[CT3] each side has the events and asks that it may send', () => {
  expectTypeOf<EventsFrom<Board, 'client'>>().toEqualTypeOf<'edit' | 'seen'>();
  expectTypeOf<EventsFrom<Board, 'server'>>().toEqualTypeOf<'edit' | 'edited' | 'thumb' | 'tick'>();
  expectTypeOf<AsksFrom<Board, 'client'>>().toEqualTypeOf<'stats' | 'rename'>();
  expectTypeOf<AsksFrom<Board, 'server'>>().toEqualTypeOf<'confirm'>();
});

test('[CT3] a sender gives the input, a handler receives the output', () => {
  expectTypeOf<DataOf<Board['edit']>>().toEqualTypeOf<{ task: string; size: string }>();
  expectTypeOf<ReceivedOf<Board['edit']>>().toEqualTypeOf<{ task: string; size: number }>();
  expectTypeOf<DataOf<Board['thumb']>>().toEqualTypeOf<Uint8Array>();
  expectTypeOf<ReceivedOf<Board['edited']>>().toEqualTypeOf<Task>();
  expectTypeOf<AnswerOf<Board['rename']>>().toEqualTypeOf<string>();
  expectTypeOf<ReceivedAnswerOf<Board['rename']>>().toEqualTypeOf<number>();
  expectTypeOf<ReceivedAnswerOf<Board['stats']>>().toEqualTypeOf<{ open: number }>();
});

test('[CT3] data may be left out only where it may be undefined', () => {
  expectTypeOf<DataArguments<Board['tick']>>().toEqualTypeOf<[data?: void]>();
  expectTypeOf<DataArguments<Board['seen']>>().toEqualTypeOf<[data: string]>();
  expectTypeOf<DataArguments<Board['stats'], [options?: number]>>().toEqualTypeOf<[data?: void, options?: number]>();
});

test('[CT3] handlers of a side are those of what the other side may send', () => {
  const server: DataHandlers<Board, 'server', string> = {
    edit(ns, message) {
      expectTypeOf(ns).toBeString();
      expectTypeOf(message).toEqualTypeOf<DataMessage<'edit', { task: string; size: number }>>();
      expectTypeOf(message.data.size).toBeNumber();
      // @ts-expect-error a message with data has no body
      message.body;
    },
    seen: async () => {},
    stats: () => ({ open: 3 }),
    rename: async (_, { data }) => data,
  };
  const client: DataHandlers<Board, 'client', string> = {
    edited(_, { data }) {
      expectTypeOf(data).toEqualTypeOf<Task>();
    },
    thumb(_, { data }) {
      expectTypeOf(data).toEqualTypeOf<Uint8Array>();
    },
    confirm: () => true,
  };
  expectTypeOf([server, client]).not.toBeNever();
});

test('[CT3] a wrong handler does not compile', () => {
  type Handlers = DataHandlers<Board, 'server', string>;
  const handlers: Handlers[] = [
    // @ts-expect-error only the server sends it
    { edited() {} },
    // @ts-expect-error the server makes this ask
    { confirm: () => true },
    // @ts-expect-error nobody sends it
    { edti() {} },
    // @ts-expect-error the answer has no number
    { stats: () => ({ open: 'three' }) },
    // @ts-expect-error an ask wants an answer
    { stats() {} },
    // @ts-expect-error an event has no answer
    { seen: () => 5 },
  ];
  expectTypeOf(handlers).not.toBeNever();
});

test('[CT3] a wrong message does not compile', () => {
  const messages: EventMessage<Board, 'server', 'board'>[] = [
    { namespace: 'board', room: 'alpha', event: 'edited', data: { task: '1' } },
    { namespace: 'board', event: 'tick' },
    // @ts-expect-error the data is missing
    { namespace: 'board', event: 'edited' },
    // @ts-expect-error the data is of another event
    { namespace: 'board', event: 'edited', data: new Uint8Array() },
    // @ts-expect-error only clients send it
    { namespace: 'board', event: 'seen', data: '1' },
    // @ts-expect-error an ask is no event
    { namespace: 'board', event: 'confirm', data: 'sure?' },
    // @ts-expect-error there is no such namespace
    { namespace: 'bored', event: 'tick' },
    // @ts-expect-error it has data in place of a body
    { namespace: 'board', event: 'tick', body: '' },
  ];
  const asks: AskMessage<Board, 'client', 'board'>[] = [
    { namespace: 'board', event: 'stats' },
    // @ts-expect-error an event is no ask
    { namespace: 'board', event: 'seen', data: '1' },
  ];
  expectTypeOf([messages, asks]).not.toBeNever();
});

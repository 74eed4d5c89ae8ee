/** Everything that is said between the page and the server. Both ends import this file, and both are typed by it. */
import { ask, contract, fromClient, fromServer } from 'musterjs/contract';
import * as z from 'zod';

/** The columns of the board, from left to right. */
export const columns = ['todo', 'doing', 'done'] as const;
const Column = z.enum(columns);
const Id = z.string().min(1).max(36);
const Title = z.string().trim().min(1, 'A card needs a title.').max(120);

const Card = z.object({ id: Id, title: Title, column: Column });

/** A change of the board. It can be made twice without harm, so a page may send it again after a lost line. */
const Change = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('add'), card: Card }),
  z.object({ kind: z.literal('rename'), id: Id, title: Title }),
  /** Puts a card in front of another one, or at the end of its column. */
  z.object({ kind: z.literal('move'), id: Id, column: Column, before: Id.nullable() }),
  z.object({ kind: z.literal('remove'), id: Id }),
]);

const Person = z.object({ id: z.string(), name: z.string(), editing: Id.nullable() });

export const app = contract({
  board: {
    /** Returns the whole board. A page asks for it whenever it comes (back) online. */
    load: ask(z.void(), z.object({ cards: z.array(Card), people: z.array(Person) })),
    /** Makes a change, or rejects with the reason why it cannot be made. */
    change: ask(Change, z.void()),
    /** A change that was made, by this page or another. */
    changed: fromServer(Change),
    /** The card that this page edits. */
    editing: fromClient(Id.nullable()),
    /** The people who have the page open. */
    people: fromServer(z.array(Person)),
  },
});

export type Column = z.infer<typeof Column>;
export type Card = z.infer<typeof Card>;
export type Change = z.infer<typeof Change>;
export type Person = z.infer<typeof Person>;

// @ts-check
/**
 * The contract of the chat: every event, and the side that sends it. The server and the page both import this file.
 * Its schemas are written by hand, so that the example needs no library. A schema of Zod, Valibot or ArkType does as well.
 */
import { ask, contract, fromClient, fromServer } from 'musterjs/contract';

/** @template T @typedef {import('musterjs/contract').Schema<T>} Schema */
/** @typedef {{ id: string, name: string }} Person */
/** @typedef {Person & { text: string, at: number }} Said */
/** @typedef {Person & { kind: 'joined' | 'left' | 'renamed', was?: string, people: Person[] }} Presence */
/** @typedef {{ lines: readonly Said[], limit: number }} History */

/**
 * Makes a Standard Schema of a function that returns the checked value, or throws.
 * @template T @param {(value: unknown) => T} check @returns {Schema<T>}
 */
const schema = (check) => ({
  '~standard': {
    version: 1,
    vendor: 'muster-chat',
    validate(value) {
      try {
        return { value: check(value) };
      } catch (error) {
        return { issues: [{ message: String(error) }] };
      }
    },
  },
});

/**
 * Returns a trimmed text of 1 to `max` characters, or throws.
 * @param {unknown} value @param {number} max @param {string} what
 */
export function text(value, max, what) {
  const trimmed = typeof value === 'string' ? value.trim() : '';
  if (!trimmed || [...trimmed].length > max) throw new Error(`${what} must have 1 to ${max} characters.`);
  return trimmed;
}

// Whatever a client sends is checked.
const message = schema((value) => {
  const { room, text: written } = /** @type {Record<string, unknown>} */ (Object(value));
  return { room: text(room, 24, 'A room name'), text: text(written, 500, 'A message') };
});
const name = schema((value) => text(value, 24, 'Your name'));
const nothing = schema(() => {});

// The page trusts its server, so these schemas state a type and check nothing.
const trusted = schema((value) => value);
const person = /** @type {Schema<Person>} */ (trusted);
const said = /** @type {Schema<Said>} */ (trusted);
const presence = /** @type {Schema<Presence>} */ (trusted);
const history = /** @type {Schema<History>} */ (trusted);
const rooms = /** @type {Schema<{ name: string, people: number }[]>} */ (trusted);
const count = /** @type {Schema<number>} */ (trusted);

export const app = contract({
  chat: {
    /** A client has a message for a room. The answer says that it was sent. */
    say: ask(message, nothing),
    /** A client types in a room. */
    type: fromClient(nothing),

    /** A client has another name for its user. */
    rename: ask(name, nothing),

    /** To a client that joins a room: its last messages, as far as this example keeps them. */
    history: fromServer(history),
    /** To a room: a person has sent a message, is typing, has joined or left or another name. */
    said: fromServer(said),
    typing: fromServer(person),
    presence: fromServer(presence),

    /** To everyone: the rooms, and the number of connections. */
    rooms: fromServer(rooms),
    count: fromServer(count),
  },
});

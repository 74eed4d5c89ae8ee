import type { OutgoingMessage } from './message.js';
import { nearest } from './nearest.js';

/** The members that the program may give to a message. */
const names = ['namespace', 'room', 'event', 'body', 'data', 'to', 'setBinary', 'isNative', 'err'] as const;

/**
 * Returns whether a message may have this member: those above, and those that a received message has besides. A switch
 * takes a third of the time that a Set takes, for each member of each broadcast.
 */
const isKnown = (name: string): boolean => {
  switch (name) {
    case 'namespace':
    case 'room':
    case 'event':
    case 'body':
    case 'data':
    case 'to':
    case 'setBinary':
    case 'isNative':
    case 'err':
    case 'isForced':
    case 'isLocal':
    case 'json':
      return true;
    default:
      return false;
  }
};

const shape = '{ namespace, room?, event, body?: string | Uint8Array, to?, setBinary? }';

/** Returns a value for the text of an error. */
const shown = (value: unknown): string => {
  if (typeof value === 'string') return JSON.stringify(value.length > 64 ? `${value.slice(0, 64)}…` : value);
  if (typeof value === 'function') return 'a function';
  return typeof value === 'object' && value !== null ? 'an object' : String(value);
};

const unknownMember = (name: string, value: unknown): TypeError => {
  const meant = nearest(name, names);
  const hint = meant === undefined ? '.' : `: did you mean "${meant}"?`;
  return new TypeError(
    `a message has no "${name}", got ${shown(value)}${hint} The members of a message are ${names.join(', ')}`,
  );
};

/**
 * Checks that what the program passes as a message is an object without unknown members (BC14).
 * @throws {TypeError} when it is not. The error tells the members of a message, and which one was probably meant.
 */
export const assertMembers = (message: unknown): void => {
  if (typeof message !== 'object' || message === null) {
    throw new TypeError(`a message is an object ${shape}, got ${String(message)}`);
  }
  for (const name in message) {
    // The methods of a class of the program are inherited.
    if (!isKnown(name) && Object.hasOwn(message, name)) throw unknownMember(name, Reflect.get(message, name));
  }
};

const isText = (value: unknown): boolean => value === undefined || typeof value === 'string';
const isFlag = (value: unknown): boolean => value === undefined || typeof value === 'boolean';

/** What the members take that are checked together. */
const takes = [
  ['namespace', 'a string', isText],
  ['room', 'a string', isText],
  ['event', 'a string', isText],
  ['to', 'a string', isText],
  ['setBinary', 'true or false', isFlag],
  ['isNative', 'true or false', isFlag],
  ['err', 'an Error', (value: unknown) => value === undefined || value instanceof Error],
] as const;

/** Returns the error for the first member of a wrong type. */
const wrongType = (message: object): TypeError => {
  const wrong = takes.find(([name, , isRight]) => !isRight(Reflect.get(message, name)));
  const [name, kind] = wrong ?? takes[0];
  return new TypeError(`"${name}" of a message takes ${kind}, got ${shown(Reflect.get(message, name))}: ${shape}`);
};

/**
 * Checks the types of the members of a message without data (BC14).
 * @throws {TypeError} when one is of a wrong type, or there is no event.
 */
export const assertOutgoing = (message: OutgoingMessage & { readonly data?: unknown }): void => {
  const { namespace, room, event, body, to, setBinary, isNative, err, data } = message;
  const areTexts = isText(namespace) && isText(room) && isText(event) && isText(to);
  if (!areTexts || !isFlag(setBinary) || !isFlag(isNative) || !(err === undefined || err instanceof Error)) {
    throw wrongType(message);
  }
  if (!event && !isNative) throw new TypeError(`a message needs an event: ${shape}`);
  if (data !== undefined) {
    throw new TypeError(`namespace "${namespace ?? ''}" has no contract: a message has a body in place of data`);
  }
  if (body !== undefined && typeof body !== 'string' && !(body instanceof Uint8Array)) {
    throw new TypeError(
      `a body is a string or a Uint8Array, got ${typeof body}; JSON.stringify turns a value into a string`,
    );
  }
};

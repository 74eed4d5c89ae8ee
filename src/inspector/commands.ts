import type { IncomingMessage } from 'node:http';
import type { Server } from '../server/server.js';
import type { ActorNames } from './actorNames.js';

/** What a viewer wants done to a connection. */
export interface Command {
  readonly actor: string;
  /** Close it, or ask its client out of every namespace. */
  readonly deed: 'close' | 'disconnect';
}

const mostBytes = 1_024;
const effects: readonly unknown[] = ['close', 'disconnect'] satisfies readonly Command['deed'][];

const isDeed = (given: unknown): given is Command =>
  typeof given === 'object' &&
  given !== null &&
  'actor' in given &&
  typeof given.actor === 'string' &&
  'deed' in given &&
  effects.includes(given.deed);

/** Reads what is wanted; `undefined` when that is nothing that can be done. */
export const readCommand = async (request: IncomingMessage): Promise<Command | undefined> => {
  let text = '';
  for await (const chunk of request) {
    text += String(chunk);
    if (text.length > mostBytes) return undefined;
  }
  try {
    const given: unknown = JSON.parse(text);
    return isDeed(given) ? given : undefined;
  } catch {
    return undefined;
  }
};

/** Does it, and returns the status of the answer. */
export const runCommand = (server: Server, names: ActorNames, wanted: Command | undefined): number => {
  if (!wanted) return 400;
  const conn = server.watching.connOf(names.actorOfExactly(wanted.actor));
  if (!conn || conn.isClosed) return 404;
  if (wanted.deed === 'close') conn.close(1_000, 'closed in the inspector');
  // Whether the client agrees is seen on the page.
  else void conn.disconnectAll();
  return 204;
};

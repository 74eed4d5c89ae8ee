import type { IncomingMessage } from 'node:http';
import type { Server } from '../server/server.js';
import type { ActorNames } from './actorNames.js';

/** A command of the page to one connection. */
export interface Command {
  /** The reference to the connection's actor. */
  readonly actor: string;
  /** `close` closes the connection; `disconnect` asks its client to leave every namespace. */
  readonly action: 'close' | 'disconnect';
}

const maxBytes = 1_024;
const actions: readonly unknown[] = ['close', 'disconnect'] satisfies readonly Command['action'][];

const isCommand = (given: unknown): given is Command =>
  typeof given === 'object' &&
  given !== null &&
  'actor' in given &&
  typeof given.actor === 'string' &&
  'action' in given &&
  actions.includes(given.action);

/** Reads a command from the body of a request. Resolves with `undefined` if the body is no valid command. */
export const readCommand = async (request: IncomingMessage): Promise<Command | undefined> => {
  let text = '';
  for await (const chunk of request) {
    text += String(chunk);
    if (text.length > maxBytes) return undefined;
  }
  try {
    const given: unknown = JSON.parse(text);
    return isCommand(given) ? given : undefined;
  } catch {
    return undefined;
  }
};

/** Runs a command. Returns the status of the response: 204, 400 without a command, 404 without the connection. */
export const runCommand = (server: Server, names: ActorNames, command: Command | undefined): number => {
  if (!command) return 400;
  const conn = server.watching.connOf(names.actorOfExactly(command.actor));
  if (!conn || conn.isClosed) return 404;
  if (command.action === 'close') conn.close(1_000, 'closed in the inspector');
  // Not awaited: the page shows the client's answer as a step.
  else void conn.disconnectAll();
  return 204;
};

/**
 * The frames of the session layer. They are text frames beside the data frames: no handler receives them, and they are
 * never published. A client begins to use them with `hello`; a peer that never says so is never sent one.
 */

/** What a client sends in the session layer. */
export type ClientVerb = 'hello' | 'resume' | 'ack' | 'ping' | 'auth';
/** What a server sends in the session layer. */
export type ServerVerb = 'welcome' | 'resumed' | 'live' | 'fresh' | 'ack' | 'pong' | 'authed' | 'move' | 'gap';

/** One frame of the session layer, as it was received. A later version of the protocol may have other verbs. */
export interface SessionFrame {
  /** What the frame is about. */
  readonly verb: string;
  /** Everything after the sixth `;`. */
  readonly body: string;
}

/** Begins every frame of the session layer that a client sends. With `$`, a Go server neither answers nor publishes it. */
const clientPrefix = '$#m;';
/** Begins every frame of the session layer that a server sends. */
const serverPrefix = '#m;';

/** Version of the session layer, in `hello` and `welcome`. */
export const sessionVersion = 1;

/** Upgrade header by which a client announces its `hello` or `resume`. In a browser it is a URL parameter. */
export const sessionHint = 'x-muster';

/** Close code: a client gives up a line that does not answer, and dials again. */
export const givenUp = 4002;
/** Close code: the token is missing, wrong or expired, and a new one may help. */
export const tokenNeeded = 4401;

const format = (prefix: string, verb: string, body: string): string => `${prefix};;${verb};0;0;${body}`;

/** Returns a frame of the session layer from a client to its server. */
export const fromClient = (verb: ClientVerb, body = ''): string => format(clientPrefix, verb, body);
/** Returns a frame of the session layer from a server to its client. */
export const fromServer = (verb: ServerVerb, body = ''): string => format(serverPrefix, verb, body);

/** Returns where the field after the next `;` begins. Without one: behind the end, where every field is empty. */
const nextField = (payload: string, from: number): number => payload.indexOf(';', from) + 1 || payload.length + 1;

/** Reads no further than the sixth `;`: a peer may send any number of them. */
const read = (payload: string, prefix: string): SessionFrame | undefined => {
  if (!payload.startsWith(prefix)) return undefined;
  const verb = nextField(payload, nextField(payload, prefix.length));
  const afterVerb = nextField(payload, verb);
  const body = nextField(payload, nextField(payload, afterVerb));
  return { verb: payload.slice(verb, afterVerb - 1), body: payload.slice(body) };
};

/** Returns whether a client's text message, from `start` on, may be a frame of the session layer, by how it begins. */
export const beginsSession = (payload: Uint8Array, start = 0): boolean => {
  for (let at = 0; at < clientPrefix.length; at++) {
    if (payload[start + at] !== clientPrefix.charCodeAt(at)) return false;
  }
  return true;
};

/** Returns the frame of the session layer in a client's text message, or `undefined` for any other message. */
export const readFromClient = (payload: string): SessionFrame | undefined => read(payload, clientPrefix);
/** Returns the frame of the session layer in a server's text message, or `undefined` for any other message. */
export const readFromServer = (payload: string): SessionFrame | undefined => read(payload, serverPrefix);

import { fromClient, readFromServer } from '../../../src/protocol/session.js';

/** The header of a client that announces the session layer. */
export const hint = { 'X-Muster': 'hello' } as const;

/** A `hello`, with a token if one is given. */
export const hello = (auth?: string): string =>
  fromClient('hello', JSON.stringify({ v: 1, ...(auth !== undefined && { auth }), caps: [] }));

/** A `resume` of a session that no server knows. */
export const resume = (auth?: string): string =>
  fromClient('resume', JSON.stringify({ v: 1, session: 'gone', try: 1, received: 3, auth, caps: [] }));

const terms =
  '"v":1,"window":0,"ack":{"frames":128,"bytes":65536,"ms":10000},"outbox":{"frames":256,"bytes":262144},"ping":25000,"storm":0';

/** The answer to `hello`, byte for byte. */
export const welcome = (ttl?: number): string =>
  `#m;;;welcome;0;0;{${terms}${ttl === undefined ? '' : `,"auth":{"ttl":${ttl}}`}}`;
/** The answer to `resume`, byte for byte. */
export const fresh = `#m;;;fresh;0;0;{${terms},"because":"unknown"}`;

/** The answer to `ping`. */
export const pong = '#m;;;pong;0;0;0 0';

/** The body of an `authed`, parsed. */
export const authedIn = (frame: string): unknown => {
  const read = readFromServer(frame);
  if (read?.verb !== 'authed') throw new Error(`expected authed, got ${frame}`);
  return JSON.parse(read.body);
};

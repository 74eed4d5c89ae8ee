import type { IncomingMessage } from 'node:http';

/** Decides whether a request may use the inspector. Only `true`, or a promise of it, allows the request. */
export type Authorize = (request: IncomingMessage) => boolean | Promise<boolean>;

/** The kind of a request: a file of the page, data for the page, or a command to a connection. */
export type Purpose = 'page' | 'data' | 'command';

const isJson = (type: string | undefined): boolean => /^application\/json\s*(;|$)/i.test(type ?? '');

/** Returns whether an origin has the host of the request. */
const isOwn = (origin: string, host: string | undefined): boolean => {
  try {
    return new URL(origin).host === host?.toLowerCase();
  } catch {
    return false;
  }
};

/**
 * Returns whether a request comes from the page itself (IN11). It relies on headers that browsers set and scripts
 * cannot change. The page's files contain no data, so any site may link to them. A command needs one of these headers.
 */
export const isSameOrigin = ({ headers }: IncomingMessage, purpose: Purpose): boolean => {
  if (purpose === 'page') return true;
  if (purpose === 'command' && !isJson(headers['content-type'])) return false;
  const { origin } = headers;
  const site = headers['sec-fetch-site'];
  if (site !== undefined) return site === 'same-origin' || (site === 'none' && purpose === 'data');
  return origin === undefined ? purpose === 'data' : isOwn(origin, headers.host);
};

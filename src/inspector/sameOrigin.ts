import type { IncomingMessage } from 'node:http';

/** Says whether whoever asks may look: only `true` lets it in. */
export type Authorize = (request: IncomingMessage) => boolean | Promise<boolean>;

/** What a request asks for: the page itself, what the page reads, or what it does. */
export type Purpose = 'page' | 'data' | 'deed';

const isJson = (type: string | undefined): boolean => /^application\/json\s*(;|$)/i.test(type ?? '');

/** Is this address of the host that was asked? */
const isOwn = (origin: string, host: string | undefined): boolean => {
  try {
    return new URL(origin).host === host?.toLowerCase();
  } catch {
    return false;
  }
};

/**
 * Does this request come from the page itself? Browsers say where it comes from, and no page can make them say
 * anything else. The page itself shows nothing and may be linked to; a deed needs the browser's word.
 */
export const isSameOrigin = ({ headers }: IncomingMessage, purpose: Purpose): boolean => {
  if (purpose === 'page') return true;
  if (purpose === 'deed' && !isJson(headers['content-type'])) return false;
  const { origin } = headers;
  const site = headers['sec-fetch-site'];
  if (site !== undefined) return site === 'same-origin' || (site === 'none' && purpose === 'data');
  return origin === undefined ? purpose === 'data' : isOwn(origin, headers.host);
};

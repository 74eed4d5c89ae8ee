import type { IncomingMessage } from 'node:http';

/** Maximum number of texts that are kept, of each kind, and the maximum length of one. */
const most = 512;
const longest = 256;

/** Keeps one of each text, so that equal texts of many requests are one in memory. Forgets them all when it is full. */
class SharedTexts {
  readonly #known = new Map<string, string>();

  /** Returns the text that is kept for an equal one. */
  of(text: string): string {
    const known = this.#known.get(text);
    if (known !== undefined) return known;
    if (text.length > longest) return text;
    if (this.#known.size >= most) this.#known.clear();
    this.#known.set(text, text);
    return text;
  }
}

/** The headers that have few values, whatever the client. */
const alike: ReadonlySet<string> = new Set([
  ...['host', 'connection', 'upgrade', 'origin', 'user-agent', 'pragma', 'cache-control', 'accept', 'accept-encoding'],
  ...['accept-language', 'sec-websocket-version', 'sec-websocket-extensions', 'sec-websocket-protocol', 'x-muster'],
  ...['x-forwarded-proto', 'x-forwarded-host'],
]);

const names = new SharedTexts();
const values = new SharedTexts();

/**
 * Replaces the names and usual values of a request's headers by equal texts that other requests have too. Each request
 * is kept for as long as its connection, and brings all its texts anew.
 */
export const shareHeaders = ({
  rawHeaders,
  headers,
}: Partial<Pick<IncomingMessage, 'rawHeaders' | 'headers'>>): void => {
  // A request that a program makes itself may lack them, or protect them.
  if (!rawHeaders || !headers || Object.isFrozen(rawHeaders) || Object.isFrozen(headers)) return;
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    const name: string = rawHeaders[at] ?? '';
    const value: string = rawHeaders[at + 1] ?? '';
    rawHeaders[at] = names.of(name);
    const key = name.toLowerCase();
    if (!alike.has(key)) continue;
    const shared = values.of(value);
    rawHeaders[at + 1] = shared;
    if (headers[key] === value) headers[key] = shared;
  }
};

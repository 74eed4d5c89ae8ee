import type { IncomingMessage } from 'node:http';

/** Maximum number of texts that are kept, of each kind, and the maximum length of one. */
const most = 512;
const longest = 256;

/** Keeps what is made of each text, so that equal texts of many requests lead to one. Forgets all when it is full. */
class Shared<Kept> {
  readonly #known = new Map<string, Kept>();

  constructor(private readonly make: (text: string) => Kept) {}

  /** Returns what is kept for an equal text. */
  of(text: string): Kept {
    const known = this.#known.get(text);
    if (known !== undefined) return known;
    const made = this.make(text);
    if (text.length > longest) return made;
    if (this.#known.size >= most) this.#known.clear();
    this.#known.set(text, made);
    return made;
  }
}

/** The headers that have few values, whatever the client. */
const alike: ReadonlySet<string> = new Set([
  ...['host', 'connection', 'upgrade', 'origin', 'user-agent', 'pragma', 'cache-control', 'accept', 'accept-encoding'],
  ...['accept-language', 'sec-websocket-version', 'sec-websocket-extensions', 'sec-websocket-protocol', 'x-muster'],
  ...['x-forwarded-proto', 'x-forwarded-host'],
]);

/** The name of a header as it was sent, and its key if its values are shared. */
const names = new Shared((text) => {
  const key = text.toLowerCase();
  return { text, key: alike.has(key) ? key : undefined };
});
const values = new Shared((text) => text);

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
    const { text, key } = names.of(rawHeaders[at] ?? '');
    rawHeaders[at] = text;
    if (key === undefined) continue;
    const value: string = rawHeaders[at + 1] ?? '';
    const shared = values.of(value);
    rawHeaders[at + 1] = shared;
    if (headers[key] === value) headers[key] = shared;
  }
};

import type { IncomingMessage } from 'node:http';
import { UpgradeRefused } from '../../actors/sessions/refusal.js';

/** Prefix of a URL parameter that stands for a header, as a browser cannot set headers (HS14). */
const urlHeaderPrefix = 'x-websocket-header-';

/** Matches characters that a header's value must not have. */
const unsafeInHeader = /[\0\r\n]/;

/**
 * Adds to a request the headers that its URL carries and that are allowed (HS14).
 * @throws {UpgradeRefused} when a value cannot be that of a header.
 */
export const takeUrlHeaders = (request: IncomingMessage, allowed: ReadonlySet<string>): void => {
  const query = request.url?.split('?', 2)[1];
  if (!query?.toLowerCase().includes(urlHeaderPrefix)) return;
  for (const [key, value] of new URLSearchParams(query)) {
    const name = key.toLowerCase().slice(urlHeaderPrefix.length);
    if (!key.toLowerCase().startsWith(urlHeaderPrefix) || !allowed.has(name)) continue;
    if (unsafeInHeader.test(value)) throw new UpgradeRefused(400, `no value of a header: ${name}`);
    request.headers[name] ??= value;
  }
};

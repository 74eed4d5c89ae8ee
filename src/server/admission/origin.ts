import type { IncomingMessage } from 'node:http';
import { quoted } from '../../actors/runtime/quoted.js';
import { type RefusedClient, refusalBy, UpgradeRefused } from '../../actors/sessions/refusal.js';
import type { Proxies, RequestedHost } from './proxies.js';

/** The origins that a server allows, as the option `origins` says. */
export type Origins = 'same-host' | 'any' | readonly string[];

const usualPorts: Readonly<Record<string, string>> = { 'http:': '80', 'https:': '443' };

const withPort = (host: string, usual: string): string => (/:\d+$/.test(host) ? host : `${host}:${usual}`);

/** Returns whether an origin is the host of its request. A host without a port has the usual one. */
const isHostOf = (origin: string, { host, isSecure }: RequestedHost): boolean => {
  try {
    const { host: own, protocol, username, password } = new URL(origin);
    if (host === undefined || own === '' || username !== '' || password !== '') return false;
    const usual = usualPorts[protocol] ?? '';
    // A proxy behind one that ends TLS says `http`, so only `https` tells the port.
    return withPort(own, usual) === withPort(host.toLowerCase(), isSecure ? '443' : usual);
  } catch {
    return false;
  }
};

/** The last origin that was the host of its request. The clients of a server have few, and to parse one is slow. */
let last: { readonly origin: string; readonly host: string | undefined; readonly isSecure: boolean } | undefined;

const isSameHost = (origin: string, requested: RequestedHost): boolean => {
  const { host, isSecure } = requested;
  if (last?.origin === origin && last.host === host && last.isSecure === isSecure) return true;
  if (!isHostOf(origin, requested)) return false;
  last = { origin, host, isSecure };
  return true;
};

/** Maximum number of characters of a header in a text. */
const mostCharacters = 200;

const shown = (header: string | undefined): string =>
  header === undefined ? 'none' : quoted(header.slice(0, mostCharacters));

/** What decides about an origin. */
export interface OriginOptions {
  /** The origins that are allowed. */
  readonly origins: Origins;
  /** What proxies say about the host. */
  readonly proxies: Proxies;
}

/** Returns why an origin is refused and what to do about it: for the program, not for the client. */
const explain = (origin: string, { host, ignored }: RequestedHost, origins: Origins): string => {
  const named = `Origin ${shown(origin)}`;
  const listed = 'list the origin in the option origins';
  const isHere = `Host: ${shown(host)}`;
  if (origins !== 'same-host') return `${named} is not in the option origins. ${isHere}. To allow it, ${listed}.`;
  const forwarded = ignored === undefined ? '' : ` X-Forwarded-Host: ${shown(ignored)}, ignored without trustProxy.`;
  const cure = `Behind a proxy, pass Host on or set trustProxy. For a page of another host, ${listed}.`;
  return `${named} is not the host of its request. ${isHere}.${forwarded} ${cure}`;
};

/** Returns the refusal of the origin that a browser sends, or `undefined` if it is allowed (HS13). */
export const originRefusal = (
  request: IncomingMessage,
  { origins, proxies }: OriginOptions,
): RefusedClient | undefined => {
  const { origin } = request.headers;
  if (origin === undefined || origins === 'any') return undefined;
  const requested = proxies.hostOf(request);
  const isAllowed = origins === 'same-host' ? isSameHost(origin, requested) : origins.includes(origin);
  if (isAllowed) return undefined;
  const error = new UpgradeRefused(403, explain(origin, requested, origins));
  // The client is told nothing of the inside.
  return { ...refusalBy('onUpgrade', error), body: 'origin not allowed' };
};

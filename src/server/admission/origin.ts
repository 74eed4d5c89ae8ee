import type { IncomingMessage } from 'node:http';
import { UpgradeRefused } from '../../actors/sessions/refusal.js';
import type { Proxies, RequestedHost } from './proxies.js';

/** The origins that a server allows, as the option `origins` says. */
export type Origins = 'same-host' | 'any' | readonly string[];

const usualPorts: Readonly<Record<string, string>> = { 'http:': '80', 'https:': '443' };

const withPort = (host: string, usual: string): string => (/:\d+$/.test(host) ? host : `${host}:${usual}`);

/** Returns whether an origin is the host of its request. A host without a port has the usual one. */
const isSameHost = (origin: string, { host, isSecure }: RequestedHost): boolean => {
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

/**
 * Checks the origin that a browser sends against the option `origins` (HS13).
 * @throws {UpgradeRefused} when it is not allowed.
 */
export const assertOrigin = (
  request: IncomingMessage,
  { origins, proxies }: { readonly origins: Origins; readonly proxies: Proxies },
): void => {
  const { origin } = request.headers;
  if (origin === undefined || origins === 'any') return;
  const isAllowed = origins === 'same-host' ? isSameHost(origin, proxies.hostOf(request)) : origins.includes(origin);
  if (!isAllowed) throw new UpgradeRefused(403, 'origin not allowed');
};

import type { IncomingMessage } from 'node:http';
import { UpgradeRefused } from '../../actors/sessions/refusal.js';

const isSameHost = (origin: string, host: string | undefined): boolean => {
  try {
    const { host: originHost, username, password } = new URL(origin);
    return originHost !== '' && username === '' && password === '' && originHost === host?.toLowerCase();
  } catch {
    return false;
  }
};

/** The origins that a server allows, as the option `origins` says. */
export type Origins = 'same-host' | 'any' | readonly string[];

/**
 * Checks the origin that a browser sends against the option `origins` (HS13).
 * @throws {UpgradeRefused} when it is not allowed.
 */
export const assertOrigin = (
  { headers: { origin, host } }: IncomingMessage,
  { origins }: { readonly origins: Origins },
): void => {
  if (origin === undefined || origins === 'any') return;
  const isAllowed = origins === 'same-host' ? isSameHost(origin, host) : origins.includes(origin);
  if (!isAllowed) throw new UpgradeRefused(403, 'origin not allowed');
};

import type { IncomingMessage } from 'node:http';
import { UpgradeRefused } from '../../actors/sessions/refusal.js';

/** The versions of the WebSocket protocol that `ws` speaks. Their frames are the same. */
const versions: readonly number[] = [13, 8];

/**
 * Checks what `ws` does not look at, or answers otherwise, before any hook of the program runs (HS18).
 *
 * @throws {UpgradeRefused} when the request cannot begin a WebSocket
 */
export const assertUpgradable = ({ httpVersion, headers }: IncomingMessage): void => {
  if (httpVersion === '1.0') throw new UpgradeRefused(400, 'an upgrade needs HTTP/1.1');
  if (httpVersion === '1.1' && headers.host === undefined) throw new UpgradeRefused(400, 'an upgrade needs a Host');
  const version = headers['sec-websocket-version'];
  if (version !== undefined && !versions.includes(Number(version))) {
    throw new UpgradeRefused(426, 'the version of the WebSocket protocol is 13');
  }
};

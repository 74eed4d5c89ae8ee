// What the bench measures Muster beside. The bench installs it, not the root's `npm ci`.
import { bunServer, whyNoBun } from '../../bench/systems/bun.js';
import { goSystem } from '../../bench/systems/go.js';
import { socketioServer, whyNoSocketio } from '../../bench/systems/socketio.js';
import type { Peer } from '../support/peers/installed.js';

const peerOf = (name: string, path: string, why: string | undefined): Peer =>
  why === undefined ? { name, path } : { name, path: undefined, why };

export const socketio = peerOf('Socket.IO', socketioServer, whyNoSocketio());
export const bun = peerOf('Bun', bunServer, whyNoBun());

const go = await goSystem();

/** Neffos and gws. Go may be missing everywhere. */
export const goSystems: Peer = { ...peerOf('Go', go.path ?? '', go.why), isOptional: true };

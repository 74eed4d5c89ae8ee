import { socketioServer, whyNoSocketio } from '../../bench/systems/socketio.js';
import type { Peer } from '../support/peers/installed.js';

const why = whyNoSocketio();

/** Installed by the bench, not by the root's `npm ci`. */
export const socketio: Peer =
  why === undefined ? { name: 'Socket.IO', path: socketioServer } : { name: 'Socket.IO', path: undefined, why };

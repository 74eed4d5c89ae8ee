import type { Limits } from '../../limits.js';

/** What waits for an answer of this client: nothing, the present turn, or `server.ask`. */
export type PeerWait = 'none' | 'turn' | 'serverAsk';

/** How full an inbox is. */
export type Fill = 'free' | 'halfFull' | 'full' | 'flooded';

/** The bounds of an inbox. */
export type InboxLimits = Pick<Limits, 'inboxMessages' | 'inboxBytes'>;

/** Factor of the bounds while an answer of the client is awaited. */
const awaitFactor = 4;

/**
 * Returns how full an inbox is with `queued` frames of `bytes` bytes (BP3). While an answer of the client is awaited,
 * the bounds are four times as wide and there is no half: reading goes on until they are reached. Beyond them the inbox
 * is flooded if a turn waits, since the answer may be stuck behind the frames.
 */
export const boundsOf = (queued: number, bytes: number, wait: PeerWait, limits: InboxLimits): Fill => {
  const { inboxMessages, inboxBytes } = limits;
  const factor = wait === 'none' ? 1 : awaitFactor;
  if (queued >= inboxMessages * factor || bytes >= inboxBytes * factor) return wait === 'turn' ? 'flooded' : 'full';
  if (wait === 'none' && (queued * 2 > inboxMessages || bytes * 2 > inboxBytes)) return 'halfFull';
  return 'free';
};

import { type CloseReasonName, closeReasons } from '../../protocol/errors.js';
import { Histogram } from '../runtime/histogram.js';

/** Counters at zero. The names are fixed, so that nothing a client says becomes one. */
export const makeCounters = () => ({
  /** Messages of clients, of whatever kind. */
  framesIn: 0,
  /** … and the bytes in them. */
  bytesIn: 0,
  /** … that are no frame. */
  invalidFrames: 0,
  /** … that answer nothing that was asked of this client. */
  strayAnswers: 0,
  /** … that a client cannot say, or not where it is. */
  ignoredEvents: 0,
  /** … for which there is no handler. */
  unhandledEvents: 0,
  /** Writes of the program's to a place that the connection is not in. */
  gatedWrites: 0,
  /** Writes to a line that was already on its way out. */
  lateWrites: 0,
  /** Messages that were broadcast after the end. */
  broadcastsAfterClose: 0,
  /** Times that a socket took no more for a while … */
  congestions: 0,
  /** … and slow consumers that were evicted. */
  evictions: 0,
  /** Times that a client was not read because of what its handlers broadcast. */
  throttled: 0,
  /** Connections whose chart has failed. */
  failures: 0,
  /** Upgrades and connections turned away: too many at once, or the server was closing. */
  refusedArrivals: 0,
  /** Upgrades that were refused, most of them with a status. */
  refusedUpgrades: 0,
  /** Handlers that threw, rejected, or did not settle in time. */
  handlerErrors: 0,
});

/** Every drop, close and refusal, by reason. */
export type Counters = ReturnType<typeof makeCounters>;

/** The stage of a connection, by the tags of its chart. The chart of a program has the same tags. */
export type Stage = 'acknowledging' | 'flowing' | 'congested' | 'closing';

/** What has ended a connection: a reason of Muster's own, the client, the program, or the loss of the socket. */
export type CloseCause = CloseReasonName | 'client' | 'program' | 'connectionLost';

// They are the keys of that very type.
const reasonNames = Object.keys(closeReasons) as CloseReasonName[];
const closeCauses: ReadonlySet<string> = new Set<CloseCause>([...reasonNames, 'client', 'program', 'connectionLost']);

/** Returns whether this is a cause: what a program's chart records may be none. */
export const isCloseCause = (cause: string): cause is CloseCause => closeCauses.has(cause);

const zeroCloses = (): Record<CloseCause, number> =>
  // Each cause has its name in the list.
  Object.fromEntries([...closeCauses].map((name) => [name, 0])) as Record<CloseCause, number>;

/** What is measured of a server beside its counters, at the moment it happens: reading it visits no connection. */
export class Meters {
  /** Registered connections, by stage. */
  readonly stages: Record<Stage, number> = { acknowledging: 0, flowing: 0, congested: 0, closing: 0 };
  /** Connections that have ended, by cause. */
  readonly closes = zeroCloses();
  /** Connections that have been registered so far. */
  admitted = 0;
  /** How long handlers take to settle, in ms. */
  readonly handlers = new Histogram([0.1, 1, 10, 100, 1_000, 10_000]);
}

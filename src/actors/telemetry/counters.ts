import { type CloseReasonName, closeReasons } from '../../protocol/errors.js';
import { Histogram } from '../runtime/histogram.js';

/** Returns all counters at zero. The names are fixed, so that no text of a client becomes one (IN9). */
export const makeCounters = () => ({
  /** Messages of clients, of every kind, but for empty ones. */
  framesIn: 0,
  /** Bytes of these messages. */
  bytesIn: 0,
  /** Pings of clients. */
  pings: 0,
  /** Pongs of clients. Most of them answer the heartbeat. */
  pongs: 0,
  /** Pings of clients that were not answered, as more came before the socket had room for a pong. */
  skippedPings: 0,
  /** Empty messages of clients, which are ignored. */
  emptyFrames: 0,
  /** Messages of clients that are no frame. */
  invalidFrames: 0,
  /** Answers of clients that no ask waits for. */
  strayAnswers: 0,
  /** Events that a client may not send, or not in that namespace or room. */
  ignoredEvents: 0,
  /** Frames that a chart of the program took, and neither passed on nor refused. */
  chartDrops: 0,
  /** Frames that a chart of the program refused. */
  chartRefusals: 0,
  /** Events and asks that the contract does not allow from a client. */
  disallowedEvents: 0,
  /** Events, asks and answers of clients whose data the contract does not allow. */
  invalidPayloads: 0,
  /** Events without a handler. */
  unhandledEvents: 0,
  /** Messages that a middleware kept from their handlers. */
  stoppedEvents: 0,
  /** Joins of clients to rooms that only the server opens. */
  closedJoins: 0,
  /** Messages that a `rateLimit` refused. */
  rateRefused: 0,
  /** Messages that a `rateLimit` dropped. */
  rateDropped: 0,
  /** Messages for which a `rateLimit` closed their connection. */
  rateClosed: 0,
  /** Writes of the program to a namespace or room that the connection is not in. */
  gatedWrites: 0,
  /** Writes to a socket that was closing or closed. */
  lateWrites: 0,
  /** Messages broadcast after the server was closed. */
  broadcastsAfterClose: 0,
  /** Times that a connection became congested. */
  congestions: 0,
  /** Slow consumers that were evicted. */
  evictions: 0,
  /** Times that the throttle paused a producer. */
  throttled: 0,
  /** Connections whose chart has failed. */
  failures: 0,
  /** Upgrades and arrivals refused: too many at once, a wrong first frame or none, or the server was closing. */
  refusedArrivals: 0,
  /** Upgrades that were refused, most of them with a status. */
  refusedUpgrades: 0,
  /** Clients that began with `hello`. */
  hellos: 0,
  /** Clients that began with `resume`. */
  resumes: 0,
  /** Clients closed for a `hello` or `resume` that does not parse, or comes late or twice. */
  badHellos: 0,
  /** Frames of the session layer that were ignored: an unknown verb, too early, or too many at once. */
  ignoredSession: 0,
  /** Clients and tokens that `authenticate` refused. */
  refusedAuthentications: 0,
  /** Tokens that replaced an earlier one of their connection. */
  renewedTokens: 0,
  /** Handlers that threw, rejected, or did not settle in time. */
  handlerErrors: 0,
  /** Handlers and middleware that said no by a `Refusal` or a known error. */
  refusals: 0,
});

/** Every drop, close and refusal, by reason. */
export type Counters = ReturnType<typeof makeCounters>;

/** The stage of a connection, by the tags of its chart. The chart of a program has the same tags. */
export type Stage = 'acknowledging' | 'flowing' | 'congested' | 'closing';

/** The cause of a connection's end: a reason of Muster, the client, the program, or the loss of the socket. */
export type CloseCause = CloseReasonName | 'client' | 'program' | 'connectionLost';

// The keys of a literal are its own.
const reasonNames = Object.keys(closeReasons) as CloseReasonName[];
const closeCauses: ReadonlySet<string> = new Set<CloseCause>([...reasonNames, 'client', 'program', 'connectionLost']);

/** Returns whether a text is a cause. A chart of the program may record another text. */
export const isCloseCause = (cause: string): cause is CloseCause => closeCauses.has(cause);

const zeroCloses = (): Record<CloseCause, number> =>
  // The set has every cause.
  Object.fromEntries([...closeCauses].map((name) => [name, 0])) as Record<CloseCause, number>;

/** The measurements of a server beside its counters. They change as things happen, so reading visits no connection. */
export class Meters {
  /** The number of registered connections, by stage. */
  readonly stages: Record<Stage, number> = { acknowledging: 0, flowing: 0, congested: 0, closing: 0 };
  /** The number of connections that have ended, by cause. */
  readonly closes = zeroCloses();
  /** The number of registered connections whose clients use the session layer. */
  aware = 0;
  /** The number of connections registered so far. */
  admitted = 0;
  /** How long handlers take to settle, in ms. */
  readonly handlers = new Histogram([0.1, 1, 10, 100, 1_000, 10_000]);
}

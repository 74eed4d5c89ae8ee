import type { DeliveryCounters } from '../../broadcast/topics.js';
import type { AskTally } from '../api/asks.js';
import type { ServerPressure } from '../api/serverFace.js';
import type { LostCounters } from '../cluster/losses.js';
import type { Exchange, ExchangeStatus } from '../cluster/relay.js';
import type { SliceTally } from '../runtime/background.js';
import type { Timing } from '../runtime/histogram.js';
import type { CloseCause, Counters, Meters, Stage } from '../telemetry/counters.js';

/** Everything that is counted and measured of a server, at one moment. Sizes in bytes, times in milliseconds. */
export interface Metrics {
  /** Connections, by where they stand. */
  readonly connections: Readonly<Record<Stage, number>>;
  /** Arrivals that have become connections, those that nobody could take, and upgrades that were refused. */
  readonly arrivals: { readonly admitted: number; readonly refused: number; readonly rejected: number };
  /** Connections that have ended, by what has ended them. */
  readonly closes: Readonly<Record<CloseCause, number>>;
  /** Messages of clients, and what was in them. */
  readonly received: { readonly frames: number; readonly bytes: number };
  /** Messages to clients, and the bytes written for them. */
  readonly sent: { readonly frames: number; readonly bytes: number };
  /** Messages issued for many, and how often one was given to somebody. */
  readonly broadcasts: { readonly issued: number; readonly deliveries: number };
  /** Slices of background work: how long each waited for its turn of the event loop, and what all have taken. */
  readonly slices: { readonly delay: Timing; readonly spent: number };
  readonly pressure: ServerPressure;
  /** Asks of clients: those that wait, and what has come of the others. */
  readonly asks: {
    readonly open: number;
    readonly answered: number;
    readonly timedOut: number;
    /** The client has gone, or nobody wanted to know any more. */
    readonly failed: number;
    /** Too many were open. */
    readonly refused: number;
  };
  /** Handlers of events, from call to settling. */
  readonly handlers: { readonly time: Timing; readonly errors: number };
  /** As `server.counters`. */
  readonly counters: Readonly<Counters>;
  readonly exchange: (Omit<ExchangeStatus, 'trouble' | 'lost'> & { readonly lost: Readonly<LostCounters> }) | null;
}

/** Where all of that is counted. */
export interface Measured {
  readonly counters: Counters;
  readonly meters: Meters;
  /** Connections that are counted no more, and whose actors live on. */
  readonly closing: number;
  readonly asks: AskTally;
  readonly slices: SliceTally;
  readonly given: Readonly<DeliveryCounters>;
  readonly pressure: ServerPressure;
  readonly exchange: Exchange | undefined;
}

/** Reads what has been counted: the same few numbers, however many connections there are (IN7). */
export const measure = ({ counters, meters, closing, asks, slices, given, pressure, exchange }: Measured): Metrics => ({
  connections: { ...meters.stages, closing: meters.stages.closing + closing },
  arrivals: { admitted: meters.admitted, refused: counters.refusedArrivals, rejected: counters.refusedUpgrades },
  closes: { ...meters.closes },
  received: { frames: counters.framesIn, bytes: counters.bytesIn },
  sent: { frames: given.frames, bytes: given.bytes },
  broadcasts: { issued: given.broadcasts, deliveries: given.deliveries },
  slices: { delay: slices.delays.timing, spent: slices.spent },
  pressure,
  asks: { ...asks },
  handlers: { time: meters.handlers.timing, errors: counters.handlerErrors },
  counters: { ...counters },
  exchange: exchange ? exchangeOf(exchange.status) : null,
});

/** Why there is no broker is told in words, of which there is no end. */
const exchangeOf = ({ trouble: _, ...numbers }: ExchangeStatus): Omit<ExchangeStatus, 'trouble'> => numbers;

import type { CompressionTally } from '../../broadcast/deflater.js';
import type { DeliveryCounters } from '../../broadcast/topics.js';
import type { AskTally } from '../api/asks.js';
import type { ServerPressure } from '../api/serverFace.js';
import type { LostCounters } from '../cluster/losses.js';
import type { Exchange, ExchangeStatus } from '../cluster/relay.js';
import type { SliceTally } from '../runtime/background.js';
import type { Timing } from '../runtime/histogram.js';
import type { CloseCause, Counters, Meters, Stage } from '../telemetry/counters.js';

/** Everything that is counted and measured of a server, at one moment. Sizes in bytes, times in ms. */
export interface Metrics {
  /** The number of connections, by stage. */
  readonly connections: Readonly<Record<Stage, number>>;
  /** The number of those whose clients use the session layer. */
  readonly aware: number;
  /** Arrivals that were registered, arrivals that were refused, and upgrades that were refused. */
  readonly arrivals: { readonly admitted: number; readonly refused: number; readonly rejected: number };
  /** Connections that have ended, by cause. */
  readonly closes: Readonly<Record<CloseCause, number>>;
  /** Messages of clients, and their bytes. */
  readonly received: { readonly frames: number; readonly bytes: number };
  /** Messages to clients, and the bytes that were written for them. */
  readonly sent: { readonly frames: number; readonly bytes: number };
  /** Messages published, and their deliveries to a connection or into its outbox. */
  readonly broadcasts: { readonly published: number; readonly deliveries: number };
  /** Broadcasts that were compressed, those that this made no smaller, and the bytes that were not written. */
  readonly compression: Readonly<CompressionTally>;
  /** Slices of background work: how long each waited to run, and the time that all have taken. */
  readonly slices: { readonly delay: Timing; readonly spent: number };
  /** As `server.pressure`. */
  readonly pressure: ServerPressure;
  /** Asks of clients: those that are open, and the outcomes of the others. */
  readonly asks: {
    readonly open: number;
    readonly answered: number;
    readonly timedOut: number;
    /** The client has closed, or the signal of the ask was aborted. */
    readonly failed: number;
    /** Too many asks were open. */
    readonly refused: number;
  };
  /** Handlers of events: the time from call to settling, and the failures. */
  readonly handlers: { readonly time: Timing; readonly errors: number };
  /** As `server.counters`. */
  readonly counters: Readonly<Counters>;
  /** The state and counters of the exchange; `null` without one. */
  readonly exchange: (Omit<ExchangeStatus, 'trouble' | 'lost'> & { readonly lost: Readonly<LostCounters> }) | null;
}

/** The sources of the metrics. */
export interface Measured {
  readonly counters: Counters;
  readonly meters: Meters;
  /** The number of closed connections whose actors still run. */
  readonly closing: number;
  readonly asks: AskTally;
  readonly slices: SliceTally;
  readonly delivered: Readonly<DeliveryCounters>;
  readonly compression: Readonly<CompressionTally>;
  readonly pressure: ServerPressure;
  readonly exchange: Exchange | undefined;
}

/** Returns everything that is counted and measured. Cost: constant, for any number of connections (IN7). */
export const measure = ({
  counters,
  meters,
  closing,
  asks,
  slices,
  delivered,
  compression,
  pressure,
  exchange,
}: Measured): Metrics => ({
  connections: { ...meters.stages, closing: meters.stages.closing + closing },
  aware: meters.aware,
  arrivals: { admitted: meters.admitted, refused: counters.refusedArrivals, rejected: counters.refusedUpgrades },
  closes: { ...meters.closes },
  received: { frames: counters.framesIn, bytes: counters.bytesIn },
  // Deliveries are counted by their plain size.
  sent: { frames: delivered.frames, bytes: delivered.bytes - compression.saved },
  broadcasts: { published: delivered.broadcasts, deliveries: delivered.deliveries },
  compression: { ...compression },
  slices: { delay: slices.delays.timing, spent: slices.spent },
  pressure,
  asks: { ...asks },
  handlers: { time: meters.handlers.timing, errors: counters.handlerErrors },
  counters: { ...counters },
  exchange: exchange ? exchangeOf(exchange.status) : null,
});

/** Returns the status without its error text, which can have any value (IN9). */
const exchangeOf = ({ trouble: _, ...numbers }: ExchangeStatus): Omit<ExchangeStatus, 'trouble'> => numbers;

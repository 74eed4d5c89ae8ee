import { closeReasons } from '../../protocol/errors.js';
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
  /** … and connections that were let go for it. */
  evictions: 0,
  /** Times that a client was not read because of what its handlers broadcast. */
  throttled: 0,
  /** Connections whose chart has failed. */
  failures: 0,
  /** Upgrades and connections that nobody could take. */
  refusedArrivals: 0,
  /** Upgrades that were refused, most of them with a status. */
  refusedUpgrades: 0,
  /** Handlers that threw, rejected, or did not settle in time. */
  handlerErrors: 0,
});

/** Every drop, close and refusal, by reason. */
export type Counters = ReturnType<typeof makeCounters>;

/** Where a connection stands, by the tags of its chart: a chart of the program's own has the same four. */
export type Stage = 'acknowledging' | 'flowing' | 'congested' | 'closing';

/** What has ended a connection: a reason of ours, or whoever else it was. */
export type CloseCause = keyof typeof closeReasons | 'client' | 'program' | 'connectionLost';

export const reasonNames = Object.keys(closeReasons) as (keyof typeof closeReasons)[];

const zeroCloses = (): Record<CloseCause, number> => {
  const names: readonly CloseCause[] = [...reasonNames, 'client', 'program', 'connectionLost'];
  // Each cause has its name in the list.
  return Object.fromEntries(names.map((name) => [name, 0])) as Record<CloseCause, number>;
};

/** What is measured of a server beside its counters, while it happens: nobody is visited to read it. */
export class Meters {
  readonly stages: Record<Stage, number> = { acknowledging: 0, flowing: 0, congested: 0, closing: 0 };
  readonly closes = zeroCloses();
  /** Connections that there have been. */
  admitted = 0;
  readonly handlers = new Histogram([0.1, 1, 10, 100, 1_000, 10_000]);
}

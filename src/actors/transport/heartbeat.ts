import type { Limits } from '../../limits.js';
import { ping } from '../../protocol/frame.js';
import type { BackgroundTask, BackgroundTasks } from '../runtime/background.js';
import type { Clock } from '../runtime/clock.js';
import type { Deadline, Deadlines } from '../runtime/deadlines.js';
import type { Socket } from './socket.js';

/** A connection that the heartbeat pings. */
export interface Pingable {
  /** Whether a pong of its client would be read: it is open and not congested, and its socket is not paused. */
  readonly isResponsive: boolean;
  /** The socket that is pinged. */
  readonly socket: Socket;
  /** Called once when its client has not responded in time. */
  onTimeout(): void;
}

/** The part of a server's context that the heartbeat uses. */
export interface HeartbeatContext {
  /** The source of time. */
  readonly clock: Pick<Clock, 'now'>;
  /** All deadlines, behind one timer. */
  readonly deadlines: Deadlines;
  /** Background work, in slices. */
  readonly background: Pick<BackgroundTasks, 'wake'>;
  /** The interval of pings and the time for an answer. */
  readonly limits: Pick<Limits, 'pingInterval' | 'pingTimeout'>;
}

/** One pass over connections, in slices. */
interface Round {
  readonly rest: Iterator<Pingable>;
  readonly visit: (one: Pingable) => void;
  /** Begins the next round. Returns whether it is work for the next slice. */
  readonly end: () => boolean;
}

/** The activity of a connection before its first check. */
const nothingYet = Number.NEGATIVE_INFINITY;

/** Returns a number that grows with each byte received, and with each byte that leaves the queue of the socket. */
const activityOf = ({ socket }: Pingable): number => {
  const { received, sent } = socket.traffic;
  return received + sent;
};

/**
 * Finds clients that have vanished without a close frame (LM3). Any byte is a sign of life. A responsive connection
 * that has received no byte is suspected first. It times out only if it has received none by a later tick either. By
 * then waiting bytes have been read, also those of a socket that was paused until just now.
 */
export class Heartbeat implements BackgroundTask {
  /** Connections whose ping has left, with the bytes received from them by then. */
  readonly #pinged = new Map<Pingable, number>();
  /** Connections whose ping waits behind other bytes, with their activity at the last check. They get a whole round. */
  readonly #queued = new Map<Pingable, number>();
  readonly #suspects = new Set<Pingable>();
  #round: Round | undefined;
  #next: Deadline | undefined;
  #startedAt = 0;

  constructor(
    /** Iterated over by each round, while connections come and go. */
    private readonly connections: Iterable<Pingable>,
    private readonly context: HeartbeatContext,
  ) {}

  /** Starts to ping every `pingInterval` ms. Does nothing when that has started. */
  start(): void {
    if (!this.#next && !this.#round) this.#schedulePings(this.context.limits.pingInterval);
  }

  /** Stops until the next `start`, and clears all checks. */
  stop(): void {
    this.#next?.cancel();
    this.#next = undefined;
    this.#round = undefined;
    this.#pinged.clear();
    this.#queued.clear();
    this.#suspects.clear();
  }

  /** Clears the check of one connection for this round. */
  clear(one: Pingable): void {
    this.#pinged.delete(one);
    this.#queued.delete(one);
    this.#suspects.delete(one);
  }

  /** Runs a slice of the present round. */
  run(until: number): boolean {
    const round = this.#round;
    if (!round) return false;
    for (let next = round.rest.next(); !next.done; next = round.rest.next()) {
      round.visit(next.value);
      // The timeout of the last connection has stopped the heartbeat.
      if (this.#round !== round) return false;
      if (this.context.clock.now() >= until) return true;
    }
    this.#round = undefined;
    return round.end();
  }

  #ping(one: Pingable): void {
    if (!one.isResponsive) return this.clear(one);
    const { backlog, traffic } = one.socket;
    if (backlog === 0) {
      this.#queued.delete(one);
      this.#pinged.set(one, traffic.received);
    } else if (!this.#queued.has(one)) {
      this.#queued.set(one, nothingYet);
    }
    one.socket.write(ping);
    return undefined;
  }

  #suspect(one: Pingable): void {
    if (this.#isSilent(one)) this.#suspects.add(one);
    else if (one.isResponsive && this.#queued.has(one)) this.#queued.set(one, activityOf(one));
    else this.clear(one);
  }

  #checkAgain(one: Pingable): void {
    const isGone = this.#isSilent(one);
    this.clear(one);
    if (isGone) one.onTimeout();
  }

  #isSilent(one: Pingable): boolean {
    if (!one.isResponsive) return false;
    const received = this.#pinged.get(one);
    if (received !== undefined) return one.socket.traffic.received === received;
    return activityOf(one) <= (this.#queued.get(one) ?? nothingYet);
  }

  #schedulePings(ms: number): void {
    this.#schedule(ms, () => {
      this.#startedAt = this.context.clock.now();
      return {
        rest: this.connections[Symbol.iterator](),
        visit: (one) => this.#ping(one),
        end: () => this.#scheduleCheck(),
      };
    });
  }

  #scheduleCheck(): boolean {
    this.#schedule(this.context.limits.pingTimeout, () => ({
      rest: [...this.#pinged.keys(), ...this.#queued.keys()].values(),
      visit: (one) => this.#suspect(one),
      end: () => this.#beginSecondCheck(),
    }));
    return false;
  }

  #beginSecondCheck(): boolean {
    this.#round = {
      rest: this.#suspects.values(),
      visit: (one) => this.#checkAgain(one),
      end: () => {
        const { clock, limits } = this.context;
        const passed = clock.now() - this.#startedAt;
        this.#schedulePings(Math.max(limits.pingInterval - passed, 1));
        return false;
      },
    };
    return true;
  }

  #schedule(ms: number, begin: () => Round): void {
    const { deadlines, background } = this.context;
    this.#next = deadlines.after(ms, () => {
      this.#next = undefined;
      this.#round = begin();
      background.wake(this);
    });
  }
}

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
interface Pass {
  readonly rest: Iterator<Pingable>;
  readonly visit: (one: Pingable) => void;
  readonly end: () => void;
}

/** One round of pings whose check is to come. */
interface Round {
  /**
   * The connections whose ping of this round has left, with the bytes received from them by then. A connection is in
   * the round of its oldest ping that is not answered, and in no other.
   */
  readonly pinged: Map<Pingable, number>;
  /** The time of its check. Set once all its pings are written. */
  check: Deadline | undefined;
}

/** The activity of a connection before its first check. */
const nothingYet = Number.NEGATIVE_INFINITY;

/** Returns a number that grows with each byte received, and with each byte that leaves the queue of the socket. */
const activityOf = ({ socket }: Pingable): number => {
  const { received, sent } = socket.traffic;
  return received + sent;
};

/** Yields the items of both, one by one, so that what is removed meanwhile is left out. */
const chain = function* (first: Iterable<Pingable>, second: Iterable<Pingable>): Generator<Pingable, undefined> {
  yield* first;
  yield* second;
  return undefined;
};

/**
 * Finds clients that have vanished without a close frame (LM3). Any byte is a sign of life. A responsive connection
 * that has received no byte is suspected first. It times out only if it has received none by a later tick either. By
 * then waiting bytes have been read, also those of a socket that was paused until just now.
 *
 * Where `pingInterval` is below `pingTimeout`, several rounds wait for their checks. A client that answers moves on to
 * the newest round with its next ping, so that a check meets only those that have not.
 */
export class Heartbeat implements BackgroundTask {
  /** The rounds whose checks are to come, the oldest first. */
  #rounds: Round[] = [];
  /** Connections whose ping waits behind other bytes, with their activity at the last check. They get a whole round. */
  readonly #queued = new Map<Pingable, number>();
  #queuedCheckedAt = nothingYet;
  /** The passes that wait, the one under way first. */
  #passes: Pass[] = [];
  #isStarted = false;
  #next: Deadline | undefined;

  constructor(
    /** Iterated over by each round, while connections come and go. */
    private readonly connections: Iterable<Pingable>,
    private readonly context: HeartbeatContext,
  ) {}

  /** Starts to ping every `pingInterval` ms. Does nothing when that has started. */
  start(): void {
    if (this.#isStarted) return;
    this.#isStarted = true;
    this.#schedulePings(this.context.limits.pingInterval);
  }

  /** Stops until the next `start`, and clears all checks. */
  stop(): void {
    this.#isStarted = false;
    this.#next?.cancel();
    for (const { check } of this.#rounds) check?.cancel();
    this.#rounds = [];
    this.#passes = [];
    this.#queued.clear();
  }

  /** Clears the check of one connection for this round. */
  clear(one: Pingable): void {
    for (const { pinged } of this.#rounds) pinged.delete(one);
    this.#queued.delete(one);
  }

  /** Runs a slice of the present pass. */
  run(until: number): boolean {
    const [pass] = this.#passes;
    if (!pass) return false;
    for (let next = pass.rest.next(); !next.done; next = pass.rest.next()) {
      pass.visit(next.value);
      // The timeout of the last connection has stopped the heartbeat.
      if (this.#passes[0] !== pass) return false;
      if (this.context.clock.now() >= until) return true;
    }
    this.#passes.shift();
    pass.end();
    return this.#passes.length > 0;
  }

  #schedulePings(ms: number): void {
    const { deadlines, clock, limits } = this.context;
    this.#next = deadlines.after(ms, () => {
      const startedAt = clock.now();
      const round: Round = { pinged: new Map(), check: undefined };
      this.#rounds.push(round);
      this.#begin({
        rest: this.connections[Symbol.iterator](),
        visit: (one) => this.#ping(one, round),
        end: () => {
          round.check = deadlines.after(limits.pingTimeout, () => this.#beginCheck(round));
          this.#schedulePings(Math.max(limits.pingInterval - (clock.now() - startedAt), 1));
        },
      });
    });
  }

  #ping(one: Pingable, { pinged }: Round): void {
    if (!one.isResponsive) return this.clear(one);
    const { backlog, traffic } = one.socket;
    const unanswered = this.#roundBefore(one);
    if (unanswered?.get(one) !== traffic.received) {
      unanswered?.delete(one);
      if (backlog === 0) {
        this.#queued.delete(one);
        pinged.set(one, traffic.received);
      } else if (!this.#queued.has(one)) {
        this.#queued.set(one, nothingYet);
      }
    }
    one.socket.write(ping);
    return undefined;
  }

  /** Returns the earlier round that a connection is in. A client that answers is in the latest of them. */
  #roundBefore(one: Pingable): Round['pinged'] | undefined {
    for (let at = this.#rounds.length - 2; at >= 0; at--) {
      const pinged = this.#rounds[at]?.pinged;
      if (pinged?.has(one)) return pinged;
    }
    return undefined;
  }

  #beginCheck(round: Round): void {
    const now = this.context.clock.now();
    const isQueueDue = now - this.#queuedCheckedAt >= this.context.limits.pingTimeout;
    if (isQueueDue) this.#queuedCheckedAt = now;
    const suspects: Pingable[] = [];
    const pinged = round.pinged.keys();
    this.#begin({
      rest: isQueueDue && this.#queued.size > 0 ? chain(pinged, this.#queued.keys()) : pinged,
      visit: (one) => this.#check(one, round, suspects),
      end: () => this.#begin(this.#secondCheck(round, suspects)),
    });
  }

  #check(one: Pingable, round: Round, suspects: Pingable[]): void {
    if (this.#isSilent(one, round)) suspects.push(one);
    else if (one.isResponsive && this.#queued.has(one)) this.#queued.set(one, activityOf(one));
    else this.clear(one);
  }

  #secondCheck(round: Round, suspects: readonly Pingable[]): Pass {
    return {
      rest: suspects.values(),
      visit: (one) => {
        const isGone = this.#isSilent(one, round);
        if (isGone || !one.isResponsive) this.clear(one);
        if (isGone) one.onTimeout();
      },
      end: () => {
        this.#rounds = this.#rounds.filter((other) => other !== round);
      },
    };
  }

  #isSilent(one: Pingable, { pinged }: Round): boolean {
    if (!one.isResponsive) return false;
    const received = pinged.get(one);
    if (received !== undefined) return one.socket.traffic.received === received;
    return activityOf(one) <= (this.#queued.get(one) ?? nothingYet);
  }

  #begin(pass: Pass): void {
    this.#passes.push(pass);
    this.context.background.wake(this);
  }
}

import type { Limits } from '../../limits.js';
import { ping } from '../../protocol/frame.js';
import type { BackgroundTask } from '../runtime/background.js';
import type { Deadline, Deadlines } from '../runtime/deadlines.js';
import type { Socket } from './socket.js';

/** Somebody whose heart is listened to. */
export interface Pingable {
  /** Can it be heard? Not so when it is not open, or when we do not read what it sends. */
  readonly isResponsive: boolean;
  readonly socket: Socket;
  /** It is gone. */
  onTimeout(): void;
}

/** One after the other is visited, in slices, until all have been. */
interface Round {
  readonly rest: Iterator<Pingable>;
  readonly visit: (one: Pingable) => void;
  /** What comes then; is that work for the next turn of the event loop? */
  readonly end: () => boolean;
}

/** Before anything has been seen of somebody. */
const nothingYet = Number.NEGATIVE_INFINITY;

/** Grows with every byte that comes, and with every one that leaves the queue of the socket. */
const activityOf = ({ socket }: Pingable): number => {
  const { received, sent } = socket.traffic;
  return received + sent;
};

/**
 * Finds clients that have vanished without a word (LM3). Any byte is a sign of life. Who can be heard and is silent is
 * suspected, and lost only if that still holds in a later turn of the event loop: what has waited, also of one that was
 * not read until just now, has been read by then.
 */
export class Heartbeat implements BackgroundTask {
  /** Whose ping has left: what had come from them by then. */
  readonly #asked = new Map<Pingable, number>();
  /** Whose ping waits behind other bytes: how far they had stirred at the last judgement. They have a whole round. */
  readonly #behind = new Map<Pingable, number>();
  readonly #suspects = new Set<Pingable>();
  #round: Round | undefined;
  #next: Deadline | undefined;
  #startedAt = 0;

  constructor(
    private readonly everybody: () => Iterable<Pingable>,
    private readonly now: () => number,
    private readonly deadlines: Deadlines,
    private readonly wake: () => void,
    private readonly limits: Pick<Limits, 'pingInterval' | 'pingTimeout'>,
  ) {}

  /** Somebody is there. */
  start(): void {
    if (!this.#next && !this.#round) this.#schedulePings(this.limits.pingInterval);
  }

  /** Nobody is there any more. */
  stop(): void {
    this.#next?.cancel();
    this.#next = undefined;
    this.#round = undefined;
    this.#asked.clear();
    this.#behind.clear();
    this.#suspects.clear();
  }

  /** This one needs no judgement in this round. */
  clear(one: Pingable): void {
    this.#asked.delete(one);
    this.#behind.delete(one);
    this.#suspects.delete(one);
  }

  run(until: number): boolean {
    const round = this.#round;
    if (!round) return false;
    for (let next = round.rest.next(); !next.done; next = round.rest.next()) {
      round.visit(next.value);
      // Losing the last one has stopped it all.
      if (this.#round !== round) return false;
      if (this.now() >= until) return true;
    }
    this.#round = undefined;
    return round.end();
  }

  #ping(one: Pingable): void {
    if (!one.isResponsive) return this.clear(one);
    const { backlog, traffic } = one.socket;
    if (backlog === 0) {
      this.#behind.delete(one);
      this.#asked.set(one, traffic.received);
    } else if (!this.#behind.has(one)) {
      this.#behind.set(one, nothingYet);
    }
    one.socket.write(ping);
    return undefined;
  }

  #suspect(one: Pingable): void {
    if (this.#isSilent(one)) this.#suspects.add(one);
    else if (one.isResponsive && this.#behind.has(one)) this.#behind.set(one, activityOf(one));
    else this.clear(one);
  }

  #judge(one: Pingable): void {
    const isLost = this.#isSilent(one);
    this.clear(one);
    if (isLost) one.onTimeout();
  }

  #isSilent(one: Pingable): boolean {
    if (!one.isResponsive) return false;
    const received = this.#asked.get(one);
    if (received !== undefined) return one.socket.traffic.received === received;
    return activityOf(one) <= (this.#behind.get(one) ?? nothingYet);
  }

  #schedulePings(ms: number): void {
    this.#schedule(ms, () => {
      this.#startedAt = this.now();
      return {
        rest: this.everybody()[Symbol.iterator](),
        visit: (one) => this.#ping(one),
        end: () => this.#scheduleJudgement(),
      };
    });
  }

  #scheduleJudgement(): boolean {
    this.#schedule(this.limits.pingTimeout, () => ({
      rest: [...this.#asked.keys(), ...this.#behind.keys()].values(),
      visit: (one) => this.#suspect(one),
      end: () => this.#beginJudgement(),
    }));
    return false;
  }

  #beginJudgement(): boolean {
    this.#round = {
      rest: this.#suspects.values(),
      visit: (one) => this.#judge(one),
      end: () => {
        const passed = this.now() - this.#startedAt;
        this.#schedulePings(Math.max(this.limits.pingInterval - passed, 1));
        return false;
      },
    };
    return true;
  }

  #schedule(ms: number, begin: () => Round): void {
    this.#next = this.deadlines.after(ms, () => {
      this.#next = undefined;
      this.#round = begin();
      this.wake();
    });
  }
}

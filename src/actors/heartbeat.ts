import { ping } from '../protocol/frame.js';
import type { Socket } from './socket.js';
import type { Deadline, Sweeper } from './sweeper.js';
import type { Walk } from './turn.js';

/** Somebody whose heart is listened to. */
export interface Beating {
  /** Can it be heard? Not so when it is not open, or when we do not read what it sends. */
  readonly isAudible: boolean;
  readonly socket: Socket;
  /** It is gone. */
  lose(): void;
}

export interface HeartbeatLimits {
  /** Everybody is pinged so often … */
  readonly pingInterval: number;
  /** … and has sent something within. */
  readonly pingTimeout: number;
}

/**
 * Finds clients that have vanished without a word (LM3). Any byte is a sign of life. Pinging and judging are walks in
 * slices; a judgement is made in a turn of the event loop of its own, after the input that has waited was read.
 */
export class Heartbeat implements Walk {
  readonly #awaited = new Map<Beating, number>();
  #pinging: Iterator<Beating> | undefined;
  #judging: Iterator<[Beating, number]> | undefined;
  #next: Deadline | undefined;
  #startedAt = 0;

  constructor(
    private readonly everybody: () => Iterable<Beating>,
    private readonly now: () => number,
    private readonly sweeper: Sweeper,
    private readonly wake: () => void,
    private readonly limits: HeartbeatLimits,
  ) {}

  /** Somebody is there. */
  start(): void {
    if (this.#next || this.#pinging || this.#judging) return;
    this.#scheduleRound(this.limits.pingInterval);
  }

  /** Nobody is there any more. */
  stop(): void {
    this.#next?.cancel();
    this.#next = undefined;
    this.#pinging = undefined;
    this.#judging = undefined;
    this.#awaited.clear();
  }

  forget(one: Beating): void {
    this.#awaited.delete(one);
  }

  walk(until: number): boolean {
    if (this.#pinging) return this.#ping(this.#pinging, until);
    if (this.#judging) return this.#judge(this.#judging, until);
    return false;
  }

  #ping(rest: Iterator<Beating>, until: number): boolean {
    for (let next = rest.next(); !next.done; next = rest.next()) {
      const one = next.value;
      if (one.isAudible) {
        this.#awaited.set(one, one.socket.received);
        one.socket.write(ping);
      }
      if (this.now() >= until) return true;
    }
    this.#pinging = undefined;
    this.#schedule(this.limits.pingTimeout, () => {
      this.#judging = this.#awaited.entries();
    });
    return false;
  }

  #judge(rest: Iterator<[Beating, number]>, until: number): boolean {
    for (let next = rest.next(); !next.done; next = rest.next()) {
      const [one, before] = next.value;
      this.#awaited.delete(one);
      if (one.isAudible && one.socket.received === before) one.lose();
      if (this.now() >= until) return true;
    }
    // Losing the last one has stopped it all.
    if (this.#judging !== rest) return false;
    this.#judging = undefined;
    const passed = this.now() - this.#startedAt;
    this.#scheduleRound(Math.max(this.limits.pingInterval - passed, 1));
    return false;
  }

  #scheduleRound(ms: number): void {
    this.#schedule(ms, () => {
      this.#startedAt = this.now();
      this.#pinging = this.everybody()[Symbol.iterator]();
    });
  }

  #schedule(ms: number, begin: () => void): void {
    this.#next = this.sweeper.after(ms, () => {
      this.#next = undefined;
      begin();
      this.wake();
    });
  }
}

import type { Clock } from './clock.js';

/** A deadline that has been set. */
export interface Deadline {
  /** Cancels the deadline. Does nothing once it has expired. */
  cancel(): void;
}

interface Pending extends Deadline {
  readonly at: number;
  readonly expire: () => void;
  /** The queue of its duration, which holds it until it is cancelled or has expired. */
  readonly queue: Set<Pending>;
}

/** Maximum delay of a timer, in ms. */
const forever = 2 ** 31 - 1;

/**
 * All deadlines of one server, behind one timer. Those of one duration expire in the order in which they were set. So
 * each duration has a queue, and only the head of each queue is compared.
 */
export class Deadlines {
  readonly #queues = new Map<number, Set<Pending>>();
  #timer: unknown;
  #timerAt = Number.POSITIVE_INFINITY;
  #isUnref = false;

  constructor(private readonly clock: Clock) {}

  /** The number of deadlines that are set. Cost: one addition per duration in use. */
  get size(): number {
    let size = 0;
    for (const queue of this.#queues.values()) size += queue.size;
    return size;
  }

  /** Calls `expire` after `duration` ms, at most 2^31 - 1. Cost: constant. */
  after(duration: number, expire: () => void): Deadline {
    const ms = Math.min(duration, forever);
    const queue = this.#queues.get(ms) ?? new Set<Pending>();
    this.#queues.set(ms, queue);
    const pending: Pending = {
      at: this.clock.now() + ms,
      expire,
      queue,
      cancel: () => {
        if (queue.delete(pending) && queue.size === 0) this.#dropQueue(ms, queue);
      },
    };
    queue.add(pending);
    this.#arm(pending.at);
    return pending;
  }

  /** Lets the process exit although deadlines are set. They still expire while the process runs. */
  unref(): void {
    this.#isUnref = true;
    if (this.#timer !== undefined) this.clock.unref(this.#timer);
  }

  #dropQueue(ms: number, queue: Set<Pending>): void {
    if (this.#queues.get(ms) === queue) this.#queues.delete(ms);
    if (this.#queues.size === 0) this.#disarm();
  }

  #arm(at: number): void {
    if (at >= this.#timerAt) return;
    this.#disarm();
    this.#timerAt = at;
    this.#timer = this.clock.setTimeout(() => this.#expireDue(), Math.max(0, at - this.clock.now()));
    if (this.#isUnref) this.clock.unref(this.#timer);
  }

  #disarm(): void {
    if (this.#timer !== undefined) this.clock.clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#timerAt = Number.POSITIVE_INFINITY;
  }

  #expireDue(): void {
    this.#timer = undefined;
    this.#timerAt = Number.POSITIVE_INFINITY;
    const now = this.clock.now();
    const expired: Pending[] = [];
    for (const queue of this.#queues.values()) {
      for (const pending of queue) {
        if (pending.at > now) break;
        expired.push(pending);
      }
    }
    for (const pending of expired) {
      // A deadline that has expired may have cancelled this one.
      if (!pending.queue.has(pending)) continue;
      pending.cancel();
      pending.expire();
    }
    for (const queue of this.#queues.values())
      for (const { at } of queue) {
        this.#arm(at);
        break;
      }
  }
}

import type { Clock } from './clock.js';

/** Something that happens unless it is cancelled in time. */
export interface Deadline {
  cancel(): void;
}

interface Pending extends Deadline {
  readonly at: number;
  readonly expire: () => void;
  /** Those of its duration; it is one of them until it is cancelled or has expired. */
  readonly queue: Set<Pending>;
}

/** The longest time that a timer can be set to. */
const forever = 2 ** 31 - 1;

/**
 * Deadlines of asks and handlers, all behind one timer. Those of one duration expire in the order in which they were
 * set, so each duration is a queue, and only the heads of the queues are ever looked at.
 */
export class Deadlines {
  readonly #queues = new Map<number, Set<Pending>>();
  #timer: unknown;
  #timerAt = Number.POSITIVE_INFINITY;
  #isUnref = false;

  constructor(private readonly clock: Clock) {}

  get size(): number {
    let size = 0;
    for (const queue of this.#queues.values()) size += queue.size;
    return size;
  }

  /** Calls `expire` after so many milliseconds. */
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

  /** From now on nobody stays for what is still to come; whoever is there all the same sees it. */
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
      // One that has expired may have cancelled another.
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

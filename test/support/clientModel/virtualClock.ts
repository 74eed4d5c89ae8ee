import type { ClientClock } from '../../../src/client/line/parts.js';

interface Timer {
  readonly at: number;
  readonly run: () => void;
}

/** A clock of a client that a test advances. */
export class VirtualClock implements ClientClock {
  #now = 0;
  #lastHandle = 0;
  readonly #timers = new Map<unknown, Timer>();
  #deferred: (() => void)[] = [];

  now(): number {
    return this.#now;
  }
  /** Throws for a delay that a real timer does not take: it would fire at once. */
  setTimeout(run: () => void, ms: number): unknown {
    if (!(ms <= 2_147_483_647)) throw new RangeError(`no timer takes ${ms} ms`);
    const handle = ++this.#lastHandle;
    this.#timers.set(handle, { at: this.#now + Math.max(0, ms), run });
    return handle;
  }
  clearTimeout(handle: unknown): void {
    this.#timers.delete(handle);
  }
  defer(run: () => void): void {
    this.#deferred.push(run);
  }

  /** Number of timers and of deferred calls. */
  get pending(): number {
    return this.#timers.size + this.#deferred.length;
  }

  /** Runs the deferred calls. Returns whether there were any. */
  runDeferred(): boolean {
    const due = this.#deferred.splice(0);
    for (const run of due) run();
    return due.length > 0;
  }

  /** Moves the time on to the first timer that is due until then, and fires it. Returns false if there is none. */
  fireNext(until: number): boolean {
    let first: [unknown, Timer] | undefined;
    for (const entry of this.#timers) {
      if (entry[1].at <= until && (!first || entry[1].at < first[1].at)) first = entry;
    }
    this.#now = Math.max(this.#now, first ? first[1].at : until);
    if (!first) return false;
    this.#timers.delete(first[0]);
    first[1].run();
    return true;
  }

  /** Moves the time on and fires what is due, and nothing that waits for a promise in between. */
  advance(ms: number): void {
    const until = this.#now + ms;
    while (this.fireNext(until));
  }

  /** Lets promises and deferred calls run until nothing is left to do without time. */
  async settle(): Promise<void> {
    do await new Promise((resolve) => setImmediate(resolve));
    while (this.runDeferred());
  }

  /** Moves the time on. Promises settle after each timer. */
  async pass(ms: number): Promise<void> {
    const until = this.#now + ms;
    while (this.fireNext(until)) await this.settle();
  }
}

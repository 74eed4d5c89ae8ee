import type { Clock } from '../../../src/actors/runtime/clock.js';

interface Timer {
  readonly at: number;
  readonly run: () => void;
}

/** A clock that stands still until a test turns it. It fits xstate's actors as well. */
export class HandClock implements Clock {
  #now = 0;
  #lastHandle = 0;
  readonly #timers = new Map<number, Timer>();
  #immediates: (() => void)[] = [];
  /** The timers that nobody stays for. */
  readonly letGoOf = new Set<number>();

  now(): number {
    return this.#now;
  }

  wallNow(): number {
    return this.#now;
  }

  setTimeout(run: () => void, ms: number): number {
    const handle = ++this.#lastHandle;
    this.#timers.set(handle, { at: this.#now + Math.max(0, ms), run });
    return handle;
  }

  clearTimeout(handle: unknown): void {
    if (typeof handle === 'number') this.#timers.delete(handle);
  }

  unref(handle: unknown): void {
    if (typeof handle === 'number') this.letGoOf.add(handle);
  }

  setImmediate(run: () => void): void {
    this.#immediates.push(run);
  }

  /** Timers that are set. */
  get timers(): number {
    return this.#timers.size;
  }

  /** Jobs that wait for the end of this turn of the event loop. */
  get immediates(): number {
    return this.#immediates.length;
  }

  /** Time passes while a program is busy: no timer fires before the next `advance`. */
  spend(ms: number): void {
    this.#now += ms;
  }

  /** Time passes, and what is due fires when it is due; of two due at once, what was set first. */
  advance(ms: number): void {
    const until = this.#now + ms;
    for (let next = this.#next(until); next; next = this.#next(until)) {
      const [handle, { at, run }] = next;
      this.#timers.delete(handle);
      this.#now = Math.max(this.#now, at);
      run();
    }
    this.#now = Math.max(this.#now, until);
  }

  /** One turn of the event loop; what these jobs ask for comes in the next. */
  runImmediates(): void {
    for (const run of this.#immediates.splice(0)) run();
  }

  #next(until: number): [number, Timer] | undefined {
    let first: [number, Timer] | undefined;
    for (const entry of this.#timers) {
      if (entry[1].at <= until && (!first || entry[1].at < first[1].at)) first = entry;
    }
    return first;
  }
}

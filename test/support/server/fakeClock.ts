import type { Clock } from '../../../src/actors/runtime/clock.js';

interface Timer {
  readonly at: number;
  readonly run: () => void;
}

/** The wall-clock time at which a fake clock begins: a day of 2023. */
const began = 1_700_000_000_000;

/** A clock that a test advances. xstate's actors accept it as well. */
export class FakeClock implements Clock {
  #now = 0;
  #lastHandle = 0;
  readonly #timers = new Map<number, Timer>();
  #immediates: (() => void)[] = [];
  /** Timers that do not keep the process alive. */
  readonly unreffed = new Set<number>();

  now(): number {
    return this.#now;
  }

  wallNow(): number {
    return began + this.#now;
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
    if (typeof handle === 'number') this.unreffed.add(handle);
  }

  setImmediate(run: () => void): void {
    this.#immediates.push(run);
  }

  /** How many timers are set. */
  get timers(): number {
    return this.#timers.size;
  }

  /** How many immediates are set. */
  get immediates(): number {
    return this.#immediates.length;
  }

  /** Moves the time on as a busy program does: no timer fires before the next `advance`. */
  spend(ms: number): void {
    this.#now += ms;
  }

  /** Moves the time on and fires due timers, by time and then by the order in which they were set. */
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

  /** Runs the immediates that are set now. Those that they set run in the next tick. */
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

/** Where time comes from; tests bring one that they turn by hand. */
export interface Clock {
  /** Milliseconds that never go back. */
  now(): number;
  /** Milliseconds since 1970, as a person reads them. */
  wallNow(): number;
  setTimeout(run: () => void, ms: number): unknown;
  clearTimeout(handle: unknown): void;
  /** This timer is no reason for the process to stay. */
  unref(handle: unknown): void;
  /** Run once the events that are ready have been handled. */
  setImmediate(run: () => void): void;
}

/** One system's timers. */
export const systemClock: Clock = {
  now: () => performance.now(),
  wallNow: () => Date.now(),
  setTimeout: (run, ms) => setTimeout(run, ms),
  // Handed out by setTimeout above.
  clearTimeout: (handle) => clearTimeout(handle as ReturnType<typeof setTimeout>),
  unref: (handle) => void (handle as ReturnType<typeof setTimeout>).unref(),
  setImmediate: (run) => void setImmediate(run),
};

/** Tells one turn of the event loop from the next, for whoever may do only so much in each. */
export class TickCounter {
  #current = 0;
  #isCounting = false;

  constructor(private readonly clock: Pick<Clock, 'setImmediate'>) {}

  /** The number of this turn. Turns in which nobody asks are not counted. */
  get current(): number {
    if (!this.#isCounting) {
      this.#isCounting = true;
      this.clock.setImmediate(() => {
        this.#isCounting = false;
        this.#current++;
      });
    }
    return this.#current;
  }
}

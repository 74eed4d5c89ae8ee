/** The source of time and of timers. Tests pass one that they advance by hand. */
export interface Clock {
  /** Returns a time in ms that never goes back. */
  now(): number;
  /** Returns the ms since 1970 (wall-clock time). */
  wallNow(): number;
  /** Calls `run` once after `ms`. Returns the handle that `clearTimeout` and `unref` take. */
  setTimeout(run: () => void, ms: number): unknown;
  /** Cancels a timer. */
  clearTimeout(handle: unknown): void;
  /** Lets the process exit although this timer is pending. */
  unref(handle: unknown): void;
  /** Calls `run` once after the events that are ready have been handled. */
  setImmediate(run: () => void): void;
}

/** Looked up once: the global is a getter. */
const { performance: steady } = globalThis;

/** The clock and the timers of the process. */
export const systemClock: Clock = {
  now: () => steady.now(),
  wallNow: () => Date.now(),
  setTimeout: (run, ms) => setTimeout(run, ms),
  // The handle is from `setTimeout` above.
  clearTimeout: (handle) => clearTimeout(handle as ReturnType<typeof setTimeout>),
  unref: (handle) => void (handle as ReturnType<typeof setTimeout>).unref(),
  setImmediate: (run) => void setImmediate(run),
};

/** Numbers the ticks of the event loop. */
export class TickCounter {
  #current = 0;
  #isCounting = false;
  /** Ends a tick. */
  readonly #next = (): void => {
    this.#isCounting = false;
    this.#current++;
  };

  constructor(private readonly clock: Pick<Clock, 'setImmediate'>) {}

  /** The number of the present tick. Ticks in which it is not read are not counted. */
  get current(): number {
    if (!this.#isCounting) {
      this.#isCounting = true;
      this.clock.setImmediate(this.#next);
    }
    return this.#current;
  }
}

/** Bounds an amount per tick of the event loop (LM9). Each new tick starts with `perTick`. */
export class TickQuota {
  #tick = -1;
  #left = 0;

  constructor(
    private readonly ticks: Pick<TickCounter, 'current'>,
    private readonly perTick: number,
  ) {}

  /** Takes `amount` from the present tick's quota. Returns what is left, which may be below 0. */
  spend(amount: number): number {
    const { current } = this.ticks;
    if (current !== this.#tick) {
      this.#tick = current;
      this.#left = this.perTick;
    }
    this.#left -= amount;
    return this.#left;
  }

  /** Whether nothing is left of the present tick's quota. */
  get isUsedUp(): boolean {
    return this.#left <= 0 && this.ticks.current === this.#tick;
  }
}

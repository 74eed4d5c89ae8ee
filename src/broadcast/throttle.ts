import type { Limits } from '../limits.js';

/** A connection whose handlers may broadcast. */
export interface Producer {
  /** Epoch of the throttle in which it last broadcast. 0 for never. */
  producedIn: number;
}

/** Work that waits until the throttle is released. */
export interface Parked {
  /** Continues the work. */
  resume(): void;
}

/** How far the broadcaster is behind. */
export interface Load {
  /** Bytes of published messages that are not delivered. */
  readonly logBytes: number;
  /** Time that delivery is behind, in ms. */
  readonly lag: number;
}

/**
 * Pauses the connections whose handlers broadcast, while the broadcaster is too far behind (BC10). A broadcast belongs
 * to the connection whose turn is running. After an `await` of a handler that turn is unknown. Every connection with a
 * turn after an `await` then counts as a producer. At worst, a connection that does not broadcast is paused too.
 */
export class Throttle {
  #isOn = false;
  /** Grows with each release. Broadcasts of an earlier epoch do not count. */
  #epoch = 1;
  #producing: Producer | undefined;
  #outsideTurns = 0;
  readonly #parked = new Set<Parked>();

  constructor(
    private readonly limits: Pick<Limits, 'maxLog' | 'maxLogDelay'>,
    /** Called for each parked work, when the throttle is released. */
    private readonly release: (parked: Parked) => void,
  ) {}

  /** Whether producers are paused. */
  get isOn(): boolean {
    return this.#isOn;
  }

  /** Returns whether this connection has to wait. */
  isPaused(producer: Producer): boolean {
    return this.#isOn && producer.producedIn === this.#epoch;
  }

  /** Parks work until the throttle is released. */
  park(work: Parked): void {
    this.#parked.add(work);
  }

  /** Begins a turn, possibly within another. Returns the outer producer, for `leave`. */
  enter(producer: Producer): Producer | undefined {
    const outer = this.#producing;
    this.#producing = producer;
    return outer;
  }

  /** Ends a turn. */
  leave(outer: Producer | undefined): void {
    this.#producing = outer;
  }

  /** Waits for the asynchronous rest of a turn. Makes its connection a producer if there was a broadcast meanwhile. */
  async follow(producer: Producer, rest: Promise<void>): Promise<void> {
    const before = this.#outsideTurns;
    await rest;
    if (this.#outsideTurns !== before) producer.producedIn = this.#epoch;
  }

  /** Reviews the load, and records a broadcast of the present turn. */
  onPublished(load: Load): void {
    this.review(load);
    if (this.#producing) this.#producing.producedIn = this.#epoch;
    else this.#outsideTurns++;
  }

  /** Turns the throttle on when the load is above a limit, and off when it is below half of both. */
  review(load: Load): void {
    const { maxLog, maxLogDelay } = this.limits;
    if (!this.#isOn) {
      this.#isOn = load.logBytes > maxLog || load.lag > maxLogDelay;
    } else if (load.logBytes * 2 < maxLog && load.lag * 2 < maxLogDelay) {
      this.#isOn = false;
      this.#epoch++;
      const parked = [...this.#parked];
      this.#parked.clear();
      for (const work of parked) this.release(work);
    }
  }
}

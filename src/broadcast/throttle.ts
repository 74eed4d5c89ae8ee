import type { Limits } from '../limits.js';
/** A connection whose handlers may broadcast. */
export interface Producer {
  /** Since when it has done so, as the brake counts; 0 for never. */
  producedIn: number;
}

/** What waits for a brake to be released. */
export interface Parked {
  resume(): void;
}

/** How far the broadcaster has fallen behind. */
export interface Load {
  readonly logBytes: number;
  readonly lag: number;
}

/**
 * Holds back the connections whose handlers broadcast, while more has been issued than is given out (BC10). Who broadcasts
 * is told by the turn in which it happens. After an `await` nothing tells whose code runs: whoever has such a turn under
 * way counts, which costs a bystander a pause at worst, and only under pressure.
 */
export class Throttle {
  #isOn = false;
  /** What was said before the last release is forgotten by counting on. */
  #epoch = 1;
  #producing: Producer | undefined;
  #outsideTurns = 0;
  readonly #parked = new Set<Parked>();

  constructor(
    private readonly limits: Pick<Limits, 'maxLog' | 'maxLogDelay'>,
    private readonly release: (held: Parked) => void,
  ) {}

  get isOn(): boolean {
    return this.#isOn;
  }

  /** Has this one to wait? */
  isPaused(producer: Producer): boolean {
    return this.#isOn && producer.producedIn === this.#epoch;
  }

  park(held: Parked): void {
    this.#parked.add(held);
  }

  /** A turn begins, perhaps within another's. Returns what `leave` wants back. */
  enter(producer: Producer): Producer | undefined {
    const outer = this.#producing;
    this.#producing = producer;
    return outer;
  }

  leave(outer: Producer | undefined): void {
    this.#producing = outer;
  }

  /** The rest of a turn that has begun. */
  async follow(producer: Producer, rest: Promise<void>): Promise<void> {
    const before = this.#outsideTurns;
    await rest;
    if (this.#outsideTurns !== before) producer.producedIn = this.#epoch;
  }

  /** Something has been issued. */
  onPublished(load: Load): void {
    if (this.#producing) this.#producing.producedIn = this.#epoch;
    else this.#outsideTurns++;
    this.review(load);
  }

  /** Is it too much now, or little enough again? */
  review({ logBytes, lag }: Load): void {
    const { maxLog, maxLogDelay } = this.limits;
    if (!this.#isOn) {
      this.#isOn = logBytes > maxLog || lag > maxLogDelay;
    } else if (logBytes * 2 < maxLog && lag * 2 < maxLogDelay) {
      this.#isOn = false;
      this.#epoch++;
      const held = [...this.#parked];
      this.#parked.clear();
      for (const one of held) this.release(one);
    }
  }
}

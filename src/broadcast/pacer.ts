/** Number of deliveries after which the clock is read. A visit that delivers nothing counts less than one. */
const clockEvery = 16;
/** Number of written bytes after which the clock is read. */
const clockEveryBytes = 64 * 1024;

/** Fixed cost of a write, in bytes. */
const perWrite = 4_096;
/** Cost delivered in 1 ms, until something is measured. */
const firstGuess = 500_000;
/** Time over which the pace is measured, in ms. */
const memoryMs = 1_000;

/** Returns the cost of delivering this many bytes to each member in one write. Unit: bytes. */
export const deliveryCost = (bytes: number, members: number): number => (perWrite + bytes) * members;

/** Measures the broadcaster: when its slice is over, how fast it delivers, and how long the rest will take. */
export class Pacer {
  /** The cost of delivering all pending messages, by `deliveryCost`. */
  outstanding = 0;
  #until = 0;
  /** Deliveries and bytes since the clock was last read. */
  #deliveries = 0;
  #bytes = 0;
  /** When this slice began. If the last slice left work, at its end. */
  #since = 0;
  #isUnderWay = false;
  /** Cost delivered in this slice. */
  #delivered = 0;
  /** Time and cost of about the last second. Before the first slice, a guess. */
  #paceMs = 1;
  #paceDelivered = firstGuess;

  constructor(private readonly now: () => number) {}

  /** Begins a slice that ends at this time of the clock. */
  begin(until: number): void {
    this.#until = until;
    this.#deliveries = 0;
    this.#bytes = 0;
    this.#delivered = 0;
    if (!this.#isUnderWay) this.#since = this.now();
  }

  /** Ends the slice and adds it to the measured pace. */
  end(hasMore: boolean): void {
    const now = this.now();
    if (this.#paceMs > memoryMs) {
      this.#paceMs /= 2;
      this.#paceDelivered /= 2;
    }
    this.#paceMs += now - this.#since;
    this.#paceDelivered += this.#delivered;
    this.#since = now;
    this.#isUnderWay = hasMore;
  }

  /** Counts a write of this size, in bytes. */
  wrote(bytes: number): void {
    this.#bytes += bytes;
    this.delivered(bytes);
  }

  /** Counts a delivery of this size, in bytes, to a socket or to an outbox. */
  delivered(bytes: number): void {
    this.#delivered += perWrite + bytes;
  }

  /** Counts deliveries. Returns whether the slice is over. Does not read the clock each time. */
  isExhausted(deliveries: number): boolean {
    this.#deliveries += deliveries;
    if (this.#deliveries < clockEvery && this.#bytes < clockEveryBytes) return false;
    return this.isExhaustedNow;
  }

  /** Whether the slice is over. Reads the clock. */
  get isExhaustedNow(): boolean {
    this.#deliveries = 0;
    this.#bytes = 0;
    return this.#until !== Number.POSITIVE_INFINITY && this.now() >= this.#until;
  }

  /** Time until all pending messages are delivered, at the measured pace, in ms. */
  get estimatedMs(): number {
    return (this.outstanding * this.#paceMs) / this.#paceDelivered;
  }
}

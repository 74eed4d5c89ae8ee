/** The clock is read after so many deliveries, or so many bytes; a visit that delivers nothing counts little. */
const clockEvery = 16;
const clockEveryBytes = 64 * 1024;

/** Cost of a write beside its bytes, in bytes. */
const perWrite = 4_096;
/** Cost delivered in 1 ms, as long as nothing has been measured. */
const firstGuess = 500_000;
/** The pace is that of about the last second of delivering. */
const memoryMs = 1_000;

/** Returns what it costs to deliver so many bytes to so many connections, each in one write. Unit: bytes. */
export const deliveryCost = (bytes: number, members: number): number => (perWrite + bytes) * members;

/** Times the broadcaster: when its slice is over, how fast it delivers, and how long the rest will take. */
export class Pacer {
  /** What it costs to deliver all pending messages, as `deliveryCost` says. */
  outstanding = 0;
  #until = 0;
  /** Deliveries and bytes since the clock was last read. */
  #deliveries = 0;
  #bytes = 0;
  /** When this slice began: at the end of the last one, if that left something to do. */
  #since = 0;
  #isUnderWay = false;
  /** Cost delivered in this slice. */
  #delivered = 0;
  /** Time and cost of the last second or so; before the first slice a guess. */
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

  /** Ends the slice, and adds it to the measured pace. */
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

  /** Counts a write of so many bytes. */
  wrote(bytes: number): void {
    this.#bytes += bytes;
    this.delivered(bytes);
  }

  /** Counts a delivery of so many bytes, to a socket or to an outbox. */
  delivered(bytes: number): void {
    this.#delivered += perWrite + bytes;
  }

  /** Counts so many deliveries, and returns whether the slice is over. Reads the clock now and then. */
  isExhausted(deliveries: number): boolean {
    this.#deliveries += deliveries;
    if (this.#deliveries < clockEvery && this.#bytes < clockEveryBytes) return false;
    return this.isExhaustedNow;
  }

  /** True when the slice is over. Reads the clock. */
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

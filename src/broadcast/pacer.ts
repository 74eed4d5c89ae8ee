/** The clock is looked at after so many connections, or so many bytes; one that is owed nothing counts little. */
const clockEvery = 16;
const clockEveryBytes = 64 * 1024;

/** What a write costs beside its bytes, as so many bytes more. */
const perWrite = 4_096;
/** Given out in a millisecond, as long as nothing has been measured. */
const firstGuess = 500_000;
/** The pace is that of about the last second of walking. */
const memoryMs = 1_000;

/** What it takes to give so many bytes to so many connections, each in one write. */
export const deliveryCost = (bytes: number, members: number): number => (perWrite + bytes) * members;

/** The time of a walk: when a slice of it is over, how fast it is, and so how long the rest will take. */
export class Pacer {
  /** What it takes to give everybody what they are owed. */
  outstanding = 0;
  #until = 0;
  /** Since the clock was last looked at. */
  #looked = 0;
  #lookedBytes = 0;
  /** Since when this slice counts: the end of the last one, if that left something to do. */
  #since = 0;
  #isUnderWay = false;
  /** In this slice. */
  #given = 0;
  /** In the last second or so; before the first slice a guess. */
  #paceMs = 1;
  #paceGiven = firstGuess;

  constructor(private readonly now: () => number) {}

  begin(until: number): void {
    this.#until = until;
    this.#looked = 0;
    this.#lookedBytes = 0;
    this.#given = 0;
    if (!this.#isUnderWay) this.#since = this.now();
  }

  end(hasMore: boolean): void {
    const now = this.now();
    if (this.#paceMs > memoryMs) {
      this.#paceMs /= 2;
      this.#paceGiven /= 2;
    }
    this.#paceMs += now - this.#since;
    this.#paceGiven += this.#given;
    this.#since = now;
    this.#isUnderWay = hasMore;
  }

  wrote(bytes: number): void {
    this.#lookedBytes += bytes;
    this.delivered(bytes);
  }

  /** So much was given out, if only to an outbox. */
  delivered(bytes: number): void {
    this.#given += perWrite + bytes;
  }

  /** Is the slice over? Asked between one connection and the next. */
  isExhausted(connections: number): boolean {
    this.#looked += connections;
    if (this.#looked < clockEvery && this.#lookedBytes < clockEveryBytes) return false;
    return this.isExhaustedNow;
  }

  get isExhaustedNow(): boolean {
    this.#looked = 0;
    this.#lookedBytes = 0;
    return this.#until !== Number.POSITIVE_INFINITY && this.now() >= this.#until;
  }

  /** Milliseconds until everybody has been given everything, if it goes on as it has. */
  get estimatedMs(): number {
    return (this.outstanding * this.#paceMs) / this.#paceGiven;
  }
}

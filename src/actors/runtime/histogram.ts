/** Measured times, in ms. */
export interface Timing {
  /** Number of times it was measured. */
  readonly count: number;
  /** Sum of all times, in ms. */
  readonly sum: number;
  /** Per bound, the number of times of at most `upTo` ms. Each bucket includes the ones below it. */
  readonly buckets: readonly { readonly upTo: number; readonly count: number }[];
}

/** Counts times in buckets with fixed bounds. */
export class Histogram {
  /** One for each bound, and one for the times above the last. */
  readonly #counts: Float64Array;
  #sum = 0;

  /** Creates a histogram with these bounds in ms, in ascending order. */
  constructor(private readonly bounds: readonly number[]) {
    this.#counts = new Float64Array(bounds.length + 1);
  }

  /** Counts one time. Allocates nothing. */
  note(ms: number): void {
    const { bounds } = this;
    let at = 0;
    while (at < bounds.length && ms > (bounds[at] ?? ms)) at++;
    this.#counts[at] = (this.#counts[at] ?? 0) + 1;
    this.#sum += ms;
  }

  /** The times counted so far. */
  get timing(): Timing {
    let count = 0;
    const buckets = this.bounds.map((upTo, at) => {
      count += this.#counts[at] ?? 0;
      return { upTo, count };
    });
    return { count: count + (this.#counts[this.bounds.length] ?? 0), sum: this.#sum, buckets };
  }
}

/** How long something takes, in milliseconds. */
export interface Timing {
  readonly count: number;
  readonly sum: number;
  /** How often it has taken so long at most. */
  readonly buckets: readonly { readonly upTo: number; readonly count: number }[];
}

/** Counts times by fixed bounds; a note allocates nothing. */
export class Histogram {
  /** One for each bound, and one for what is beyond. */
  readonly #counts: Float64Array;
  #sum = 0;

  constructor(private readonly bounds: readonly number[]) {
    this.#counts = new Float64Array(bounds.length + 1);
  }

  note(ms: number): void {
    const { bounds } = this;
    let at = 0;
    while (at < bounds.length && ms > (bounds[at] ?? ms)) at++;
    this.#counts[at] = (this.#counts[at] ?? 0) + 1;
    this.#sum += ms;
  }

  get timing(): Timing {
    let count = 0;
    const buckets = this.bounds.map((upTo, at) => {
      count += this.#counts[at] ?? 0;
      return { upTo, count };
    });
    return { count: count + (this.#counts[this.bounds.length] ?? 0), sum: this.#sum, buckets };
  }
}

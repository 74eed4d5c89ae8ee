import { Histogram } from './histogram.js';
import type { Clock } from './scheduler.js';

/** Background work that can be done in slices. */
export interface Walk {
  /** Work until this moment; is there more to do? */
  walk(until: number): boolean;
}

/** Slices of background work: how long each has waited for its turn of the event loop, and what all of them have taken. */
export const makeSliceTally = () => ({ delays: new Histogram([1, 5, 10, 25, 50, 100, 250, 500, 1_000]), spent: 0 });
export type SliceTally = ReturnType<typeof makeSliceTally>;

/**
 * All background walks – broadcasts, do, goodbyes – share one slice in each turn of the event loop (BC5), so that
 * between two slices frames come in and connections come and go.
 */
export class Turn {
  readonly tally = makeSliceTally();
  readonly #walks = new Set<Walk>();
  #isScheduled = false;
  /** Since when a slice is waited for. */
  #since = 0;
  #slices = 0;

  constructor(
    private readonly clock: Clock,
    private readonly sliceMs: number,
  ) {}

  /** This walk has work to do. */
  wake(walk: Walk): void {
    this.#walks.add(walk);
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#since = this.clock.now();
    this.clock.setImmediate(() => this.#slice());
  }

  #slice(): void {
    this.#isScheduled = false;
    const began = this.clock.now();
    const until = began + this.sliceMs;
    this.tally.delays.note(began - this.#since);
    const walks = [...this.#walks];
    // Each comes first in its turn, and has the most of that slice.
    const first = this.#slices++ % walks.length;
    for (const walk of [...walks.slice(first), ...walks.slice(0, first)]) {
      this.#walks.delete(walk);
      if (walk.walk(until)) this.wake(walk);
    }
    this.tally.spent += this.clock.now() - began;
  }
}

import type { Clock } from './clock.js';
import { Histogram } from './histogram.js';

/** Background work that can be done in slices. */
export interface BackgroundTask {
  /** Work until this moment; is there more to do? */
  run(until: number): boolean;
}

/** Slices of background work: how long each has waited for its turn of the event loop, and what all of them have taken. */
const makeSliceTally = () => ({ delays: new Histogram([1, 5, 10, 25, 50, 100, 250, 500, 1_000]), spent: 0 });
export type SliceTally = ReturnType<typeof makeSliceTally>;

/**
 * All background walks – broadcasts, do, goodbyes – share one slice in each turn of the event loop (BC5), so that
 * between two slices frames come in and connections come and go.
 */
export class BackgroundTasks {
  readonly tally = makeSliceTally();
  readonly #tasks = new Set<BackgroundTask>();
  #isScheduled = false;
  /** Since when a slice is waited for. */
  #since = 0;
  #slices = 0;

  constructor(
    private readonly clock: Clock,
    private readonly sliceMs: number,
  ) {}

  /** This walk has work to do. */
  wake(walk: BackgroundTask): void {
    this.#tasks.add(walk);
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
    const walks = [...this.#tasks];
    // Each comes first in its turn, and has the most of that slice.
    const first = this.#slices++ % walks.length;
    for (const walk of [...walks.slice(first), ...walks.slice(0, first)]) {
      this.#tasks.delete(walk);
      if (walk.run(until)) this.wake(walk);
    }
    this.tally.spent += this.clock.now() - began;
  }
}

/** A lane that has more to do than its share of one turn of the event loop. */
export interface Runnable {
  /** Does a little of it, and comes back here if that was not all. */
  resume(): void;
}

/** What clients have sent faster than it is worked off: in slices, one lane after the other, so that nobody else waits (LM9). */
export class RunQueue implements BackgroundTask {
  readonly #waiting = new Set<Runnable>();

  constructor(
    private readonly now: () => number,
    private readonly wake: (run: BackgroundTask) => void,
  ) {}

  add(inbox: Runnable): void {
    this.#waiting.add(inbox);
    this.wake(this);
  }

  run(until: number): boolean {
    // One that comes back is looked at again after all others.
    for (const inbox of this.#waiting) {
      this.#waiting.delete(inbox);
      inbox.resume();
      if (this.now() >= until) break;
    }
    return this.#waiting.size > 0;
  }
}

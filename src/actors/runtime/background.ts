import type { Clock } from './clock.js';
import { Gathering } from './gathering.js';
import { Histogram } from './histogram.js';

/** Background work that can be done in slices. */
export interface BackgroundTask {
  /** Works until the clock shows `until`, in ms. Returns whether there is more to do. */
  run(until: number): boolean;
}

/** Returns the tally of slices at zero: how late each began, and the ms that all of them have taken. */
const makeSliceTally = () => ({ delays: new Histogram([1, 5, 10, 25, 50, 100, 250, 500, 1_000]), spent: 0 });
/** How late slices of background work began, and how long they took. */
export type SliceTally = ReturnType<typeof makeSliceTally>;

/**
 * Runs background tasks: passes, visits, closes, parked inboxes. All tasks share one slice of `sliceMs` ms in each tick
 * of the event loop (BC5), so that the server reads frames and handles connections between two slices.
 */
export class BackgroundTasks {
  /** The delay and cost of the slices so far. */
  readonly tally = makeSliceTally();
  readonly #tasks = new Set<BackgroundTask>();
  #isScheduled = false;
  /** When the next slice was scheduled. */
  #since = 0;
  #slices = 0;
  readonly #runSlice = (): void => this.#slice();

  constructor(
    private readonly clock: Clock,
    private readonly sliceMs: number,
    /** Decides when sockets write. While a slice runs, they write at once. */
    readonly gathering = new Gathering(),
  ) {}

  /** Runs the task in the next slice. A task that is already scheduled is scheduled once. */
  wake(task: BackgroundTask): void {
    this.#tasks.add(task);
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#since = this.clock.now();
    this.clock.setImmediate(this.#runSlice);
  }

  #slice(): void {
    this.#isScheduled = false;
    const outer = this.gathering.beginDirect();
    const began = this.clock.now();
    const until = began + this.sliceMs;
    this.tally.delays.note(began - this.#since);
    let left = this.#tasks.size;
    try {
      for (const task of this.#inTurn()) {
        this.#tasks.delete(task);
        if (task.run(until)) this.wake(task);
        left--;
        if (left === 0) break;
      }
    } finally {
      this.gathering.end(outer);
    }
    this.tally.spent += this.clock.now() - began;
  }

  /** Returns the tasks. The first one gets most of the slice, so each is the first in turn. Most slices have one task. */
  #inTurn(): Iterable<BackgroundTask> {
    const first = this.#slices++ % this.#tasks.size;
    if (this.#tasks.size < 2) return this.#tasks;
    const tasks = [...this.#tasks];
    return [...tasks.slice(first), ...tasks.slice(0, first)];
  }
}

/** An inbox that has used up its quota of the tick. */
export interface Runnable {
  /** Does a bounded part of the work. Adds itself to the queue again if more is left. */
  resume(): void;
}

/** Resumes parked inboxes in slices, one after the other, so that no connection delays the others (LM9). */
export class RunQueue implements BackgroundTask {
  readonly #waiting = new Set<Runnable>();

  constructor(
    private readonly now: () => number,
    private readonly wake: (task: BackgroundTask) => void,
    /** What one inbox writes leaves at the end of its part. */
    private readonly gathering = new Gathering(),
  ) {}

  /** Appends an inbox to the queue. */
  add(inbox: Runnable): void {
    this.#waiting.add(inbox);
    this.wake(this);
  }

  /** Resumes inboxes until the slice is over, at least one. Returns whether any are left. */
  run(until: number): boolean {
    // An inbox that is added again while this loop runs comes after all others.
    for (const inbox of this.#waiting) {
      this.#waiting.delete(inbox);
      const outer = this.gathering.beginWork();
      inbox.resume();
      this.gathering.end(outer);
      if (this.now() >= until) break;
    }
    return this.#waiting.size > 0;
  }
}

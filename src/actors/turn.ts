import type { Clock } from './scheduler.js';

/** Background work that can be done in slices. */
export interface Walk {
  /** Work until this moment; is there more to do? */
  walk(until: number): boolean;
}

/**
 * All background walks – broadcasts, do, goodbyes – share one slice in each turn of the event loop (BC5), so that
 * between two slices frames come in and connections come and go.
 */
export class Turn {
  readonly #walks = new Set<Walk>();
  #isScheduled = false;

  constructor(
    private readonly clock: Clock,
    private readonly sliceMs: number,
  ) {}

  /** This walk has work to do. */
  wake(walk: Walk): void {
    this.#walks.add(walk);
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.clock.setImmediate(() => this.#slice());
  }

  #slice(): void {
    this.#isScheduled = false;
    const until = this.clock.now() + this.sliceMs;
    for (const walk of [...this.#walks]) {
      this.#walks.delete(walk);
      if (walk.walk(until)) this.wake(walk);
    }
  }
}

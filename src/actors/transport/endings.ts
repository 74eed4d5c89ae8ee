import type { BackgroundTask, BackgroundTasks } from '../runtime/background.js';
import { type Clock, type TickCounter, TickQuota } from '../runtime/clock.js';

/** What has ended, but for the work that its end brings. */
export interface Ending {
  /** Does that work: runs the last handlers, or tells of a socket that has closed. */
  finish(): void;
}

/** The part of a server's context that its endings use. */
interface EndingsContext {
  readonly ticks: Pick<TickCounter, 'current'>;
  readonly clock: Pick<Clock, 'now'>;
  readonly background: Pick<BackgroundTasks, 'wake'>;
}

/** Maximum number of finished endings that are kept after a slice. */
const maxKept = 1_024;

/** Number of endings that are finished at once in each tick. */
const endingsAtOnce = 64;

/**
 * Finishes what has ended: at once while few end in a tick, and the others in slices, in the order in which they ended
 * (SV27).
 */
export class Endings implements BackgroundTask {
  /** Those that wait, in order. */
  #waiting: Ending[] = [];
  /** How many of them are finished. */
  #done = 0;
  readonly #quota: TickQuota;

  constructor(private readonly context: EndingsContext) {
    this.#quota = new TickQuota(context.ticks, endingsAtOnce);
  }

  /** Finishes an ending now, or in a slice after those that wait. */
  add(ending: Ending): void {
    if (this.#waiting.length === 0 && this.#quota.spend(1) >= 0) return ending.finish();
    this.#waiting.push(ending);
    return this.context.background.wake(this);
  }

  /** Finishes endings until the slice is over, at least one. Returns whether any are left. */
  run(until: number): boolean {
    for (let next = this.#waiting[this.#done]; next; next = this.#waiting[this.#done]) {
      this.#done++;
      this.#finish(next);
      if (this.context.clock.now() >= until) break;
    }
    const isOver = this.#done === this.#waiting.length;
    if (isOver || this.#done >= maxKept) {
      this.#waiting = this.#waiting.slice(this.#done);
      this.#done = 0;
    }
    return !isOver;
  }

  /** Finishes an ending. What it throws keeps no other waiting. */
  #finish(ending: Ending): void {
    try {
      ending.finish();
    } catch (error) {
      if (this.#done < this.#waiting.length) this.context.background.wake(this);
      throw error;
    }
  }
}

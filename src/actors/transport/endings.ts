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

/** Number of endings that are finished at once in each tick. */
const endingsAtOnce = 64;

/**
 * Finishes what has ended: at once while few end in a tick, and the others in slices, in the order in which they ended
 * (SV27).
 */
export class Endings implements BackgroundTask {
  readonly #waiting = new Set<Ending>();
  readonly #quota: TickQuota;

  constructor(private readonly context: EndingsContext) {
    this.#quota = new TickQuota(context.ticks, endingsAtOnce);
  }

  /** Finishes an ending now, or in a slice after those that wait. */
  add(ending: Ending): void {
    if (this.#waiting.size === 0 && this.#quota.spend(1) >= 0) return ending.finish();
    this.#waiting.add(ending);
    return this.context.background.wake(this);
  }

  /** Finishes endings until the slice is over, at least one. Returns whether any are left. */
  run(until: number): boolean {
    for (const ending of this.#waiting) {
      this.#waiting.delete(ending);
      this.#finish(ending);
      if (this.context.clock.now() >= until) break;
    }
    return this.#waiting.size > 0;
  }

  /** Finishes an ending. What it throws keeps no other waiting. */
  #finish(ending: Ending): void {
    try {
      ending.finish();
    } catch (error) {
      if (this.#waiting.size > 0) this.context.background.wake(this);
      throw error;
    }
  }
}

import { TickQuota } from '../runtime/clock.js';
import type { InboxShared } from './host.js';

/**
 * What becomes of frames. The other half of an inbox's state is its turn: jobs run in every one of these states.
 * - `open`: frames take turns
 * - `parked`: frames wait until the inbox is resumed
 * - `stopped`: frames are dropped
 * - `finished`: frames are dropped, and the last job is scheduled
 */
export type Intake = 'open' | 'parked' | 'stopped' | 'finished';

/** How many frames one inbox may handle now (LM9). */
export class Allowance {
  readonly #quota: TickQuota;
  /** Whether this is a slice of background work, whose time is bounded otherwise. */
  #isInSlice = false;
  /** The frames that are left of it. */
  #left = 0;

  constructor(
    private readonly shared: InboxShared,
    perTick: number,
  ) {
    this.#quota = new TickQuota(shared.ticks, perTick);
  }

  /** Whether no frame may be handled now. */
  get isUsedUp(): boolean {
    if (this.#isInSlice) return this.#left <= 0;
    return this.#quota.isUsedUp || this.shared.allFrames.isUsedUp;
  }

  /** Spends one frame: of the slice, or of the tick. */
  spend(): void {
    if (this.#isInSlice) {
      this.#left--;
    } else {
      this.#quota.spend(1);
      this.shared.allFrames.spend(1);
    }
  }

  /** Begins a slice of so many frames. */
  beginSlice(frames: number): void {
    this.#isInSlice = true;
    this.#left = frames;
  }

  /** Ends the slice. */
  endSlice(): void {
    this.#isInSlice = false;
  }
}

import type { Walk } from './turn.js';

/** A lane that has more to do than its share of one turn of the event loop. */
export interface Resting {
  /** Does a little of it, and comes back here if that was not all. */
  resume(): void;
}

/** What clients have sent faster than it is worked off: in slices, one lane after the other, so that nobody else waits (LM9). */
export class Backlog implements Walk {
  readonly #lanes = new Set<Resting>();

  constructor(
    private readonly now: () => number,
    private readonly wake: (walk: Walk) => void,
  ) {}

  add(lane: Resting): void {
    this.#lanes.add(lane);
    this.wake(this);
  }

  walk(until: number): boolean {
    // One that comes back is looked at again after all others.
    for (const lane of this.#lanes) {
      this.#lanes.delete(lane);
      lane.resume();
      if (this.now() >= until) break;
    }
    return this.#lanes.size > 0;
  }
}

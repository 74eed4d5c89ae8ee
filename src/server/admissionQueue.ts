import type { Clock } from '../actors/runtime/clock.js';

/** One who has a place, or waits for one. */
export interface Slot {
  /** Needs it no longer; may be said again. */
  release(): void;
}

interface Waiting {
  readonly admit: () => void;
  readonly timer: unknown;
}

/**
 * Places for those who are not let in yet. Who finds none free waits in line, first come first served; the line is as
 * long as there are places, and nobody stands in it for longer than `patience` milliseconds (HS15).
 */
export class AdmissionQueue {
  #taken = 0;
  readonly #waiting = new Set<Waiting>();

  constructor(
    private readonly places: number,
    private readonly patience: number,
    private readonly clock: Pick<Clock, 'setTimeout' | 'clearTimeout'>,
  ) {}

  /** Runs `admit`, now or later, or else `turnAway`. */
  enter(admit: (ticket: Slot) => void, turnAway: () => void): Slot {
    let leave = (): void => {};
    const ticket: Slot = { release: () => leave() };
    const begin = (): void => {
      this.#taken++;
      leave = () => {
        leave = () => {};
        this.#taken--;
        this.#callNext();
      };
      admit(ticket);
    };
    if (this.#taken < this.places) begin();
    else if (this.#waiting.size >= this.places) turnAway();
    else leave = this.#wait(begin, turnAway);
    return ticket;
  }

  #wait(admit: () => void, turnAway: () => void): () => void {
    const end = (): void => {
      this.clock.clearTimeout(waiting.timer);
      this.#waiting.delete(waiting);
    };
    const giveUp = (): void => {
      end();
      turnAway();
    };
    const waiting: Waiting = { admit, timer: this.clock.setTimeout(giveUp, this.patience) };
    this.#waiting.add(waiting);
    return end;
  }

  #callNext(): void {
    for (const waiting of this.#waiting) {
      if (this.#taken >= this.places) return;
      this.clock.clearTimeout(waiting.timer);
      this.#waiting.delete(waiting);
      waiting.admit();
    }
  }
}

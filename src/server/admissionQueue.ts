import type { Clock } from '../actors/runtime/clock.js';

/** A request's slot: taken, or still waited for. */
export interface Slot {
  /** Releases the slot, or stops the wait for it. Further calls do nothing. */
  release(): void;
}

interface Waiting {
  readonly admit: () => void;
  readonly timer: unknown;
}

/**
 * Queue of requests that wait for one of a fixed number of admission slots, in order of arrival (HS15). It holds as
 * many requests as there are slots. No request waits longer than `patience` ms.
 */
export class AdmissionQueue {
  #taken = 0;
  readonly #waiting = new Set<Waiting>();

  /** Creates a queue with `places` slots. */
  constructor(
    private readonly places: number,
    private readonly patience: number,
    private readonly clock: Pick<Clock, 'setTimeout' | 'clearTimeout'>,
  ) {}

  /** Requests a slot. Calls `admit` at once or later, or `turnAway` if the queue is full or the wait too long. */
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

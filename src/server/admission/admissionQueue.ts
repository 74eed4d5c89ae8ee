import type { Clock } from '../../actors/runtime/clock.js';

/** A request's slot: taken, or waited for. */
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
 * many requests as there are slots. No request waits longer than `timeout` ms.
 */
export class AdmissionQueue {
  #taken = 0;
  readonly #waiting = new Set<Waiting>();

  /** Creates a queue for this number of slots. */
  constructor(
    private readonly slots: number,
    private readonly timeout: number,
    private readonly clock: Pick<Clock, 'setTimeout' | 'clearTimeout'>,
  ) {}

  /** Requests a slot. Calls `admit` at once or later, or `refuse` if the queue is full or the wait too long. */
  enter(admit: (slot: Slot) => void, refuse: () => void): Slot {
    let leave = (): void => {};
    const slot: Slot = { release: () => leave() };
    const begin = (): void => {
      this.#taken++;
      leave = () => {
        leave = () => {};
        this.#taken--;
        this.#admitNext();
      };
      admit(slot);
    };
    if (this.#taken < this.slots) begin();
    else if (this.#waiting.size >= this.slots) refuse();
    else leave = this.#wait(begin, refuse);
    return slot;
  }

  #wait(admit: () => void, refuse: () => void): () => void {
    const end = (): void => {
      this.clock.clearTimeout(waiting.timer);
      this.#waiting.delete(waiting);
    };
    const giveUp = (): void => {
      end();
      refuse();
    };
    const waiting: Waiting = { admit, timer: this.clock.setTimeout(giveUp, this.timeout) };
    this.#waiting.add(waiting);
    return end;
  }

  #admitNext(): void {
    for (const waiting of this.#waiting) {
      if (this.#taken >= this.slots) return;
      this.clock.clearTimeout(waiting.timer);
      this.#waiting.delete(waiting);
      waiting.admit();
    }
  }
}

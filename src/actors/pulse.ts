import type { Clock } from './scheduler.js';

/** Tells one turn of the event loop from the next, for whoever may do only so much in each. */
export class Pulse {
  #beat = 0;
  #isCounting = false;

  constructor(private readonly clock: Pick<Clock, 'setImmediate'>) {}

  /** The number of this turn. Turns in which nobody asks are not counted. */
  get beat(): number {
    if (!this.#isCounting) {
      this.#isCounting = true;
      this.clock.setImmediate(() => {
        this.#isCounting = false;
        this.#beat++;
      });
    }
    return this.#beat;
  }
}

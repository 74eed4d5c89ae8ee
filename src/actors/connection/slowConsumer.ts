import type { Limits } from '../../limits.js';
import type { Clock } from '../runtime/clock.js';

/** Meters how much the outbox of a congested connection has grown, against the bounds of a slow consumer (BP2). */
export class SlowConsumerMeter {
  #bytes = 0;
  #messages = 0;
  #isChecking = false;

  constructor(
    private readonly limits: Pick<Limits, 'slowConsumerMessages' | 'slowConsumerBytes'>,
    private readonly clock: Clock,
    /** Called when a bound is reached. */
    private readonly overflowed: () => void,
  ) {}

  /** Starts at 0 again: a congestion begins. */
  reset(): void {
    this.#bytes = 0;
    this.#messages = 0;
  }

  /** Adds growth of the outbox. Checks the bounds two ticks later, as a client cannot take anything within one tick. */
  grow(bytes: number, messages: number): void {
    this.#bytes += bytes;
    this.#messages += messages;
    if (!this.#isTooMuch || this.#isChecking) return;
    this.#isChecking = true;
    const check = (): void => {
      this.#isChecking = false;
      if (this.#isTooMuch) this.overflowed();
    };
    this.clock.setImmediate(() => this.clock.setImmediate(check));
  }

  get #isTooMuch(): boolean {
    return this.#bytes > this.limits.slowConsumerBytes || this.#messages > this.limits.slowConsumerMessages;
  }
}

import type { Limits } from '../../limits.js';
import type { Clock } from '../runtime/clock.js';

/** How much was issued to a congested connection, and whether that is too much (BP2). */
export class SlowConsumerMeter {
  #bytes = 0;
  #messages = 0;
  #isJudging = false;

  constructor(
    private readonly limits: Pick<Limits, 'slowConsumerMessages' | 'slowConsumerBytes'>,
    private readonly clock: Clock,
    private readonly tooMuch: () => void,
  ) {}

  /** A congestion begins. */
  reset(): void {
    this.#bytes = 0;
    this.#messages = 0;
  }

  /** A burst within one turn of the event loop is no fault of the client's: it is judged when it had a turn to take it. */
  grow(bytes: number, messages: number): void {
    this.#bytes += bytes;
    this.#messages += messages;
    if (!this.#isTooMuch || this.#isJudging) return;
    this.#isJudging = true;
    const judge = (): void => {
      this.#isJudging = false;
      if (this.#isTooMuch) this.tooMuch();
    };
    this.clock.setImmediate(() => this.clock.setImmediate(judge));
  }

  get #isTooMuch(): boolean {
    return this.#bytes > this.limits.slowConsumerBytes || this.#messages > this.limits.slowConsumerMessages;
  }
}

import { soon } from '../runtime/soon.js';

/**
 * Times calls that follow one another with one reading of the clock for each: a call begins when the one before has
 * ended, if nothing else has run since. The owner says when something may have.
 */
export class Stopwatch {
  #ended = 0;
  /** Whether the end of the last call is the present time. */
  #isPresent = false;
  /** The number of calls under way, one within the other. */
  #depth = 0;
  #isForgetting = false;

  readonly #forgetNow = (): void => {
    this.#isForgetting = false;
    this.#isPresent = false;
  };

  constructor(private readonly now: () => number) {}

  /** Returns the time at which a call begins, in ms. */
  begin(): number {
    const isPresent = this.#isPresent;
    this.#isPresent = false;
    this.#depth++;
    return isPresent ? this.#ended : this.now();
  }

  /** Returns the time at which a call ends, in ms. */
  end(): number {
    this.#ended = this.now();
    this.#depth--;
    // Within an outer call its code runs next.
    this.#isPresent = this.#depth === 0;
    if (!this.#isForgetting) this.#forgetSoon();
    return this.#ended;
  }

  /** Leaves a call that has not ended. */
  leave(): void {
    this.#depth--;
    this.#isPresent = false;
  }

  /** Forgets the end of the last call: something else may have run since. */
  forget(): void {
    this.#isPresent = false;
  }

  /** Other events of the process are handled after the microtasks. */
  #forgetSoon(): void {
    this.#isForgetting = true;
    soon(this.#forgetNow);
  }
}

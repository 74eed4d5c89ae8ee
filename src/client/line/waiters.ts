import type { AskOptions, Asks } from './asks.js';

/** Ends a wait: with an error, if there is one. */
type End = (failure?: { readonly error: unknown }) => void;

/** The calls that wait for the same thing. */
export class Waiters {
  readonly #ends = new Set<End>();

  constructor(private readonly asks: Asks) {}

  /** Number of calls that wait. */
  get size(): number {
    return this.#ends.size;
  }

  /** Waits until `settle`, the timeout or the signal. For the last two, `onGone` is called. */
  add(options: AskOptions, onGone?: () => void): Promise<void> {
    return new Promise((resolve, reject) => {
      options.signal?.throwIfAborted();
      const cancel = this.asks.limit(options, (error) => {
        end({ error });
        onGone?.();
      });
      const end: End = (failure) => {
        cancel();
        this.#ends.delete(end);
        if (failure) reject(failure.error);
        else resolve();
      };
      this.#ends.add(end);
    });
  }

  /** Ends all waits: with an error, if there is one. */
  settle(failure?: { readonly error: unknown }): void {
    for (const end of this.#ends) end(failure);
  }
}

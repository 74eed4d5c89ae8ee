/** Tells when the broker next sends something on one connection (EX15). */
export class Activity {
  #next: Promise<void> | undefined;
  #resolve: (() => void) | undefined;

  /** Records that something came. */
  note(): void {
    this.#resolve?.();
    this.#next = undefined;
    this.#resolve = undefined;
  }

  /** Resolves when something has come since the call. */
  next(): Promise<void> {
    this.#next ??= new Promise((resolve) => {
      this.#resolve = resolve;
    });
    return this.#next;
  }
}

/**
 * Native messages carry no sender, so that a server knows its own by what they are: on one channel they come back in the
 * order in which they were sent.
 */
export class Echoes {
  readonly #expected = new Map<string, Uint8Array[]>();

  /** Returns how to expect it no more. */
  expect(channel: string, payload: Uint8Array): () => void {
    const expected = this.#expected.get(channel) ?? [];
    this.#expected.set(channel, expected);
    expected.push(payload);
    return () => {
      const at = expected.indexOf(payload);
      if (at !== -1) expected.splice(at, 1);
      this.#tidy(channel, expected);
    };
  }

  /** Is this what was sent first, of what has not come back? */
  take(channel: string, payload: Uint8Array): boolean {
    const expected = this.#expected.get(channel);
    const first = expected?.[0];
    if (!expected || !first || Buffer.compare(first, payload) !== 0) return false;
    expected.shift();
    this.#tidy(channel, expected);
    return true;
  }

  forget(channel: string): void {
    this.#expected.delete(channel);
  }
  /** Nothing of it will come back any more. */
  clear(): void {
    this.#expected.clear();
  }

  #tidy(channel: string, expected: readonly Uint8Array[]): void {
    if (expected.length === 0 && this.#expected.get(channel) === expected) this.#expected.delete(channel);
  }
}

/**
 * Native messages carry no sender, so that a server knows its own by what they are: on one channel they come back in the
 * order in which they were sent.
 */
export class Echoes {
  readonly #expected = new Map<string, Uint8Array[]>();

  expect(channel: string, payload: Uint8Array): void {
    const expected = this.#expected.get(channel);
    if (expected) expected.push(payload);
    else this.#expected.set(channel, [payload]);
  }

  /** Is this what was sent first, of what has not come back? */
  take(channel: string, payload: Uint8Array): boolean {
    const expected = this.#expected.get(channel);
    const first = expected?.[0];
    if (!first || Buffer.compare(first, payload) !== 0) return false;
    if (expected.length === 1) this.#expected.delete(channel);
    else expected.shift();
    return true;
  }

  forget(channel: string): void {
    this.#expected.delete(channel);
  }
  /** Nothing of it will come back any more. */
  clear(): void {
    this.#expected.clear();
  }
}

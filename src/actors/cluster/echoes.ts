/**
 * Native messages carry no sender, so that a server knows its own by what they are. Which of several that are alike comes
 * back makes no difference, and the broker may have refused one that was sent before.
 */
export class Echoes {
  /** How often each payload is still to come back, by channel. */
  readonly #expected = new Map<string, Map<string, number>>();

  /** Returns how to expect it no more. */
  expect(channel: string, payload: Uint8Array): () => void {
    const expected = this.#expected.get(channel) ?? new Map<string, number>();
    this.#expected.set(channel, expected);
    const text = textOf(payload);
    expected.set(text, (expected.get(text) ?? 0) + 1);
    return () => {
      // What was expected then is not what is expected now.
      if (this.#expected.get(channel) === expected) this.#remove(channel, expected, text);
    };
  }

  /** Is this one of those that were sent and have not come back? */
  take(channel: string, payload: Uint8Array): boolean {
    const expected = this.#expected.get(channel);
    return expected ? this.#remove(channel, expected, textOf(payload)) : false;
  }

  forget(channel: string): void {
    this.#expected.delete(channel);
  }
  /** Nothing of it will come back any more. */
  clear(): void {
    this.#expected.clear();
  }

  #remove(channel: string, expected: Map<string, number>, text: string): boolean {
    const times = expected.get(text);
    if (times === undefined) return false;
    if (times > 1) expected.set(text, times - 1);
    else expected.delete(text);
    if (expected.size === 0) this.#expected.delete(channel);
    return true;
  }
}

/** One character for each byte. */
const textOf = (payload: Uint8Array): string =>
  Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength).toString('latin1');

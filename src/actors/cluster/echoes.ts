/**
 * Recognises this server's own messages when they come back in native-only mode (EX4). Native messages carry no sender,
 * so a message is recognised by its channel and payload. Their order is no help, as the broker may have refused an
 * earlier one. Which of several equal messages comes back makes no difference.
 */
export class Echoes {
  /** How often each payload has yet to come back, by channel. */
  readonly #expected = new Map<string, Map<string, number>>();

  /** Expects a payload to come back once. Returns a function that takes the expectation back. */
  expect(channel: string, payload: Uint8Array): () => void {
    const expected = this.#expected.get(channel) ?? new Map<string, number>();
    this.#expected.set(channel, expected);
    const text = textOf(payload);
    expected.set(text, (expected.get(text) ?? 0) + 1);
    return () => {
      // After `forget` or `clear`, an equal payload may be expected that was sent later.
      if (this.#expected.get(channel) === expected) this.#remove(channel, expected, text);
    };
  }

  /** Returns whether the payload was expected. It is then expected once less. */
  take(channel: string, payload: Uint8Array): boolean {
    const expected = this.#expected.get(channel);
    return expected ? this.#remove(channel, expected, textOf(payload)) : false;
  }

  /** Removes the expectations of a channel that this server has unsubscribed from. */
  forget(channel: string): void {
    this.#expected.delete(channel);
  }
  /** Removes all expectations: the uplink has ended. */
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

/** Returns a text with one character for each byte. */
const textOf = (payload: Uint8Array): string =>
  Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength).toString('latin1');

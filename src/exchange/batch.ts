/** Size at which a batch takes no more publications, in bytes. On a slow connection, its answer still comes soon. */
const batchBytes = 16_384;

/** Commands of one tick on one connection to NATS, which one answer of the broker confirms. */
export class Batch {
  /** The size of its publications, in bytes. */
  bytes = 0;
  /** Refusals of the broker, by operation and subject. */
  readonly refused = new Map<string, Error>();
  /** Confirms the commands. */
  confirm = (): void => {};
  /** Rejects the commands. */
  fail = (_error: Error): void => {};
  readonly #confirmed = new Promise<void>((resolve, reject) => {
    this.confirm = resolve;
    this.fail = reject;
  });

  /** Whether it takes no more publications. */
  get isFull(): boolean {
    return this.bytes >= batchBytes;
  }

  /** Resolves when the broker has confirmed the batch. Rejects if it refused the operation on one of the subjects. */
  async confirmed(operation: string, subjects: readonly string[]): Promise<void> {
    await this.#confirmed;
    if (this.refused.size === 0) return;
    for (const subject of subjects) {
      const refusal = this.refused.get(`${operation} ${subject}`);
      if (refusal !== undefined) throw refusal;
    }
  }
}

/** One thing that is wrong with a value, as its schema tells it. */
export interface Issue {
  /** Text for a person. It may repeat a part of the value. */
  readonly message: string;
  /** Where in the value it is. */
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/**
 * Error for data that a contract does not allow (CT7). `ErrInvalidPayload`, which a peer's error becomes, is one too,
 * without issues.
 * @example onError: (error) => error instanceof InvalidPayload && track(error.issues)
 */
export class InvalidPayload extends Error {
  /** Always 'InvalidPayload'. */
  override readonly name = 'InvalidPayload';
  readonly #issues: readonly Issue[];

  /** Creates the error. Its message is always `invalid payload`, the text that a peer receives. */
  constructor(issues: readonly Issue[] = []) {
    super('invalid payload');
    this.#issues = issues;
  }

  /** What is wrong, as the schema tells it. It may repeat data of the peer, so that printing the error omits it. */
  get issues(): readonly Issue[] {
    return this.#issues;
  }
}

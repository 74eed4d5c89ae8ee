/** The source of random numbers of one server. Tests pass a seeded one. */
export interface Random {
  /** Returns a number of at least 0 and below 1. */
  next(): number;
  /** Fills an array with bits that cannot be predicted, and returns it. */
  fill<Values extends Uint32Array | BigUint64Array>(values: Values): Values;
  /** Returns a random UUID. */
  uuid(): string;
}

/** The random numbers of the process. */
export const systemRandom: Random = {
  next: () => Math.random(),
  fill: (values) => {
    crypto.getRandomValues(values);
    return values;
  },
  uuid: () => crypto.randomUUID(),
};

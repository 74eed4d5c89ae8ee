/** Returns the kind of a value, without its text: that may be a secret. */
const kindOf = (value: unknown): string => {
  if (value === null || value === undefined) return String(value);
  if (Array.isArray(value)) return 'a list';
  return value === '' ? 'an empty string' : `a value of type ${typeof value}`;
};

/** Returns the error for a wrong option. It names the kind of the value, never its text, which may be secret (EX17). */
export const wrong = (option: string, takes: string, value: unknown): TypeError =>
  new TypeError(`option "${option}" takes ${takes}, got ${kindOf(value)}`);

/**
 * Checks that an object has known options only.
 * @throws {TypeError} when it has another.
 */
export const refuseUnknown = (given: object, known: readonly string[]): void => {
  for (const name of Object.keys(given)) {
    if (!known.includes(name)) throw new TypeError(`option "${name}" is unknown; known are ${known.join(', ')}`);
  }
};

/**
 * Checks that options of the client library do not set what the exchange itself sets.
 * @throws {TypeError} when they do.
 */
export const refuseDecided = (given: object, decided: readonly string[], of: string): void => {
  for (const name of decided) {
    if (name in given) throw new TypeError(`option "${of}.${name}" is set by the exchange`);
  }
};

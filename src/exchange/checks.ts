export const isPlainObject = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Only the kind of a value, as its text may be a secret. */
const kindOf = (value: unknown): string => {
  if (value === null || value === undefined) return String(value);
  if (Array.isArray(value)) return 'a list';
  return value === '' ? 'an empty string' : `a value of type ${typeof value}`;
};

/** What an option takes, and the kind of what it got: never the text, which may hold credentials (EX17). */
export const wrong = (option: string, takes: string, value: unknown): TypeError =>
  new TypeError(`option "${option}" takes ${takes}, got ${kindOf(value)}`);

export const refuseUnknown = (given: object, known: readonly string[]): void => {
  for (const name of Object.keys(given)) {
    if (!known.includes(name)) throw new TypeError(`option "${name}" is unknown; known are ${known.join(', ')}`);
  }
};

/** Options of the library that are not the program's to choose. */
export const refuseDecided = (given: object, decided: readonly string[], of: string): void => {
  for (const name of decided) {
    if (name in given) throw new TypeError(`option "${of}.${name}" is not for the program to choose`);
  }
};

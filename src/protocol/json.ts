/** Matches a text that may have a key that reaches a prototype. An escape may hide such a key. */
const suspicious = /__proto__|constructor|\\u/;

/** Drops keys that would change a prototype when the result is merged into another object (FR9). */
const withoutPrototypes = (key: string, value: unknown): unknown => {
  if (key === '__proto__') return undefined;
  const reachesPrototype = typeof value === 'object' && value !== null && Object.hasOwn(value, 'prototype');
  return key === 'constructor' && reachesPrototype ? undefined : value;
};

/**
 * Returns the value of a JSON text, without keys that reach a prototype (FR9). A text without a suspicious key skips the
 * slow reviver.
 * @throws {SyntaxError} when the text is not JSON.
 */
export const parseJson = (text: string): unknown =>
  JSON.parse(text, suspicious.test(text) ? withoutPrototypes : undefined);

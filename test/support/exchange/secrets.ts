import { inspect } from 'node:util';
import { expect } from 'vitest';

/** Returns all that a log or a debugger could show of an error. */
const readable = (error: unknown): string => {
  const fields = error instanceof Error ? [error.message, error.stack, error.cause, ...Object.values(error)] : [];
  return [
    String(error),
    ...fields.map(String),
    JSON.stringify(error),
    JSON.stringify(error, Object.getOwnPropertyNames(error)),
    inspect(error, { depth: 20, showHidden: true }),
  ].join('\n');
};

/** Checks that an error shows none of these, however it is printed. */
export const expectNoSecrets = (error: unknown, secrets: readonly string[]): void => {
  expect(error).toBeInstanceOf(Error);
  const text = readable(error);
  expect(secrets.filter((secret) => text.includes(secret))).toEqual([]);
};

/** Returns what a call throws, or its promise rejects with. */
export const errorOf = async (call: () => unknown): Promise<unknown> => {
  try {
    await call();
  } catch (error) {
    return error;
  }
  throw new Error('expected an error');
};

import { inspect } from 'node:util';
import { expect } from 'vitest';

/** All that anybody could read of an error, in a log or a debugger. */
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

/** An error that shows none of these, however it is looked at. */
export const expectSecrecy = (error: unknown, secrets: readonly string[]): void => {
  expect(error).toBeInstanceOf(Error);
  const text = readable(error);
  expect(secrets.filter((secret) => text.includes(secret))).toEqual([]);
};

/** What a call throws, or its promise rejects with. */
export const errorOf = async (call: () => unknown): Promise<unknown> => {
  try {
    await call();
  } catch (error) {
    return error;
  }
  throw new Error('an error was expected');
};

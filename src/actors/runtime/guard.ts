/** Runs code and reports what it throws or rejects with. Never throws. */
export const guarded = (code: () => unknown, report: (error: unknown) => void): void => {
  try {
    const returned: unknown = code();
    if (isThenable(returned)) Promise.resolve(returned).catch(report);
  } catch (error) {
    report(error);
  }
};

/**
 * Returns the same promise, whose rejection no longer ends the process when the program does not handle it. A client
 * that refuses or does not answer is no fault of the program.
 */
export const ignoreRejection = <T>(promise: Promise<T>): Promise<T> => {
  promise.catch(() => {});
  return promise;
};

/** Returns whether the value has a `then` method. */
export const isThenable = (value: unknown): value is PromiseLike<unknown> =>
  typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';

/** Returns whether the value is an object and not an array. */
export const isPlainObject = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Returns whether the value is an instance of `type`. Never throws, even for a hostile proxy. */
export const isInstance = <T>(thrown: unknown, type: new (...made: never[]) => T): thrown is T => {
  try {
    return thrown instanceof type;
  } catch {
    return false;
  }
};

/** Ends a switch over a union: the compiler reports a case that is missing. */
export const assertNever = (value: never): never => {
  throw new TypeError(`unexpected ${JSON.stringify(value)}`);
};

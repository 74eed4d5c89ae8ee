/** Runs code whose failure, now or later, is reported and reaches nobody. */
export const guarded = (tell: () => unknown, report: (error: unknown) => void): void => {
  try {
    const told: unknown = tell();
    if (isThenable(told)) Promise.resolve(told).catch(report);
  } catch (error) {
    report(error);
  }
};

/**
 * A rejection that nobody looks at must not end the process: what a client refuses, or does not answer, is no fault of
 * the program.
 */
export const ignoreRejection = <T>(promise: Promise<T>): Promise<T> => {
  promise.catch(() => {});
  return promise;
};

export const isThenable = (value: unknown): value is PromiseLike<unknown> =>
  typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';

/** Is it one of these? What was thrown may set traps. */
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

/** Returns the state of a promise, kept up to date. */
export const watch = (promise: Promise<unknown>) => {
  const seen: { state: 'pending' | 'resolved' | 'rejected'; error: unknown } = { state: 'pending', error: undefined };
  promise.then(
    () => {
      seen.state = 'resolved';
    },
    (error: unknown) => {
      seen.state = 'rejected';
      seen.error = error;
    },
  );
  return seen;
};

/** Returns a promise with the functions that settle it. */
export const deferred = () => {
  let open = (): void => {};
  let jam: (error: unknown) => void = () => {};
  const promise = new Promise<void>((resolve, reject) => {
    open = resolve;
    jam = reject;
  });
  return { promise, open, jam };
};

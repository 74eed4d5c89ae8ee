/** Counters at zero. The names are fixed, so that nothing a client says becomes one. */
export const makeCounters = () => ({
  framesIn: 0,
  invalidFrames: 0,
  strayAnswers: 0,
  ignoredEvents: 0,
  unhandledEvents: 0,
  gatedWrites: 0,
  lateWrites: 0,
  broadcastsAfterClose: 0,
  congestions: 0,
  evictions: 0,
  heldBack: 0,
  failures: 0,
  refusedArrivals: 0,
  handlerErrors: 0,
});

/** Every drop, close and refusal, by reason. */
export type Counters = ReturnType<typeof makeCounters>;

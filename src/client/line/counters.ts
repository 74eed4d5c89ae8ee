/** Returns the counters of a new client. */
export const makeCounters = () => ({
  /** Lines that have opened. */
  lines: 0,
  /** Data frames received. */
  received: 0,
  /** Data frames sent. */
  sent: 0,
  /** Received frames that are no frame, a forbidden one, or came before `A`. */
  invalid: 0,
  /** Received answers to no pending ask. */
  lateAnswers: 0,
  /** Received messages of a namespace or room that the client is not in. */
  strays: 0,
  /** Received messages without a handler. */
  unhandled: 0,
  /** Received messages that were dropped because the client closed. */
  dropped: 0,
  /** Received frames of the session layer with an unknown verb. */
  unknownVerbs: 0,
  /** Calls of `emit` that returned false, and asks that were not sent for the same reason. */
  refused: 0,
  /** Emitted frames that were never sent: their entry was refused, or the client closed. */
  unsent: 0,
  /** Emitted frames that were sent, and of which nothing proves that they arrived. */
  inDoubt: 0,
  /** Pings that the server did not answer in time. */
  silences: 0,
  /** Errors of handlers. */
  handlerErrors: 0,
});

/** Counters of a client. Each frame that reaches no handler or no server is in one of them (CL20). */
export type ClientCounters = ReturnType<typeof makeCounters>;

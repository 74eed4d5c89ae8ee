const large = 2 ** 30;
const long = 60_000;

/** Limits under which a client that a busy machine keeps from reading is not evicted. */
export const withoutEviction = { slowConsumerBytes: large, slowConsumerMessages: large, slowConsumerTimeout: long };

/** Limits under which no client ends, and no ask fails, because a busy machine makes a client slow. */
export const patientLimits = {
  ...withoutEviction,
  pingTimeout: long,
  ackTimeout: long,
  closeTimeout: long,
  askTimeout: long,
};

/** What can be wrong with what a connection has received. */
export const faultKinds = ['duplicate', 'reorder', 'gap', 'unexpected', 'after-leave', 'missing tail'] as const;
export type FaultKind = (typeof faultKinds)[number];

/** The first thing that is wrong with what a connection has received. */
export interface Fault {
  readonly kind: FaultKind;
  readonly connection: number;
  /** How many numbers before it were right. */
  readonly after: number;
  /** The number that should have been next, if any. */
  readonly expected: number | undefined;
  readonly received: number | undefined;
}

/** A connection that has not received what it should. */
export interface FailedConnection {
  readonly connection: number;
  /** All numbers that were for it. */
  readonly expected: number[];
  readonly received: Uint32Array;
  /** Whether a number was for a topic in which it was at another time. */
  isMissedStay: (number: number) => boolean;
}

const kindOf = ({ expected, received, isMissedStay }: FailedConnection, after: number): FaultKind => {
  const number = received[after];
  const due = expected[after];
  if (number === undefined) return 'missing tail';
  if (received.subarray(0, after).includes(number)) return 'duplicate';
  if (!expected.includes(number)) return isMissedStay(number) ? 'after-leave' : 'unexpected';
  return due !== undefined && received.subarray(after).includes(due) ? 'reorder' : 'gap';
};

/** Returns the first fault. Later ones may follow from it. */
export const diagnose = (failed: FailedConnection): Fault => {
  const { connection, expected, received } = failed;
  let after = 0;
  while (after < received.length && received[after] === expected[after]) after++;
  return { kind: kindOf(failed, after), connection, after, expected: expected[after], received: received[after] };
};

/** Returns a fault in one line. */
export const describeFault = ({ kind, connection, after, expected, received }: Fault): string =>
  `${kind}: connection ${connection}, after ${after} numbers: expected ${expected ?? 'nothing'}, got ${received ?? 'nothing'}`;

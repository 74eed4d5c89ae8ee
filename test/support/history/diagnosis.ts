/** What can be wrong with what a connection has seen. */
export const faultKinds = ['duplicate', 'reorder', 'hole', 'stranger', 'after-leave', 'silent tail'] as const;
export type FaultKind = (typeof faultKinds)[number];

/** The first thing that is wrong with what a connection has seen. */
export interface Fault {
  readonly kind: FaultKind;
  readonly connection: number;
  /** So many numbers were right before it. */
  readonly after: number;
  /** What should have come next, if anything. */
  readonly expected: number | undefined;
  readonly came: number | undefined;
}

/** A connection that has not seen what it should. */
export interface Broken {
  readonly connection: number;
  /** All that was for it. */
  readonly due: number[];
  readonly seen: Uint32Array;
  /** Would it have been for it, had it been in that place at that moment? */
  isMissedStay: (number: number) => boolean;
}

const kindOf = ({ due, seen, isMissedStay }: Broken, after: number): FaultKind => {
  const came = seen[after];
  const expected = due[after];
  if (came === undefined) return 'silent tail';
  if (seen.subarray(0, after).includes(came)) return 'duplicate';
  if (!due.includes(came)) return isMissedStay(came) ? 'after-leave' : 'stranger';
  return expected !== undefined && seen.subarray(after).includes(expected) ? 'reorder' : 'hole';
};

/** Names the first fault; the rest may well follow from it. */
export const diagnose = (broken: Broken): Fault => {
  const { connection, due, seen } = broken;
  let after = 0;
  while (after < seen.length && seen[after] === due[after]) after++;
  return { kind: kindOf(broken, after), connection, after, expected: due[after], came: seen[after] };
};

/** A fault in one line. */
export const tell = ({ kind, connection, after, expected, came }: Fault): string =>
  `${kind}: connection ${connection}, after ${after} numbers: ${expected ?? 'nothing'} was due, ${came ?? 'nothing'} came`;

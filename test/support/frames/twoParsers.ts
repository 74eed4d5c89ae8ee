import { play } from './player.js';
import type { Stream } from './streams.js';

/** How many streams are under way at a time. They share the ticks. */
const atOnce = 64;

/** Plays a stream to a server with our own parser and to one with `ws` alone. Resolves with what each has seen and sent. */
export const playBoth = (stream: Stream): Promise<[ours: readonly string[], theirs: readonly string[]]> =>
  Promise.all([play(stream, true), play(stream, false)]);

const isSame = async (stream: Stream): Promise<boolean> => {
  const [ours, theirs] = await playBoth(stream);
  return ours.length === theirs.length && ours.every((line, at) => line === theirs[at]);
};

/** Plays the streams of all these. Resolves with one whose stream does not lead to the same, if there is one. */
export const findDifference = async <From>(
  all: Iterable<From>,
  streamOf: (from: From) => Stream,
): Promise<From | undefined> => {
  const rest = all[Symbol.iterator]();
  let found: { readonly from: From } | undefined;
  // A stream in five ends with an error, and no stack of one is looked at.
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  const playOn = async (): Promise<void> => {
    for (let next = rest.next(); !next.done && !found; next = rest.next()) {
      const from = next.value;
      if (!(await isSame(streamOf(from)))) found ??= { from };
    }
  };
  try {
    await Promise.all(Array.from({ length: atOnce }, playOn));
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
  return found?.from;
};

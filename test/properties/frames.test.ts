import fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import { play } from '../support/frames/player.js';
import { maxNumbers, numbersOf, streamOf } from '../support/frames/streams.js';

/** So many streams are played: one for each seed from `seed` on. */
const wanted = Number(process.env['MUSTER_STREAMS'] ?? 10_000);
const seed = Number(process.env['MUSTER_SEED'] ?? Date.now() % 2 ** 31);
/** How many streams are under way at a time. They share the ticks. */
const atOnce = 64;

const playBoth = async (numbers: readonly number[]) => {
  const stream = streamOf(numbers);
  return Promise.all([play(stream, true), play(stream, false)]);
};

const isSame = ([ours, theirs]: readonly (readonly string[])[]): boolean =>
  ours?.length === theirs?.length && ours?.every((line, at) => line === theirs?.[at]) === true;

/** Plays the streams of all seeds. Resolves with a seed whose stream does not lead to the same, if there is one. */
const findDifference = async (): Promise<number | undefined> => {
  let next = seed;
  let found: number | undefined;
  const playOn = async (): Promise<void> => {
    while (next < seed + wanted && found === undefined) {
      const own = next++;
      if (!isSame(await playBoth(numbersOf(own)))) found ??= own;
    }
  };
  await Promise.all(Array.from({ length: atOnce }, playOn));
  return found;
};

/** Fails with the shortest list of numbers like this one that stands for a stream which does not lead to the same. */
const shrink = async (numbers: number[]): Promise<void> => {
  const choices = fc.array(fc.nat(2 ** 16), { maxLength: maxNumbers, size: 'max' });
  const sameAsWs = fc.asyncProperty(choices, async (fewer) => {
    const [ours, theirs] = await playBoth(fewer);
    expect(ours).toEqual(theirs);
  });
  await fc.assert(sameAsWs, { examples: [[numbers]], numRuns: 1 });
};

test('[FR11] [LM1] [LM6] [LM7] [SV6] text messages parsed by the server lead to what ws alone leads to, however streams are cut', {
  timeout: Math.max(60_000, wanted * 20),
}, async () => {
  // A stream in ten ends with an error, and no stack of one is looked at.
  const { stackTraceLimit } = Error;
  onTestFinished(() => void Object.assign(Error, { stackTraceLimit }));
  Error.stackTraceLimit = 0;
  const found = await findDifference();
  Error.stackTraceLimit = stackTraceLimit;
  console.log(`${wanted} streams with seeds from ${seed} on`);
  if (found === undefined) return;
  console.log(`again: MUSTER_STREAMS=1 MUSTER_SEED=${found}`);
  await shrink(numbersOf(found));
  // It takes the others beside it.
  expect(found).toBeUndefined();
});

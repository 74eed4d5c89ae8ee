import fc from 'fast-check';
import { expect, test } from 'vitest';
import { maxNumbers, numbersOf, streamOf } from '../support/frames/streams.js';
import { findDifference, playBoth } from '../support/frames/twoParsers.js';

/** So many streams are played: one for each seed from `first` on. */
const wanted = Number(process.env['MUSTER_STREAMS'] ?? 10_000);
const first = Number(process.env['MUSTER_SEED'] ?? Date.now() % 2 ** 31);

function* seeds(): Iterable<number> {
  for (let seed = first; seed < first + wanted; seed++) yield seed;
}

/** Fails with the shortest list of numbers like this one that stands for a stream which does not lead to the same. */
const shrink = async (numbers: number[]): Promise<void> => {
  const choices = fc.array(fc.nat(2 ** 16), { maxLength: maxNumbers, size: 'max' });
  const sameAsWs = fc.asyncProperty(choices, async (fewer) => {
    const [ours, theirs] = await playBoth(streamOf(fewer));
    expect(ours).toEqual(theirs);
  });
  await fc.assert(sameAsWs, { examples: [[numbers]], numRuns: 1 });
};

test('[FR11] [LM1] [LM6] [LM7] [SV6] text messages parsed by the server lead to what ws alone leads to, however streams are cut', {
  timeout: Math.max(60_000, wanted * 20),
}, async () => {
  const found = await findDifference(seeds(), (seed) => streamOf(numbersOf(seed)));
  console.log(`${wanted} streams with seeds from ${first} on`);
  if (found === undefined) return;
  console.log(`again: MUSTER_STREAMS=1 MUSTER_SEED=${found}`);
  await shrink(numbersOf(found));
  // It takes the streams beside it.
  expect(found).toBeUndefined();
});

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { play } from '../support/frames/player.js';
import { streamOf } from '../support/frames/streams.js';

/** So many streams are played. */
const wanted = Number(process.env['MUSTER_STREAMS'] ?? 10_000);
const seed = Number(process.env['MUSTER_SEED'] ?? Date.now() % 2 ** 31);

/** Numbers that stand for a stream. */
const choices = fc.array(fc.nat(2 ** 16), { maxLength: 120, size: 'max' });

test('[FR11] [LM1] [LM6] [LM7] [SV6] text messages parsed by the server lead to what ws alone leads to, however streams are cut', {
  timeout: Math.max(60_000, wanted * 20),
}, async () => {
  let played = 0;
  const sameAsWs = fc.asyncProperty(choices, async (numbers) => {
    const stream = streamOf(numbers);
    const [ours, theirs] = await Promise.all([play(stream, true), play(stream, false)]);
    expect(ours).toEqual(theirs);
    played++;
  });
  await fc.assert(sameAsWs, { numRuns: wanted, seed });
  console.log(`${played} streams with seed ${seed}`);
});

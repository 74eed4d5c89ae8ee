import fc from 'fast-check';
import { expect, test } from 'vitest';
import { play } from '../support/frames/player.js';
import { streamOf } from '../support/frames/streams.js';

/** So many streams are played. */
const wanted = Number(process.env['MUSTER_STREAMS'] ?? 10_000);
const seed = Number(process.env['MUSTER_SEED'] ?? Date.now() % 2 ** 31);
/** Streams that are played side by side, as each waits for the event loop. */
const perRun = 50;

const numbers = fc.array(fc.nat(2 ** 16), { maxLength: 120, size: 'max' });

test('[FR11] [LM1] [LM6] [LM7] [SV6] text messages parsed by the server lead to what ws alone leads to, however streams are cut', {
  timeout: Math.max(60_000, wanted * 10),
}, async () => {
  let played = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(numbers, { minLength: perRun, maxLength: perRun }), async (all) => {
      const both = await Promise.all(
        all.map(async (choices) => {
          const stream = streamOf(choices);
          return Promise.all([play(stream, true), play(stream, false)]);
        }),
      );
      for (const [ours, theirs] of both) expect(ours).toEqual(theirs);
      played += all.length;
    }),
    { numRuns: Math.ceil(wanted / perRun), seed, endOnFailure: wanted > 100_000 },
  );
  console.log(`${played} streams with seed ${seed}`);
});

import { afterEach, expect, test } from 'vitest';
import { ended, useExample } from '../support/exampleProcess.js';

/** What an example says until it ends by itself. */
const examples = {
  role: useExample('machines/role'),
  away: useExample('machines/away'),
  login: useExample('machines/login'),
};
afterEach(async () => {
  for (const { stopAll } of Object.values(examples)) await stopAll();
});

const transcriptOf = async (name: keyof typeof examples): Promise<string[]> => {
  const { code, out, err } = await ended(examples[name].run('0'));
  expect([code, err]).toEqual([0, '']);
  return out.trimEnd().split('\n');
};

test('[SV19] [SV11] role: a guard keeps a guest out, and a delay is shorter than usual', async () => {
  expect(await transcriptOf('role')).toEqual([
    'ann is in lobby',
    'ann is in staff',
    'joe is in lobby',
    'joe is refused: bad namespace',
    'silent is told goodbye: 1008 not acknowledged in time',
  ]);
});

test('[SV20] [SV11] away: who says nothing for a while is away until the next frame', async () => {
  expect(await transcriptOf('away')).toEqual([
    'joe is here',
    'joe is away',
    'ann is here',
    'ann asks who is there: [["joe","away"],["ann","here"]]',
    'joe is here',
    'ann asks once more: [["joe","here"],["ann","here"]]',
  ]);
});

test('[SV20] login: nobody is let in whom the service does not know', async () => {
  expect(await transcriptOf('login')).toEqual(['joe is Joe Average', 'mallory is refused: nobody knows you']);
});

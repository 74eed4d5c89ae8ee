import { afterEach, expect, test } from 'vitest';
import { ended, useExample } from '../support/docs/exampleProcess.js';

/** The examples, each of which exits by itself. */
const examples = {
  role: useExample('machines/role'),
  away: useExample('machines/away'),
  login: useExample('machines/login'),
  muted: useExample('machines/muted'),
};
afterEach(async () => {
  for (const { stopAll } of Object.values(examples)) await stopAll();
});

const transcriptOf = async (name: keyof typeof examples): Promise<string[]> => {
  const { code, out, err } = await ended(examples[name].run('0'));
  expect([code, err]).toEqual([0, '']);
  return out.trimEnd().split('\n');
};

test('[SV19] [SV11] role: a guard refuses a guest, and a delay is shorter than usual', async () => {
  expect(await transcriptOf('role')).toEqual([
    'ann is in lobby',
    'ann is in staff',
    'joe is in lobby',
    'joe is refused: bad namespace',
    'silent is closed: 1008 not acknowledged in time',
  ]);
});

test('[SV20] [SV11] away: a silent client is away until its next frame', async () => {
  expect(await transcriptOf('away')).toEqual([
    'joe is here',
    'joe is away',
    'ann is here',
    'ann asks for presence: [["joe","away"],["ann","here"]]',
    'joe is here',
    'ann asks again: [["joe","here"],["ann","here"]]',
  ]);
});

test('[SV20] login: a client that the service does not know is refused', async () => {
  expect(await transcriptOf('login')).toEqual(['joe is Joe Average', 'mallory is refused: unknown user']);
});

test('[SV21] [SV23] muted: what a client says is refused for a while', async () => {
  expect(await transcriptOf('muted')).toEqual([
    'joe asks say: said: hello',
    'joe asks mute: only ann mutes',
    'joe asks say: you are muted',
    'joe asks muted: [["joe",true],["ann",false]]',
    'joe asks say: said: hello again',
  ]);
});

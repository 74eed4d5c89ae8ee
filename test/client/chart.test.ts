import { createActor } from 'xstate';
import { expect, test } from 'vitest';
import { clientMachine } from '../../src/client/machine.js';
test('x', () => {
  const actor = createActor(clientMachine).start();
  actor.send({ type: 'DIAL' });
  actor.send({ type: 'OPENED' });
  actor.send({ type: 'LOST', code: 1012, text: 'retry=77' });
  expect(actor.getSnapshot().value).toBe('waiting');
  expect(actor.getSnapshot().context).toMatchObject({ slot: 77, tries: 1 });
});

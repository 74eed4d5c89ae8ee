import { expect, test } from 'vitest';
import {
  connectionMachine,
  linkMachine,
  namespaceMachine,
  roomMachine,
  supervisorMachine,
} from '../../../src/index.js';
import { Charts } from '../../../src/inspector/draw/charts.js';

const machines = {
  supervisor: supervisorMachine,
  connection: connectionMachine,
  namespace: namespaceMachine,
  room: roomMachine,
  link: linkMachine,
};

test('[IN19] a chart that cannot be drawn says why', async () => {
  const charts = await new Charts(machines, ({ id }, { isOutline = false } = {}) =>
    id === 'room' ? Promise.reject(new Error('install it')) : Promise.resolve(isOutline ? 'outline' : 'whole'),
  ).all();
  expect(charts.room).toMatchObject({ root: { id: 'room' }, outline: null, whole: null, missing: 'install it' });
  expect(charts.link).toMatchObject({ root: { id: 'link' }, outline: 'outline', whole: 'whole', missing: null });
});

import { describe, expect, test } from 'vitest';
import { connectionMachine } from '../../../src/index.js';
import { House } from '../../support/server/supervisorHarness.js';

const raise = (text: string): never => {
  throw new Error(text);
};

describe('observers of running actors', () => {
  test('[SV16] one that throws is told to onError, and the others hear all the same', async () => {
    const house = new House({ namespaces: { n: {} } });
    const heard: string[] = [];
    house.supervisor.actor.subscribe(() => raise('of the root'));
    const guest = house.connect('a');
    guest.conn?.actor.subscribe({ next: () => raise('of next'), complete: () => raise('of complete') });
    guest.conn?.actor.subscribe((state) => heard.push(state.status));
    guest.socket.say('M', '$1;n;;_OnNamespaceConnect;0;0;');
    await house.empty();
    const told = new Set(house.errors.map(({ error }) => String(error)));
    expect(told).toEqual(new Set(['Error: of the root', 'Error: of next', 'Error: of complete']));
    expect(heard.at(-1)).toBe('done');
    expect(house.supervisor.total).toBe(0);
  });

  test('[SV16] [SV1] a chart that fails ends its connection, whether or not observers listen to errors', async () => {
    const connection = connectionMachine.provide({ actions: { countCongestion: () => raise('broken chart') } });
    const house = new House({ namespaces: { n: {} }, machines: { connection } });
    const guest = house.seat('a', 'n');
    const heard: unknown[] = [];
    guest.conn?.actor.subscribe(() => {});
    guest.conn?.actor.subscribe({ error: (error) => heard.push(error) });
    guest.conn?.actor.subscribe({ error: () => raise('of error') });
    guest.conn?.actor.subscribe(
      () => {},
      (error) => heard.push(error),
    );
    guest.conn?.actor.send({ type: 'CONGESTED' });
    await house.rest();
    expect(heard.map(String)).toEqual(['Error: broken chart', 'Error: broken chart']);
    expect(house.errors.map(({ error }) => String(error)).sort()).toEqual(['Error: broken chart', 'Error: of error']);
  });

  test('[SV16] who unsubscribes hears no more', async () => {
    const house = new House({ namespaces: { n: {} } });
    const heard: unknown[] = [];
    const guest = house.connect('a');
    const subscription = guest.conn?.actor.subscribe((state) => heard.push(state));
    subscription?.unsubscribe();
    guest.socket.say('M');
    await house.rest();
    expect(heard).toEqual([]);
  });
});

import { describe, expect, test } from 'vitest';
import { emit } from 'xstate';
import { connectionMachine } from '../../../src/index.js';
import { SupervisorHarness } from '../../support/server/supervisorHarness.js';

const raise = (text: string): never => {
  throw new Error(text);
};

describe('observers of running actors', () => {
  test('[SV16] an observer that throws is reported to onError, and the others are called', async () => {
    const harness = new SupervisorHarness({ namespaces: { n: {} } });
    const heard: string[] = [];
    harness.supervisor.actor.subscribe(() => raise('of the root'));
    const client = harness.connect('a');
    client.conn?.actor.subscribe({ next: () => raise('of next'), complete: () => raise('of complete') });
    client.conn?.actor.subscribe((state) => heard.push(state.status));
    client.socket.receive('M', '$1;n;;_OnNamespaceConnect;0;0;');
    await harness.disconnectAll();
    const calls = new Set(harness.errors.map(({ error }) => String(error)));
    expect(calls).toEqual(new Set(['Error: of the root', 'Error: of next', 'Error: of complete']));
    expect(heard.at(-1)).toBe('done');
    expect(harness.supervisor.total).toBe(0);
  });

  test('[SV16] [SV1] a chart that fails ends its connection, whether or not observers listen to errors', async () => {
    const connection = connectionMachine.provide({ actions: { countCongestion: () => raise('broken chart') } });
    const harness = new SupervisorHarness({ namespaces: { n: {} }, machines: { connection } });
    const client = harness.open('a', 'n');
    const calls: unknown[] = [];
    client.conn?.actor.subscribe(() => {});
    client.conn?.actor.subscribe({ error: (error) => calls.push(error) });
    client.conn?.actor.subscribe({ error: () => raise('of error') });
    client.conn?.actor.subscribe(
      () => {},
      (error) => calls.push(error),
    );
    client.conn?.actor.send({ type: 'CONGESTED' });
    await harness.settle();
    expect(calls.map(String)).toEqual(['Error: broken chart', 'Error: broken chart']);
    expect(harness.errors.map(({ error }) => String(error)).sort()).toEqual(['Error: broken chart', 'Error: of error']);
  });

  test('[SV16] an unsubscribed observer is not called again', async () => {
    const harness = new SupervisorHarness({ namespaces: { n: {} } });
    const calls: unknown[] = [];
    const client = harness.connect('a');
    const subscription = client.conn?.actor.subscribe((state) => calls.push(state));
    subscription?.unsubscribe();
    client.socket.receive('M');
    await harness.settle();
    expect(calls).toEqual([]);
  });

  test('[SV16] an observer and a listener are told of their own actor alone, and of all that it does', async () => {
    const emitting = connectionMachine.provide({
      // The chart of the program may emit anything.
      actions: { countCongestion: emit({ type: 'congested' }) as never },
    });
    const harness = new SupervisorHarness({ namespaces: { n: {} }, machines: { connection: emitting } });
    const [seen, heard, other] = ['seen', 'heard', 'other'].map((id) => harness.open(id, 'n').conn?.actor);
    const calls: string[] = [];
    seen?.subscribe({ next: () => void calls.push('next'), complete: () => void calls.push('complete') });
    heard?.on('*', ({ type }) => void calls.push(type));
    other?.send({ type: 'CONGESTED' });
    await harness.settle();
    expect(calls).toEqual([]);
    seen?.send({ type: 'CONGESTED' });
    heard?.send({ type: 'CONGESTED' });
    await harness.settle();
    expect(calls).toEqual(['next', 'congested']);
    other?.on('congested', ({ type }) => void calls.push(`other ${type}`));
    other?.send({ type: 'DRAINED' });
    other?.send({ type: 'CONGESTED' });
    await harness.settle();
    expect(calls).toEqual(['next', 'congested', 'other congested']);
    await harness.disconnectAll();
    expect(calls).toContain('complete');
  });
});

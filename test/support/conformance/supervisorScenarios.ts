import { expect } from 'vitest';
import { ErrWrite } from '../../../src/index.js';
import { never, open, outcomeOf, type Scenario, scenario } from './scenario.js';

export const supervisorScenarios: readonly Scenario[] = [
  scenario('DR1', 'a closed server registers and visits no connection, and holds none', async (machines) => {
    const { harness } = open(machines, {});
    const client = harness.open('a', 'n');
    const closing = harness.supervisor.drain(1_000);
    const late = harness.connect('b');
    expect(late.socket.isDestroyed).toBe(true);
    expect(
      await outcomeOf(
        harness,
        harness.supervisor.do(() => {}),
      ),
    ).toBe(ErrWrite);
    client.socket.disconnect();
    expect(await outcomeOf(harness, closing)).toBe('done');
    expect(harness.supervisor.actor.getSnapshot().status).toBe('done');
    harness.supervisor.broadcast(null, [{ namespace: 'n', event: 'e' }]);
    expect(harness.supervisor.counters.broadcastsAfterClose).toBe(1);
  }),
  scenario('DO2', 'an arrival during a do is registered right after it', async (machines) => {
    const { harness } = open(machines, {});
    const visited: string[] = [];
    harness.open('a');
    const first = harness.supervisor.do((conn) => void visited.push(`1 ${conn.id}`));
    const second = harness.supervisor.do((conn) => void visited.push(`2 ${conn.id}`));
    harness.connect('b');
    expect(harness.supervisor.total).toBe(1);
    expect(await outcomeOf(harness, first)).toBe('done');
    expect(await outcomeOf(harness, second)).toBe('done');
    expect(harness.supervisor.total).toBe(2);
    expect(visited).toEqual(['1 a', '2 a', '2 b']);
    harness.connect('c');
    expect(harness.supervisor.total).toBe(3);
    const alone = harness.supervisor.do(() => {});
    harness.connect('d');
    expect(await outcomeOf(harness, alone)).toBe('done');
    expect(harness.supervisor.total).toBe(4);
  }),
  scenario('DR1', 'a close during a do rejects it and destroys waiting arrivals', async (machines) => {
    const { harness } = open(machines, {});
    harness.open('a');
    const pendingDo = harness.supervisor.do(never);
    await harness.settle();
    const held = harness.connect('b');
    const closing = harness.supervisor.drain(50);
    expect(held.socket.isDestroyed).toBe(true);
    expect(await outcomeOf(harness, pendingDo)).toBe(ErrWrite);
    harness.clock.advance(60);
    expect(await outcomeOf(harness, closing)).toBe('done');
  }),
  scenario('SV1', 'a connection whose chart fails is closed with 1011', async (machines) => {
    const { harness } = open(machines, {});
    const client = harness.open('a', 'n');
    client.socket.onWrite = () => {
      throw new Error('broken');
    };
    harness.connect('b').socket.onWrite = client.socket.onWrite;
    harness.clients[1]?.socket.receive('M');
    await harness.settle();
    expect(harness.clients[1]?.socket.lines).toEqual(['close 1011 internal error']);
    expect(harness.supervisor.total).toBe(1);
  }),
];

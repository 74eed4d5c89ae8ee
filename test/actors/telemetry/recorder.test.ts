import { describe, expect, test } from 'vitest';
import {
  connectionConfig,
  connectionMachine,
  connectionSetup,
  type DisconnectReason,
  Server,
  type ServerOptions,
} from '../../../src/index.js';
import { checkedMachines, SupervisorHarness } from '../../support/server/supervisorHarness.js';

const open = (recorder = { last: 16, sample: 1 }) => {
  const ends: DisconnectReason[] = [];
  const harness = new SupervisorHarness({
    namespaces: { n: {} },
    recorder,
    onDisconnect: (_, reason) => void ends.push(reason),
    limits: { slowConsumerTimeout: 1_000 },
  });
  return { harness, ends };
};

describe('the recorder', () => {
  test('[IN5] reports the steps that led to an eviction', async () => {
    const { harness, ends } = open();
    const client = harness.open('a', 'n');
    harness.clock.advance(500);
    client.socket.isStalled = true;
    for (let times = 0; times < 3; times++) {
      harness.supervisor.broadcast(null, [{ namespace: 'n', event: 'e', body: 'x'.repeat(40_000) }]);
      await harness.settle();
    }
    harness.clock.advance(1_000);
    await harness.settle();
    expect(ends.map(({ code, text }) => `${code} ${text}`)).toEqual(['1013 slow consumer']);
    expect(ends[0]?.path?.map(({ at, event, from, to }) => `${at} ${event}: ${from} -> ${to}`)).toEqual([
      '0 AGREED: acknowledging.client.unacknowledged + server.undecided -> acknowledging.client.unacknowledged + server.agreed',
      '0 ACK: acknowledging.client.unacknowledged + server.agreed -> open.flow.flowing',
      '500 CONGESTED: open.flow.flowing -> open.flow.congested',
      '1500 xstate.after.slowConsumerTimeout.connection.open.flow.congested: open.flow.congested -> closed',
    ]);
    expect(harness.errors).toEqual([]);
  });

  test('[IN5] reports the text of the event, and nothing for a usual end', async () => {
    const { harness, ends } = open();
    const [healthy, ill] = [harness.open('a', 'n'), harness.open('b', 'n')];
    healthy.conn?.close();
    ill.conn?.close(4_001, 'enough');
    for (const { socket } of [healthy, ill]) socket.disconnect();
    await harness.settle();
    expect(ends.map(({ code, path }) => [code, path?.at(-2)])).toEqual([
      [1_000, undefined],
      [4_001, { at: 0, event: 'CLOSE', from: 'open.flow.flowing', to: 'closing', why: '4001 enough' }],
    ]);
  });

  test('[IN5] a step without a transition is not recorded', async () => {
    const { harness, ends } = open();
    const client = harness.open('a', 'n');
    for (let times = 0; times < 20; times++) client.conn?.actor.send({ type: 'DRAINED' });
    client.conn?.close(4_001, 'enough');
    await harness.settle();
    expect(ends[0]?.path?.map(({ event }) => event)).toEqual(['AGREED', 'ACK', 'CLOSE']);
  });

  test('[IN5] a text that says nothing about an end is not kept', async () => {
    const { open: usual } = connectionConfig.states;
    const login = {
      target: '#connection.closing',
      actions: { type: 'recordReason', params: { code: 4_000, text: '' } },
    };
    const connection = connectionSetup.createMachine({
      ...connectionConfig,
      states: { ...connectionConfig.states, open: { ...usual, on: { ...usual.on, LOGIN: login } } },
    } as never);
    const ends: DisconnectReason[] = [];
    const harness = new SupervisorHarness({
      namespaces: { n: {} },
      recorder: { last: 16, sample: 1 },
      machines: checkedMachines({ connection }),
      onDisconnect: (_, reason) => void ends.push(reason),
    });
    harness.open('a', 'n').conn?.actor.send({ type: 'LOGIN', text: 'hunter2' });
    await harness.settle();
    expect(ends[0]?.path?.at(-1)).toMatchObject({ event: 'LOGIN', to: 'closing', why: '' });
  });

  test('[IN5] of one outside of the sample time counts from the first step that is kept', async () => {
    const { harness, ends } = open({ last: 16, sample: 0.000_001 });
    const client = harness.open('a', 'n');
    client.conn?.actor.send({ type: 'DRAINED' });
    harness.clock.advance(700);
    client.conn?.close(4_001, 'enough');
    await harness.settle();
    expect(ends[0]?.path?.map(({ at, event }) => `${at} ${event}`)).toEqual(['0 CLOSE']);
  });

  test('[IN5] an earlier report does not change', async () => {
    const { harness, ends } = open();
    const client = harness.open('a', 'n');
    client.conn?.close(4_001, 'enough');
    await harness.settle();
    const { path = [] } = ends[0] ?? {};
    const told = path.length;
    client.socket.disconnect();
    await harness.settle();
    expect([told > 0, path.length]).toEqual([true, told]);
  });

  test('[IN5] keeps the last steps of a sample, and unusual steps of all others', async () => {
    const { harness, ends } = open({ last: 2, sample: 1 });
    harness.open('a', 'n').socket.disconnect(1_006);
    await harness.settle();
    expect(ends[0]?.path?.map(({ to }) => to)).toEqual(['open.flow.flowing', 'closed']);
    const few = open({ last: 16, sample: 0.000_001 });
    const [slow, gone] = [few.harness.open('slow', 'n'), few.harness.open('gone', 'n')];
    few.harness.connect('silent');
    few.harness.clock.advance(5_000);
    gone.socket.disconnect(1_006);
    slow.socket.stall();
    few.harness.supervisor.broadcast(null, [{ namespace: 'n', event: 'e', body: 'x'.repeat(80_000) }]);
    await few.harness.settle();
    few.harness.clock.advance(1_000);
    await few.harness.settle();
    const ways = few.ends.map(({ code, path }) => `${code}: ${path?.map(({ from, to }) => `${from} > ${to}`).join()}`);
    expect(ways).toEqual([
      '1008: acknowledging.client.unacknowledged + server.agreed > closing',
      '1006: open.flow.flowing > closed',
      '1013: open.flow.flowing > open.flow.congested,open.flow.congested > closed',
    ]);
    expect(
      few.harness.supervisor.introspection.abnormalCloses?.map(({ nth, id, path }) => [nth, id, path.at(-1)?.to]),
    ).toEqual([
      [2, 'slow', 'closed'],
      [1, 'gone', 'closed'],
      [0, 'silent', 'closing'],
    ]);
  });

  test('[IN5] [SV1] reports a chart that has failed', async () => {
    const ends: DisconnectReason[] = [];
    const countCongestion = (): never => {
      throw new Error('a bad chart');
    };
    const harness = new SupervisorHarness({
      namespaces: { n: {} },
      recorder: { last: 16, sample: 1 },
      machines: { connection: connectionMachine.provide({ actions: { countCongestion } }) },
      onDisconnect: (_, reason) => void ends.push(reason),
    });
    const client = harness.open('a', 'n');
    client.socket.isStalled = true;
    harness.supervisor.broadcast(null, [{ namespace: 'n', event: 'e', body: 'x'.repeat(80_000) }]);
    await harness.settle();
    const last = { at: 0, event: 'CONGESTED', from: 'open.flow.flowing', to: 'failed', why: '' };
    expect([ends[0]?.code, ends[0]?.path?.at(-1)]).toEqual([1_011, last]);
  });

  test.each<[string, unknown]>([
    ['no setting', 7],
    ['another name', { keep: 1 }],
    ['no steps', { last: 0 }],
    ['nobody', { sample: 0 }],
    ['more than everybody', { sample: 2 }],
  ])('[LM2] [IN5] %s is refused', (_, recorder) => {
    // A program without types may give anything.
    expect(() => new Server({ namespaces: { n: {} }, recorder } as ServerOptions)).toThrow(/recorder|"keep"/);
  });
});

import { expect } from 'vitest';
import { ErrBadNamespace, ErrWrite, namespaceMachine } from '../../../src/index.js';
import {
  agree,
  ask,
  connOf,
  framesOf,
  namespaceHandlers,
  never,
  nsOf,
  open,
  outcomeOf,
  refuse,
  roomHandlers,
  type Scenario,
  scenario,
} from './scenario.js';

export const leaveScenarios: readonly Scenario[] = [
  ...(['client', 'server'] as const).map((asker) =>
    scenario('NS3', `leaving a namespace leaves its rooms, asked by the ${asker}`, async (machines) => {
      for (const refuses of [false, true]) {
        const leave = refuses ? refuse : () => {};
        const { harness, calls } = open(machines, { ...namespaceHandlers, ...roomHandlers, _OnRoomLeave: leave });
        const client = harness.open('a', 'n', ['r', 's']);
        calls.length = 0;
        const call = asker === 'server' ? nsOf(client).disconnect() : undefined;
        if (call) agree(client);
        else client.socket.receive(ask('_OnNamespaceDisconnect'));
        const local = call ? ' L' : '';
        const rooms = [`_OnRoomLeave F${local}`, `_OnRoomLeft F${local}`];
        const left = [...rooms, ...rooms];
        expect(calls).toEqual(call ? [...left, '_OnNamespaceDisconnect L'] : ['_OnNamespaceDisconnect', ...left]);
        expect(harness.supervisor.roomNames('n')).toEqual([]);
        expect(harness.errors.length).toBe(refuses ? 2 : 0);
        if (call) expect(await outcomeOf(harness, call)).toBe('done');
        else expect(framesOf(client)).toEqual(['$1;;;;;;']);
      }
    }),
  ),
  scenario('NS7', 'a forced leave happens once, whatever ends meanwhile', async (machines) => {
    const { harness, calls } = open(machines, { ...namespaceHandlers, ...roomHandlers, _OnRoomLeave: never });
    const client = harness.open('a', 'n', ['r']);
    calls.length = 0;
    client.socket.receive(ask('_OnNamespaceDisconnect'));
    const closing = harness.supervisor.drain(50);
    harness.clock.advance(60);
    expect(await outcomeOf(harness, closing)).toBe('done');
    expect(calls).toEqual([
      '_OnNamespaceDisconnect',
      '_OnRoomLeave F',
      '_OnRoomLeft F L',
      '_OnNamespaceDisconnect F L',
    ]);
  }),
  scenario('NS3', 'a pending call of a room ends with the namespace', async (machines) => {
    const { harness, calls } = open(machines, roomHandlers);
    const client = harness.open('a', 'n', ['in']);
    const leaving = nsOf(client).room('in')?.leave() ?? never();
    const joining = nsOf(client).joinRoom('out');
    calls.length = 0;
    client.socket.receive(ask('_OnNamespaceDisconnect'));
    expect(await outcomeOf(harness, leaving)).toBe(ErrWrite);
    expect(await outcomeOf(harness, joining)).toBe(ErrWrite);
    expect(calls).toEqual(['_OnRoomLeave F', '_OnRoomLeft F']);
  }),
];

export const guardScenarios: readonly Scenario[] = [
  scenario('SV19', 'a guard of the chart refuses both sides a namespace, and calls no handler', async (machines) => {
    const namespace = (machines.namespace ?? namespaceMachine).provide({ guards: { mayConnect: () => false } });
    const { harness, calls } = open({ ...machines, namespace }, namespaceHandlers);
    const client = harness.open('a');
    client.socket.sent.length = 0;
    client.socket.receive(ask('_OnNamespaceConnect'));
    expect(framesOf(client)).toEqual([expect.stringMatching(/^\$1;n;;_OnNamespaceConnect;1;0;/)]);
    expect(await outcomeOf(harness, connOf(client).connect('n'))).toBe(ErrBadNamespace);
    expect(framesOf(client)).toHaveLength(1);
    expect(connOf(client).namespace('n')).toBeUndefined();
    expect(calls).toEqual([]);
  }),
];

export const vetoScenarios: readonly Scenario[] = [
  scenario('RM4', 'a veto handler keeps the client in a room', async (machines) => {
    const { harness } = open(machines, { ...roomHandlers, _OnRoomLeave: refuse });
    const client = harness.open('a', 'n', ['r']);
    const call = nsOf(client).room('r')?.leave() ?? never();
    agree(client);
    expect(await outcomeOf(harness, call)).toMatchObject({ message: 'no' });
    expect(nsOf(client).room('r')?.emit('still here')).toBe(true);
  }),
];

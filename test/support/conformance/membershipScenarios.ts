import { expect } from 'vitest';
import { ErrBadNamespace, ErrBadRoom, ErrWrite } from '../../../src/index.js';
import type { FakeClient, SupervisorHarness } from '../server/supervisorHarness.js';
import {
  agree,
  ask,
  connOf,
  decline,
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

/** Asks of the client to enter and leave a namespace or a room. */
export const clientAsks = (rule: string, what: 'namespace' | 'room'): readonly Scenario[] => {
  const room = what === 'room' ? 'r' : '';
  const into = what === 'room' ? '_OnRoomJoin' : '_OnNamespaceConnect';
  const out = what === 'room' ? '_OnRoomLeave' : '_OnNamespaceDisconnect';
  const handlers = { ...namespaceHandlers, ...roomHandlers };
  const openMember = (harness: SupervisorHarness): FakeClient => harness.open('a', 'n', room ? [room] : []);
  const isIn = (client: FakeClient): boolean =>
    (room ? nsOf(client).room(room) : connOf(client).namespace('n')) !== undefined;
  return [
    scenario(rule, `the client enters a ${what}, and is answered if it is in already`, async (machines) => {
      const { harness, calls } = open(machines, handlers);
      const client = harness.open('a', room ? 'n' : undefined);
      calls.length = 0;
      client.socket.sent.length = 0;
      client.socket.receive(ask(into, room), ask(into, room));
      expect(framesOf(client)).toEqual(['$1;;;;;;', '$1;;;;;;']);
      expect(calls).toEqual(room ? ['_OnRoomJoin', '_OnRoomJoined'] : ['_OnNamespaceConnect', '_OnNamespaceConnected']);
      expect(isIn(client)).toBe(true);
    }),
    scenario(rule, `a veto handler refuses the client a ${what}`, async (machines) => {
      const { harness } = open(machines, { ...handlers, [into]: refuse });
      const client = harness.open('a');
      const isRoom = room !== '';
      if (isRoom) client.socket.receive(`$0;n;;_OnNamespaceConnect;0;0;`);
      client.socket.sent.length = 0;
      client.socket.receive(ask(into, room));
      expect(framesOf(client)).toEqual([`$1;n;${room};${into};1;0;no`]);
    }),
    scenario(rule, `the client leaves a ${what}, and is answered if it is out already`, async (machines) => {
      const { harness, calls } = open(machines, handlers);
      const client = openMember(harness);
      calls.length = 0;
      client.socket.receive(ask(out, room), ask(out, room));
      expect(framesOf(client)).toEqual(['$1;;;;;;', '$1;;;;;;']);
      expect(calls).toEqual(room ? ['_OnRoomLeave', '_OnRoomLeft'] : ['_OnNamespaceDisconnect']);
    }),
    scenario(rule, `a veto handler keeps the client in a ${what}`, async (machines) => {
      const { harness } = open(machines, { ...handlers, [out]: refuse });
      const client = openMember(harness);
      client.socket.receive(ask(out, room));
      expect(framesOf(client)).toEqual([`$1;n;${room};${out};1;0;no`]);
      expect(isIn(client)).toBe(true);
    }),
    scenario('NS7', `the end of a connection ends its ${what}, while a veto handler runs too`, async (machines) => {
      const forced = room ? ['_OnRoomLeave F L', '_OnRoomLeft F L'] : ['_OnNamespaceDisconnect F L'];
      const plain = open(machines, handlers);
      const lost = openMember(plain.harness);
      plain.calls.length = 0;
      lost.socket.disconnect();
      await plain.harness.settle();
      expect(plain.calls).toEqual(room ? [...forced, '_OnNamespaceDisconnect F L'] : forced);

      const hanging = open(machines, { ...handlers, [out]: never });
      const client = openMember(hanging.harness);
      hanging.calls.length = 0;
      client.socket.receive(ask(out, room));
      const closing = hanging.harness.supervisor.drain(50);
      hanging.harness.clock.advance(60);
      expect(await outcomeOf(hanging.harness, closing)).toBe('done');
      expect(hanging.calls.slice(0, 2)).toEqual([out, forced[0]]);
    }),
  ];
};

/** Calls of the server to enter and leave a namespace or a room. */
export const serverCalls = (rule: string, what: 'namespace' | 'room'): readonly Scenario[] => {
  const room = what === 'room' ? 'r' : '';
  const into = what === 'room' ? '_OnRoomJoin' : '_OnNamespaceConnect';
  const handlers = { ...namespaceHandlers, ...roomHandlers };
  const enter = (client: FakeClient): Promise<unknown> =>
    room ? nsOf(client).joinRoom(room) : connOf(client).connect('n');
  const leave = (client: FakeClient): Promise<unknown> => {
    const ns = nsOf(client);
    const joined = ns.room(room);
    if (!room) return ns.disconnect();
    return joined ? joined.leave() : Promise.reject(new Error('not in the room'));
  };
  const start = (harness: SupervisorHarness): FakeClient => harness.open('a', room ? 'n' : undefined);
  const openMember = (harness: SupervisorHarness): FakeClient => harness.open('a', 'n', room ? [room] : []);
  return [
    scenario(rule, `the server enters its client into a ${what}, or finds it there`, async (machines) => {
      const { harness, calls } = open(machines, handlers);
      const client = start(harness);
      calls.length = 0;
      const first = enter(client);
      agree(client);
      expect(await outcomeOf(harness, first)).toMatchObject(room ? { name: 'r' } : { namespace: 'n' });
      expect(calls).toEqual(
        room ? ['_OnRoomJoin L', '_OnRoomJoined L'] : ['_OnNamespaceConnect L', '_OnNamespaceConnected L'],
      );
      expect(await outcomeOf(harness, enter(client))).toBe(await first);
    }),
    scenario(rule, `the client refuses to enter a ${what}`, async (machines) => {
      const { harness } = open(machines, handlers);
      const client = start(harness);
      const call = enter(client);
      decline(client);
      expect(await outcomeOf(harness, call)).toMatchObject({ message: 'nope' });
    }),
    scenario(rule, `a veto handler refuses the server's call to enter a ${what}`, async (machines) => {
      const { harness } = open(machines, { ...handlers, [into]: refuse });
      const client = start(harness);
      const call = enter(client);
      if (room) agree(client);
      expect(await outcomeOf(harness, call)).toMatchObject({ message: 'no' });
      if (room) expect(framesOf(client).at(-1)).toMatch(/;n;r;_OnRoomLeave;0;0;$/);
    }),
    scenario(rule, `the server removes its client from a ${what}`, async (machines) => {
      const { harness, calls } = open(machines, handlers);
      const client = openMember(harness);
      calls.length = 0;
      const call = leave(client);
      agree(client);
      expect(await outcomeOf(harness, call)).toBe('done');
      expect(calls).toEqual(room ? ['_OnRoomLeave', '_OnRoomLeft'] : ['_OnNamespaceDisconnect L']);
    }),
    scenario(rule, `the client refuses to leave a ${what}`, async (machines) => {
      const { harness } = open(machines, handlers);
      const client = openMember(harness);
      const call = leave(client);
      decline(client);
      expect(await outcomeOf(harness, call)).toMatchObject({ message: 'nope' });
      expect(connOf(client).namespace('n')?.emit('still here')).toBe(true);
    }),
    scenario(rule, `a call to leave rejects without a ${what}`, async (machines) => {
      const { harness } = open(machines, handlers);
      const client = harness.open('a', 'n', ['r']);
      const ns = nsOf(client);
      const joined = ns.room('r');
      client.socket.receive(ask('_OnRoomLeave', 'r'));
      if (room) expect(await outcomeOf(harness, joined?.leave() ?? never())).toBe(ErrBadRoom);
      client.socket.receive(ask('_OnNamespaceDisconnect'));
      if (!room) expect(await outcomeOf(harness, ns.disconnect())).toBe(ErrBadNamespace);
    }),
    scenario(
      'SV3',
      `a call rejects if the connection ends while a veto handler of a ${what} runs`,
      async (machines) => {
        const { harness } = open(machines, { ...handlers, [into]: never });
        const client = start(harness);
        const call = enter(client);
        if (room) agree(client);
        const closing = harness.supervisor.drain(50);
        harness.clock.advance(60);
        expect(await outcomeOf(harness, closing)).toBe('done');
        expect(await outcomeOf(harness, call)).toBe(ErrWrite);
      },
    ),
  ];
};

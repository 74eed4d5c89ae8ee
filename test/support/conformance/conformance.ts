import { expect } from 'vitest';
import type { Machines } from '../../../src/actors/context.js';
import { ErrBadNamespace, ErrBadRoom, ErrWrite, namespaceMachine } from '../../../src/index.js';
import { type FakeClient, type HarnessOptions, SupervisorHarness, settled } from '../server/supervisorHarness.js';

/** A small part of what SPEC.md asks for, played on fake sockets to whatever charts it is given. */
export interface Scenario {
  readonly rule: string;
  readonly name: string;
  run(machines: Partial<Machines>): Promise<void>;
}

type Told = string[];

/** How a promise stands once everything that can happen has. */
const standing = async (harness: SupervisorHarness, promise: Promise<unknown>): Promise<unknown> => {
  let state: unknown = 'pending';
  promise.then(
    (value) => {
      state = value === undefined ? 'done' : value;
    },
    (error: unknown) => {
      state = error;
    },
  );
  await harness.settle();
  await settled();
  return state;
};

const never = (): Promise<void> => new Promise(() => {});
const refuse = (): never => {
  throw new Error('no');
};

/** A house with the namespace `n`; `handlers` are its lifecycle events and others. */
const open = (
  machines: Partial<Machines>,
  handlers: Readonly<Record<string, () => unknown>>,
  more: HarnessOptions = {},
) => {
  const told: Told = [];
  const events = Object.fromEntries(
    Object.entries(handlers).map(([event, run]) => [
      event,
      (_: unknown, message: { isForced: boolean; isLocal: boolean }) => {
        told.push(`${event}${message.isForced ? ' F' : ''}${message.isLocal ? ' L' : ''}`);
        return run() as undefined;
      },
    ]),
  );
  const harness = new SupervisorHarness({ namespaces: { n: events, other: {} }, machines, ...more });
  return { harness, told };
};

const heard = (client: FakeClient): string[] => client.socket.lines.map((line) => line.replace(/^[tb] /, ''));
const lastToken = (client: FakeClient): string => client.socket.tokens.at(-1) ?? 'no token';
const agree = (client: FakeClient): void => client.socket.receive(`${lastToken(client)};;;;;;`);
const decline = (client: FakeClient): void => client.socket.receive(`${lastToken(client)};n;;x;1;0;nope`);
const ask = (event: string, room = ''): string => `$1;n;${room};${event};0;0;`;
const connOf = (client: FakeClient) => {
  if (!client.conn) throw new Error('never asked onConnect');
  return client.conn;
};
const nsOf = (client: FakeClient) => {
  const ns = connOf(client).namespace('n');
  if (!ns) throw new Error('not connected');
  return ns;
};

const scenario = (rule: string, name: string, run: Scenario['run']): Scenario => ({ rule, name, run });

const quiet = { _OnNamespaceConnect: () => {}, _OnNamespaceConnected: () => {}, _OnNamespaceDisconnect: () => {} };
const roomy = { _OnRoomJoin: () => {}, _OnRoomJoined: () => {}, _OnRoomLeave: () => {}, _OnRoomLeft: () => {} };

const supervisorScenarios: readonly Scenario[] = [
  scenario('DR1', 'a closed server lets nobody in, visits nobody, and forgets everybody', async (machines) => {
    const { harness } = open(machines, {});
    const client = harness.open('a', 'n');
    const closing = harness.supervisor.drain(1_000);
    const late = harness.connect('b');
    expect(late.socket.isDestroyed).toBe(true);
    expect(
      await standing(
        harness,
        harness.supervisor.do(() => {}),
      ),
    ).toBe(ErrWrite);
    client.socket.disconnect();
    expect(await standing(harness, closing)).toBe('done');
    expect(harness.supervisor.actor.getSnapshot().status).toBe('done');
    harness.supervisor.broadcast(null, [{ namespace: 'n', event: 'e' }]);
    expect(harness.supervisor.counters.broadcastsAfterClose).toBe(1);
  }),
  scenario('DO2', 'who arrives during a do waits, and is let in right after', async (machines) => {
    const { harness } = open(machines, {});
    const visited: string[] = [];
    harness.open('a');
    const first = harness.supervisor.do((conn) => void visited.push(`1 ${conn.id}`));
    const second = harness.supervisor.do((conn) => void visited.push(`2 ${conn.id}`));
    harness.connect('b');
    expect(harness.supervisor.total).toBe(1);
    expect(await standing(harness, first)).toBe('done');
    expect(await standing(harness, second)).toBe('done');
    expect(harness.supervisor.total).toBe(2);
    expect(visited).toEqual(['1 a', '2 a', '2 b']);
    harness.connect('c');
    expect(harness.supervisor.total).toBe(3);
    const alone = harness.supervisor.do(() => {});
    harness.connect('d');
    expect(await standing(harness, alone)).toBe('done');
    expect(harness.supervisor.total).toBe(4);
  }),
  scenario('DR1', 'closing during a do ends it, and turns away who waits', async (machines) => {
    const { harness } = open(machines, {});
    harness.open('a');
    const walk = harness.supervisor.do(never);
    await harness.settle();
    const held = harness.connect('b');
    const closing = harness.supervisor.drain(50);
    expect(held.socket.isDestroyed).toBe(true);
    expect(await standing(harness, walk)).toBe(ErrWrite);
    harness.clock.advance(60);
    expect(await standing(harness, closing)).toBe('done');
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

const handshakeScenarios: readonly Scenario[] = [
  scenario('HS4', 'what comes early waits for A', async (machines) => {
    const { harness } = open(machines, {}, { onConnect: () => settled() });
    const client = harness.connect('a');
    client.socket.receive(ask('_OnNamespaceConnect'), 'M', 'M');
    expect(client.socket.lines).toEqual([]);
    await harness.settle();
    expect(heard(client)).toEqual(['Aa', '$1;;;;;;']);
    expect(harness.supervisor.counters.invalidFrames).toBe(1);
  }),
  scenario('HS5', 'too many early frames close', async (machines) => {
    for (const frame of ['x', 'M']) {
      const { harness } = open(machines, {}, { onConnect: never });
      const client = harness.connect('a');
      for (let sent = 0; sent < 18; sent++) client.socket.receive(frame);
      expect(client.socket.lines).toEqual(['close 1008 too many frames before the acknowledgement']);
    }
  }),
  scenario('HS6', 'no M closes', async (machines) => {
    const { harness } = open(machines, {});
    const client = harness.connect('a');
    harness.clock.advance(5_001);
    expect(client.socket.lines).toEqual(['close 1008 not acknowledged in time']);
  }),
  scenario('HS8', 'no decision refuses', async (machines) => {
    const { harness } = open(machines, {}, { onConnect: never });
    const client = harness.connect('a');
    client.socket.receive('M');
    harness.clock.advance(5_001);
    expect(heard(client)).toEqual(['Hnot accepted in time', 'close 1008 not accepted in time']);
  }),
  scenario('HS7', 'a refusal is told at once', async (machines) => {
    const { harness } = open(machines, {}, { onConnect: refuse });
    const client = harness.connect('a');
    expect(heard(client)).toEqual(['Hno', 'close 1008 no']);
  }),
  scenario('HS9', 'a throw after the agreement closes without H, before and after M', async (machines) => {
    const onConnect: HarnessOptions['onConnect'] = async (conn) => {
      conn.connect('n').catch(() => {});
      await settled();
      throw new Error('changed my mind');
    };
    const before = open(machines, {}, { onConnect }).harness;
    const late = before.connect('a');
    await before.settle();
    expect(heard(late)).toEqual(['close 1008 changed my mind']);
    const after = open(machines, {}, { onConnect }).harness;
    const prompt = after.connect('a');
    prompt.socket.receive('M');
    expect(heard(prompt)[0]).toBe('Aa');
    await after.settle();
    expect(heard(prompt).at(-1)).toBe('close 1008 changed my mind');
  }),
  scenario('HS10', 'native only needs no M', async (machines) => {
    const messages: unknown[] = [];
    const harness = new SupervisorHarness({
      events: { _OnNativeMessage: (_, { body }) => void messages.push(body) },
      machines,
    });
    harness.connect('a').socket.receive('hello');
    await harness.settle();
    expect(messages).toEqual(['hello']);
  }),
];

const connectionScenarios: readonly Scenario[] = [
  scenario('SV5', 'close says goodbye, before it is open too', async (machines) => {
    const { harness } = open(machines, {});
    const early = harness.connect('a');
    connOf(early).close(3_000, 'early');
    expect(early.socket.lines).toEqual(['close 3000 early']);
    const client = harness.open('b', 'n');
    connOf(client).close(3_001, 'bye');
    expect(connOf(client).isClosed).toBe(true);
    expect(heard(client)).toEqual(['close 3001 bye']);
    harness.clock.advance(5_001);
    expect(client.socket.isDestroyed).toBe(true);
  }),
  scenario('SV3', 'a lost socket ends everything', async (machines) => {
    const { harness } = open(machines, {});
    const client = harness.open('a', 'n', ['r']);
    client.socket.disconnect();
    await harness.settle();
    expect(harness.supervisor.total).toBe(0);
    expect(harness.supervisor.roomNames('n')).toEqual([]);
  }),
  scenario('BP1', 'a full socket gets no more until it drains', async (machines) => {
    const { harness } = open(machines, {}, { limits: { highWaterMark: 10 } });
    const client = harness.open('a', 'n');
    client.socket.stall();
    nsOf(client).emit('one');
    nsOf(client).emit('two');
    expect(heard(client)).toEqual([';n;;one;0;0;']);
    client.socket.drain();
    nsOf(client).emit('three');
    expect(heard(client)).toEqual([';n;;one;0;0;', ';n;;two;0;0;', ';n;;three;0;0;']);
  }),
  scenario('BP2', 'who cannot keep up is let go: too much', async (machines) => {
    const { harness } = open(machines, {}, { limits: { highWaterMark: 10, slowConsumerMessages: 2 } });
    const client = harness.open('a', 'n');
    client.socket.stall();
    for (const event of ['1', '2', '3', '4']) nsOf(client).emit(event);
    expect(client.socket.isDestroyed).toBe(false);
    await harness.settle();
    expect(client.socket.isDestroyed).toBe(true);
    expect(harness.supervisor.counters.evictions).toBe(1);
  }),
  scenario('BP2', 'who cannot keep up is let go: too long', async (machines) => {
    const { harness } = open(machines, {}, { limits: { highWaterMark: 10 } });
    const client = harness.open('a', 'n');
    client.socket.stall();
    nsOf(client).emit('one');
    harness.clock.advance(10_001);
    expect(client.socket.isDestroyed).toBe(true);
    expect(harness.supervisor.counters.evictions).toBe(1);
  }),
];

/** The peer asks in and out, of a namespace or a room. */
const asked = (rule: string, what: 'namespace' | 'room'): readonly Scenario[] => {
  const room = what === 'room' ? 'r' : '';
  const into = what === 'room' ? '_OnRoomJoin' : '_OnNamespaceConnect';
  const out = what === 'room' ? '_OnRoomLeave' : '_OnNamespaceDisconnect';
  const handlers = { ...quiet, ...roomy };
  const openInside = (harness: SupervisorHarness): FakeClient => harness.open('a', 'n', room ? [room] : []);
  const isIn = (client: FakeClient): boolean =>
    (room ? nsOf(client).room(room) : connOf(client).namespace('n')) !== undefined;
  return [
    scenario(rule, `the peer gets into a ${what}, and is answered when it is in already`, async (machines) => {
      const { harness, told } = open(machines, handlers);
      const client = harness.open('a', room ? 'n' : undefined);
      told.length = 0;
      client.socket.sent.length = 0;
      client.socket.receive(ask(into, room), ask(into, room));
      expect(heard(client)).toEqual(['$1;;;;;;', '$1;;;;;;']);
      expect(told).toEqual(room ? ['_OnRoomJoin', '_OnRoomJoined'] : ['_OnNamespaceConnect', '_OnNamespaceConnected']);
      expect(isIn(client)).toBe(true);
    }),
    scenario(rule, `the peer is refused a ${what}`, async (machines) => {
      const { harness } = open(machines, { ...handlers, [into]: refuse });
      const client = harness.open('a');
      const isRoom = room !== '';
      if (isRoom) client.socket.receive(`$0;n;;_OnNamespaceConnect;0;0;`);
      client.socket.sent.length = 0;
      client.socket.receive(ask(into, room));
      expect(heard(client)).toEqual([`$1;n;${room};${into};1;0;no`]);
    }),
    scenario(rule, `the peer gets out of a ${what}, and is answered when it is out already`, async (machines) => {
      const { harness, told } = open(machines, handlers);
      const client = openInside(harness);
      told.length = 0;
      client.socket.receive(ask(out, room), ask(out, room));
      expect(heard(client)).toEqual(['$1;;;;;;', '$1;;;;;;']);
      expect(told).toEqual(room ? ['_OnRoomLeave', '_OnRoomLeft'] : ['_OnNamespaceDisconnect']);
    }),
    scenario(rule, `the peer is not let out of a ${what}`, async (machines) => {
      const { harness } = open(machines, { ...handlers, [out]: refuse });
      const client = openInside(harness);
      client.socket.receive(ask(out, room));
      expect(heard(client)).toEqual([`$1;n;${room};${out};1;0;no`]);
      expect(isIn(client)).toBe(true);
    }),
    scenario('NS7', `the end of a connection ends a ${what}, also while a handler decides`, async (machines) => {
      const forced = room ? ['_OnRoomLeave F L', '_OnRoomLeft F L'] : ['_OnNamespaceDisconnect F L'];
      const plain = open(machines, handlers);
      const lost = openInside(plain.harness);
      plain.told.length = 0;
      lost.socket.disconnect();
      await plain.harness.settle();
      expect(plain.told).toEqual(room ? [...forced, '_OnNamespaceDisconnect F L'] : forced);

      const hanging = open(machines, { ...handlers, [out]: never });
      const client = openInside(hanging.harness);
      hanging.told.length = 0;
      client.socket.receive(ask(out, room));
      const closing = hanging.harness.supervisor.drain(50);
      hanging.harness.clock.advance(60);
      expect(await standing(hanging.harness, closing)).toBe('done');
      expect(hanging.told.slice(0, 2)).toEqual([out, forced[0]]);
    }),
  ];
};

/** This side asks the peer in and out. */
const called = (rule: string, what: 'namespace' | 'room'): readonly Scenario[] => {
  const room = what === 'room' ? 'r' : '';
  const into = what === 'room' ? '_OnRoomJoin' : '_OnNamespaceConnect';
  const handlers = { ...quiet, ...roomy };
  const enter = (client: FakeClient): Promise<unknown> =>
    room ? nsOf(client).joinRoom(room) : connOf(client).connect('n');
  const leave = (client: FakeClient): Promise<unknown> => {
    const ns = nsOf(client);
    const joined = ns.room(room);
    if (!room) return ns.disconnect();
    return joined ? joined.leave() : Promise.reject(new Error('not in the room'));
  };
  const start = (harness: SupervisorHarness): FakeClient => harness.open('a', room ? 'n' : undefined);
  const openInside = (harness: SupervisorHarness): FakeClient => harness.open('a', 'n', room ? [room] : []);
  return [
    scenario(rule, `this side gets the peer into a ${what}, or finds it there`, async (machines) => {
      const { harness, told } = open(machines, handlers);
      const client = start(harness);
      told.length = 0;
      const first = enter(client);
      agree(client);
      expect(await standing(harness, first)).toMatchObject(room ? { name: 'r' } : { namespace: 'n' });
      expect(told).toEqual(
        room ? ['_OnRoomJoin L', '_OnRoomJoined L'] : ['_OnNamespaceConnect L', '_OnNamespaceConnected L'],
      );
      expect(await standing(harness, enter(client))).toBe(await first);
    }),
    scenario(rule, `the peer declines a ${what}`, async (machines) => {
      const { harness } = open(machines, handlers);
      const client = start(harness);
      const call = enter(client);
      decline(client);
      expect(await standing(harness, call)).toMatchObject({ message: 'nope' });
    }),
    scenario(rule, `our own handler refuses a ${what}`, async (machines) => {
      const { harness } = open(machines, { ...handlers, [into]: refuse });
      const client = start(harness);
      const call = enter(client);
      if (room) agree(client);
      expect(await standing(harness, call)).toMatchObject({ message: 'no' });
      if (room) expect(heard(client).at(-1)).toMatch(/;n;r;_OnRoomLeave;0;0;$/);
    }),
    scenario(rule, `this side gets the peer out of a ${what}`, async (machines) => {
      const { harness, told } = open(machines, handlers);
      const client = openInside(harness);
      told.length = 0;
      const call = leave(client);
      agree(client);
      expect(await standing(harness, call)).toBe('done');
      expect(told).toEqual(room ? ['_OnRoomLeave', '_OnRoomLeft'] : ['_OnNamespaceDisconnect L']);
    }),
    scenario(rule, `the peer declines to leave a ${what}`, async (machines) => {
      const { harness } = open(machines, handlers);
      const client = openInside(harness);
      const call = leave(client);
      decline(client);
      expect(await standing(harness, call)).toMatchObject({ message: 'nope' });
      expect(connOf(client).namespace('n')?.emit('still here')).toBe(true);
    }),
    scenario(rule, `what is not there cannot be left: ${what}`, async (machines) => {
      const { harness } = open(machines, handlers);
      const client = harness.open('a', 'n', ['r']);
      const ns = nsOf(client);
      const joined = ns.room('r');
      client.socket.receive(ask('_OnRoomLeave', 'r'));
      if (room) expect(await standing(harness, joined?.leave() ?? never())).toBe(ErrBadRoom);
      client.socket.receive(ask('_OnNamespaceDisconnect'));
      if (!room) expect(await standing(harness, ns.disconnect())).toBe(ErrBadNamespace);
    }),
    scenario('SV3', `a call that is cut short while our handler decides on a ${what} rejects`, async (machines) => {
      const { harness } = open(machines, { ...handlers, [into]: never });
      const client = start(harness);
      const call = enter(client);
      if (room) agree(client);
      const closing = harness.supervisor.drain(50);
      harness.clock.advance(60);
      expect(await standing(harness, closing)).toBe('done');
      expect(await standing(harness, call)).toBe(ErrWrite);
    }),
  ];
};

const expelled: readonly Scenario[] = [
  ...(['peer', 'server'] as const).map((who) =>
    scenario('NS3', `whoever leaves a namespace leaves its rooms, asked by the ${who}`, async (machines) => {
      for (const refuses of [false, true]) {
        const leave = refuses ? refuse : () => {};
        const { harness, told } = open(machines, { ...quiet, ...roomy, _OnRoomLeave: leave });
        const client = harness.open('a', 'n', ['r', 's']);
        told.length = 0;
        const call = who === 'server' ? nsOf(client).disconnect() : undefined;
        if (call) agree(client);
        else client.socket.receive(ask('_OnNamespaceDisconnect'));
        const local = call ? ' L' : '';
        const rooms = [`_OnRoomLeave F${local}`, `_OnRoomLeft F${local}`];
        const left = [...rooms, ...rooms];
        expect(told).toEqual(call ? [...left, '_OnNamespaceDisconnect L'] : ['_OnNamespaceDisconnect', ...left]);
        expect(harness.supervisor.roomNames('n')).toEqual([]);
        expect(harness.errors.length).toBe(refuses ? 2 : 0);
        if (call) expect(await standing(harness, call)).toBe('done');
        else expect(heard(client)).toEqual(['$1;;;;;;']);
      }
    }),
  ),
  scenario('NS7', 'a room that is left by force is left once, whatever ends meanwhile', async (machines) => {
    const { harness, told } = open(machines, { ...quiet, ...roomy, _OnRoomLeave: never });
    const client = harness.open('a', 'n', ['r']);
    told.length = 0;
    client.socket.receive(ask('_OnNamespaceDisconnect'));
    const closing = harness.supervisor.drain(50);
    harness.clock.advance(60);
    expect(await standing(harness, closing)).toBe('done');
    expect(told).toEqual(['_OnNamespaceDisconnect', '_OnRoomLeave F', '_OnRoomLeft F L', '_OnNamespaceDisconnect F L']);
  }),
  scenario('NS3', 'a call under way in a room ends with the namespace', async (machines) => {
    const { harness, told } = open(machines, roomy);
    const client = harness.open('a', 'n', ['in']);
    const leaving = nsOf(client).room('in')?.leave() ?? never();
    const joining = nsOf(client).joinRoom('out');
    told.length = 0;
    client.socket.receive(ask('_OnNamespaceDisconnect'));
    expect(await standing(harness, leaving)).toBe(ErrWrite);
    expect(await standing(harness, joining)).toBe(ErrWrite);
    expect(told).toEqual(['_OnRoomLeave F', '_OnRoomLeft F']);
  }),
];

const guarded: readonly Scenario[] = [
  scenario(
    'SV19',
    'a guard of the chart keeps both sides out of a namespace, and asks no handler',
    async (machines) => {
      const namespace = (machines.namespace ?? namespaceMachine).provide({ guards: { mayConnect: () => false } });
      const { harness, told } = open({ ...machines, namespace }, quiet);
      const client = harness.open('a');
      client.socket.sent.length = 0;
      client.socket.receive(ask('_OnNamespaceConnect'));
      expect(heard(client)).toEqual([expect.stringMatching(/^\$1;n;;_OnNamespaceConnect;1;0;/)]);
      expect(await standing(harness, connOf(client).connect('n'))).toBe(ErrBadNamespace);
      expect(heard(client)).toHaveLength(1);
      expect(connOf(client).namespace('n')).toBeUndefined();
      expect(told).toEqual([]);
    },
  ),
];

const ownVeto: readonly Scenario[] = [
  scenario('RM4', 'our own handler keeps the peer in a room', async (machines) => {
    const { harness } = open(machines, { ...roomy, _OnRoomLeave: refuse });
    const client = harness.open('a', 'n', ['r']);
    const call = nsOf(client).room('r')?.leave() ?? never();
    agree(client);
    expect(await standing(harness, call)).toMatchObject({ message: 'no' });
    expect(nsOf(client).room('r')?.emit('still here')).toBe(true);
  }),
];

export const scenarios: readonly Scenario[] = [
  ...supervisorScenarios,
  ...handshakeScenarios,
  ...connectionScenarios,
  ...asked('NS1', 'namespace'),
  ...called('NS4', 'namespace'),
  ...guarded,
  ...asked('RM1', 'room'),
  ...called('RM3', 'room'),
  ...ownVeto,
  ...expelled,
];

import { expect } from 'vitest';
import type { Machines } from '../../../src/actors/context.js';
import { ErrBadNamespace, ErrBadRoom, ErrWrite, namespaceMachine } from '../../../src/index.js';
import { type Guest, House, type HouseOptions, settled } from '../server/supervisorHarness.js';

/** A small part of what SPEC.md asks for, played on fake sockets to whatever charts it is given. */
export interface Scenario {
  readonly rule: string;
  readonly name: string;
  run(machines: Partial<Machines>): Promise<void>;
}

type Told = string[];

/** How a promise stands once everything that can happen has. */
const standing = async (house: House, promise: Promise<unknown>): Promise<unknown> => {
  let state: unknown = 'pending';
  promise.then(
    (value) => {
      state = value === undefined ? 'done' : value;
    },
    (error: unknown) => {
      state = error;
    },
  );
  await house.rest();
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
  more: HouseOptions = {},
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
  const house = new House({ namespaces: { n: events, other: {} }, machines, ...more });
  return { house, told };
};

const heard = (guest: Guest): string[] => guest.socket.lines.map((line) => line.replace(/^[tb] /, ''));
const lastToken = (guest: Guest): string => guest.socket.tokens.at(-1) ?? 'no token';
const agree = (guest: Guest): void => guest.socket.say(`${lastToken(guest)};;;;;;`);
const decline = (guest: Guest): void => guest.socket.say(`${lastToken(guest)};n;;x;1;0;nope`);
const ask = (event: string, room = ''): string => `$1;n;${room};${event};0;0;`;
const connOf = (guest: Guest) => {
  if (!guest.conn) throw new Error('never asked onConnect');
  return guest.conn;
};
const nsOf = (guest: Guest) => {
  const ns = connOf(guest).namespace('n');
  if (!ns) throw new Error('not connected');
  return ns;
};

const scenario = (rule: string, name: string, run: Scenario['run']): Scenario => ({ rule, name, run });

const quiet = { _OnNamespaceConnect: () => {}, _OnNamespaceConnected: () => {}, _OnNamespaceDisconnect: () => {} };
const roomy = { _OnRoomJoin: () => {}, _OnRoomJoined: () => {}, _OnRoomLeave: () => {}, _OnRoomLeft: () => {} };

const supervisorScenarios: readonly Scenario[] = [
  scenario('DR1', 'a closed server lets nobody in, visits nobody, and forgets everybody', async (machines) => {
    const { house } = open(machines, {});
    const guest = house.seat('a', 'n');
    const closing = house.supervisor.drain(1_000);
    const late = house.connect('b');
    expect(late.socket.isDestroyed).toBe(true);
    expect(
      await standing(
        house,
        house.supervisor.do(() => {}),
      ),
    ).toBe(ErrWrite);
    guest.socket.hangUp();
    expect(await standing(house, closing)).toBe('done');
    expect(house.supervisor.actor.getSnapshot().status).toBe('done');
    house.supervisor.broadcast(null, [{ namespace: 'n', event: 'e' }]);
    expect(house.supervisor.counters.broadcastsAfterClose).toBe(1);
  }),
  scenario('DO2', 'who arrives during a do waits, and is let in right after', async (machines) => {
    const { house } = open(machines, {});
    const visited: string[] = [];
    house.seat('a');
    const first = house.supervisor.do((conn) => void visited.push(`1 ${conn.id}`));
    const second = house.supervisor.do((conn) => void visited.push(`2 ${conn.id}`));
    house.connect('b');
    expect(house.supervisor.total).toBe(1);
    expect(await standing(house, first)).toBe('done');
    expect(await standing(house, second)).toBe('done');
    expect(house.supervisor.total).toBe(2);
    expect(visited).toEqual(['1 a', '2 a', '2 b']);
    house.connect('c');
    expect(house.supervisor.total).toBe(3);
    const alone = house.supervisor.do(() => {});
    house.connect('d');
    expect(await standing(house, alone)).toBe('done');
    expect(house.supervisor.total).toBe(4);
  }),
  scenario('DR1', 'closing during a do ends it, and turns away who waits', async (machines) => {
    const { house } = open(machines, {});
    house.seat('a');
    const walk = house.supervisor.do(never);
    await house.rest();
    const held = house.connect('b');
    const closing = house.supervisor.drain(50);
    expect(held.socket.isDestroyed).toBe(true);
    expect(await standing(house, walk)).toBe(ErrWrite);
    house.clock.advance(60);
    expect(await standing(house, closing)).toBe('done');
  }),
  scenario('SV1', 'a connection whose chart fails is closed with 1011', async (machines) => {
    const { house } = open(machines, {});
    const guest = house.seat('a', 'n');
    guest.socket.onWrite = () => {
      throw new Error('broken');
    };
    house.connect('b').socket.onWrite = guest.socket.onWrite;
    house.guests[1]?.socket.say('M');
    await house.rest();
    expect(house.guests[1]?.socket.lines).toEqual(['close 1011 internal error']);
    expect(house.supervisor.total).toBe(1);
  }),
];

const handshakeScenarios: readonly Scenario[] = [
  scenario('HS4', 'what comes early waits for A', async (machines) => {
    const { house } = open(machines, {}, { onConnect: () => settled() });
    const guest = house.connect('a');
    guest.socket.say(ask('_OnNamespaceConnect'), 'M', 'M');
    expect(guest.socket.lines).toEqual([]);
    await house.rest();
    expect(heard(guest)).toEqual(['Aa', '$1;;;;;;']);
    expect(house.supervisor.counters.invalidFrames).toBe(1);
  }),
  scenario('HS5', 'too many early frames close', async (machines) => {
    for (const frame of ['x', 'M']) {
      const { house } = open(machines, {}, { onConnect: never });
      const guest = house.connect('a');
      for (let sent = 0; sent < 18; sent++) guest.socket.say(frame);
      expect(guest.socket.lines).toEqual(['close 1008 too many frames before the acknowledgement']);
    }
  }),
  scenario('HS6', 'no M closes', async (machines) => {
    const { house } = open(machines, {});
    const guest = house.connect('a');
    house.clock.advance(5_001);
    expect(guest.socket.lines).toEqual(['close 1008 not acknowledged in time']);
  }),
  scenario('HS8', 'no decision refuses', async (machines) => {
    const { house } = open(machines, {}, { onConnect: never });
    const guest = house.connect('a');
    guest.socket.say('M');
    house.clock.advance(5_001);
    expect(heard(guest)).toEqual(['Hnot accepted in time', 'close 1008 not accepted in time']);
  }),
  scenario('HS7', 'a refusal is told at once', async (machines) => {
    const { house } = open(machines, {}, { onConnect: refuse });
    const guest = house.connect('a');
    expect(heard(guest)).toEqual(['Hno', 'close 1008 no']);
  }),
  scenario('HS9', 'a throw after the agreement closes without H, before and after M', async (machines) => {
    const onConnect: HouseOptions['onConnect'] = async (conn) => {
      conn.connect('n').catch(() => {});
      await settled();
      throw new Error('changed my mind');
    };
    const before = open(machines, {}, { onConnect }).house;
    const late = before.connect('a');
    await before.rest();
    expect(heard(late)).toEqual(['close 1008 changed my mind']);
    const after = open(machines, {}, { onConnect }).house;
    const prompt = after.connect('a');
    prompt.socket.say('M');
    expect(heard(prompt)[0]).toBe('Aa');
    await after.rest();
    expect(heard(prompt).at(-1)).toBe('close 1008 changed my mind');
  }),
  scenario('HS10', 'native only needs no M', async (machines) => {
    const messages: unknown[] = [];
    const house = new House({ events: { _OnNativeMessage: (_, { body }) => void messages.push(body) }, machines });
    house.connect('a').socket.say('hello');
    await house.rest();
    expect(messages).toEqual(['hello']);
  }),
];

const connectionScenarios: readonly Scenario[] = [
  scenario('SV5', 'close says goodbye, before it is open too', async (machines) => {
    const { house } = open(machines, {});
    const early = house.connect('a');
    connOf(early).close(3_000, 'early');
    expect(early.socket.lines).toEqual(['close 3000 early']);
    const guest = house.seat('b', 'n');
    connOf(guest).close(3_001, 'bye');
    expect(connOf(guest).isClosed).toBe(true);
    expect(heard(guest)).toEqual(['close 3001 bye']);
    house.clock.advance(5_001);
    expect(guest.socket.isDestroyed).toBe(true);
  }),
  scenario('SV3', 'a lost socket ends everything', async (machines) => {
    const { house } = open(machines, {});
    const guest = house.seat('a', 'n', ['r']);
    guest.socket.hangUp();
    await house.rest();
    expect(house.supervisor.total).toBe(0);
    expect(house.supervisor.roomNames('n')).toEqual([]);
  }),
  scenario('BP1', 'a full socket gets no more until it drains', async (machines) => {
    const { house } = open(machines, {}, { limits: { highWaterMark: 10 } });
    const guest = house.seat('a', 'n');
    guest.socket.stall();
    nsOf(guest).emit('one');
    nsOf(guest).emit('two');
    expect(heard(guest)).toEqual([';n;;one;0;0;']);
    guest.socket.drain();
    nsOf(guest).emit('three');
    expect(heard(guest)).toEqual([';n;;one;0;0;', ';n;;two;0;0;', ';n;;three;0;0;']);
  }),
  scenario('BP2', 'who cannot keep up is let go: too much', async (machines) => {
    const { house } = open(machines, {}, { limits: { highWaterMark: 10, slowConsumerMessages: 2 } });
    const guest = house.seat('a', 'n');
    guest.socket.stall();
    for (const event of ['1', '2', '3', '4']) nsOf(guest).emit(event);
    expect(guest.socket.isDestroyed).toBe(false);
    await house.rest();
    expect(guest.socket.isDestroyed).toBe(true);
    expect(house.supervisor.counters.evictions).toBe(1);
  }),
  scenario('BP2', 'who cannot keep up is let go: too long', async (machines) => {
    const { house } = open(machines, {}, { limits: { highWaterMark: 10 } });
    const guest = house.seat('a', 'n');
    guest.socket.stall();
    nsOf(guest).emit('one');
    house.clock.advance(10_001);
    expect(guest.socket.isDestroyed).toBe(true);
    expect(house.supervisor.counters.evictions).toBe(1);
  }),
];

/** The peer asks in and out, of a namespace or a room. */
const asked = (rule: string, what: 'namespace' | 'room'): readonly Scenario[] => {
  const room = what === 'room' ? 'r' : '';
  const into = what === 'room' ? '_OnRoomJoin' : '_OnNamespaceConnect';
  const out = what === 'room' ? '_OnRoomLeave' : '_OnNamespaceDisconnect';
  const handlers = { ...quiet, ...roomy };
  const seat = (house: House): Guest => house.seat('a', 'n', room ? [room] : []);
  const isIn = (guest: Guest): boolean => (room ? nsOf(guest).room(room) : connOf(guest).namespace('n')) !== undefined;
  return [
    scenario(rule, `the peer gets into a ${what}, and is answered when it is in already`, async (machines) => {
      const { house, told } = open(machines, handlers);
      const guest = house.seat('a', room ? 'n' : undefined);
      told.length = 0;
      guest.socket.sent.length = 0;
      guest.socket.say(ask(into, room), ask(into, room));
      expect(heard(guest)).toEqual(['$1;;;;;;', '$1;;;;;;']);
      expect(told).toEqual(room ? ['_OnRoomJoin', '_OnRoomJoined'] : ['_OnNamespaceConnect', '_OnNamespaceConnected']);
      expect(isIn(guest)).toBe(true);
    }),
    scenario(rule, `the peer is refused a ${what}`, async (machines) => {
      const { house } = open(machines, { ...handlers, [into]: refuse });
      const guest = house.seat('a');
      const isRoom = room !== '';
      if (isRoom) guest.socket.say(`$0;n;;_OnNamespaceConnect;0;0;`);
      guest.socket.sent.length = 0;
      guest.socket.say(ask(into, room));
      expect(heard(guest)).toEqual([`$1;n;${room};${into};1;0;no`]);
    }),
    scenario(rule, `the peer gets out of a ${what}, and is answered when it is out already`, async (machines) => {
      const { house, told } = open(machines, handlers);
      const guest = seat(house);
      told.length = 0;
      guest.socket.say(ask(out, room), ask(out, room));
      expect(heard(guest)).toEqual(['$1;;;;;;', '$1;;;;;;']);
      expect(told).toEqual(room ? ['_OnRoomLeave', '_OnRoomLeft'] : ['_OnNamespaceDisconnect']);
    }),
    scenario(rule, `the peer is not let out of a ${what}`, async (machines) => {
      const { house } = open(machines, { ...handlers, [out]: refuse });
      const guest = seat(house);
      guest.socket.say(ask(out, room));
      expect(heard(guest)).toEqual([`$1;n;${room};${out};1;0;no`]);
      expect(isIn(guest)).toBe(true);
    }),
    scenario('NS7', `the end of a connection ends a ${what}, also while a handler decides`, async (machines) => {
      const forced = room ? ['_OnRoomLeave F L', '_OnRoomLeft F L'] : ['_OnNamespaceDisconnect F L'];
      const plain = open(machines, handlers);
      const lost = seat(plain.house);
      plain.told.length = 0;
      lost.socket.hangUp();
      await plain.house.rest();
      expect(plain.told).toEqual(room ? [...forced, '_OnNamespaceDisconnect F L'] : forced);

      const hanging = open(machines, { ...handlers, [out]: never });
      const guest = seat(hanging.house);
      hanging.told.length = 0;
      guest.socket.say(ask(out, room));
      const closing = hanging.house.supervisor.drain(50);
      hanging.house.clock.advance(60);
      expect(await standing(hanging.house, closing)).toBe('done');
      expect(hanging.told.slice(0, 2)).toEqual([out, forced[0]]);
    }),
  ];
};

/** This side asks the peer in and out. */
const called = (rule: string, what: 'namespace' | 'room'): readonly Scenario[] => {
  const room = what === 'room' ? 'r' : '';
  const into = what === 'room' ? '_OnRoomJoin' : '_OnNamespaceConnect';
  const handlers = { ...quiet, ...roomy };
  const enter = (guest: Guest): Promise<unknown> => (room ? nsOf(guest).joinRoom(room) : connOf(guest).connect('n'));
  const leave = (guest: Guest): Promise<unknown> => {
    const ns = nsOf(guest);
    const joined = ns.room(room);
    if (!room) return ns.disconnect();
    return joined ? joined.leave() : Promise.reject(new Error('not in the room'));
  };
  const start = (house: House): Guest => house.seat('a', room ? 'n' : undefined);
  const seat = (house: House): Guest => house.seat('a', 'n', room ? [room] : []);
  return [
    scenario(rule, `this side gets the peer into a ${what}, or finds it there`, async (machines) => {
      const { house, told } = open(machines, handlers);
      const guest = start(house);
      told.length = 0;
      const first = enter(guest);
      agree(guest);
      expect(await standing(house, first)).toMatchObject(room ? { name: 'r' } : { namespace: 'n' });
      expect(told).toEqual(
        room ? ['_OnRoomJoin L', '_OnRoomJoined L'] : ['_OnNamespaceConnect L', '_OnNamespaceConnected L'],
      );
      expect(await standing(house, enter(guest))).toBe(await first);
    }),
    scenario(rule, `the peer declines a ${what}`, async (machines) => {
      const { house } = open(machines, handlers);
      const guest = start(house);
      const call = enter(guest);
      decline(guest);
      expect(await standing(house, call)).toMatchObject({ message: 'nope' });
    }),
    scenario(rule, `our own handler refuses a ${what}`, async (machines) => {
      const { house } = open(machines, { ...handlers, [into]: refuse });
      const guest = start(house);
      const call = enter(guest);
      if (room) agree(guest);
      expect(await standing(house, call)).toMatchObject({ message: 'no' });
      if (room) expect(heard(guest).at(-1)).toMatch(/;n;r;_OnRoomLeave;0;0;$/);
    }),
    scenario(rule, `this side gets the peer out of a ${what}`, async (machines) => {
      const { house, told } = open(machines, handlers);
      const guest = seat(house);
      told.length = 0;
      const call = leave(guest);
      agree(guest);
      expect(await standing(house, call)).toBe('done');
      expect(told).toEqual(room ? ['_OnRoomLeave', '_OnRoomLeft'] : ['_OnNamespaceDisconnect L']);
    }),
    scenario(rule, `the peer declines to leave a ${what}`, async (machines) => {
      const { house } = open(machines, handlers);
      const guest = seat(house);
      const call = leave(guest);
      decline(guest);
      expect(await standing(house, call)).toMatchObject({ message: 'nope' });
      expect(connOf(guest).namespace('n')?.emit('still here')).toBe(true);
    }),
    scenario(rule, `what is not there cannot be left: ${what}`, async (machines) => {
      const { house } = open(machines, handlers);
      const guest = house.seat('a', 'n', ['r']);
      const ns = nsOf(guest);
      const joined = ns.room('r');
      guest.socket.say(ask('_OnRoomLeave', 'r'));
      if (room) expect(await standing(house, joined?.leave() ?? never())).toBe(ErrBadRoom);
      guest.socket.say(ask('_OnNamespaceDisconnect'));
      if (!room) expect(await standing(house, ns.disconnect())).toBe(ErrBadNamespace);
    }),
    scenario('SV3', `a call that is cut short while our handler decides on a ${what} rejects`, async (machines) => {
      const { house } = open(machines, { ...handlers, [into]: never });
      const guest = start(house);
      const call = enter(guest);
      if (room) agree(guest);
      const closing = house.supervisor.drain(50);
      house.clock.advance(60);
      expect(await standing(house, closing)).toBe('done');
      expect(await standing(house, call)).toBe(ErrWrite);
    }),
  ];
};

const expelled: readonly Scenario[] = [
  ...(['peer', 'server'] as const).map((who) =>
    scenario('NS3', `whoever leaves a namespace leaves its rooms, asked by the ${who}`, async (machines) => {
      for (const refuses of [false, true]) {
        const leave = refuses ? refuse : () => {};
        const { house, told } = open(machines, { ...quiet, ...roomy, _OnRoomLeave: leave });
        const guest = house.seat('a', 'n', ['r', 's']);
        told.length = 0;
        const call = who === 'server' ? nsOf(guest).disconnect() : undefined;
        if (call) agree(guest);
        else guest.socket.say(ask('_OnNamespaceDisconnect'));
        const local = call ? ' L' : '';
        const rooms = [`_OnRoomLeave F${local}`, `_OnRoomLeft F${local}`];
        const left = [...rooms, ...rooms];
        expect(told).toEqual(call ? [...left, '_OnNamespaceDisconnect L'] : ['_OnNamespaceDisconnect', ...left]);
        expect(house.supervisor.roomNames('n')).toEqual([]);
        expect(house.errors.length).toBe(refuses ? 2 : 0);
        if (call) expect(await standing(house, call)).toBe('done');
        else expect(heard(guest)).toEqual(['$1;;;;;;']);
      }
    }),
  ),
  scenario('NS7', 'a room that is left by force is left once, whatever ends meanwhile', async (machines) => {
    const { house, told } = open(machines, { ...quiet, ...roomy, _OnRoomLeave: never });
    const guest = house.seat('a', 'n', ['r']);
    told.length = 0;
    guest.socket.say(ask('_OnNamespaceDisconnect'));
    const closing = house.supervisor.drain(50);
    house.clock.advance(60);
    expect(await standing(house, closing)).toBe('done');
    expect(told).toEqual(['_OnNamespaceDisconnect', '_OnRoomLeave F', '_OnRoomLeft F L', '_OnNamespaceDisconnect F L']);
  }),
  scenario('NS3', 'a call under way in a room ends with the namespace', async (machines) => {
    const { house, told } = open(machines, roomy);
    const guest = house.seat('a', 'n', ['in']);
    const leaving = nsOf(guest).room('in')?.leave() ?? never();
    const joining = nsOf(guest).joinRoom('out');
    told.length = 0;
    guest.socket.say(ask('_OnNamespaceDisconnect'));
    expect(await standing(house, leaving)).toBe(ErrWrite);
    expect(await standing(house, joining)).toBe(ErrWrite);
    expect(told).toEqual(['_OnRoomLeave F', '_OnRoomLeft F']);
  }),
];

const guarded: readonly Scenario[] = [
  scenario(
    'SV19',
    'a guard of the chart keeps both sides out of a namespace, and asks no handler',
    async (machines) => {
      const namespace = (machines.namespace ?? namespaceMachine).provide({ guards: { mayConnect: () => false } });
      const { house, told } = open({ ...machines, namespace }, quiet);
      const guest = house.seat('a');
      guest.socket.sent.length = 0;
      guest.socket.say(ask('_OnNamespaceConnect'));
      expect(heard(guest)).toEqual([expect.stringMatching(/^\$1;n;;_OnNamespaceConnect;1;0;/)]);
      expect(await standing(house, connOf(guest).connect('n'))).toBe(ErrBadNamespace);
      expect(heard(guest)).toHaveLength(1);
      expect(connOf(guest).namespace('n')).toBeUndefined();
      expect(told).toEqual([]);
    },
  ),
];

const ownVeto: readonly Scenario[] = [
  scenario('RM4', 'our own handler keeps the peer in a room', async (machines) => {
    const { house } = open(machines, { ...roomy, _OnRoomLeave: refuse });
    const guest = house.seat('a', 'n', ['r']);
    const call = nsOf(guest).room('r')?.leave() ?? never();
    agree(guest);
    expect(await standing(house, call)).toMatchObject({ message: 'no' });
    expect(nsOf(guest).room('r')?.emit('still here')).toBe(true);
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

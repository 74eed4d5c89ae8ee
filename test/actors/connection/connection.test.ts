import { describe, expect, test } from 'vitest';
import { createMachine } from 'xstate';
import type { Machines } from '../../../src/actors/context.js';
import {
  AskTimeout,
  CloseError,
  type Conn,
  connectionConfig,
  connectionMachine,
  ErrBadNamespace,
  ErrWrite,
  type NSConn,
  namespaceMachine,
  OnNamespaceConnect,
  OnNamespaceConnected,
  OnNamespaceDisconnect,
  OnNativeMessage,
  OnRoomJoin,
  OnRoomJoined,
  OnRoomLeave,
  reply,
  roomMachine,
} from '../../../src/index.js';
import { House, settled } from '../../support/server/supervisorHarness.js';

const enter = '$1;n;;_OnNamespaceConnect;0;0;';
const nsOf = (house: House, at: number) => {
  const ns = house.guests[at]?.conn?.namespace('n');
  if (!ns) throw new Error(`guest ${at} is not in the namespace`);
  return ns;
};

describe('what goes wrong in one connection', () => {
  test('[SV1] a membership chart that throws ends its own connection, and no other', async () => {
    const broken = roomMachine.provide({
      actions: {
        enter: () => {
          throw new Error('broken chart');
        },
      },
    });
    const house = new House({ namespaces: { n: { hi: () => reply('there') } }, machines: { room: broken } });
    const one = house.seat('a', 'n');
    const two = house.seat('b', 'n');
    one.socket.say('$1;n;r;_OnRoomJoin;0;0;');
    await house.rest();
    expect(one.socket.lines).toEqual(['close 1011 internal error']);
    expect(house.errors.map(({ error }) => String(error))).toEqual(['Error: broken chart']);
    expect(house.supervisor.counters.failures).toBe(1);
    two.socket.say('$1;n;;hi;0;0;');
    expect(two.socket.lines).toEqual(['t $1;n;;hi;0;0;there']);
    await house.empty();
    expect(house.supervisor.total).toBe(0);
  });

  test('[SV1] so does one that throws in a step that this side has begun', async () => {
    const broken = namespaceMachine.provide({
      actions: {
        askPeer: () => {
          throw new Error('broken chart');
        },
      },
    });
    const house = new House({ namespaces: { n: {} }, machines: { namespace: broken } });
    const guest = house.seat('a');
    const call = guest.conn?.connect('n');
    await house.rest();
    expect(guest.socket.lines.at(-1)).toBe('close 1011 internal error');
    await expect(call).rejects.toBe(ErrWrite);
  });

  test('[BC2] a failed connection gets no message behind a hole', async () => {
    const broken = connectionMachine.provide({
      actions: {
        recordReason: () => {
          throw new Error('broken chart');
        },
      },
    });
    const house = new House({ namespaces: { n: {} }, limits: { highWaterMark: 10 }, machines: { connection: broken } });
    const guest = house.seat('a', 'n');
    guest.socket.stall();
    nsOf(house, 0).emit('first');
    nsOf(house, 0).emit('waits');
    house.supervisor.broadcast(null, [{ namespace: 'n', event: 'pending' }]);
    guest.conn?.close();
    await house.rest();
    expect(guest.socket.lines).toEqual(['t ;n;;first;0;0;', 'close 1011 internal error']);
  });

  test('[AK8] [SV2] a reply that is no body is an error of the handler', () => {
    const house = new House({ namespaces: { n: { five: () => reply(5 as never), fine: () => reply('ok') } } });
    const guest = house.seat('a', 'n');
    guest.socket.say('$1;n;;five;0;0;', '$2;n;;fine;0;0;');
    expect(guest.socket.lines).toEqual([
      't $1;n;;five;1;0;reply takes a string or a Uint8Array, got number',
      't $2;n;;fine;0;0;ok',
    ]);
    expect(house.errors).toHaveLength(1);
  });
});

describe('close codes and texts', () => {
  test('[HS7] a refusal longer than a close frame is told whole, and closes with what fits', async () => {
    const text = 'é'.repeat(100);
    const house = new House({
      namespaces: { n: {} },
      onConnect: () => {
        throw new Error(text);
      },
    });
    const { socket } = house.connect('a');
    expect(socket.lines).toEqual([`t H${text}`, `close 1008 ${'é'.repeat(61)}`]);
  });

  test('[AK8] a CloseError answers, then closes with its code', () => {
    const bye = (): never => {
      throw new CloseError(4_001, 'bye');
    };
    const house = new House({ namespaces: { n: { bye } } });
    const guest = house.seat('a', 'n');
    guest.socket.say('$1;n;;bye;0;0;');
    expect(guest.socket.lines).toEqual(['t $1;n;;bye;1;0;bye', 'close 4001 bye']);
  });

  test.each([
    [OnNamespaceConnect, '$1;n;;_OnNamespaceConnect;0;0;', '$1;n;;_OnNamespaceConnect;1;0;bye'],
    [OnNamespaceConnected, '$1;n;;_OnNamespaceConnect;0;0;', '$1;;;;;;'],
    [OnRoomJoin, '$1;n;r;_OnRoomJoin;0;0;', '$1;n;r;_OnRoomJoin;1;0;bye'],
    [OnRoomJoined, '$1;n;r;_OnRoomJoin;0;0;', '$1;;;;;;'],
    [OnRoomLeave, '$1;n;in;_OnRoomLeave;0;0;', '$1;n;in;_OnRoomLeave;1;0;bye'],
    [OnNamespaceDisconnect, '$1;n;;_OnNamespaceDisconnect;0;0;', '$1;n;;_OnNamespaceDisconnect;1;0;bye'],
  ])('[AK10] a CloseError of %s closes, after the answer', async (event, asks, answer) => {
    for (const isLate of [false, true]) {
      let isDue = false;
      const fail = (): unknown => {
        const bye = new CloseError(4_001, 'bye');
        if (isLate) return Promise.reject(bye);
        throw bye;
      };
      // Typed for what handlers return; this one always fails.
      const handlers = { [event]: () => (isDue ? (fail() as undefined) : undefined) };
      const house = new House({ namespaces: { n: handlers } });
      const isOutside = event === OnNamespaceConnect || event === OnNamespaceConnected;
      const guest = isOutside ? house.seat('a') : house.seat('a', 'n', ['in']);
      guest.socket.sent.length = 0;
      isDue = true;
      guest.socket.say(asks);
      await house.rest();
      expect(guest.socket.lines).toEqual([`t ${answer}`, 'close 4001 bye']);
      expect(house.supervisor.total).toBe(0);
    }
  });

  test('[LM2] a code that no close frame may carry throws at once', () => {
    for (const code of [0, 404, 1_004, 1_005, 1_006, 1_015, 2_000, 5_000, 1_000.5, Number.NaN]) {
      expect(() => new CloseError(code, '')).toThrow(`got ${code}`);
    }
    const house = new House({ namespaces: { n: {} } });
    const guest = house.seat('a', 'n');
    expect(() => guest.conn?.close(1_006)).toThrow('a close code that may be sent');
    expect(() => guest.conn?.close(1_000, 'x'.repeat(124))).toThrow('at most 123 bytes');
    expect(guest.conn?.isClosed).toBe(false);
  });
});

describe('native messages only', () => {
  test('[HS10] [SV13] what a handler returns goes nowhere, and is told to who debugs', async () => {
    for (const debug of [undefined, () => {}]) {
      const events = { [OnNativeMessage]: () => reply('nowhere') };
      const house = new House(debug ? { events, debug } : { events });
      const { socket } = house.connect('a');
      socket.say('one');
      await house.rest();
      expect(socket.lines).toEqual([]);
      const told = house.errors.map(({ error }) => String(error));
      expect(told).toEqual(debug ? [expect.stringContaining('a returned reply goes nowhere')] : []);
    }
  });

  test('[HS3] what is written in onConnect goes out when it agrees, in order', async () => {
    let agree = (): void => {};
    const house = new House({
      events: { [OnNativeMessage]: () => {} },
      onConnect(conn) {
        for (const body of ['one', 'two']) expect(conn.write({ isNative: true, body })).toBe(true);
        return new Promise<void>((resolve) => {
          agree = resolve;
        });
      },
    });
    const { socket } = house.connect('a');
    await house.rest();
    expect(socket.lines).toEqual([]);
    agree();
    await house.rest();
    expect(socket.lines).toEqual(['t one', 't two']);
  });
});

describe('how long a call waits', () => {
  test('[AK4] for a connect that another call has begun: as long as it says itself', async () => {
    const house = new House({ namespaces: { n: {} } });
    const { conn, socket } = house.seat('a');
    const first = conn?.connect('n');
    const controller = new AbortController();
    const signalled = conn?.connect('n', { signal: controller.signal });
    const aborted = conn?.connect('n', { signal: AbortSignal.abort('gone') });
    const timed = conn?.connect('n', { timeout: 5 });
    const other = conn?.namespace('n');
    expect(other).toBeUndefined();
    await expect(aborted).rejects.toBe('gone');
    controller.abort('enough');
    await expect(signalled).rejects.toBe('enough');
    house.clock.advance(5);
    await expect(timed).rejects.toThrow(AskTimeout);
    const [asked = ''] = socket.payloads.map(String);
    socket.say(`${asked.slice(0, asked.indexOf(';'))};;;;;;`);
    expect(await first).toBe(conn?.namespace('n'));
  });

  test('[AK4] [HS9] for the connection to be open', async () => {
    const calls: Promise<unknown>[] = [];
    const house = new House({
      namespaces: { n: {} },
      onConnect: (conn) => {
        calls.push(conn.connect('n', { timeout: 5 }), conn.connect('n', { signal: AbortSignal.abort('gone') }));
      },
    });
    const { socket } = house.connect('a');
    const [timed, aborted] = calls;
    await expect(aborted).rejects.toBe('gone');
    house.clock.advance(5);
    await expect(timed).rejects.toThrow(AskTimeout);
    socket.say('M');
    await house.rest();
    expect(socket.lines).toEqual(['t Aa']);
  });

  test.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY])('[LM2] a timeout of %d is none', (timeout) => {
    const house = new House({ namespaces: { n: {} } });
    const { conn } = house.seat('a');
    expect(() => conn?.waitConnect('n', { timeout })).toThrow(
      `takes a timeout in milliseconds above 0, got ${timeout}`,
    );
    expect(house.remains['timers']).toBe(1);
  });
});

describe('onConnect', () => {
  test('[HS9] a connect to a namespace that is not declared agrees to nothing', async () => {
    const house = new House({
      namespaces: { n: {} },
      onConnect: async (conn) => {
        await conn.connect('nowhere');
      },
    });
    const { socket } = house.connect('a');
    socket.say('M');
    await house.rest();
    expect(socket.lines).toEqual(['t Hbad namespace', 'close 1008 bad namespace']);
  });

  test.each<[string, (conn: Conn) => unknown]>([
    ['at once', (conn) => void conn.connect('n')],
    ['after an await', (conn) => settled().then(() => void conn.connect('n'))],
  ])('[HS9] a visitor that connects a connection %s does not let it in', async (_, visit) => {
    let decide = (): void => {};
    const house = new House({
      namespaces: { n: {} },
      onConnect: () =>
        new Promise<void>((_, refuse) => {
          decide = () => refuse(new Error('unknown'));
        }),
    });
    const { socket } = house.connect('a');
    socket.say('M', enter);
    const walk = house.supervisor.do(visit);
    await house.rest();
    await walk;
    expect(socket.lines).toEqual([]);
    expect(house.server.connections()).toEqual([]);
    decide();
    await house.rest();
    expect(socket.lines).toEqual(['t Hunknown', 'close 1008 unknown']);
  });

  test('[HS10] in native-only mode a connection is a member from the start, whoever says so', async () => {
    const heard: unknown[] = [];
    const house = new House({
      events: { [OnNativeMessage]: (_, { body }) => void heard.push(body) },
      onConnect: (conn) => {
        void conn.connect('');
      },
    });
    const { socket, conn } = house.connect('a');
    socket.say('one');
    await house.rest();
    house.supervisor.broadcast(null, [{ isNative: true, body: 'two' }]);
    await house.rest();
    expect(heard).toEqual(['one']);
    expect(socket.lines).toEqual(['t two']);
    expect(await conn?.ask({ event: 'e' })).toMatchObject({ body: '' });
    expect(await house.supervisor.ask({ event: 'e' }, {})).toMatchObject({ body: '', event: '' });
    const ns = conn?.namespace('');
    const room = await ns?.joinRoom('r');
    house.supervisor.broadcast(null, [{ isNative: true, room: 'r', body: 'to the room' }]);
    await house.rest();
    await room?.leave();
    house.supervisor.broadcast(null, [{ isNative: true, room: 'r', body: 'to nobody' }]);
    await house.rest();
    expect(socket.lines).toEqual(['t two', 't to the room']);
    expect(ns?.rooms()).toEqual([]);
    socket.sent.length = 0;
    expect(await conn?.waitConnect('')).toBe(conn?.namespace(''));
    await conn?.disconnectAll();
    expect(socket.lines).toEqual([]);
  });
});

describe('turns', () => {
  test('[RM7] a join that a handler has begun and not awaited is part of what follows it', async () => {
    let admit = (): void => {};
    const house = new House({
      namespaces: {
        n: {
          [OnRoomJoin]: () =>
            new Promise<void>((go) => {
              admit = go;
            }),
          invite: (ns) => void ns.joinRoom('r'),
          speak: () => reply('heard'),
        },
      },
    });
    const guest = house.seat('a', 'n');
    guest.socket.say(';n;;invite;0;0;');
    guest.socket.say(`${guest.socket.tokens[0]};;;;;;`, '$2;n;r;speak;0;0;');
    await settled();
    expect(guest.socket.lines).toHaveLength(1);
    admit();
    await house.rest();
    expect(guest.socket.lines.at(-1)).toBe('t $2;n;r;speak;0;0;heard');
  });

  test('[DR1] a turn that is under way may end, and its answer goes out before the goodbye', async () => {
    let finish = (): void => {};
    const slow = () =>
      new Promise<ReturnType<typeof reply>>((done) => {
        finish = () => done(reply('done'));
      });
    const house = new House({ namespaces: { n: { slow, late: () => reply('never') } } });
    const guest = house.seat('a', 'n');
    guest.socket.say('$1;n;;slow;0;0;', '$2;n;;late;0;0;');
    const closing = house.supervisor.drain(1_000);
    await house.rest();
    guest.socket.say('$3;n;;late;0;0;');
    expect(guest.socket.lines).toEqual([]);
    finish();
    await house.rest();
    expect(guest.socket.lines).toEqual(['t $1;n;;slow;0;0;done', 'close 1001 retry=1000']);
    guest.socket.hangUp();
    await closing;
  });

  test('[BP3] what a frame costs to keep is its whole size, names too', async () => {
    const house = new House({
      namespaces: { n: { hang: () => new Promise(() => {}) } },
      limits: { inboxBytes: 1_000 },
    });
    const guest = house.seat('a', 'n');
    guest.socket.say(';n;;hang;0;0;', `;n;;${'e'.repeat(1_000)};0;0;`);
    expect(guest.socket.isPaused).toBe(true);
  });
});

describe('backpressure', () => {
  test('[BP2] a burst within one turn evicts nobody who then takes it', async () => {
    const house = new House({ namespaces: { n: {} }, limits: { highWaterMark: 10, slowConsumerMessages: 3 } });
    const guest = house.seat('a', 'n');
    guest.socket.stall();
    for (let at = 0; at < 20; at++) nsOf(house, 0).emit(String(at));
    house.clock.tick();
    guest.socket.drain();
    await house.rest();
    expect(guest.socket.lines).toHaveLength(20);
    expect(guest.conn?.isClosed).toBe(false);
    expect(house.supervisor.counters.evictions).toBe(0);
  });
});

describe('a chart of the program', () => {
  test("[SV11] delays, guards and actions of the program's own count", async () => {
    const held: string[] = [];
    const connection = connectionMachine.provide({
      delays: { ackTimeout: 100 },
      actions: { bufferEarly: ({ event }) => void held.push(event.type) },
      guards: { fitsEarly: () => held.length < 1 },
    });
    const house = new House({ namespaces: { n: {} }, machines: { connection } });
    const slow = house.connect('slow');
    house.clock.advance(101);
    expect(slow.socket.lines).toEqual(['close 1008 not acknowledged in time']);
    const guest = house.connect('a');
    guest.socket.say(enter);
    expect(held).toEqual(['FRAME']);
    guest.socket.say(enter);
    expect(guest.socket.lines).toEqual(['close 1008 too many frames before the acknowledgement']);
  });

  test('[SV11] [SV5] [BC3] one that handles frames and deliveries itself comes to the same bytes', async () => {
    const { config, implementations } = connectionMachine;
    const states = config.states as unknown as { open: { on: object } };
    const open = {
      ...states.open,
      on: { ...states.open.on, FRAME: { actions: 'receive' }, DELIVER: { actions: 'deliver' } },
    };
    // One state more than the literal that the type was made of; every name in it is ours.
    const made = createMachine(
      { ...config, states: { ...config.states, open } } as never,
      implementations as never,
    ) as unknown as Machines['connection'];
    const handled: string[] = [];
    const note = ({ event }: { readonly event: { readonly type: string } }): void => void handled.push(event.type);
    const own = made.provide({ actions: { receive: note, deliver: note } });
    const hi = (ns: NSConn) => {
      ns.emit('a');
      ns.broadcast({ event: 'b' });
      return reply('c');
    };
    const play = async (machines: Partial<Machines>): Promise<readonly string[]> => {
      const house = new House({
        namespaces: { n: { hi } },
        machines,
      });
      const guest = house.seat('a', 'n');
      guest.socket.say('$1;n;;hi;0;0;');
      await house.rest();
      house.supervisor.broadcast(null, [{ namespace: 'n', event: 'owed' }]);
      guest.conn?.close(1_000, 'bye');
      return guest.socket.lines;
    };
    const lines = await play({});
    expect(lines.at(-2)).toBe('t ;n;;owed;0;0;');
    expect(await play({ connection: own })).toEqual(lines);
    // Two frames come in; an answer, what is emitted, broadcast and replied, and what is owed go out.
    expect(handled.filter((type) => type === 'FRAME')).toHaveLength(2);
    expect(handled.filter((type) => type === 'DELIVER').length).toBeGreaterThan(2);
  });
});

describe('a chart that takes what is hot in some of its states', () => {
  const { open } = connectionConfig.states;
  const ear = {
    initial: 'keen',
    states: { keen: { on: { FRAME: { target: 'deaf', actions: ['receive', 'sayMore'] } } }, deaf: {} },
  };
  const mouth = { initial: 'keen', states: { keen: { on: { DELIVER: 'deaf', FRAME: 'deaf' } }, deaf: {} } };

  test('[SV11] loses none that was sent while it went on to another one', async () => {
    const heard: string[] = [];
    const bytes = Uint8Array.from([0x81, 5, ...Buffer.from(';n;;x')]);
    // It is told more before it has come to where it does not listen.
    const sayMore = ({ self }: { readonly self: { send(event: object): void } }): void => {
      self.send({ type: 'FRAME', data: ';n;;e;0;0;second' });
      self.send({ type: 'DELIVER', bytes });
    };
    // More states and names than the literal that the type was made of.
    const machine: unknown = createMachine(
      {
        ...connectionConfig,
        states: { ...connectionConfig.states, open: { ...open, states: { ...open.states, ear, mouth } } },
      } as never,
      {
        ...connectionMachine.implementations,
        actions: { ...connectionMachine.implementations.actions, sayMore },
      } as never,
    );
    const house = new House({
      namespaces: { n: { e: (_, { body }) => void heard.push(String(body)) } },
      machines: { connection: machine as typeof connectionMachine },
    });
    const guest = house.connect('a');
    for (const said of ['M', '$1;n;;_OnNamespaceConnect;0;0;']) guest.socket.say(said);
    await house.rest();
    expect(heard).toEqual(['second']);
    expect(guest.socket.lines).toContain('t ;n;;x');
    await house.empty();
  });
});

describe('calls that meet', () => {
  const started = (handlers: Readonly<Record<string, (ns: NSConn) => unknown>>) => {
    const done: string[] = [];
    const wrapped = Object.fromEntries(
      Object.entries(handlers).map(([event, run]) => [
        event,
        async (ns: NSConn) => {
          await run(ns);
          done.push(event);
        },
      ]),
    );
    return { house: new House({ namespaces: { n: wrapped, extra: {} } }), done };
  };
  const agree = (house: House, at: number): void => {
    const { socket } = house.guests[at] ?? house.connect('nobody');
    socket.say(`${socket.tokens.at(-1)};;;;;;`);
  };

  test('[RM7] a turn that awaits a join begun before it goes on with the answer', async () => {
    const { house, done } = started({ chat: (ns) => ns.joinRoom('r') });
    const guest = house.seat('a', 'n');
    void nsOf(house, 0).joinRoom('r');
    guest.socket.say(';n;;chat;0;0;');
    agree(house, 0);
    await house.rest();
    expect(done).toEqual(['chat']);
    expect(nsOf(house, 0).room('r')).toBeDefined();
  });

  test('[RM7] so does one whose answer has come before the turn asked for it', async () => {
    let go = (): void => {};
    const gate = new Promise<void>((open) => {
      go = open;
    });
    const { house, done } = started({
      chat: async (ns) => {
        await gate;
        await ns.joinRoom('r');
      },
    });
    const guest = house.seat('a', 'n');
    void nsOf(house, 0).joinRoom('r');
    guest.socket.say(';n;;chat;0;0;');
    agree(house, 0);
    await house.rest();
    expect(done).toEqual([]);
    go();
    await house.rest();
    expect(done).toEqual(['chat']);
  });

  test('[RM7] [RM4] a turn that joins a room which is being left waits for that as well', async () => {
    const { house, done } = started({ chat: (ns) => ns.joinRoom('r') });
    const guest = house.seat('a', 'n', ['r']);
    void nsOf(house, 0).room('r')?.leave();
    guest.socket.say(';n;;chat;0;0;');
    agree(house, 0);
    await house.rest();
    agree(house, 0);
    await house.rest();
    expect(done).toEqual(['chat']);
    expect(guest.socket.lines.map((line) => line.split(';')[3])).toEqual(['_OnRoomLeave', '_OnRoomJoin']);
  });

  test('[RM3] a handler of a join may ask for that room', async () => {
    const { house, done } = started({ _OnRoomJoined: (ns) => ns.joinRoom('r') });
    house.seat('a', 'n');
    const call = nsOf(house, 0).joinRoom('r');
    agree(house, 0);
    await house.rest();
    expect(done).toEqual(['_OnRoomJoined']);
    expect(await call).toBe(nsOf(house, 0).room('r'));
  });

  test('[NS4] a turn may wait for a namespace that is on its way', async () => {
    const { house, done } = started({ chat: (ns) => ns.conn.waitConnect('extra') });
    const guest = house.seat('a', 'n');
    void guest.conn?.connect('extra');
    guest.socket.say(';n;;chat;0;0;');
    agree(house, 0);
    await house.rest();
    expect(done).toEqual(['chat']);
  });

  test('[NS3] [RM3] a join that waited has no namespace to go to when that has been left', async () => {
    const { house } = started({});
    const guest = house.seat('a', 'n', ['r']);
    const ns = nsOf(house, 0);
    void ns.room('r')?.leave();
    const call = ns.joinRoom('r');
    guest.socket.say('$1;n;;_OnNamespaceDisconnect;0;0;');
    await expect(call).rejects.toBe(ErrBadNamespace);
    house.supervisor.broadcast(null, [{ namespace: 'n', room: 'r', event: 'secret' }]);
    await house.rest();
    expect(guest.socket.lines.at(-1)).toBe('t $1;;;;;;');
    expect(house.supervisor.roomNames('n')).toEqual([]);
  });
});

describe('a membership chart that throws', () => {
  const throws = (action: string) =>
    roomMachine.provide({
      actions: {
        [action]: () => {
          throw new Error('broken chart');
        },
      },
    });

  test('[SV1] [SV3] the call that it belongs to rejects', async () => {
    const house = new House({ namespaces: { n: {} }, machines: { room: throws('askPeer') } });
    house.seat('a', 'n');
    const call = nsOf(house, 0).joinRoom('r');
    await house.rest();
    await expect(call).rejects.toBe(ErrWrite);
  });

  test('[SV1] [NS7] whatever else there is is told of the end', async () => {
    const told: string[] = [];
    const note = (_: NSConn, { event, room }: { event: string; room: string }): void =>
      void told.push(`${event} ${room}`);
    const house = new House({
      namespaces: { n: { _OnRoomLeave: note, _OnNamespaceDisconnect: note } },
      machines: { room: throws('exit') },
    });
    const guest = house.seat('a', 'n', ['r', 's']);
    guest.socket.hangUp();
    await house.rest();
    expect(told).toEqual(['_OnNamespaceDisconnect ']);
    expect(house.errors).toHaveLength(2);
    expect(house.supervisor.roomNames('n')).toEqual([]);
  });
});

describe('an ask of everybody, from a handler', () => {
  test('[BP3] [AK7] is answered by its own client, however full the lane', async () => {
    const answers: unknown[] = [];
    let go = (): void => {};
    const gate = new Promise<void>((open) => {
      go = open;
    });
    const house = new House({
      namespaces: {
        n: {
          poll: async (ns) => {
            await gate;
            answers.push((await ns.conn.server.ask({ namespace: 'n', event: 'q' })).body);
          },
          noise: () => {},
        },
      },
    });
    const { socket } = house.seat('a', 'n');
    socket.say(';n;;poll;0;0;');
    for (let at = 0; at < 64; at++) socket.say(';n;;noise;0;0;');
    expect(socket.isPaused).toBe(true);
    go();
    await house.rest();
    expect(socket.isPaused).toBe(false);
    socket.say(`${socket.tokens.at(-1)};n;;q;0;0;here`);
    await house.rest();
    expect(answers).toEqual(['here']);
    await house.empty();
    expect(house.supervisor.total).toBe(0);
  });
});

describe('waitConnect', () => {
  test('[NS4] rejects with its signal, also one that was given up before, and when its time is over', async () => {
    const house = new House({ namespaces: { n: {} } });
    const conn = house.seat('a').conn;
    const gone = new Error('given up');
    await expect(conn?.waitConnect('n', { signal: AbortSignal.abort(gone) })).rejects.toBe(gone);
    const later = new AbortController();
    const waiting = conn?.waitConnect('n', { signal: later.signal });
    later.abort(gone);
    await expect(waiting).rejects.toBe(gone);
    const late = conn?.waitConnect('n', { timeout: 50 });
    house.clock.advance(50);
    await expect(late).rejects.toThrow('not answered within 50 ms');
    await house.empty();
    expect(house.clock.timers).toBe(0);
  });
});

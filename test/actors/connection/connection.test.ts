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
import { SupervisorHarness, settled } from '../../support/server/supervisorHarness.js';

const enter = '$1;n;;_OnNamespaceConnect;0;0;';
const nsOf = (harness: SupervisorHarness, at: number) => {
  const ns = harness.clients[at]?.conn?.namespace('n');
  if (!ns) throw new Error(`client ${at} is not in the namespace`);
  return ns;
};

describe('errors in one connection', () => {
  test('[SV1] a membership chart that throws ends its own connection, and no other', async () => {
    const broken = roomMachine.provide({
      actions: {
        enter: () => {
          throw new Error('broken chart');
        },
      },
    });
    const harness = new SupervisorHarness({
      namespaces: { n: { hi: () => reply('there') } },
      machines: { room: broken },
    });
    const one = harness.open('a', 'n');
    const two = harness.open('b', 'n');
    one.socket.receive('$1;n;r;_OnRoomJoin;0;0;');
    await harness.settle();
    expect(one.socket.lines).toEqual(['close 1011 internal error']);
    expect(harness.errors.map(({ error }) => String(error))).toEqual(['Error: broken chart']);
    expect(harness.supervisor.counters.failures).toBe(1);
    two.socket.receive('$1;n;;hi;0;0;');
    expect(two.socket.lines).toEqual(['t $1;n;;hi;0;0;there']);
    await harness.disconnectAll();
    expect(harness.supervisor.total).toBe(0);
  });

  test('[SV1] so does one that throws in a step that this side has begun', async () => {
    const broken = namespaceMachine.provide({
      actions: {
        askPeer: () => {
          throw new Error('broken chart');
        },
      },
    });
    const harness = new SupervisorHarness({ namespaces: { n: {} }, machines: { namespace: broken } });
    const client = harness.open('a');
    const call = client.conn?.connect('n');
    await harness.settle();
    expect(client.socket.lines.at(-1)).toBe('close 1011 internal error');
    await expect(call).rejects.toBe(ErrWrite);
  });

  test('[BC2] a failed connection gets no message behind a gap', async () => {
    const broken = connectionMachine.provide({
      actions: {
        recordReason: () => {
          throw new Error('broken chart');
        },
      },
    });
    const harness = new SupervisorHarness({
      namespaces: { n: {} },
      limits: { highWaterMark: 10 },
      machines: { connection: broken },
    });
    const client = harness.open('a', 'n');
    client.socket.stall();
    nsOf(harness, 0).emit('first');
    nsOf(harness, 0).emit('waits');
    harness.supervisor.broadcast(null, [{ namespace: 'n', event: 'pending' }]);
    client.conn?.close();
    await harness.settle();
    expect(client.socket.lines).toEqual(['t ;n;;first;0;0;', 'close 1011 internal error']);
  });

  test('[AK8] [SV2] a reply that is no body is an error of the handler', () => {
    const harness = new SupervisorHarness({
      namespaces: { n: { five: () => reply(5 as never), fine: () => reply('ok') } },
    });
    const client = harness.open('a', 'n');
    client.socket.receive('$1;n;;five;0;0;', '$2;n;;fine;0;0;');
    expect(client.socket.lines).toEqual([
      't $1;n;;five;1;0;reply takes a string or a Uint8Array, got number',
      't $2;n;;fine;0;0;ok',
    ]);
    expect(harness.errors).toHaveLength(1);
  });
});

describe('close codes and texts', () => {
  test('[HS7] a refusal longer than a close frame is sent in full, and the close frame has what fits', async () => {
    const text = 'é'.repeat(100);
    const harness = new SupervisorHarness({
      namespaces: { n: {} },
      onConnect: () => {
        throw new Error(text);
      },
    });
    const { socket } = harness.connect('a');
    expect(socket.lines).toEqual([`t H${text}`, `close 1008 ${'é'.repeat(61)}`]);
  });

  test('[AK8] a CloseError answers, then closes with its code', () => {
    const bye = (): never => {
      throw new CloseError(4_001, 'bye');
    };
    const harness = new SupervisorHarness({ namespaces: { n: { bye } } });
    const client = harness.open('a', 'n');
    client.socket.receive('$1;n;;bye;0;0;');
    expect(client.socket.lines).toEqual(['t $1;n;;bye;1;0;bye', 'close 4001 bye']);
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
      const harness = new SupervisorHarness({ namespaces: { n: handlers } });
      const isOutside = event === OnNamespaceConnect || event === OnNamespaceConnected;
      const client = isOutside ? harness.open('a') : harness.open('a', 'n', ['in']);
      client.socket.sent.length = 0;
      isDue = true;
      client.socket.receive(asks);
      await harness.settle();
      expect(client.socket.lines).toEqual([`t ${answer}`, 'close 4001 bye']);
      expect(harness.supervisor.total).toBe(0);
    }
  });

  test('[LM2] a code that no close frame may carry throws at once', () => {
    for (const code of [0, 404, 1_004, 1_005, 1_006, 1_015, 2_000, 5_000, 1_000.5, Number.NaN]) {
      expect(() => new CloseError(code, '')).toThrow(`got ${code}`);
    }
    const harness = new SupervisorHarness({ namespaces: { n: {} } });
    const client = harness.open('a', 'n');
    expect(() => client.conn?.close(1_006)).toThrow('a close frame takes a code');
    expect(() => client.conn?.close(1_000, 'x'.repeat(124))).toThrow('at most 123 bytes');
    expect(client.conn?.isClosed).toBe(false);
  });
});

describe('native messages only', () => {
  test('[HS10] [SV13] an unused return value is sent nowhere, and is reported with `debug`', async () => {
    for (const debug of [undefined, () => {}]) {
      const events = { [OnNativeMessage]: () => reply('nowhere') };
      const harness = new SupervisorHarness(debug ? { events, debug } : { events });
      const { socket } = harness.connect('a');
      socket.receive('one');
      await harness.settle();
      expect(socket.lines).toEqual([]);
      const calls = harness.errors.map(({ error }) => String(error));
      expect(calls).toEqual(debug ? [expect.stringContaining('a returned reply has no effect')] : []);
    }
  });

  test('[HS3] what onConnect writes is sent when it accepts, in order', async () => {
    let agree = (): void => {};
    const harness = new SupervisorHarness({
      events: { [OnNativeMessage]: () => {} },
      onConnect(conn) {
        for (const body of ['one', 'two']) expect(conn.write({ isNative: true, body })).toBe(true);
        return new Promise<void>((resolve) => {
          agree = resolve;
        });
      },
    });
    const { socket } = harness.connect('a');
    await harness.settle();
    expect(socket.lines).toEqual([]);
    agree();
    await harness.settle();
    expect(socket.lines).toEqual(['t one', 't two']);
  });
});

describe('how long a call waits', () => {
  test('[AK4] a pending connect of another call keeps its own timeout', async () => {
    const harness = new SupervisorHarness({ namespaces: { n: {} } });
    const { conn, socket } = harness.open('a');
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
    harness.clock.advance(5);
    await expect(timed).rejects.toThrow(AskTimeout);
    const [asked = ''] = socket.payloads.map(String);
    socket.receive(`${asked.slice(0, asked.indexOf(';'))};;;;;;`);
    expect(await first).toBe(conn?.namespace('n'));
  });

  test('[AK4] [HS9] for the connection to be open', async () => {
    const calls: Promise<unknown>[] = [];
    const harness = new SupervisorHarness({
      namespaces: { n: {} },
      onConnect: (conn) => {
        calls.push(conn.connect('n', { timeout: 5 }), conn.connect('n', { signal: AbortSignal.abort('gone') }));
      },
    });
    const { socket } = harness.connect('a');
    const [timed, aborted] = calls;
    await expect(aborted).rejects.toBe('gone');
    harness.clock.advance(5);
    await expect(timed).rejects.toThrow(AskTimeout);
    socket.receive('M');
    await harness.settle();
    expect(socket.lines).toEqual(['t Aa']);
  });

  test.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY])('[LM2] a timeout of %d is refused', (timeout) => {
    const harness = new SupervisorHarness({ namespaces: { n: {} } });
    const { conn } = harness.open('a');
    expect(() => conn?.waitConnect('n', { timeout })).toThrow(
      `takes a timeout in milliseconds above 0, got ${timeout}`,
    );
    expect(harness.resources['timers']).toBe(1);
  });
});

describe('onConnect', () => {
  test('[HS9] a connect to a namespace that is not declared agrees to nothing', async () => {
    const harness = new SupervisorHarness({
      namespaces: { n: {} },
      onConnect: async (conn) => {
        await conn.connect('nowhere');
      },
    });
    const { socket } = harness.connect('a');
    socket.receive('M');
    await harness.settle();
    expect(socket.lines).toEqual(['t Hbad namespace', 'close 1008 bad namespace']);
  });

  test.each<[string, (conn: Conn) => unknown]>([
    ['at once', (conn) => void conn.connect('n')],
    ['after an await', (conn) => settled().then(() => void conn.connect('n'))],
  ])('[HS9] a visitor that connects a connection %s does not let it in', async (_, visit) => {
    let decide = (): void => {};
    const harness = new SupervisorHarness({
      namespaces: { n: {} },
      onConnect: () =>
        new Promise<void>((_, refuse) => {
          decide = () => refuse(new Error('unknown'));
        }),
    });
    const { socket } = harness.connect('a');
    socket.receive('M', enter);
    const pending = harness.supervisor.do(visit);
    await harness.settle();
    await pending;
    expect(socket.lines).toEqual([]);
    expect(harness.server.connections()).toEqual([]);
    decide();
    await harness.settle();
    expect(socket.lines).toEqual(['t Hunknown', 'close 1008 unknown']);
  });

  test('[HS10] in native-only mode a connection is a member from the start', async () => {
    const heard: unknown[] = [];
    const harness = new SupervisorHarness({
      events: { [OnNativeMessage]: (_, { body }) => void heard.push(body) },
      onConnect: (conn) => {
        void conn.connect('');
      },
    });
    const { socket, conn } = harness.connect('a');
    socket.receive('one');
    await harness.settle();
    harness.supervisor.broadcast(null, [{ isNative: true, body: 'two' }]);
    await harness.settle();
    expect(heard).toEqual(['one']);
    expect(socket.lines).toEqual(['t two']);
    expect(await conn?.ask({ event: 'e' })).toMatchObject({ body: '' });
    expect(await harness.supervisor.ask({ event: 'e' }, {})).toMatchObject({ body: '', event: '' });
    const ns = conn?.namespace('');
    const room = await ns?.joinRoom('r');
    harness.supervisor.broadcast(null, [{ isNative: true, room: 'r', body: 'to the room' }]);
    await harness.settle();
    await room?.leave();
    harness.supervisor.broadcast(null, [{ isNative: true, room: 'r', body: 'to nobody' }]);
    await harness.settle();
    expect(socket.lines).toEqual(['t two', 't to the room']);
    expect(ns?.rooms()).toEqual([]);
    socket.sent.length = 0;
    expect(await conn?.waitConnect('')).toBe(conn?.namespace(''));
    await conn?.disconnectAll();
    expect(socket.lines).toEqual([]);
  });
});

describe('turns', () => {
  test('[RM7] a join that a handler has begun without awaiting completes before the next frame', async () => {
    let admit = (): void => {};
    const harness = new SupervisorHarness({
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
    const client = harness.open('a', 'n');
    client.socket.receive(';n;;invite;0;0;');
    client.socket.receive(`${client.socket.tokens[0]};;;;;;`, '$2;n;r;speak;0;0;');
    await settled();
    expect(client.socket.lines).toHaveLength(1);
    admit();
    await harness.settle();
    expect(client.socket.lines.at(-1)).toBe('t $2;n;r;speak;0;0;heard');
  });

  test('[DR1] a running turn may end, and its reply goes out before the close frame', async () => {
    let finish = (): void => {};
    const slow = () =>
      new Promise<ReturnType<typeof reply>>((done) => {
        finish = () => done(reply('done'));
      });
    const harness = new SupervisorHarness({ namespaces: { n: { slow, late: () => reply('never') } } });
    const client = harness.open('a', 'n');
    client.socket.receive('$1;n;;slow;0;0;', '$2;n;;late;0;0;');
    const closing = harness.supervisor.drain(1_000);
    await harness.settle();
    client.socket.receive('$3;n;;late;0;0;');
    expect(client.socket.lines).toEqual([]);
    finish();
    await harness.settle();
    expect(client.socket.lines).toEqual(['t $1;n;;slow;0;0;done', 'close 1001 retry=1000']);
    client.socket.disconnect();
    await closing;
  });

  test('[BP3] a queued frame counts with its full size, names included', async () => {
    const harness = new SupervisorHarness({
      namespaces: { n: { hang: () => new Promise(() => {}) } },
      limits: { inboxBytes: 1_000 },
    });
    const client = harness.open('a', 'n');
    client.socket.receive(';n;;hang;0;0;', `;n;;${'e'.repeat(1_000)};0;0;`);
    expect(client.socket.isPaused).toBe(true);
  });
});

describe('backpressure', () => {
  test('[BP2] a burst within one tick evicts no client that then reads it', async () => {
    const harness = new SupervisorHarness({
      namespaces: { n: {} },
      limits: { highWaterMark: 10, slowConsumerMessages: 3 },
    });
    const client = harness.open('a', 'n');
    client.socket.stall();
    for (let at = 0; at < 20; at++) nsOf(harness, 0).emit(String(at));
    harness.clock.tick();
    client.socket.drain();
    await harness.settle();
    expect(client.socket.lines).toHaveLength(20);
    expect(client.conn?.isClosed).toBe(false);
    expect(harness.supervisor.counters.evictions).toBe(0);
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
    const harness = new SupervisorHarness({ namespaces: { n: {} }, machines: { connection } });
    const slow = harness.connect('slow');
    harness.clock.advance(101);
    expect(slow.socket.lines).toEqual(['close 1008 not acknowledged in time']);
    const client = harness.connect('a');
    client.socket.receive(enter);
    expect(held).toEqual(['FRAME']);
    client.socket.receive(enter);
    expect(client.socket.lines).toEqual(['close 1008 too many frames before the acknowledgement']);
  });

  test('[SV11] [SV5] [BC3] a chart that handles FRAME and DELIVER itself sends the same bytes', async () => {
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
      const harness = new SupervisorHarness({
        namespaces: { n: { hi } },
        machines,
      });
      const client = harness.open('a', 'n');
      client.socket.receive('$1;n;;hi;0;0;');
      await harness.settle();
      harness.supervisor.broadcast(null, [{ namespace: 'n', event: 'owed' }]);
      client.conn?.close(1_000, 'bye');
      return client.socket.lines;
    };
    const lines = await play({});
    expect(lines.at(-2)).toBe('t ;n;;owed;0;0;');
    expect(await play({ connection: own })).toEqual(lines);
    // Two frames arrive; an answer, emits, broadcasts, a reply and pending messages go out.
    expect(handled.filter((type) => type === 'FRAME')).toHaveLength(2);
    expect(handled.filter((type) => type === 'DELIVER').length).toBeGreaterThan(2);
  });
});

describe('a chart that takes hot events in some states', () => {
  const { open } = connectionConfig.states;
  const ear = {
    initial: 'keen',
    states: { keen: { on: { FRAME: { target: 'deaf', actions: ['receive', 'sayMore'] } } }, deaf: {} },
  };
  const mouth = { initial: 'keen', states: { keen: { on: { DELIVER: 'deaf', FRAME: 'deaf' } }, deaf: {} } };

  test('[SV11] loses none that was sent while it went on to another one', async () => {
    const heard: string[] = [];
    const bytes = Uint8Array.from([0x81, 5, ...Buffer.from(';n;;x')]);
    // It gets more events before it reaches the state without a handler.
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
    const harness = new SupervisorHarness({
      namespaces: { n: { e: (_, { body }) => void heard.push(String(body)) } },
      machines: { connection: machine as typeof connectionMachine },
    });
    const client = harness.connect('a');
    for (const said of ['M', '$1;n;;_OnNamespaceConnect;0;0;']) client.socket.receive(said);
    await harness.settle();
    expect(heard).toEqual(['second']);
    expect(client.socket.lines).toContain('t ;n;;x');
    await harness.disconnectAll();
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
    return { harness: new SupervisorHarness({ namespaces: { n: wrapped, extra: {} } }), done };
  };
  const agree = (harness: SupervisorHarness, at: number): void => {
    const { socket } = harness.clients[at] ?? harness.connect('nobody');
    socket.receive(`${socket.tokens.at(-1)};;;;;;`);
  };

  test('[RM7] a turn that awaits an earlier join resumes with the answer', async () => {
    const { harness, done } = started({ chat: (ns) => ns.joinRoom('r') });
    const client = harness.open('a', 'n');
    void nsOf(harness, 0).joinRoom('r');
    client.socket.receive(';n;;chat;0;0;');
    agree(harness, 0);
    await harness.settle();
    expect(done).toEqual(['chat']);
    expect(nsOf(harness, 0).room('r')).toBeDefined();
  });

  test('[RM7] a turn whose answer arrived before it awaited resumes as well', async () => {
    let go = (): void => {};
    const gate = new Promise<void>((open) => {
      go = open;
    });
    const { harness, done } = started({
      chat: async (ns) => {
        await gate;
        await ns.joinRoom('r');
      },
    });
    const client = harness.open('a', 'n');
    void nsOf(harness, 0).joinRoom('r');
    client.socket.receive(';n;;chat;0;0;');
    agree(harness, 0);
    await harness.settle();
    expect(done).toEqual([]);
    go();
    await harness.settle();
    expect(done).toEqual(['chat']);
  });

  test('[RM7] [RM4] a turn that joins a room which is being left waits for that as well', async () => {
    const { harness, done } = started({ chat: (ns) => ns.joinRoom('r') });
    const client = harness.open('a', 'n', ['r']);
    void nsOf(harness, 0).room('r')?.leave();
    client.socket.receive(';n;;chat;0;0;');
    agree(harness, 0);
    await harness.settle();
    agree(harness, 0);
    await harness.settle();
    expect(done).toEqual(['chat']);
    expect(client.socket.lines.map((line) => line.split(';')[3])).toEqual(['_OnRoomLeave', '_OnRoomJoin']);
  });

  test('[RM3] a handler of a join may ask for that room', async () => {
    const { harness, done } = started({ _OnRoomJoined: (ns) => ns.joinRoom('r') });
    harness.open('a', 'n');
    const call = nsOf(harness, 0).joinRoom('r');
    agree(harness, 0);
    await harness.settle();
    expect(done).toEqual(['_OnRoomJoined']);
    expect(await call).toBe(nsOf(harness, 0).room('r'));
  });

  test('[NS4] a turn may wait for a namespace that is on its way', async () => {
    const { harness, done } = started({ chat: (ns) => ns.conn.waitConnect('extra') });
    const client = harness.open('a', 'n');
    void client.conn?.connect('extra');
    client.socket.receive(';n;;chat;0;0;');
    agree(harness, 0);
    await harness.settle();
    expect(done).toEqual(['chat']);
  });

  test('[NS3] [RM3] a join that waited has no namespace to go to when that has been left', async () => {
    const { harness } = started({});
    const client = harness.open('a', 'n', ['r']);
    const ns = nsOf(harness, 0);
    void ns.room('r')?.leave();
    const call = ns.joinRoom('r');
    client.socket.receive('$1;n;;_OnNamespaceDisconnect;0;0;');
    await expect(call).rejects.toBe(ErrBadNamespace);
    harness.supervisor.broadcast(null, [{ namespace: 'n', room: 'r', event: 'secret' }]);
    await harness.settle();
    expect(client.socket.lines.at(-1)).toBe('t $1;;;;;;');
    expect(harness.supervisor.roomNames('n')).toEqual([]);
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
    const harness = new SupervisorHarness({ namespaces: { n: {} }, machines: { room: throws('askPeer') } });
    harness.open('a', 'n');
    const call = nsOf(harness, 0).joinRoom('r');
    await harness.settle();
    await expect(call).rejects.toBe(ErrWrite);
  });

  test('[SV1] [NS7] every other pending operation ends with the connection', async () => {
    const calls: string[] = [];
    const note = (_: NSConn, { event, room }: { event: string; room: string }): void =>
      void calls.push(`${event} ${room}`);
    const harness = new SupervisorHarness({
      namespaces: { n: { _OnRoomLeave: note, _OnNamespaceDisconnect: note } },
      machines: { room: throws('exit') },
    });
    const client = harness.open('a', 'n', ['r', 's']);
    client.socket.disconnect();
    await harness.settle();
    expect(calls).toEqual(['_OnNamespaceDisconnect ']);
    expect(harness.errors).toHaveLength(2);
    expect(harness.supervisor.roomNames('n')).toEqual([]);
  });
});

describe('an ask of an audience, from a handler', () => {
  test("[BP3] [AK7] is answered by the handler's own client, even with a full inbox", async () => {
    const answers: unknown[] = [];
    let go = (): void => {};
    const gate = new Promise<void>((open) => {
      go = open;
    });
    const harness = new SupervisorHarness({
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
    const { socket } = harness.open('a', 'n');
    socket.receive(';n;;poll;0;0;');
    for (let at = 0; at < 64; at++) socket.receive(';n;;noise;0;0;');
    expect(socket.isPaused).toBe(true);
    go();
    await harness.settle();
    expect(socket.isPaused).toBe(false);
    socket.receive(`${socket.tokens.at(-1)};n;;q;0;0;here`);
    await harness.settle();
    expect(answers).toEqual(['here']);
    await harness.disconnectAll();
    expect(harness.supervisor.total).toBe(0);
  });
});

describe('waitConnect', () => {
  test('[NS4] rejects by its signal, aborted before or later, and at its timeout', async () => {
    const harness = new SupervisorHarness({ namespaces: { n: {} } });
    const conn = harness.open('a').conn;
    const gone = new Error('given up');
    await expect(conn?.waitConnect('n', { signal: AbortSignal.abort(gone) })).rejects.toBe(gone);
    const later = new AbortController();
    const waiting = conn?.waitConnect('n', { signal: later.signal });
    later.abort(gone);
    await expect(waiting).rejects.toBe(gone);
    const late = conn?.waitConnect('n', { timeout: 50 });
    harness.clock.advance(50);
    await expect(late).rejects.toThrow('not answered within 50 ms');
    await harness.disconnectAll();
    expect(harness.clock.timers).toBe(0);
  });
});

import { describe, expect, test } from 'vitest';
import { assign } from 'xstate';
import {
  AskTimeout,
  CloseError,
  type Conn,
  connectionMachine,
  type DisconnectReason,
  ErrWrite,
  type Message,
  type NSConn,
} from '../../src/index.js';
import { lifecycleEvents } from '../support/model/program.js';
import {
  type FakeClient,
  type HarnessOptions,
  idleTimers,
  noResources,
  SupervisorHarness,
  settled,
} from '../support/server/supervisorHarness.js';

/** A harness that records the calls of handlers, and which call closes a connection. */
class Diary {
  readonly harness: SupervisorHarness;
  readonly lines: string[] = [];
  readonly reasons: DisconnectReason[] = [];
  /** What Ann's hooks and handlers do, once each; those of others do what is stored under their name. */
  readonly #plans = new Map<string, (conn: Conn, ns: NSConn | undefined) => unknown>();
  #depth = 0;

  constructor(options: Partial<HarnessOptions> = {}) {
    const lifecycle = lifecycleEvents.map((event) => [
      event,
      (ns: NSConn, { room, isForced }: Message) => {
        const line = `${event.slice(3)} ${room || ns.namespace}${isForced ? ' by force' : ''}`;
        return this.#enter(event, ns.conn, ns, line);
      },
    ]);
    const events = {
      ...Object.fromEntries(lifecycle),
      run: (ns: NSConn) => this.#enter('run', ns.conn, ns),
      wait: async (ns: NSConn) => {
        await settled();
        await this.#enter('wait', ns.conn, ns);
      },
      hang: () => new Promise<void>(() => {}),
    };
    this.harness = new SupervisorHarness({
      namespaces: { chat: events, game: events },
      onConnect: (conn) => this.#enter('onConnect', conn, undefined),
      onDisconnect: (conn, reason) => {
        this.reasons.push(reason);
        return this.#enter('onDisconnect', conn, undefined, 'onDisconnect');
      },
      ...options,
    });
  }

  /** This is done once, where Ann's code is next. */
  plan(where: string, run: (conn: Conn, ns: NSConn | undefined) => unknown): void {
    this.#plans.set(where, run);
  }

  #enter(where: string, conn: Conn, ns: NSConn | undefined, line?: string): void | Promise<void> {
    if (conn.id !== 'ann') return conn.get<() => void>(where)?.();
    if (line !== undefined) this.lines.push(this.#depth > 0 ? `${line} within other code` : line);
    const plan = this.#plans.get(where);
    this.#plans.delete(where);
    this.#depth++;
    try {
      const outcome = plan?.(conn, ns);
      return outcome instanceof Promise ? outcome : undefined;
    } finally {
      this.#depth--;
    }
  }
}

const seatAnn = ({ harness, lines }: Diary): FakeClient => {
  const ann = harness.open('ann', 'chat', ['r', 's']);
  lines.length = 0;
  return ann;
};

/** The forced events of a client in two rooms of a namespace. */
const ending = [
  'RoomLeave r by force',
  'RoomLeft r by force',
  'RoomLeave s by force',
  'RoomLeft s by force',
  'NamespaceDisconnect chat by force',
  'onDisconnect',
];

const ask = (event: string, room = '', namespace = 'chat'): string => `$1;${namespace};${room};${event};0;0;`;

/** Places from which Ann's connection closes itself: where, how to get there, and the calls that follow. */
const closings: readonly {
  readonly from: string;
  readonly where: string;
  readonly frames: readonly string[];
  /** The calls before the end. */
  readonly before: readonly string[];
  readonly after: readonly string[];
}[] = [
  { from: 'a handler', where: 'run', frames: [ask('run')], before: [], after: ending },
  { from: 'a handler, after an await', where: 'wait', frames: [ask('wait')], before: [], after: ending },
  {
    from: 'OnNamespaceConnect',
    where: '_OnNamespaceConnect',
    frames: [ask('_OnNamespaceConnect', '', 'game')],
    // It was being decided on, and comes to nothing.
    before: ['NamespaceConnect game'],
    after: ending,
  },
  {
    from: 'OnNamespaceConnected',
    where: '_OnNamespaceConnected',
    frames: [ask('_OnNamespaceConnect', '', 'game')],
    before: ['NamespaceConnect game', 'NamespaceConnected game'],
    after: [...ending.slice(0, -1), 'NamespaceDisconnect game by force', 'onDisconnect'],
  },
  {
    from: 'OnRoomJoined',
    where: '_OnRoomJoined',
    frames: [ask('_OnRoomJoin', 't')],
    before: ['RoomJoin t', 'RoomJoined t'],
    after: [...ending.slice(0, -2), 'RoomLeave t by force', 'RoomLeft t by force', ...ending.slice(-2)],
  },
  {
    from: 'OnRoomLeft',
    where: '_OnRoomLeft',
    frames: [ask('_OnRoomLeave', 'r')],
    before: ['RoomLeave r', 'RoomLeft r'],
    after: ending.slice(2),
  },
];

describe('close, from any place', () => {
  for (const { from, where, frames, before, after } of closings) {
    test(`[SV5] [SV3] [NS7] from ${from}: closed at once, one onDisconnect afterwards, nothing remains`, async () => {
      const diary = new Diary();
      const { harness } = diary;
      const ann = seatAnn(diary);
      const bob = harness.open('bob', 'chat', ['r']);
      const seen: unknown[] = [];
      diary.plan(where, (conn, ns) => {
        harness.server.broadcast(null, { namespace: 'chat', room: 'r', event: 'owed' });
        ns?.conn.namespace('chat')?.emit('owed too');
        conn.close(4000, 'enough');
        seen.push(conn.isClosed, ns?.emit('never'), conn.write({ namespace: 'chat', event: 'never' }));
        seen.push(harness.server.totalConnections, harness.server.members('chat', 'r').length);
        harness.server.broadcast(null, { namespace: 'chat', event: 'news' });
        conn.close(4001, 'again');
      });
      ann.socket.receive(...frames);
      await harness.settle();
      expect(seen).toEqual([true, false, false, 1, 1]);
      expect(diary.lines).toEqual([...before, ...after]);
      const own = where === '_OnRoomLeft' ? [] : [';chat;r;owed;0;0;'];
      const sent = ann.socket.payloads.filter((payload) => !payload.startsWith('$1;;'));
      expect(sent).toEqual([...own, ';chat;;owed too;0;0;', 'close 4000 enough']);
      expect(bob.socket.payloads).toEqual([';chat;r;owed;0;0;', ';chat;;news;0;0;']);
      expect(diary.reasons).toMatchObject([{ code: 4000, text: 'enough', wasAccepted: true }]);
      await harness.disconnectAll();
      expect(diary.lines).toHaveLength(before.length + after.length);
      expect(harness.resources).toEqual(noResources);
      expect(harness.errors).toEqual([]);
    });
  }

  const byOthers: readonly {
    readonly from: string;
    readonly go: (harness: SupervisorHarness, close: () => void) => unknown;
  }[] = [
    { from: 'nowhere in particular', go: (_, close) => close() },
    { from: 'a visitor of do', go: ({ server }, close) => server.do(close) },
    {
      from: "another connection's handler",
      go: (harness, close) => {
        const bob = harness.open('bob', 'chat');
        bob.conn?.set('run', close);
        bob.socket.receive(ask('run'));
      },
    },
    {
      from: "another connection's forced events",
      go: (harness, close) => {
        const bob = harness.open('bob', 'chat', ['r']);
        bob.conn?.set('_OnRoomLeft', close);
        bob.socket.disconnect();
      },
    },
    {
      from: "another connection's onDisconnect",
      go: (harness, close) => {
        const bob = harness.open('bob', 'chat');
        bob.conn?.set('onDisconnect', close);
        bob.socket.disconnect();
      },
    },
    {
      from: 'a timer',
      go: ({ clock }, close) => {
        clock.setTimeout(close, 10);
        clock.advance(10);
      },
    },
  ];
  for (const { from, go } of byOthers) {
    test(`[SV5] [SV3] [NS7] from ${from}: one onDisconnect, nothing remains`, async () => {
      const diary = new Diary();
      const { harness } = diary;
      const ann = seatAnn(diary);
      void go(harness, () => ann.conn?.close());
      await harness.settle();
      expect(diary.lines).toEqual(ending);
      expect(ann.socket.lines).toEqual(['close 1000 ']);
      await harness.disconnectAll();
      expect(diary.lines).toEqual(ending);
      expect(harness.resources).toEqual(noResources);
    });
  }

  test('[SV5] [SV6] in onConnect: no handler of the client runs, and no onDisconnect', async () => {
    const diary = new Diary();
    const { harness } = diary;
    diary.plan('onConnect', (conn) => conn.close(4000, 'no'));
    const ann = harness.connect('ann');
    ann.socket.receive('M', ask('_OnNamespaceConnect'));
    await harness.settle();
    expect(ann.socket.lines).toEqual(['close 4000 no']);
    await harness.disconnectAll();
    expect([diary.lines, harness.resources]).toEqual([[], noResources]);
  });

  test('[SV5] [SV3] in onDisconnect and in forced events it does nothing more', async () => {
    const diary = new Diary();
    const { harness } = diary;
    const ann = seatAnn(diary);
    diary.plan('_OnRoomLeave', (conn) => conn.close(4001, 'again'));
    diary.plan('onDisconnect', (conn) => conn.close(4002, 'and again'));
    ann.socket.disconnect(1001, 'bye');
    await harness.settle();
    expect(diary.lines).toEqual(ending);
    expect(diary.reasons).toMatchObject([{ code: 1001, text: 'bye' }]);
    expect([ann.socket.lines, harness.resources]).toEqual([[], noResources]);
  });

  test('[SV5] [BC3] behind a congested socket pending messages are dropped, and the close frame goes out', async () => {
    const diary = new Diary({ limits: { highWaterMark: 1 } });
    const { harness } = diary;
    const ann = seatAnn(diary);
    ann.socket.stall();
    for (const event of ['first', 'second', 'third']) {
      harness.server.broadcast(null, { namespace: 'chat', event });
      harness.clock.tick();
    }
    ann.conn?.close(4000, 'full');
    ann.socket.drain();
    await harness.settle();
    expect(ann.socket.payloads).toEqual([';chat;;first;0;0;', 'close 4000 full']);
    await harness.disconnectAll();
    expect(harness.resources).toEqual(noResources);
  });

  test('[SV3] a client that does not answer the close frame loses its socket after closeTimeout', async () => {
    const diary = new Diary();
    const { harness } = diary;
    const ann = seatAnn(diary);
    ann.conn?.close();
    await harness.settle();
    harness.clock.advance(4_999);
    expect(ann.socket.isDestroyed).toBe(false);
    harness.clock.advance(1);
    expect(ann.socket.isDestroyed).toBe(true);
    await harness.settle();
    expect([diary.lines, harness.resources]).toEqual([ending, noResources]);
  });

  test('[SV3] [AK8] a CloseError closes behind the error frame', async () => {
    const diary = new Diary();
    const { harness } = diary;
    const ann = seatAnn(diary);
    diary.plan('run', () => {
      throw new CloseError(4000, 'enough');
    });
    ann.socket.receive(ask('run'));
    await harness.settle();
    expect(ann.socket.lines).toEqual(['t $1;chat;;run;1;0;enough', 'close 4000 enough']);
    expect(diary.lines).toEqual(ending);
  });
});

describe('a connection that ends while its code runs', () => {
  test('[SV5] [SV7] gets its forced events after the turn, and later frames are dropped', async () => {
    const diary = new Diary();
    const { harness } = diary;
    const ann = seatAnn(diary);
    let finish = (): void => {};
    diary.plan('run', () => new Promise<void>((resolve) => (finish = resolve)));
    ann.socket.receive(ask('run'), ask('_OnRoomLeave', 'r'));
    ann.socket.disconnect();
    await harness.settle();
    expect([diary.lines, harness.server.totalConnections]).toEqual([[], 0]);
    finish();
    await harness.settle();
    expect([diary.lines, harness.resources]).toEqual([ending, noResources]);
  });

  test('[SV4] [SV3] that never settles gets them after handlerTimeout', async () => {
    const diary = new Diary();
    const { harness } = diary;
    const ann = seatAnn(diary);
    ann.socket.receive(ask('hang'));
    ann.socket.disconnect();
    harness.clock.advance(29_999);
    await harness.settle();
    expect(diary.lines).toEqual([]);
    harness.clock.advance(1);
    await harness.settle();
    expect([diary.lines, harness.resources]).toEqual([ending, noResources]);
  });

  test('[AK4] [SV3] rejects pending calls: asks, joins, leaves, connects', async () => {
    const diary = new Diary();
    const { harness } = diary;
    const { conn, socket } = seatAnn(diary);
    const ns = conn?.namespace('chat');
    const calls = [
      ns?.ask('question'),
      conn?.ask({ namespace: 'chat', event: 'question' }),
      ns?.joinRoom('t'),
      ns?.room('r')?.leave(),
      conn?.connect('game'),
      conn?.waitConnect('game'),
      harness.server.ask({ namespace: 'chat', event: 'question' }),
    ];
    const fates = Promise.allSettled(calls);
    socket.disconnect();
    await harness.settle();
    expect(await fates).toEqual(calls.map(() => ({ status: 'rejected', reason: ErrWrite })));
    expect([diary.lines, harness.resources]).toEqual([['NamespaceConnect game', ...ending], noResources]);
  });

  test('[AK4] [SV3] an ask without an answer leaves nothing behind', async () => {
    const diary = new Diary();
    const { harness } = diary;
    const fate = seatAnn(diary).conn?.namespace('chat')?.ask('question', '', { timeout: 50 });
    expect(harness.clock.timers).toBe(1);
    harness.clock.advance(50);
    await expect(fate).rejects.toBeInstanceOf(AskTimeout);
    expect(harness.clock.timers).toBe(idleTimers);
  });
});

describe('the forced events of a connection', () => {
  test('[NS7] follow the order in which rooms were joined, not in which they were requested', async () => {
    const diary = new Diary();
    const { harness, lines } = diary;
    const ann = harness.open('ann', 'chat');
    const joined = ann.conn?.namespace('chat')?.joinRoom('asked first');
    ann.socket.receive(ask('_OnRoomJoin', 'joined first'), `${ann.socket.tokens[0]};;;;;;`);
    await harness.settle();
    await joined;
    lines.length = 0;
    ann.socket.disconnect();
    await harness.settle();
    expect(lines.filter((line) => line.startsWith('RoomLeft'))).toEqual([
      'RoomLeft joined first by force',
      'RoomLeft asked first by force',
    ]);
    expect(diary.reasons[0]?.rooms.map(({ room }) => room)).toEqual(['joined first', 'asked first']);
  });

  test('[NS7] follow the order in which namespaces were connected, not in which they were requested', async () => {
    const diary = new Diary();
    const { harness, lines } = diary;
    const ann = harness.open('ann');
    const connected = ann.conn?.connect('game');
    const { tokens } = ann.socket;
    ann.socket.receive(ask('_OnNamespaceConnect'), `${tokens[0]};;;;;;`);
    await harness.settle();
    await connected;
    lines.length = 0;
    ann.socket.disconnect();
    await harness.settle();
    expect(lines).toEqual(['NamespaceDisconnect chat by force', 'NamespaceDisconnect game by force', 'onDisconnect']);
  });

  test('[SV6] end with code, text, whether it was accepted, and its rooms', async () => {
    const diary = new Diary();
    const { harness } = diary;
    const ann = seatAnn(diary);
    ann.socket.receive(ask('_OnNamespaceConnect', '', 'game'), ask('_OnRoomJoin', 'x', 'game'));
    ann.socket.disconnect(3001, 'so long');
    await harness.settle();
    expect(diary.reasons).toEqual([
      {
        code: 3001,
        text: 'so long',
        wasAccepted: true,
        rooms: [
          { namespace: 'chat', room: 'r' },
          { namespace: 'chat', room: 's' },
          { namespace: 'game', room: 'x' },
        ],
      },
    ]);
  });

  test('[SV6] [HS6] of a connection that was accepted and never acknowledged', async () => {
    const diary = new Diary();
    const { harness } = diary;
    harness.connect('ann');
    harness.clock.advance(5_000);
    await harness.settle();
    await harness.disconnectAll();
    expect(diary.reasons).toMatchObject([{ code: 1008, wasAccepted: true, rooms: [] }]);
    expect(harness.resources).toEqual(noResources);
  });

  for (const fireDisconnectAlways of [false, true]) {
    test(`[SV6] [HS8] of a connection that was never accepted, with fireDisconnectAlways ${fireDisconnectAlways}`, async () => {
      const diary = new Diary({ fireDisconnectAlways, onConnect: () => new Promise(() => {}) });
      const { harness } = diary;
      harness.connect('ann');
      harness.clock.advance(5_000);
      await harness.settle();
      await harness.disconnectAll();
      const told = { code: 1008, wasAccepted: false, rooms: [] };
      expect(diary.reasons).toMatchObject(fireDisconnectAlways ? [told] : []);
      // By then its onConnect is not waited for any more.
      harness.clock.advance(30_000);
      expect(harness.resources).toEqual(noResources);
    });
  }

  test('[SV2] [SV3] reports a throw to onError, and ends as well', async () => {
    const diary = new Diary();
    const { harness } = diary;
    const ann = seatAnn(diary);
    const failure = new Error('in a hook');
    const fail = (): never => {
      throw failure;
    };
    for (const where of ['_OnRoomLeave', '_OnRoomLeft', '_OnNamespaceDisconnect', 'onDisconnect']) {
      diary.plan(where, fail);
    }
    ann.socket.disconnect();
    await harness.settle();
    expect(diary.lines).toEqual(ending);
    expect(harness.errors.map(({ error, where: { during } }) => [error, during])).toEqual([
      [failure, '_OnRoomLeave'],
      [failure, '_OnRoomLeft'],
      [failure, '_OnNamespaceDisconnect'],
      [failure, 'onDisconnect'],
    ]);
    expect(harness.resources).toEqual(noResources);
  });
});

describe('a chart that throws', () => {
  const failure = new Error('in the chart');
  /** A connection machine whose action fails for Ann. */
  const failing = (): Partial<HarnessOptions> => ({
    machines: {
      connection: connectionMachine.provide({
        actions: {
          markAccepted: assign(({ context }) => {
            if (context.id === 'ann') throw failure;
            return { wasAccepted: true };
          }),
        },
      }),
    },
  });

  test('[SV1] ends its own connection with 1011, counted and reported; all others continue', async () => {
    const diary = new Diary(failing());
    const { harness } = diary;
    const bob = harness.open('bob', 'chat');
    const ann = harness.connect('ann');
    ann.socket.receive('M', ask('_OnNamespaceConnect'));
    await harness.settle();
    expect(ann.socket.lines).toEqual(['close 1011 internal error']);
    expect(ann.conn?.isClosed).toBe(true);
    expect(harness.errors).toEqual([{ error: failure, where: { during: 'chart', connection: 'ann' } }]);
    expect(harness.supervisor.counters.failures).toBe(1);
    expect(harness.server.totalConnections).toBe(1);
    harness.server.broadcast(null, { namespace: 'chat', event: 'news' });
    const cid = harness.open('cid', 'chat');
    const visited: string[] = [];
    const pending = harness.server.do(({ id }) => visited.push(id));
    await harness.settle();
    await pending;
    expect(bob.socket.payloads).toEqual([';chat;;news;0;0;']);
    expect(visited).toEqual(['bob', 'cid']);
    expect(cid.conn?.namespace('chat')?.emit('hello')).toBe(true);
    await harness.disconnectAll();
    harness.clock.advance(5_000);
    expect([ann.socket.isDestroyed, harness.resources]).toEqual([true, noResources]);
  });

  test('[SV1] [SV3] [NS7] of an open connection: its forced events run, its asks reject, it leaves every audience', async () => {
    const diary = new Diary({ limits: { highWaterMark: 1 } });
    const { harness } = diary;
    const ann = seatAnn(diary);
    const bob = harness.open('bob', 'chat', ['r']);
    const fate = ann.conn?.namespace('chat')?.ask('question');
    ann.conn?.actor.send({ type: 'CLOSE' });
    Object.defineProperty(ann.socket, 'backlog', {
      get: () => {
        throw failure;
      },
    });
    await harness.settle();
    await expect(fate).rejects.toBe(ErrWrite);
    expect(harness.server.members('chat', 'r').map(({ conn }) => conn.id)).toEqual(['bob']);
    expect(diary.lines).toEqual(ending);
    expect(harness.server.totalConnections).toBe(1);
    harness.server.broadcast(null, { namespace: 'chat', room: 'r', event: 'news' });
    await harness.settle();
    expect(bob.socket.payloads).toEqual([';chat;r;news;0;0;']);
  });
});

describe('after any churn', () => {
  test('[SV3] [SV8] nothing remains: no connection, no member, no ask, no timer', async () => {
    const diary = new Diary();
    const { harness } = diary;
    const ends: readonly ((client: FakeClient) => void)[] = [
      ({ socket }) => socket.disconnect(),
      ({ conn }) => conn?.close(),
      ({ socket, conn }) => {
        conn?.close();
        socket.disconnect();
      },
      ({ socket }) => {
        socket.receive(ask('hang'));
        socket.disconnect();
      },
      ({ socket }) => socket.stall(),
      ({ socket }) => socket.destroy(),
    ];
    for (let round = 0; round < 5; round++) {
      const clients = Array.from({ length: 60 }, (_, n) => {
        const rooms = Array.from({ length: n % 5 }, (__, room) => `r${room}`);
        return n % 7 === 0 ? harness.connect(`knocks${n}`) : harness.open(`client${n}`, 'chat', rooms);
      });
      const fates = clients.flatMap(({ conn }) => {
        const ns = conn?.namespace('chat');
        return ns ? [ns.ask('question'), ns.joinRoom('elsewhere'), conn?.connect('game')] : [];
      });
      fates.push(harness.server.ask({ namespace: 'chat', room: 'r1', event: 'question' }));
      const settling = Promise.allSettled(fates);
      const pending = harness.server.do((conn) => (conn.id === 'client5' ? conn.close() : undefined));
      harness.server.broadcast(
        null,
        { namespace: 'chat', event: 'news' },
        { namespace: 'chat', room: 'r1', event: 'x' },
      );
      for (const [n, client] of clients.entries()) ends[n % ends.length]?.(client);
      await harness.settle();
      await pending;
      expect(harness.server.totalConnections).toBeGreaterThan(0);
      await harness.disconnectAll();
      harness.clock.advance(30_000);
      await harness.settle();
      await settling;
      expect(harness.resources).toEqual(noResources);
      harness.clients.length = 0;
    }
    const drained = harness.server.close();
    await harness.settle();
    await drained;
    expect(harness.resources).toEqual(noResources);
  });

  test('[SV3] a lost socket that is lost again, or closed, is reported once', async () => {
    const diary = new Diary();
    const { harness } = diary;
    const ann = seatAnn(diary);
    ann.conn?.close(4000, 'first');
    ann.socket.destroy();
    ann.socket.disconnect();
    ann.conn?.close(4001, 'second');
    await harness.settle();
    expect(diary.lines).toEqual(ending);
    expect(diary.reasons).toMatchObject([{ code: 4000, text: 'first' }]);
    expect(harness.resources).toEqual(noResources);
  });

  test('[NS10] [SV3] a namespace that is left and connected again meanwhile is the same for all', async () => {
    const harness = new SupervisorHarness({
      namespaces: { chat: { _OnRoomLeave: () => settled() } },
    });
    const ann = harness.open('ann', 'chat', ['r']);
    ann.socket.receive(ask('_OnNamespaceDisconnect'));
    const connected = ann.conn?.connect('chat').then(
      () => true,
      () => false,
    );
    for (const token of ann.socket.tokens) ann.socket.receive(`${token};;;;;;`);
    await harness.settle();
    for (const token of ann.socket.tokens) ann.socket.receive(`${token};;;;;;`);
    await harness.settle();
    expect(await connected).toBe(true);
    expect(ann.conn?.namespace('chat')).toBeDefined();
    ann.socket.sent.length = 0;
    harness.server.broadcast(null, { namespace: 'chat', event: 'news' });
    await harness.settle();
    expect(ann.socket.payloads).toEqual([';chat;;news;0;0;']);
  });
});

describe('a handler that closes while it decides', () => {
  test.each([
    ['_OnNamespaceConnect', '$1;n;;_OnNamespaceConnect;0;0;', ['_OnNamespaceConnect']],
    ['_OnRoomJoin', '$1;n;r;_OnRoomJoin;0;0;', ['_OnRoomJoin', '_OnNamespaceDisconnect F']],
  ])('[SV5] %s has let it in nowhere', async (event, frame, expected) => {
    const told: string[] = [];
    const note = (_: NSConn, message: Message): void =>
      void told.push(`${message.event}${message.isForced ? ' F' : ''}`);
    const closing = (ns: NSConn, message: Message): void => {
      note(ns, message);
      ns.conn.close();
    };
    const others = ['_OnNamespaceConnected', '_OnNamespaceDisconnect', '_OnRoomJoined', '_OnRoomLeave', '_OnRoomLeft'];
    const handlers = Object.fromEntries([...others.map((other) => [other, note]), [event, closing]]);
    const harness = new SupervisorHarness({ namespaces: { n: handlers } });
    const client = harness.open('a', event === '_OnRoomJoin' ? 'n' : undefined);
    told.length = 0;
    client.socket.sent.length = 0;
    client.socket.receive(frame);
    await harness.settle();
    expect(told).toEqual(expected);
    expect(client.socket.lines).toEqual(['close 1000 ']);
  });
});

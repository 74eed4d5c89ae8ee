import { describe, expect, test } from 'vitest';
import { type Conn, type Message, type NSConn, reply } from '../../src/index.js';
import { lifecycleEvents } from '../support/model/program.js';
import { type FakeClient, SupervisorHarness, settled } from '../support/server/supervisorHarness.js';

/** How user code speaks, and how sockets take it. */
interface Mode {
  readonly mode: string;
  readonly isLate: boolean;
  readonly isCongested: boolean;
  readonly syncBroadcaster: boolean;
}
const modes: readonly Mode[] = [
  { mode: 'at once', isLate: false, isCongested: false, syncBroadcaster: false },
  { mode: 'after an await', isLate: true, isCongested: false, syncBroadcaster: false },
  { mode: 'at once, to congested sockets', isLate: false, isCongested: true, syncBroadcaster: false },
  { mode: 'after an await, to congested sockets', isLate: true, isCongested: true, syncBroadcaster: false },
  { mode: 'at once, with syncBroadcaster', isLate: false, isCongested: false, syncBroadcaster: true },
];

/** A place in the program from which something is said, and how the run gets there. */
interface Place {
  readonly place: string;
  /** The code that speaks: a hook or event, or whatever `speak` is called with. */
  readonly where: string;
  /** Is the connection itself a member of the namespace at that moment? */
  readonly hears: boolean;
  go(play: Play): unknown;
}

const ask = (event: string, room = ''): string => `$1;chat;${room};${event};0;0;`;
const says = (...frames: readonly string[]): Place['go'] => {
  return ({ ann }) => ann().socket.receive(...frames);
};
const hangsUp: Place['go'] = ({ ann }) => ann().socket.disconnect();

const places: readonly Place[] = [
  {
    place: 'onConnect',
    where: 'onConnect',
    hears: false,
    go: ({ harness }) => harness.connect('ann').socket.receive('M'),
  },
  {
    place: 'OnNamespaceConnect, asked by the client',
    where: '_OnNamespaceConnect',
    hears: false,
    go: says('M', ask('_OnNamespaceConnect')),
  },
  {
    place: 'OnNamespaceConnected, asked by the client',
    where: '_OnNamespaceConnected',
    hears: true,
    go: says('M', ask('_OnNamespaceConnect')),
  },
  {
    place: 'OnNamespaceConnect, begun by the server',
    where: '_OnNamespaceConnect',
    hears: false,
    go: (play) => play.knock(() => play.conn().connect('chat')),
  },
  {
    place: 'OnNamespaceConnected, begun by the server',
    where: '_OnNamespaceConnected',
    hears: true,
    go: (play) => play.knock(() => play.conn().connect('chat')),
  },
  { place: 'OnRoomJoin, asked by the client', where: '_OnRoomJoin', hears: true, go: says(ask('_OnRoomJoin', 'new')) },
  {
    place: 'OnRoomJoined, asked by the client',
    where: '_OnRoomJoined',
    hears: true,
    go: says(ask('_OnRoomJoin', 'new')),
  },
  {
    place: 'OnRoomJoin, begun by the server',
    where: '_OnRoomJoin',
    hears: true,
    go: (play) => play.agreed(() => play.ns().joinRoom('new')),
  },
  {
    place: 'OnRoomJoined, begun by the server',
    where: '_OnRoomJoined',
    hears: true,
    go: (play) => play.agreed(() => play.ns().joinRoom('new')),
  },
  { place: 'OnRoomLeave, asked by the client', where: '_OnRoomLeave', hears: true, go: says(ask('_OnRoomLeave', 'r')) },
  { place: 'OnRoomLeft, asked by the client', where: '_OnRoomLeft', hears: true, go: says(ask('_OnRoomLeave', 'r')) },
  {
    place: 'OnRoomLeave, begun by the server',
    where: '_OnRoomLeave',
    hears: true,
    go: (play) => play.agreed(() => play.ns().room('r')?.leave()),
  },
  {
    place: 'OnRoomLeft, begun by the server',
    where: '_OnRoomLeft',
    hears: true,
    go: (play) => play.agreed(() => play.ns().room('r')?.leave()),
  },
  {
    place: 'OnNamespaceDisconnect, asked by the client',
    where: '_OnNamespaceDisconnect',
    hears: true,
    go: says(ask('_OnNamespaceDisconnect')),
  },
  {
    place: 'OnNamespaceDisconnect, begun by the server',
    where: '_OnNamespaceDisconnect',
    hears: false,
    go: (play) => play.agreed(() => play.ns().disconnect()),
  },
  {
    place: 'OnRoomLeave, forced as the client leaves the namespace',
    where: '_OnRoomLeave',
    hears: true,
    go: says(ask('_OnNamespaceDisconnect')),
  },
  {
    place: 'OnRoomLeft, forced as the client leaves the namespace',
    where: '_OnRoomLeft',
    hears: true,
    go: says(ask('_OnNamespaceDisconnect')),
  },
  {
    place: 'OnRoomLeave, forced as the server ends the namespace',
    where: '_OnRoomLeave',
    hears: true,
    go: (play) => play.agreed(() => play.ns().disconnect()),
  },
  {
    place: 'OnRoomLeft, forced as the server ends the namespace',
    where: '_OnRoomLeft',
    hears: true,
    go: (play) => play.agreed(() => play.ns().disconnect()),
  },
  { place: 'OnRoomLeave, forced by the end', where: '_OnRoomLeave', hears: false, go: hangsUp },
  { place: 'OnRoomLeft, forced by the end', where: '_OnRoomLeft', hears: false, go: hangsUp },
  { place: 'OnNamespaceDisconnect, forced by the end', where: '_OnNamespaceDisconnect', hears: false, go: hangsUp },
  { place: 'onDisconnect, after the client has gone', where: 'onDisconnect', hears: false, go: hangsUp },
  {
    place: 'onDisconnect, after a close by the server',
    where: 'onDisconnect',
    hears: false,
    go: (play) => play.conn().close(),
  },
  { place: 'a handler', where: 'speak', hears: true, go: says(';chat;;speak;0;0;') },
  { place: 'a handler that is asked', where: 'speak', hears: true, go: says('$1;chat;;speak;0;0;') },
  { place: 'a handler of a room', where: 'speak', hears: true, go: says('$1;chat;r;speak;0;0;') },
  { place: 'the handler of any event', where: '_OnAnyEvent', hears: true, go: says(';chat;;whatever;0;0;') },
  {
    place: 'a handler that has asked its client',
    where: 'asks',
    hears: true,
    go: (play) => play.agreed(() => play.ann().socket.receive(';chat;;asks;0;0;')),
  },
  {
    place: 'a handler that has joined its client to a room',
    where: 'joins',
    hears: true,
    go: (play) => play.agreed(() => play.ann().socket.receive(';chat;;joins;0;0;')),
  },
  {
    place: 'a visitor of do',
    where: 'visitor',
    hears: true,
    go: (play) => play.harness.server.do((conn) => play.speak('visitor', conn)),
  },
  {
    place: 'a handler that has waited for the end of a do',
    where: 'does',
    hears: true,
    go: says(';chat;;does;0;0;'),
  },
  {
    place: 'what follows an answer to conn.ask',
    where: 'answer',
    hears: true,
    go: (play) =>
      play.agreed(() =>
        play
          .ns()
          .ask('question')
          .then(() => play.speak('answer', play.conn())),
      ),
  },
  {
    place: 'what follows an answer to server.ask',
    where: 'answer',
    hears: true,
    go: (play) =>
      play.agreed(() =>
        play.harness.server.ask({ namespace: 'chat', event: 'question' }).then(() => play.speak('answer', play.conn())),
      ),
  },
  {
    place: 'a timer',
    where: 'timer',
    hears: true,
    go: ({ harness, speak, conn }) => {
      harness.clock.setTimeout(() => speak('timer', conn()), 5);
      harness.clock.advance(5);
    },
  },
];

type Order = 'broadcast, then emit' | 'emit, then broadcast';

/** Ann's code speaks once, at the place that is looked at; Bob is only there. */
class Play {
  readonly harness: SupervisorHarness;
  readonly bob: FakeClient;
  #ann: FakeClient | undefined;
  #isArmed = false;

  constructor(
    private readonly place: Place,
    private readonly order: Order,
    private readonly mode: Mode,
  ) {
    const lifecycle = lifecycleEvents.map((event) => [event, (ns: NSConn) => this.speak(event, ns.conn, ns)]);
    const chat = {
      ...Object.fromEntries(lifecycle),
      _OnAnyEvent: (ns: NSConn, { event }: Message) =>
        event === 'whatever' ? this.speak('_OnAnyEvent', ns.conn) : undefined,
      speak: (ns: NSConn) => {
        const spoken = this.speak('speak', ns.conn);
        return spoken ? spoken.then(() => reply('answer')) : reply('answer');
      },
      asks: async (ns: NSConn) => {
        await ns.ask('question');
        await this.speak('asks', ns.conn);
      },
      joins: async (ns: NSConn) => {
        await ns.joinRoom('new');
        await this.speak('joins', ns.conn);
      },
      does: async (ns: NSConn) => {
        await ns.conn.server.do(() => {});
        await this.speak('does', ns.conn);
      },
    };
    this.harness = new SupervisorHarness({
      namespaces: { chat },
      onConnect: (conn) => this.speak('onConnect', conn),
      onDisconnect: (conn) => this.speak('onDisconnect', conn),
      syncBroadcaster: mode.syncBroadcaster,
      limits: { highWaterMark: mode.isCongested ? 1 : 65_536 },
    });
    this.bob = this.harness.open('bob', 'chat', ['r']);
  }

  async run(): Promise<void> {
    const { harness, place, mode } = this;
    await harness.settle();
    const isThereFirst = !/onConnect|NamespaceConnect/.test(place.where);
    if (isThereFirst) this.#ann = harness.open('ann', 'chat', ['r']);
    else if (place.where !== 'onConnect') this.#ann = harness.connect('ann');
    await harness.settle();
    for (const { socket } of harness.clients) {
      if (mode.isCongested) socket.stall();
      if (mode.isCongested && socket.isOpen) harness.server.broadcast(null, { namespace: 'chat', event: 'filler' });
    }
    await harness.settle();
    this.#isArmed = true;
    await Promise.race([place.go(this), settled()]);
    await harness.settle();
    for (const { socket } of harness.clients) socket.drain();
    await harness.settle();
  }

  /** Returns what a client received of it. */
  heardBy({ socket }: FakeClient): string[] {
    return socket.payloads.flatMap((payload) => /^;chat;;(broadcast|emit);/.exec(payload)?.[1] ?? []);
  }

  readonly speak = (where: string, conn: Conn, ns?: NSConn): void | Promise<void> => {
    if (!this.#isArmed || where !== this.place.where || conn.id !== 'ann') return undefined;
    const say = (): void => {
      this.#isArmed = false;
      const broadcast = (): void => conn.server.broadcast(null, { namespace: 'chat', event: 'broadcast' });
      const emit = (): void => {
        (ns ?? conn.namespace('chat'))?.emit('emit');
        this.bob.conn?.namespace('chat')?.emit('emit');
      };
      for (const call of this.order === 'broadcast, then emit' ? [broadcast, emit] : [emit, broadcast]) call();
    };
    return this.mode.isLate ? Promise.resolve().then(say) : say();
  };

  readonly ann = (): FakeClient => {
    const ann = this.#ann ?? this.harness.clients.find(({ id }) => id === 'ann');
    if (!ann) throw new Error('Ann has not come yet');
    return ann;
  };
  readonly conn = (): Conn => {
    const { conn } = this.ann();
    if (!conn) throw new Error('Ann has not been let in yet');
    return conn;
  };
  readonly ns = (): NSConn => {
    const ns = this.conn().namespace('chat');
    if (!ns) throw new Error('Ann is not in chat');
    return ns;
  };

  async knock(begin: () => unknown): Promise<void> {
    this.ann().socket.receive('M');
    await this.agreed(begin);
  }

  /** The client agrees to whatever this asks it. */
  async agreed(begin: () => unknown): Promise<void> {
    void begin();
    const { socket } = this.ann();
    await this.harness.settle();
    socket.drain(this.mode.isCongested);
    for (const token of socket.tokens) socket.receive(`${token};;;;;;`);
    await settled();
  }
}

const orders: readonly { readonly order: Order; readonly received: readonly string[] }[] = [
  { order: 'broadcast, then emit', received: ['broadcast', 'emit'] },
  { order: 'emit, then broadcast', received: ['emit', 'broadcast'] },
];

for (const mode of modes) {
  describe(`program order holds for calls ${mode.mode}`, () => {
    for (const place of places) {
      for (const { order, received } of orders) {
        test(`[BC3] [SV10] from ${place.place}: ${order}`, async () => {
          const play = new Play(place, order, mode);
          await play.run();
          expect({ bob: play.heardBy(play.bob), ann: play.heardBy(play.ann()) }).toEqual({
            bob: received,
            ann: place.hears ? received : [],
          });
          expect(play.harness.errors).toEqual([]);
        });
      }
    }
  });
}

describe('answers keep their place', () => {
  const chat = {
    _OnNamespaceConnected: (ns: NSConn) => ns.broadcast({ event: 'connected' }),
    _OnRoomJoined: (ns: NSConn, { room }: Message) => {
      ns.broadcast({ event: 'joined', room });
      ns.room(room)?.emit('hello');
    },
    _OnRoomLeft: (ns: NSConn) => ns.broadcast({ event: 'left' }),
    replies: (ns: NSConn) => {
      ns.broadcast({ event: 'before' });
      return reply('reply');
    },
    throws: (ns: NSConn) => {
      ns.broadcast({ event: 'before' });
      throw new Error('no');
    },
    closes: (ns: NSConn) => {
      ns.broadcast({ event: 'before' });
      ns.conn.close(4000, 'bye');
      ns.broadcast({ event: 'after' });
    },
  };
  const received = async (...frames: readonly string[]): Promise<readonly string[]> => {
    const harness = new SupervisorHarness({ namespaces: { chat } });
    const { socket } = harness.open('ann', 'chat');
    await harness.settle();
    socket.sent.length = 0;
    socket.receive(...frames);
    await harness.settle();
    return socket.payloads;
  };

  test('[BC3] [AK8] a broadcast before a reply arrives before it', async () => {
    expect(await received('$1;chat;;replies;0;0;')).toEqual([';chat;;before;0;0;', '$1;chat;;replies;0;0;reply']);
  });
  test('[BC3] [AK8] a broadcast before a throw arrives before the error', async () => {
    expect(await received('$1;chat;;throws;0;0;')).toEqual([';chat;;before;0;0;', '$1;chat;;throws;1;0;no']);
  });
  test('[BC3] [SV5] a broadcast before a close arrives before the close frame, one after it not at all', async () => {
    expect(await received('$1;chat;;closes;0;0;')).toEqual([';chat;;before;0;0;', 'close 4000 bye']);
  });
  test('[RM1] [BC3] emits of Joined arrive before the answer to the join', async () => {
    expect(await received('$1;chat;r;_OnRoomJoin;0;0;')).toEqual([
      ';chat;r;joined;0;0;',
      ';chat;r;hello;0;0;',
      '$1;;;;;;',
    ]);
  });
  test('[RM2] [BC3] emits of Left arrive before the answer to the leave', async () => {
    const frames = await received('$1;chat;r;_OnRoomJoin;0;0;', '$2;chat;r;_OnRoomLeave;0;0;');
    expect(frames.slice(3)).toEqual([';chat;;left;0;0;', '$2;;;;;;']);
  });
  test('[NS1] [BC3] emits of Connected arrive behind the answer to the connect', async () => {
    const harness = new SupervisorHarness({ namespaces: { chat } });
    const { socket } = harness.connect('ann');
    socket.receive('M', '$1;chat;;_OnNamespaceConnect;0;0;');
    await harness.settle();
    expect(socket.lines).toEqual(['t Aann', 't $1;;;;;;', 't ;chat;;connected;0;0;']);
  });
  test('[BC4] a client that joins in the turn of a broadcast does not get it, one that leaves does', async () => {
    const harness = new SupervisorHarness({ namespaces: { chat: {} } });
    const [stays, comes, goes] = [
      harness.open('stays', 'chat', ['r']),
      harness.open('comes', 'chat'),
      harness.open('goes', 'chat', ['r']),
    ];
    harness.server.broadcast(null, { namespace: 'chat', room: 'r', event: 'news' });
    comes.socket.receive('$1;chat;r;_OnRoomJoin;0;0;');
    goes.socket.receive('$1;chat;r;_OnRoomLeave;0;0;');
    await harness.settle();
    expect(stays.socket.payloads).toEqual([';chat;r;news;0;0;']);
    expect(comes.socket.payloads).toEqual(['$1;;;;;;']);
    expect(goes.socket.payloads).toEqual([';chat;r;news;0;0;', '$1;;;;;;']);
  });
  test('[BC3] [BP1] a message to one id does not overtake an earlier one to its room', async () => {
    const harness = new SupervisorHarness({ namespaces: { chat: {} }, limits: { highWaterMark: 1 } });
    const { socket } = harness.open('ann', 'chat', ['r']);
    socket.stall();
    harness.server.broadcast(null, { namespace: 'chat', event: 'filler' });
    harness.clock.tick();
    harness.server.broadcast(null, { namespace: 'chat', room: 'r', event: 'first' });
    harness.server.broadcast(null, { namespace: 'chat', event: 'second', to: 'ann' });
    socket.drain();
    await harness.settle();
    expect(socket.payloads).toEqual([';chat;;filler;0;0;', ';chat;r;first;0;0;', ';chat;;second;0;0;']);
  });
});

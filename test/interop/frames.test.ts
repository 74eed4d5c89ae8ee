import { describe, expect, it } from 'vitest';
import {
  AskTimeout,
  CloseError,
  type Conn,
  ErrBadNamespace,
  ErrBadRoom,
  type NSConn,
  OnNamespaceConnect,
  OnNamespaceDisconnect,
  OnNativeMessage,
  OnRoomJoin,
  OnRoomLeave,
  reply,
  type ServerOptions,
} from '../../src/index.js';
import { ReceiveQueue } from '../support/async/receiveQueue.js';
import type { RawClient, RawFrame } from '../support/peers/rawClient.js';
import { recordEvents, useServers } from '../support/server/testServer.js';

const start = useServers();

/** The handlers that the worked frames speak of. */
const workedHandlers = (log: ReceiveQueue<string>): ServerOptions => ({
  namespaces: {
    default: recordEvents(log, {
      ping: () => reply('pong'),
      boom() {
        throw new Error('boom; with semicolon');
      },
      echo: (_, { body }) => reply(body),
      void() {},
      empty: () => reply(),
      all: ({ conn }, message) => conn.server.broadcast(null, message),
      async enter(ns, { body }) {
        const room = await ns.joinRoom(String(body));
        return reply(`in ${room.name}`);
      },
      leave() {
        throw new CloseError(4001, 'out; you go');
      },
      [OnRoomJoin](_, { room }) {
        if (room === 'secret') throw new Error('room denied');
      },
      [OnRoomLeave](_, { room }) {
        if (room === 'sticky') throw new Error('cannot leave');
      },
      [OnNamespaceDisconnect]({ conn }) {
        if (conn.get('stays')) throw new Error('stay');
      },
    }),
    deny: {
      [OnNamespaceConnect]() {
        throw new Error('no way');
      },
    },
    other: { echo: (_, { body }) => reply(body) },
  },
});

/** What one row is played with. */
interface Stage {
  readonly client: RawClient;
  readonly conn: Conn;
  /** The calls of the server's handlers. */
  readonly log: ReceiveQueue<string>;
  /** The token of the server's last ask. */
  wait: string;
  call: Promise<unknown>;
}
type Step = (stage: Stage) => unknown;

const token = /^[0-9a-z]{20}-[0-9a-z]{8,}$/;
const isFrom = (frame: RawFrame): string => (typeof frame === 'string' ? 'text' : 'binary');

/** The client sends. */
const C =
  (frame: string | Uint8Array): Step =>
  ({ client }) =>
    client.send(frame);
/** The server's next frame, byte for byte. */
const S =
  (frame: RawFrame): Step =>
  async ({ client }) => {
    const next = await client.next();
    expect(isFrom(next)).toBe(isFrom(frame));
    expect(next).toEqual(frame);
  };
/** The server's next frame is an ask: a token of its own, then these bytes. */
const asks =
  (rest: string): Step =>
  async (stage) => {
    const frame = await stage.client.nextText();
    stage.wait = frame.slice(0, frame.indexOf(';'));
    expect(stage.wait).toMatch(token);
    expect(frame.slice(stage.wait.length)).toBe(rest);
  };
/** The client answers it. */
const answers =
  (rest: string): Step =>
  ({ client, wait }) =>
    client.send(`${wait}${rest}`);
/** No frame: the next one is the answer to something sent after all that. */
const nothing: Step = ({ client }) => client.expectNoFrame();
/** The program on the server calls something. */
const program =
  (call: (ns: NSConn, conn: Conn) => unknown): Step =>
  (stage) => {
    const ns = stage.conn.namespace('default');
    stage.call = Promise.resolve(ns ? call(ns, stage.conn) : call(undefined as never, stage.conn));
    stage.call.catch(() => {});
  };
const resolves =
  (check: (value: unknown, stage: Stage) => void = () => {}): Step =>
  async (stage) =>
    check(await stage.call, stage);
const rejects =
  (error: unknown): Step =>
  ({ call }) =>
    expect(call).rejects.toBe(error);
const rejectsWith =
  (text: string): Step =>
  ({ call }) =>
    expect(call).rejects.toThrow(new Error(text));
/** Returns the calls of the handlers since the last call. */
const handled =
  (...lines: string[]): Step =>
  ({ log }) =>
    expect(log.rest()).toEqual(lines);
const isIn =
  (room: string, expected: boolean): Step =>
  ({ conn }) =>
    expect(conn.namespace('default')?.room(room) !== undefined).toBe(expected);

const bytes = (header: string, ...body: number[]): Buffer => Buffer.concat([Buffer.from(header), Buffer.from(body)]);

const opened = async (): Promise<void> => {};
const ready = async (client: RawClient): Promise<void> => void (await client.acknowledge());
const inDefault = async (client: RawClient): Promise<void> => void (await client.inDefault());
const inRooms =
  (...rooms: string[]) =>
  async (client: RawClient): Promise<void> => {
    await client.inDefault();
    for (const room of rooms) await client.join('default', room);
  };

type Row = readonly [title: string, from: (client: RawClient) => Promise<void>, ...steps: Step[]];

const connectFrame = (wait: string, ns = 'default'): string => `${wait};${ns};;_OnNamespaceConnect;0;0;`;

const rows: readonly Row[] = [
  ['[HS2] #20 row 1: M is answered with A and the id', opened, C('M'), S('Ajoe'), nothing],
  ['[HS2] a second M is no frame', ready, C('M'), nothing],
  [
    '[NS8] #20 row 3: an ask before the connect is answered bad namespace',
    ready,
    C('$3;default;;chat;0;0;hi'),
    S('$3;default;;chat;1;0;bad namespace'),
    handled(),
  ],
  [
    '[NS8] #20 row 3: an emit before the connect reaches no handler',
    ready,
    C(';default;;chat;0;0;hi'),
    nothing,
    handled(),
  ],
  [
    '[NS1] #20 #4 row 4: connect is answered empty',
    ready,
    C(connectFrame('$1600')),
    S('$1600;;;;;;'),
    handled('OnNamespaceConnect default', 'OnNamespaceConnected default'),
  ],
  [
    '[NS2] #20 row 5: connect once more is answered empty, without events',
    ready,
    C(connectFrame('$1600')),
    S('$1600;;;;;;'),
    handled('OnNamespaceConnect default', 'OnNamespaceConnected default'),
    C(connectFrame('$1601')),
    S('$1601;;;;;;'),
    handled(),
  ],
  [
    '[NS1] #20 #6 row 6: connect to an undeclared namespace is answered bad namespace',
    ready,
    C(connectFrame('$2', 'nope')),
    S('$2;nope;;_OnNamespaceConnect;1;0;bad namespace'),
  ],
  [
    '[NS2] #20 #7 row 7: a veto is answered with its text, and nothing has changed',
    ready,
    C(connectFrame('$3', 'deny')),
    S('$3;deny;;_OnNamespaceConnect;1;0;no way'),
    C('$4;deny;;chat;0;0;'),
    S('$4;deny;;chat;1;0;bad namespace'),
  ],
  ['[NS9] #20 #31 row 8: connect without a token is ignored', ready, C(connectFrame('')), nothing, handled()],
  [
    '[NS9] #20 #31 row 8: connect that is a no-op is ignored',
    ready,
    C('$4;default;;_OnNamespaceConnect;0;1;'),
    nothing,
    handled(),
  ],
  [
    '[NS9] #31 disconnect, join and leave that are no-ops or no asks are ignored',
    inRooms('r1'),
    handled(
      'OnNamespaceConnect default',
      'OnNamespaceConnected default',
      'OnRoomJoin default/r1',
      'OnRoomJoined default/r1',
    ),
    C('$4;default;;_OnNamespaceDisconnect;0;1;'),
    C(';default;;_OnNamespaceDisconnect;0;0;'),
    C('$4;default;r2;_OnRoomJoin;0;1;'),
    C(';default;r2;_OnRoomJoin;0;0;'),
    C('$4;default;r1;_OnRoomLeave;0;1;'),
    C(';default;r1;_OnRoomLeave;0;0;'),
    C(';default;r1;_OnRoomLeft;0;0;'),
    C('$4;default;r1;_OnRoomJoined;0;0;'),
    C('$4;default;;_OnNamespaceConnected;0;0;'),
    nothing,
    handled(),
  ],
  ['[AK8] #20 #8 row 9: reply answers an ask', inDefault, C('$5;default;;ping;0;0;'), S('$5;default;;ping;0;0;pong')],
  ['[AK8] #20 row 10: reply answers an emit', inDefault, C(';default;;ping;0;0;'), S(';default;;ping;0;0;pong')],
  ['[AK8] #20 row 11: an empty reply is a reply', inDefault, C('$6;default;;empty;0;0;'), S('$6;default;;empty;0;0;')],
  [
    '[AK8] [FR1] #20 row 12: a throw answers an ask with an error',
    inDefault,
    C('$7;default;;boom;0;0;'),
    S('$7;default;;boom;1;0;boom; with semicolon'),
  ],
  [
    '[AK8] #20 row 13: a throw answers an emit with an error',
    inDefault,
    C(';default;;boom;0;0;'),
    S(';default;;boom;1;0;boom; with semicolon'),
  ],
  ['[AK8] #20 row 14: a handler that returns nothing sends nothing', inDefault, C('$8;default;;void;0;0;'), nothing],
  [
    '[AK8] #20 row 14: an unknown event gets no answer',
    ready,
    C(connectFrame('$c', 'other')),
    S('$c;;;;;;'),
    C('$9;other;;unknown;0;0;'),
    nothing,
  ],
  [
    '[FR1] #20 row 15: the body is the rest, separators and all',
    inDefault,
    C('$10;default;;echo;0;0;a;b;c'),
    S('$10;default;;echo;0;0;a;b;c'),
  ],
  [
    '[FR5] #20 #28 row 16: binary is answered in binary, byte for byte',
    inDefault,
    C(bytes('$11;default;;echo;0;0;', 0x01, 0xff, 0x3b, 0x02)),
    S(bytes('$11;default;;echo;0;0;', 0x01, 0xff, 0x3b, 0x02)),
  ],
  [
    '[FR5] #20 #28 row 17: an error is text, whatever was asked',
    inDefault,
    C(bytes('$12;default;;boom;0;0;')),
    S('$12;default;;boom;1;0;boom; with semicolon'),
  ],
  [
    '[FR3] #20 row 18: a semicolon in the event is escaped, in the body it is not',
    inDefault,
    program((ns) => ns.emit('a;b', 'x;y')),
    S(';default;;a@%!semicolon@%!b;0;0;x;y'),
    resolves((value) => expect(value).toBe(true)),
  ],
  ['[FR1] #20 row 19: garbage is no frame', inDefault, C('garbage'), nothing],
  ['[FR1] #20 row 19: six fields are no frame', inDefault, C('a;b;c;d;0;0'), nothing],
  ['[FR6] #31 a frame without a byte is ignored', inDefault, C(''), C(Buffer.alloc(0)), nothing],
  [
    '[RM5] #20 #31 row 20: an ask for a room it is not in is answered bad room',
    inDefault,
    handled('OnNamespaceConnect default', 'OnNamespaceConnected default'),
    C('$20;default;r1;echo;0;0;x'),
    S('$20;default;r1;echo;1;0;bad room'),
    handled(),
  ],
  [
    '[RM5] #20 #31 row 20: an emit for a room that it is not in reaches no handler',
    inDefault,
    handled('OnNamespaceConnect default', 'OnNamespaceConnected default'),
    C(';default;r1;echo;0;0;x'),
    nothing,
    handled(),
  ],
  [
    '[RM1] #20 #12 row 21: join is answered empty, after Joined',
    inDefault,
    handled('OnNamespaceConnect default', 'OnNamespaceConnected default'),
    C('$21;default;r1;_OnRoomJoin;0;0;'),
    S('$21;;;;;;'),
    handled('OnRoomJoin default/r1', 'OnRoomJoined default/r1'),
    isIn('r1', true),
    C('$22;default;r1;_OnRoomJoin;0;0;'),
    S('$22;;;;;;'),
    handled(),
  ],
  [
    '[AK8] #20 #12 row 22: a message of a room is answered',
    inRooms('r1'),
    C('$23;default;r1;echo;0;0;joined'),
    S('$23;default;r1;echo;0;0;joined'),
  ],
  [
    '[RM1] #20 row 23: a veto of the join is answered with its text',
    inDefault,
    C('$24;default;secret;_OnRoomJoin;0;0;'),
    S('$24;default;secret;_OnRoomJoin;1;0;room denied'),
    isIn('secret', false),
  ],
  [
    '[RM2] #20 row 24: a veto of the leave is answered with its text, and the room is kept',
    inRooms('sticky'),
    C('$26;default;sticky;_OnRoomLeave;0;0;'),
    S('$26;default;sticky;_OnRoomLeave;1;0;cannot leave'),
    isIn('sticky', true),
  ],
  [
    '[RM2] #20 row 25: leaving a room it is not in is answered empty, without events',
    inDefault,
    handled('OnNamespaceConnect default', 'OnNamespaceConnected default'),
    C('$27;default;never;_OnRoomLeave;0;0;'),
    S('$27;;;;;;'),
    handled(),
  ],
  [
    '[RM2] #20 #12 row 26: leave is answered empty, after Left',
    inRooms('r1'),
    handled(
      'OnNamespaceConnect default',
      'OnNamespaceConnected default',
      'OnRoomJoin default/r1',
      'OnRoomJoined default/r1',
    ),
    C('$28;default;r1;_OnRoomLeave;0;0;'),
    S('$28;;;;;;'),
    handled('OnRoomLeave default/r1', 'OnRoomLeft default/r1'),
    isIn('r1', false),
  ],
  [
    '[NS9] [RM2] OnRoomLeft with a token is a leave',
    inRooms('ra'),
    C('$28;default;ra;_OnRoomLeft;0;0;'),
    S('$28;;;;;;'),
    isIn('ra', false),
  ],
  [
    '[NS8] #20 row 27: joining in a namespace that is not connected is answered bad namespace',
    inDefault,
    C('$29;nope;r1;_OnRoomJoin;0;0;'),
    S('$29;nope;r1;_OnRoomJoin;1;0;bad namespace'),
  ],
  [
    '[RM5] joining a room without a name is answered bad room',
    inDefault,
    C('$30;default;;_OnRoomJoin;0;0;'),
    S('$30;default;;_OnRoomJoin;1;0;bad room'),
  ],
  [
    '[RM3] [AK1] #20 #24 row 28: the server asks the client into a room',
    inDefault,
    handled('OnNamespaceConnect default', 'OnNamespaceConnected default'),
    program((ns) => ns.joinRoom('srv1')),
    asks(';default;srv1;_OnRoomJoin;0;0;'),
    isIn('srv1', false),
    answers(';;;;;;'),
    resolves((room, { conn }) => expect(room).toBe(conn.namespace('default')?.room('srv1'))),
    handled('OnRoomJoin default/srv1 local', 'OnRoomJoined default/srv1 local'),
  ],
  [
    '[RM3] #24 the client refuses to be asked into a room',
    inDefault,
    program((ns) => ns.joinRoom('srv1')),
    asks(';default;srv1;_OnRoomJoin;0;0;'),
    answers(';default;srv1;_OnRoomJoin;1;0;not me'),
    rejectsWith('not me'),
    isIn('srv1', false),
  ],
  [
    "[RM3] #24 a veto handler of the server's join asks the client to leave",
    inDefault,
    program((ns) => ns.joinRoom('secret')),
    asks(';default;secret;_OnRoomJoin;0;0;'),
    answers(';;;;;;'),
    asks(';default;secret;_OnRoomLeave;0;0;'),
    answers(';;;;;;'),
    rejectsWith('room denied'),
    isIn('secret', false),
  ],
  [
    '[RM4] #24 the server asks the client out of a room',
    inRooms('srv1'),
    handled(
      'OnNamespaceConnect default',
      'OnNamespaceConnected default',
      'OnRoomJoin default/srv1',
      'OnRoomJoined default/srv1',
    ),
    program((ns) => ns.room('srv1')?.leave()),
    asks(';default;srv1;_OnRoomLeave;0;0;'),
    isIn('srv1', true),
    answers(';;;;;;'),
    resolves(),
    handled('OnRoomLeave default/srv1', 'OnRoomLeft default/srv1'),
    isIn('srv1', false),
  ],
  [
    '[RM4] #20 #24 row 29: the client refuses to leave, and the room is kept',
    inRooms('srv1'),
    program((ns) => ns.room('srv1')?.leave()),
    asks(';default;srv1;_OnRoomLeave;0;0;'),
    answers(';default;srv1;_OnRoomLeave;1;0;client refuses'),
    rejectsWith('client refuses'),
    isIn('srv1', true),
  ],
  [
    '[NS4] #20 #24 row 30: the server asks the client into a namespace',
    ready,
    program((_, conn) => conn.connect('default')),
    asks(';default;;_OnNamespaceConnect;0;0;'),
    answers(';;;;;;'),
    resolves((ns, { conn }) => expect(ns).toBe(conn.namespace('default'))),
    handled('OnNamespaceConnect default local', 'OnNamespaceConnected default local'),
    C('$1;default;;ping;0;0;'),
    S('$1;default;;ping;0;0;pong'),
  ],
  [
    '[NS4] [AK3] #20 #24 row 31: the client refuses the connect',
    ready,
    program((_, conn) => conn.connect('default')),
    asks(';default;;_OnNamespaceConnect;0;0;'),
    answers(';default;;_OnNamespaceConnect;1;0;bad namespace'),
    rejects(ErrBadNamespace),
    handled('OnNamespaceConnect default local'),
    C('$1;default;;ping;0;0;'),
    S('$1;default;;ping;1;0;bad namespace'),
  ],
  [
    '[NS4] the own veto of a connect sends nothing',
    ready,
    program((_, conn) => conn.connect('deny')),
    rejectsWith('no way'),
    nothing,
  ],
  [
    '[AK2] #20 #27 row 32: the server asks, the client answers',
    inDefault,
    program((ns) => ns.ask('question', '?')),
    asks(';default;;question;0;0;?'),
    answers(';default;;question;0;0;forty two'),
    resolves((answer) => expect(answer).toMatchObject({ event: 'question', body: 'forty two' })),
  ],
  [
    '[AK3] #20 #27 row 33: an error answer with a known text is the known error',
    inDefault,
    program((ns) => ns.ask('question', '?')),
    asks(';default;;question;0;0;?'),
    answers(';default;;question;1;0;bad room'),
    rejects(ErrBadRoom),
  ],
  [
    '[BC9] #20 #26 row 34: a received ask is broadcast without its token',
    inDefault,
    C('$40;default;;all;0;0;hello'),
    S(';default;;all;0;0;hello'),
    nothing,
  ],
  [
    '[NS3] #20 row 35: a veto of the disconnect is answered with its text',
    inDefault,
    program((_, conn) => conn.set('stays', true)),
    C('$50;default;;_OnNamespaceDisconnect;0;0;'),
    S('$50;default;;_OnNamespaceDisconnect;1;0;stay'),
    C('$51;default;;ping;0;0;'),
    S('$51;default;;ping;0;0;pong'),
  ],
  [
    '[NS3] #20 row 36: disconnecting what is not connected is answered empty',
    inDefault,
    C('$51;nope;;_OnNamespaceDisconnect;0;0;'),
    S('$51;;;;;;'),
  ],
  [
    '[NS5] #20 #24 row 37: the server asks the client out of a namespace',
    inRooms('r1'),
    handled(
      'OnNamespaceConnect default',
      'OnNamespaceConnected default',
      'OnRoomJoin default/r1',
      'OnRoomJoined default/r1',
    ),
    program((ns) => ns.disconnect()),
    asks(';default;;_OnNamespaceDisconnect;0;0;'),
    handled(),
    answers(';;;;;;'),
    resolves(),
    handled(
      'OnRoomLeave default/r1 forced local',
      'OnRoomLeft default/r1 forced local',
      'OnNamespaceDisconnect default local',
    ),
    C('$1;default;;ping;0;0;'),
    S('$1;default;;ping;1;0;bad namespace'),
  ],
  [
    '[NS5] #24 the client refuses the disconnect, and nothing has changed',
    inRooms('r1'),
    program((ns) => ns.disconnect()),
    asks(';default;;_OnNamespaceDisconnect;0;0;'),
    answers(';default;;_OnNamespaceDisconnect;1;0;client refuses'),
    rejectsWith('client refuses'),
    isIn('r1', true),
    C('$1;default;;ping;0;0;'),
    S('$1;default;;ping;0;0;pong'),
  ],
  [
    '[AK2] #20 #27 row 40: an answer settles its ask by the token alone',
    inDefault,
    program((ns) => ns.ask('q')),
    asks(';default;;q;0;0;'),
    answers(';default;;q;0;0;ans'),
    resolves((answer) => expect(answer).toMatchObject({ body: 'ans' })),
  ],
  [
    '[AK3] #20 #27 row 40: an error answer rejects with its text',
    inDefault,
    program((ns) => ns.ask('qerr')),
    asks(';default;;qerr;0;0;'),
    answers(';default;;qerr;1;0;jserr'),
    rejectsWith('jserr'),
  ],
  [
    '[AK4] #20 #27 row 40: an ask without an answer times out, and a late one has no effect',
    inDefault,
    handled('OnNamespaceConnect default', 'OnNamespaceConnected default'),
    program((ns) => ns.ask('q', '', { timeout: 20 })),
    asks(';default;;q;0;0;'),
    ({ call }) => expect(call).rejects.toBeInstanceOf(AskTimeout),
    answers(';default;;q;0;0;late'),
    nothing,
    handled(),
  ],
  [
    '[NS4] [AK3] #20 row 41: the client does not know the namespace',
    ready,
    program((_, conn) => conn.connect('other')),
    asks(';other;;_OnNamespaceConnect;0;0;'),
    answers(';other;;_OnNamespaceConnect;1;0;bad namespace'),
    rejects(ErrBadNamespace),
  ],
  [
    '[NS3] #20 row 42: disconnect is answered empty, both times',
    inRooms('r1'),
    handled(
      'OnNamespaceConnect default',
      'OnNamespaceConnected default',
      'OnRoomJoin default/r1',
      'OnRoomJoined default/r1',
    ),
    C('$52;default;;_OnNamespaceDisconnect;0;0;'),
    S('$52;;;;;;'),
    handled('OnNamespaceDisconnect default', 'OnRoomLeave default/r1 forced', 'OnRoomLeft default/r1 forced'),
    C('$52;default;;_OnNamespaceDisconnect;0;0;'),
    S('$52;;;;;;'),
    handled(),
  ],
  ['[HS2] #21 #31 only M acknowledges, never A or H', opened, C('Aevil'), C('Hevil'), C('M'), S('Ajoe'), nothing],
  [
    "[AK2] #31 a token that is not a client's is an answer without an ask",
    inDefault,
    handled('OnNamespaceConnect default', 'OnNamespaceConnected default'),
    C('17;default;;ping;0;0;'),
    C('#$1;default;;ping;0;0;'),
    C('neffos(0x4da6a244-42fb-4ea8-b6de-8e2b7cb3d5b2(1));default;;all;0;0;hey'),
    C('P!.default.;default;;all;0;0;x'),
    C('17;other;;_OnNamespaceConnect;0;0;'),
    nothing,
    handled(),
  ],
  [
    '[NS6] #23 while the server connects a namespace, what the client sends for it waits',
    ready,
    program((_, conn) => conn.connect('default')),
    asks(';default;;_OnNamespaceConnect;0;0;'),
    C(';default;;void;0;0;early'),
    C('$1;default;;ping;0;0;'),
    answers(';;;;;;'),
    S('$1;default;;ping;0;0;pong'),
    handled(
      'OnNamespaceConnect default local',
      'OnNamespaceConnected default local',
      'void default: early',
      'ping default: ',
    ),
  ],
  [
    '[NS10] #16 both sides connect at once: one state on both',
    ready,
    program((_, conn) => conn.connect('default')),
    asks(';default;;_OnNamespaceConnect;0;0;'),
    C(connectFrame('$1')),
    answers(';;;;;;'),
    S('$1;;;;;;'),
    resolves(),
    handled('OnNamespaceConnect default local', 'OnNamespaceConnected default local'),
  ],
  [
    '[NS10] both sides leave at once: one state on both',
    inRooms('r1'),
    program((ns) => ns.room('r1')?.leave()),
    asks(';default;r1;_OnRoomLeave;0;0;'),
    C('$1;default;r1;_OnRoomLeave;0;0;'),
    answers(';;;;;;'),
    S('$1;;;;;;'),
    resolves(),
    isIn('r1', false),
  ],
  [
    '[RM7] [AK7] #13 a handler joins its client: what the client sends after it has agreed finds it joined',
    inDefault,
    C('$1;default;;enter;0;0;srv1'),
    asks(';default;srv1;_OnRoomJoin;0;0;'),
    C('$2;default;;ping;0;0;'),
    answers(';;;;;;'),
    C('$3;default;srv1;echo;0;0;hello'),
    S('$1;default;;enter;0;0;in srv1'),
    S('$2;default;;ping;0;0;pong'),
    S('$3;default;srv1;echo;0;0;hello'),
  ],
];

describe('worked frames, byte for byte', () => {
  for (const [title, from, ...steps] of rows) {
    it(title, async () => {
      const log = new ReceiveQueue<string>('handlers');
      const testServer = await start(workedHandlers(log));
      const client = await testServer.dial('joe');
      await from(client);
      const stage: Stage = { client, conn: testServer.connection('joe'), log, wait: '', call: Promise.resolve() };
      for (const step of steps) await step(stage);
      if (from !== opened) await client.expectNoFrame();
    });
  }

  it('[BC9] [BC1] #20 #26 row 34: every connection of the namespace gets it, and no other', async () => {
    const testServer = await start(workedHandlers(new ReceiveQueue('handlers')));
    const asker = await (await testServer.dial()).inDefault();
    const other = await (await testServer.dial()).inDefault();
    const outside = await (await testServer.dial()).inNamespace('other');
    asker.send('$40;default;;all;0;0;hello');
    expect(await asker.next()).toBe(';default;;all;0;0;hello');
    expect(await other.next()).toBe(';default;;all;0;0;hello');
    await asker.expectNoFrame();
    await other.expectNoFrame();
    await outside.expectNoFrame();
  });

  it('[BC9] #20 #26 #28 row 34: a binary message is sent on in binary', async () => {
    const testServer = await start(workedHandlers(new ReceiveQueue('handlers')));
    const asker = await (await testServer.dial()).inDefault();
    const other = await (await testServer.dial()).inDefault();
    asker.send(bytes('$40;default;;all;0;0;', 0xff, 0x3b, 0x00));
    const expected = bytes(';default;;all;0;0;', 0xff, 0x3b, 0x00);
    expect(await asker.next()).toEqual(expected);
    expect(await other.next()).toEqual(expected);
  });
});

describe('a CloseError', () => {
  it('[AK8] [SV5] answers with its text, then closes with its code', async () => {
    const testServer = await start(workedHandlers(new ReceiveQueue('handlers')));
    const client = await (await testServer.dial()).inDefault();
    expect(await client.ask('$1;default;;leave;0;0;')).toBe('$1;default;;leave;1;0;out; you go');
    expect(await client.closed).toEqual({ code: 4001, reason: 'out; you go' });
  });

  it('[HS7] #21 in onConnect: H and its text, then its code', async () => {
    const testServer = await start({
      namespaces: { default: {} },
      onConnect() {
        throw new CloseError(4003, 'banned');
      },
    });
    const client = await testServer.dial();
    expect(await client.closed).toEqual({ code: 4003, reason: 'banned' });
    expect(client.frames.all).toEqual(['Hbanned']);
  });
});

describe('a refusal', () => {
  const refusing: ServerOptions = {
    namespaces: { default: {} },
    onConnect() {
      throw new Error('not allowed; sorry');
    },
  };

  it('[HS7] #20 #21 row 2: M is answered with H and the text, then the connection is closed with 1008', async () => {
    const testServer = await start(refusing);
    const client = await testServer.dial();
    client.send('M');
    expect(await client.next()).toBe('Hnot allowed; sorry');
    expect(await client.closed).toEqual({ code: 1008, reason: 'not allowed; sorry' });
    expect(client.frames.all).toEqual(['Hnot allowed; sorry']);
  });

  it('[HS7] #20 #21 row 2: it does not wait for M', async () => {
    const testServer = await start(refusing);
    const client = await testServer.dial();
    expect(await client.next()).toBe('Hnot allowed; sorry');
    expect((await client.closed).code).toBe(1008);
  });

  it('[HS7] #20 #21 row 2: early frames are ignored', async () => {
    const log = new ReceiveQueue<string>('handlers');
    const refusals = new ReceiveQueue<() => void>('refusals');
    const testServer = await start({
      namespaces: { default: recordEvents(log) },
      onConnect: () => new Promise((_, reject) => refusals.push(() => reject(new Error('no')))),
    });
    const client = await testServer.dial();
    client.send(connectFrame('$1'));
    client.send('M');
    client.send(';default;;chat;0;0;hi');
    await client.ping();
    const refuse = await refusals.next();
    refuse();
    expect(await client.closed).toEqual({ code: 1008, reason: 'no' });
    expect(client.frames.all).toEqual(['Hno']);
    expect(log.all).toEqual([]);
  });
});

describe('frames before the connection is open', () => {
  it('[HS4] #22 wait in order, text and binary together, and are answered right behind A', async () => {
    const testServer = await start(workedHandlers(new ReceiveQueue('handlers')));
    const client = await testServer.dial('joe');
    client.send(connectFrame('$1'));
    client.send(bytes('$2;default;;echo;0;0;', 1, 2));
    client.send('$3;default;;ping;0;0;');
    client.send('M');
    expect(await client.frames.take(4)).toEqual([
      'Ajoe',
      '$1;;;;;;',
      bytes('$2;default;;echo;0;0;', 1, 2),
      '$3;default;;ping;0;0;pong',
    ]);
  });

  it('[HS9] #23 a connect inside onConnect: A on M, then the ask', async () => {
    const connected = new ReceiveQueue<NSConn>('connected');
    const testServer = await start({
      namespaces: { default: { ping: () => reply('pong') } },
      async onConnect(conn) {
        connected.push(await conn.connect('default'));
      },
    });
    const client = await testServer.dial('joe');
    client.send('M');
    expect(await client.next()).toBe('Ajoe');
    const ask = await client.nextText();
    expect(ask).toMatch(/^[0-9a-z]+-[0-9a-z]+;default;;_OnNamespaceConnect;0;0;$/);
    client.send(`${ask.slice(0, ask.indexOf(';'))};;;;;;`);
    const ns = await connected.next();
    expect(ns.namespace).toBe('default');
    expect(await client.ask('$1;default;;ping;0;0;')).toBe('$1;default;;ping;0;0;pong');
  });
});

describe('a refusal after the agreement', () => {
  it('[HS9] closes with 1008 and the text, without H', async () => {
    const testServer = await start({
      namespaces: { default: {} },
      async onConnect(conn) {
        await conn.connect('default');
        throw new Error('after all');
      },
    });
    const client = await testServer.dial('joe');
    client.send('M');
    expect(await client.next()).toBe('Ajoe');
    const ask = await client.nextText();
    client.send(`${ask.slice(0, ask.indexOf(';'))};;;;;;`);
    expect(await client.closed).toEqual({ code: 1008, reason: 'after all' });
    expect(client.frames.all).toHaveLength(2);
  });
});

describe('native messages', () => {
  const nativeOnly = (log: ReceiveQueue<string>): ServerOptions => ({
    events: {
      [OnNativeMessage]({ conn }, { body, isNative }) {
        log.push(`${isNative} ${String(body)}`);
        conn.write({ isNative: true, body: typeof body === 'string' ? `re:${body}` : body });
      },
    },
  });

  it('[HS10] #20 #11 row 38: there is no handshake, M is a message like any other', async () => {
    const log = new ReceiveQueue<string>('handlers');
    const testServer = await start(nativeOnly(log));
    const client = await testServer.dial();
    expect(await client.ask('M')).toBe('re:M');
    expect(await client.ask('hello')).toBe('re:hello');
    expect(await client.ask('$1;default;;_OnNamespaceConnect;0;0;')).toBe('re:$1;default;;_OnNamespaceConnect;0;0;');
    expect(await client.ask(Buffer.from([0xff, 0x3b, 0x00]))).toEqual(Buffer.from([0xff, 0x3b, 0x00]));
    expect(log.all.slice(0, 2)).toEqual(['true M', 'true hello']);
  });

  it('[HS10] #20 #11 row 38: a frame before onConnect settles waits for it', async () => {
    let agree = (): void => {};
    const log = new ReceiveQueue<string>('handlers');
    const asked = new ReceiveQueue<true>('onConnect');
    const testServer = await start({
      ...nativeOnly(log),
      onConnect() {
        asked.push(true);
        return new Promise<void>((resolve) => {
          agree = resolve;
        });
      },
    });
    const client = await testServer.dial();
    client.send('M');
    client.send('hello');
    await asked.next();
    await client.ping();
    expect(log.all).toEqual([]);
    agree();
    expect(await client.frames.take(2)).toEqual(['re:M', 're:hello']);
  });

  it('[HS10] #11 a native-only connection is in the audience of native broadcasts', async () => {
    const testServer = await start(nativeOnly(new ReceiveQueue('handlers')));
    const client = await testServer.dial();
    expect(await client.ask('here')).toBe('re:here');
    testServer.server.broadcast(null, { isNative: true, body: 'raw; to all' });
    expect(await client.next()).toBe('raw; to all');
  });

  const mixed = (log: ReceiveQueue<string>): ServerOptions => ({
    events: {
      [OnNativeMessage](_, message) {
        log.push(`native ${String(message.body)}`);
        if (message.body === 'fail') throw new Error('no');
        if (message.body === 'quiet') return undefined;
        return reply(typeof message.body === 'string' ? `re:${message.body}` : message.body);
      },
      ping: () => reply('pong'),
    },
  });

  it('[FR1] #20 #10 row 39: before the empty namespace is connected, a raw payload reaches no handler', async () => {
    const log = new ReceiveQueue<string>('handlers');
    const client = await (await start(mixed(log))).dial();
    await client.acknowledge();
    client.send('raw');
    await client.expectNoFrame();
    expect(log.all).toEqual([]);
  });

  it('[FR1] #20 #10 row 39: after that it is a native message, and a reply is a native frame', async () => {
    const log = new ReceiveQueue<string>('handlers');
    const client = await (await start(mixed(log))).dial();
    await client.inNamespace('');
    expect(await client.ask('raw')).toBe('re:raw');
    expect(await client.ask('a;b;c;d;0;0')).toBe('re:a;b;c;d;0;0');
    expect(await client.ask(Buffer.from([0xff, 0x00]))).toEqual(Buffer.from([0xff, 0x00]));
    client.send('quiet');
    client.send('fail');
    await client.expectNoFrame();
    expect(log.all).toHaveLength(5);
  });

  it('[FR1] #20 #10 row 39: six separators make a frame of it', async () => {
    const log = new ReceiveQueue<string>('handlers');
    const client = await (await start(mixed(log))).dial();
    await client.inNamespace('');
    expect(await client.ask('$1;;;ping;0;0;')).toBe('$1;;;ping;0;0;pong');
    expect(await client.ask('$2;;;_OnNativeMessage;0;0;x')).toBe('$2;;;_OnNativeMessage;0;0;re:x');
    expect(log.all).toEqual(['native x']);
  });
});

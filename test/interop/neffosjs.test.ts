import * as neffos from 'neffos.js';
import { describe, expect, it } from 'vitest';
import {
  AskTimeout,
  ErrBadNamespace,
  ErrBadRoom,
  ErrNoAudience,
  ErrWrite,
  exclude,
  type Message,
  type NSConn,
  OnNamespaceConnect,
  OnNamespaceDisconnect,
  OnNativeMessage,
  OnRoomJoin,
  OnRoomLeave,
  type OutgoingMessage,
  reply,
} from '../../src/index.js';
import { ReceiveQueue } from '../support/async/receiveQueue.js';
import { type ClientHandler, emitBinary, type NeffosClient, useNeffos } from '../support/peers/neffosClient.js';
import { recordEvents, type TestServer, useServers } from '../support/server/testServer.js';
import { useGateways } from './gateway.js';

const start = useServers();
const dial = useNeffos();
const openGateway = useGateways();

type Clients = Readonly<Record<string, ClientHandler>>;

/** A server with the namespace `default`, whose handlers are written down. */
const startDefault = async (handlers: Parameters<typeof recordEvents>[1] = {}) => {
  const log = new ReceiveQueue<string>('handlers');
  const testServer = await start({
    namespaces: { default: recordEvents(log, { ping: () => reply('pong'), ...handlers }) },
  });
  return { testServer, log };
};

/** Returns a client in `default`, in these rooms. The calls of its handlers so far are read. */
const enter = async (
  { url, urlFor }: TestServer,
  { id, rooms = [], handlers = {} }: { id?: string; rooms?: readonly string[]; handlers?: Clients } = {},
): Promise<NeffosClient & { readonly ns: neffos.NSConn }> => {
  const client = await dial(id === undefined ? url : urlFor(id), { default: handlers });
  const ns = await client.conn.connect('default');
  for (const room of rooms) await ns.joinRoom(room);
  client.log.rest();
  return { ...client, ns };
};

/** The server's side of the only connection with this id. */
const atServer = (testServer: TestServer, id: string, namespace = 'default'): NSConn => {
  const ns = testServer.connection(id).namespace(namespace);
  if (!ns) throw new Error(`"${id}" is not in ${namespace}`);
  return ns;
};

/** Returns the calls of its handlers since the last call; the answer to `ping` follows all of them. */
const told = async ({
  ns,
  log,
}: {
  readonly ns: neffos.NSConn;
  readonly log: ReceiveQueue<string>;
}): Promise<string[]> => {
  await ns.ask('ping', '');
  return log.rest();
};

/** Calls of the client that resolve with their error instead of rejecting. */
const textOf = async (call: Promise<unknown>): Promise<string> => {
  const error = await call;
  return error instanceof Error ? error.message : String(error);
};

describe('the handshake', () => {
  it('[HS2] #4 #20 dials, gets its id and connects, with the events of both sides', async () => {
    const { testServer, log } = await startDefault();
    const { conn, log: clientLog } = await dial(testServer.urlFor('joe'), { default: {} });
    expect(conn.ID).toBe('joe');
    expect(conn.wasReconnected()).toBe(false);
    const ns = await conn.connect('default');
    expect(ns.namespace).toBe('default');
    expect(await conn.connect('default')).toBe(ns);
    expect(clientLog.all).toEqual(['OnNamespaceConnect default local', 'OnNamespaceConnected default local']);
    expect(log.all).toEqual(['OnNamespaceConnect default', 'OnNamespaceConnected default']);
  });

  it('[HS7] #21 onConnect refuses: dial rejects with its text', async () => {
    const testServer = await start({
      namespaces: { default: {} },
      async onConnect() {
        throw new Error('not allowed; sorry');
      },
    });
    await expect(dial(testServer.url, { default: {} })).rejects.toThrow(new Error('not allowed; sorry'));
  });

  it('[HS9] [NS4] #23 a connect inside onConnect: the client finds itself connected', async () => {
    const log = new ReceiveQueue<string>('handlers');
    const testServer = await start({
      namespaces: { default: recordEvents(log) },
      async onConnect(conn) {
        const ns = await conn.connect('default');
        ns.emit('welcome', 'hi');
      },
    });
    const { conn, log: clientLog } = await dial(testServer.url, { default: {} });
    const ns = await conn.waitServerConnect('default');
    expect(ns.namespace).toBe('default');
    expect(await clientLog.take(2)).toEqual(['OnNamespaceConnected default', 'welcome default: hi']);
    expect(log.all).toEqual(['OnNamespaceConnect default local', 'OnNamespaceConnected default local']);
  });

  it('[HS9] #23 a connect inside onConnect to a namespace unknown to the client closes it with the text', async () => {
    const failures = new ReceiveQueue<unknown>('failures');
    const testServer = await start({
      namespaces: { default: {} },
      async onConnect(conn) {
        await conn.connect('default').catch((error: unknown) => {
          failures.push(error);
          throw error;
        });
      },
    });
    const { conn } = await dial(testServer.url, { other: {} });
    expect(await failures.next()).toBe(ErrBadNamespace);
    const { reason } = await testServer.disconnects.next();
    expect(reason).toMatchObject({ code: 1008, text: 'bad namespace' });
    expect(conn.namespace('default')).toBeUndefined();
  });

  it('[HS3] emits of onConnect arrive behind the id', async () => {
    const testServer = await start({
      events: { [OnNativeMessage]() {}, ping: () => reply('pong') },
      async onConnect(conn) {
        const ns = await conn.connect('');
        ns.emit('first', '1');
        ns.emit('second', '2');
      },
    });
    const { conn, log } = await dial(testServer.urlFor('joe'), { '': {} });
    expect(conn.ID).toBe('joe');
    expect(await log.take(3)).toEqual(['OnNamespaceConnected ', 'first : 1', 'second : 2']);
  });
});

describe('reconnecting', () => {
  /** A client in room r1 that comes back by itself, and the Conn of each of its lives. */
  const settle = async (url: string) => {
    const lives = new ReceiveQueue<neffos.Conn>('lives');
    const handlers: Clients = { [neffos.OnNamespaceConnected]: ({ conn }) => lives.push(conn) };
    const client = await dial(`${url}?id=joe`, { default: handlers }, { reconnect: 5 });
    const ns = await client.conn.connect('default');
    await ns.joinRoom('r1');
    await lives.next();
    client.log.rest();
    return { ...client, lives };
  };
  /** The calls of handlers on both sides during one outage. The client's are local. */
  const outage = (local: string): string[] => [
    'OnRoomLeave default/r1 forced local',
    'OnRoomLeft default/r1 forced local',
    'OnNamespaceDisconnect default forced local',
    `OnNamespaceConnect default${local}`,
    `OnNamespaceConnected default${local}`,
    `OnRoomJoin default/r1${local}`,
    `OnRoomJoined default/r1${local}`,
  ];

  it('[HS12] [HS14] #30 #19 it probes with HEAD, dials again, and is in its namespaces and rooms', async () => {
    const { testServer, log } = await startDefault();
    const gateway = await openGateway(testServer.url);
    const { lives, log: clientLog } = await settle(gateway.url);
    log.rest();
    expect(gateway.seen.rest()).toEqual(['GET 101']);
    expect(testServer.connection('joe').wasReconnected).toBe(false);
    testServer.connection('joe').close(1001, 'retry=5');
    await testServer.disconnects.next();
    expect(await log.take(7)).toEqual(outage(''));
    expect(await clientLog.take(7)).toEqual(outage(' local'));
    expect(gateway.seen.rest()).toEqual(['HEAD 302', 'GET 101']);
    const again = testServer.connection('joe');
    expect([again.reconnectTries, again.wasReconnected]).toEqual([1, true]);
    expect(testServer.server.members('default', 'r1')).toEqual([atServer(testServer, 'joe')]);
    (await lives.next()).close();
  });

  it('[HS12] [HS14] #30 #19 it counts the probes without an answer', async () => {
    const { testServer, log } = await startDefault();
    const gateway = await openGateway(testServer.url);
    const { lives, log: clientLog } = await settle(gateway.url);
    log.rest();
    gateway.seen.rest();
    gateway.cut(3);
    await testServer.disconnects.next();
    expect(await log.take(7)).toEqual(outage(''));
    expect(await clientLog.take(7)).toEqual(outage(' local'));
    const unanswered = 'HEAD unanswered';
    expect(gateway.seen.rest()).toEqual([unanswered, unanswered, unanswered, 'HEAD 302', 'GET 101']);
    const again = testServer.connection('joe');
    expect([again.reconnectTries, again.wasReconnected]).toEqual([4, true]);
    const life = await lives.next();
    expect(life.wasReconnected()).toBe(true);
    life.close();
  });
});

describe('namespaces', () => {
  it('[NS1] #6 connect to an undeclared one rejects with bad namespace', async () => {
    const { testServer } = await startDefault();
    const { conn, log } = await dial(testServer.url, { nope: {} });
    await expect(conn.connect('nope')).rejects.toThrow(new Error('bad namespace'));
    expect(conn.namespace('nope')).toBeUndefined();
    expect(log.all).toEqual(['OnNamespaceConnect nope local']);
  });

  it('[NS2] #7 a veto rejects with its text', async () => {
    const { testServer } = await startDefault({
      async [OnNamespaceConnect]() {
        throw new Error('no; not you');
      },
    });
    const { conn, log } = await dial(testServer.url, { default: {} });
    await expect(conn.connect('default')).rejects.toThrow(new Error('no; not you'));
    expect(conn.namespace('default')).toBeUndefined();
    expect(log.all).toEqual(['OnNamespaceConnect default local']);
    expect(testServer.server.connectionsByNamespace('default')).toEqual([]);
  });

  it('[NS3] #25 the client disconnects: order and flags on both sides', async () => {
    const { testServer, log } = await startDefault();
    const { ns, conn, log: clientLog } = await enter(testServer, { rooms: ['r1', 'r2'] });
    log.rest();
    expect(await ns.disconnect()).toBeUndefined();
    expect(conn.namespace('default')).toBeUndefined();
    expect(clientLog.rest()).toEqual([
      'OnRoomLeave default/r1 forced local',
      'OnRoomLeft default/r1 forced local',
      'OnRoomLeave default/r2 forced local',
      'OnRoomLeft default/r2 forced local',
      'OnNamespaceDisconnect default local',
    ]);
    expect(log.rest()).toEqual([
      'OnNamespaceDisconnect default',
      'OnRoomLeave default/r1 forced',
      'OnRoomLeft default/r1 forced',
      'OnRoomLeave default/r2 forced',
      'OnRoomLeft default/r2 forced',
    ]);
    expect(testServer.server.connectionsByNamespace('default')).toEqual([]);
    expect((await conn.connect('default')).namespace).toBe('default');
  });

  it('[NS3] a veto of the disconnect resolves with its text, and nothing has changed', async () => {
    const { testServer } = await startDefault({
      [OnNamespaceDisconnect](_, { isForced }) {
        if (!isForced) throw new Error('stay');
      },
    });
    const client = await enter(testServer, { rooms: ['r1'] });
    expect(await textOf(client.ns.disconnect())).toBe('stay');
    expect(client.conn.namespace('default')).toBe(client.ns);
    expect(await told(client)).toEqual([]);
  });

  it('[NS4] #24 the server connects the client, outside of any handler', async () => {
    const { testServer, log } = await startDefault();
    const { conn, log: clientLog } = await dial(testServer.urlFor('joe'), { default: {} });
    const ns = await testServer.connection('joe').connect('default');
    expect(ns).toBe(testServer.connection('joe').namespace('default'));
    expect(log.all).toEqual(['OnNamespaceConnect default local', 'OnNamespaceConnected default local']);
    expect(clientLog.all).toEqual(['OnNamespaceConnected default']);
    expect((await conn.namespace('default').ask('ping', '')).Body).toBe('pong');
  });

  it('[NS4] #24 #30 row 41: the client does not know the namespace: its refusal rejects', async () => {
    const { testServer } = await startDefault();
    await dial(testServer.urlFor('joe'), { other: {} });
    await expect(testServer.connection('joe').connect('default')).rejects.toBe(ErrBadNamespace);
    expect(testServer.connection('joe').namespace('default')).toBeUndefined();
  });

  it('[NS4] [AK7] #27 a handler connects its client to another namespace', async () => {
    const log = new ReceiveQueue<string>('other');
    const testServer = await start({
      namespaces: {
        default: {
          async upgrade({ conn }) {
            const other = await conn.connect('other');
            other.emit('welcome', 'in');
            return reply('done');
          },
        },
        other: recordEvents(log, { ping: () => reply('pong') }),
      },
    });
    const { conn, log: clientLog } = await dial(testServer.url, { default: {}, other: {} });
    const ns = await conn.connect('default');
    clientLog.rest();
    expect((await ns.ask('upgrade', '')).Body).toBe('done');
    expect(clientLog.rest()).toEqual(['OnNamespaceConnected other', 'welcome other: in']);
    expect((await conn.namespace('other').ask('ping', '')).Body).toBe('pong');
  });

  it('[NS5] #24 #25 the server disconnects the client: order and flags on both sides', async () => {
    const { testServer, log } = await startDefault();
    const { conn, log: clientLog } = await enter(testServer, { id: 'joe', rooms: ['r1', 'r2'] });
    log.rest();
    await atServer(testServer, 'joe').disconnect();
    expect(log.rest()).toEqual([
      'OnRoomLeave default/r1 forced local',
      'OnRoomLeft default/r1 forced local',
      'OnRoomLeave default/r2 forced local',
      'OnRoomLeft default/r2 forced local',
      'OnNamespaceDisconnect default local',
    ]);
    expect(clientLog.rest()).toEqual([
      'OnRoomLeave default/r1 forced local',
      'OnRoomLeft default/r1 forced local',
      'OnRoomLeave default/r2 forced local',
      'OnRoomLeft default/r2 forced local',
      'OnNamespaceDisconnect default',
    ]);
    expect(conn.namespace('default')).toBeUndefined();
    expect(testServer.connection('joe').namespace('default')).toBeUndefined();
  });

  it('[NS5] #24 disconnectAll asks the client out of every namespace', async () => {
    const testServer = await start({ namespaces: { one: {}, two: {} } });
    const { conn } = await dial(testServer.urlFor('joe'), { one: {}, two: {} });
    await conn.connect('one');
    await conn.connect('two');
    await testServer.connection('joe').disconnectAll();
    expect([conn.namespace('one'), conn.namespace('two')]).toEqual([undefined, undefined]);
    expect(conn.isClosed()).toBe(false);
  });

  it('[NS1] emits of Connected arrive behind the answer', async () => {
    const { testServer } = await startDefault({ _OnNamespaceConnected: (ns) => void ns.emit('welcome', 'hi') });
    const { conn, log } = await dial(testServer.url, { default: {} });
    await conn.connect('default');
    expect(await log.take(3)).toEqual([
      'OnNamespaceConnect default local',
      'OnNamespaceConnected default local',
      'welcome default: hi',
    ]);
  });
});

describe('rooms', () => {
  it('[RM1] [RM2] #12 #25 the client joins and leaves: events of both sides', async () => {
    const { testServer, log } = await startDefault();
    const { ns, log: clientLog } = await enter(testServer, { id: 'joe' });
    log.rest();
    const room = await ns.joinRoom('r1');
    expect(room.name).toBe('r1');
    expect(await ns.joinRoom('r1')).toBe(room);
    expect(atServer(testServer, 'joe').room('r1')?.name).toBe('r1');
    expect(testServer.server.members('default', 'r1')).toEqual([atServer(testServer, 'joe')]);
    expect(clientLog.rest()).toEqual(['OnRoomJoin default/r1 local', 'OnRoomJoined default/r1 local']);
    expect(log.rest()).toEqual(['OnRoomJoin default/r1', 'OnRoomJoined default/r1']);
    expect(await room.leave()).toBeNull();
    expect(clientLog.rest()).toEqual(['OnRoomLeave default/r1', 'OnRoomLeft default/r1']);
    expect(log.rest()).toEqual(['OnRoomLeave default/r1', 'OnRoomLeft default/r1']);
    expect(testServer.server.members('default', 'r1')).toEqual([]);
  });

  it('[RM1] a veto of the join rejects with its text', async () => {
    const { testServer } = await startDefault({
      [OnRoomJoin](_, { room }) {
        if (room === 'secret') throw new Error('room denied');
      },
    });
    const { ns } = await enter(testServer, { id: 'joe' });
    await expect(ns.joinRoom('secret')).rejects.toThrow(new Error('room denied'));
    expect(ns.room('secret')).toBeUndefined();
    expect(atServer(testServer, 'joe').room('secret')).toBeUndefined();
    expect((await ns.joinRoom('open')).name).toBe('open');
  });

  it('[RM2] a veto of the leave resolves with its text, and the room is kept on both sides', async () => {
    const { testServer } = await startDefault({
      async [OnRoomLeave](_, { isForced }) {
        if (!isForced) throw new Error('cannot leave');
      },
    });
    const { ns } = await enter(testServer, { id: 'joe', rooms: ['r1'] });
    expect(await textOf(ns.room('r1').leave())).toBe('cannot leave');
    expect(ns.room('r1').name).toBe('r1');
    expect(atServer(testServer, 'joe').room('r1')).toBeDefined();
  });

  it('[NS9] [RM2] #30 leaveAll of the client leaves every room, with the events of a leave', async () => {
    const { testServer, log } = await startDefault();
    const { ns } = await enter(testServer, { id: 'joe', rooms: ['ra', 'rb'] });
    log.rest();
    await ns.leaveAll();
    expect(await log.take(4)).toEqual([
      'OnRoomLeave default/ra',
      'OnRoomLeft default/ra',
      'OnRoomLeave default/rb',
      'OnRoomLeft default/rb',
    ]);
    expect(atServer(testServer, 'joe').rooms()).toEqual([]);
  });

  it('[FR3] #3 names with separators survive both ways', async () => {
    const { testServer } = await startDefault({ 'say;it': (ns, message) => ns.broadcast(message) });
    const client = await enter(testServer, { id: 'joe', rooms: ['a;b', 'grüße'] });
    expect(atServer(testServer, 'joe').rooms().map(String)).toEqual(['a;b', 'grüße']);
    client.ns.room('a;b').emit('say;it', 'x;y');
    expect(await client.log.next()).toBe('say;it default/a;b: x;y');
  });

  it('[RM3] #24 the server joins the client to a room', async () => {
    const { testServer, log } = await startDefault();
    const { ns, log: clientLog } = await enter(testServer, { id: 'joe' });
    log.rest();
    const room = await atServer(testServer, 'joe').joinRoom('srv');
    expect(room).toBe(atServer(testServer, 'joe').room('srv'));
    expect(ns.room('srv').name).toBe('srv');
    expect(clientLog.rest()).toEqual(['OnRoomJoin default/srv', 'OnRoomJoined default/srv']);
    expect(log.rest()).toEqual(['OnRoomJoin default/srv local', 'OnRoomJoined default/srv local']);
  });

  it('[RM3] [RM7] #13 a handler joins its client, and later frames of the client find it joined', async () => {
    const { testServer } = await startDefault({
      async enter(ns, { body }) {
        const room = await ns.joinRoom(String(body));
        room.emit('entered', room.name);
        return reply('in');
      },
      say: (ns, message) => ns.broadcast(message),
    });
    const client = await enter(testServer, {
      handlers: { _OnRoomJoined: (ns, { Room }) => void ns.room(Room).emit('say', 'hello') },
    });
    expect((await client.ns.ask('enter', 'srv')).Body).toBe('in');
    expect(await client.log.take(4)).toEqual([
      'OnRoomJoin default/srv',
      'OnRoomJoined default/srv',
      'entered default/srv: srv',
      'say default/srv: hello',
    ]);
  });

  it('[RM3] #24 the veto of the client rejects', async () => {
    const { testServer } = await startDefault();
    const { ns } = await enter(testServer, { id: 'joe', handlers: { _OnRoomJoin: () => new Error('not me') } });
    await expect(atServer(testServer, 'joe').joinRoom('srv')).rejects.toThrow(new Error('not me'));
    expect(atServer(testServer, 'joe').room('srv')).toBeUndefined();
    expect(ns.room('srv')).toBeUndefined();
  });

  it('[RM3] #24 the own veto takes the client out again', async () => {
    const { testServer } = await startDefault({
      [OnRoomJoin]() {
        throw new Error('changed my mind');
      },
    });
    const client = await enter(testServer, { id: 'joe' });
    await expect(atServer(testServer, 'joe').joinRoom('srv')).rejects.toThrow(new Error('changed my mind'));
    expect(await client.log.take(4)).toEqual([
      'OnRoomJoin default/srv',
      'OnRoomJoined default/srv',
      'OnRoomLeave default/srv',
      'OnRoomLeft default/srv',
    ]);
    expect(client.ns.room('srv')).toBeUndefined();
  });

  it('[RM4] #24 the server takes the client out of one room, and out of all', async () => {
    const { testServer, log } = await startDefault();
    const { ns, log: clientLog } = await enter(testServer, { id: 'joe', rooms: ['r1', 'r2', 'r3'] });
    log.rest();
    await atServer(testServer, 'joe').room('r1')?.leave();
    expect(clientLog.rest()).toEqual(['OnRoomLeave default/r1', 'OnRoomLeft default/r1']);
    expect(log.rest()).toEqual(['OnRoomLeave default/r1', 'OnRoomLeft default/r1']);
    await atServer(testServer, 'joe').leaveAll();
    expect(log.rest()).toEqual([
      'OnRoomLeave default/r2 local',
      'OnRoomLeft default/r2 local',
      'OnRoomLeave default/r3 local',
      'OnRoomLeft default/r3 local',
    ]);
    expect([...ns.rooms.keys()]).toEqual([]);
  });
});

describe('both sides at once', () => {
  it('[NS10] #16 connect', async () => {
    const { testServer } = await startDefault();
    const { conn } = await dial(testServer.urlFor('joe'), { default: {} });
    const [atClient, ns] = await Promise.all([
      conn.connect('default'),
      testServer.connection('joe').connect('default'),
    ]);
    expect(testServer.connection('joe').namespace('default')).toBe(ns);
    expect((await atClient.ask('ping', '')).Body).toBe('pong');
    expect(testServer.server.connectionsByNamespace('default')).toEqual([ns]);
  });

  it('[NS10] join', async () => {
    const { testServer } = await startDefault();
    const client = await enter(testServer, { id: 'joe' });
    const [atClient, room] = await Promise.all([client.ns.joinRoom('r1'), atServer(testServer, 'joe').joinRoom('r1')]);
    expect([atClient.name, room.name]).toEqual(['r1', 'r1']);
    client.log.rest();
    room.emit('news', '1');
    expect(await told(client)).toEqual(['news default/r1: 1']);
  });

  it('[NS10] leave', async () => {
    const { testServer } = await startDefault();
    const { ns } = await enter(testServer, { id: 'joe', rooms: ['r1'] });
    await Promise.all([ns.room('r1').leave(), atServer(testServer, 'joe').room('r1')?.leave()]);
    expect(ns.room('r1')).toBeUndefined();
    expect(atServer(testServer, 'joe').room('r1')).toBeUndefined();
  });

  it('[NS10] disconnect and join', async () => {
    const { testServer } = await startDefault();
    const { conn, ns } = await enter(testServer, { id: 'joe' });
    const gone = atServer(testServer, 'joe').disconnect();
    await expect(ns.joinRoom('r1')).rejects.toThrow(new Error('bad namespace'));
    await gone;
    expect(conn.namespace('default')).toBeUndefined();
    expect(testServer.server.members('default', 'r1')).toEqual([]);
    expect(testServer.connection('joe').namespace('default')).toBeUndefined();
  });

  it('[NS10] disconnect', async () => {
    const { testServer } = await startDefault();
    const { conn, ns } = await enter(testServer, { id: 'joe', rooms: ['r1'] });
    await Promise.all([ns.disconnect(), atServer(testServer, 'joe').disconnect()]);
    expect(conn.namespace('default')).toBeUndefined();
    expect(testServer.connection('joe').namespace('default')).toBeUndefined();
    expect((await conn.connect('default')).namespace).toBe('default');
  });
});

describe('events', () => {
  it('[FR3] [SV7] emits arrive in order, with their bodies', async () => {
    const { testServer, log } = await startDefault();
    const { ns } = await enter(testServer);
    log.rest();
    for (const body of ['', 'a;b;c', 'ä€😀', '{"n":1}']) expect(ns.emit('say', body)).toBe(true);
    expect(await log.take(4)).toEqual([
      'say default: ',
      'say default: a;b;c',
      'say default: ä€😀',
      'say default: {"n":1}',
    ]);
  });

  it('[FR3] a message of a room arrives with its room', async () => {
    const { testServer, log } = await startDefault();
    const { ns } = await enter(testServer, { rooms: ['r1'] });
    log.rest();
    ns.room('r1').emit('say', 'hi');
    expect(await log.next()).toBe('say default/r1: hi');
  });

  it('[FR3] [FR5] #28 binary passes both ways, byte for byte', async () => {
    const received = new ReceiveQueue<Message>('messages');
    const { testServer } = await startDefault({
      bytes(ns, message) {
        received.push(message);
        ns.emitBinary('more', Uint8Array.of(0xfe, 0x3b, 0x00));
        return reply(message.body);
      },
    });
    const { ns, log } = await enter(testServer);
    expect(emitBinary(ns, 'bytes', Uint8Array.of(0x01, 0xff, 0x3b, 0x02))).toBe(true);
    expect(await log.take(2)).toEqual(['more default: <fe3b00>', 'bytes default: <01ff3b02>']);
    const { body, setBinary } = await received.next();
    expect([...body]).toEqual([0x01, 0xff, 0x3b, 0x02]);
    expect(setBinary).toBe(true);
  });

  it('[FR7] #28 a binary body is a plain Uint8Array, small or large', async () => {
    const kinds = new ReceiveQueue<string>('kinds');
    const { testServer } = await startDefault({ bytes: (_, { body }) => kinds.push(body.constructor.name) });
    const { ns } = await enter(testServer);
    for (const size of [0, 1, 4_095, 4_096, 60_000]) emitBinary(ns, 'bytes', new Uint8Array(size));
    expect(await kinds.take(5)).toEqual(Array.from({ length: 5 }, () => 'Uint8Array'));
  });

  it('[AK8] #8 the client asks, a reply answers', async () => {
    const { testServer } = await startDefault({
      double: async (_, message) => reply(JSON.stringify({ n: message.json<{ n: number }>().n * 2 })),
      empty: () => reply(),
    });
    const { ns } = await enter(testServer);
    const answer = await ns.ask('double', neffos.marshal({ n: 21 }));
    expect(answer.unmarshal()).toEqual({ n: 42 });
    expect([answer.Namespace, answer.Event]).toEqual(['default', 'double']);
    expect((await ns.ask('empty', '')).Body).toBe('');
  });

  it('[SV7] [AK8] #8 many asks at once are answered each with its own', async () => {
    const { testServer } = await startDefault({ echo: async (_, { body }) => reply(body) });
    const { ns } = await enter(testServer);
    const bodies = Array.from({ length: 40 }, (_, index) => `number ${index}`);
    const answers = await Promise.all(bodies.map((body) => ns.ask('echo', body)));
    expect(answers.map(({ Body }) => Body)).toEqual(bodies);
  });

  it('[AK8] [SV2] #20 a throw rejects the ask with its text, and the connection continues', async () => {
    const { testServer } = await startDefault({
      async boom() {
        throw new Error('boom; with semicolon');
      },
    });
    const { ns } = await enter(testServer);
    await expect(ns.ask('boom', '')).rejects.toThrow(new Error('boom; with semicolon'));
    expect((await ns.ask('ping', '')).Body).toBe('pong');
    expect(testServer.errors.map(({ where }) => where.during)).toEqual(['boom']);
  });

  it('[AK8] #20 a throw on an emit reaches the handler of that event, as an error', async () => {
    const { testServer } = await startDefault({
      boom() {
        throw new Error('boom');
      },
    });
    const errors = new ReceiveQueue<Error>('errors');
    const { ns } = await enter(testServer, { handlers: { boom: (_, { Err }) => void errors.push(Err) } });
    ns.emit('boom', '');
    expect((await errors.next()).message).toBe('boom');
  });

  it('[AK8] an error of the client’s handler reaches the handler of that event, as an error', async () => {
    const received = new ReceiveQueue<Message>('messages');
    const { testServer } = await startDefault({ news: (_, message) => received.push(message) });
    await enter(testServer, { id: 'joe', handlers: { news: () => new Error('bad news') } });
    atServer(testServer, 'joe').emit('news', 'x');
    const { err, event } = await received.next();
    expect([event, err?.message]).toEqual(['news', 'bad news']);
  });

  it('[AK2] [AK3] the server asks: an answer, an error, a known error', async () => {
    const { testServer } = await startDefault();
    await enter(testServer, {
      id: 'joe',
      handlers: {
        q: (_, { Body }) => neffos.reply(`answer to ${Body}`),
        qerr: () => new Error('jserr'),
        qroom: () => new Error('bad room'),
      },
    });
    const ns = atServer(testServer, 'joe');
    expect(await ns.ask('q', 'life')).toMatchObject({ event: 'q', body: 'answer to life' });
    await expect(ns.ask('qerr')).rejects.toThrow(new Error('jserr'));
    await expect(ns.ask('qroom')).rejects.toBe(ErrBadRoom);
  });

  it('[AK4] #27 #30 the client that does not answer: timeout, signal, and the end of the connection', async () => {
    const { testServer } = await startDefault();
    const { conn } = await enter(testServer, { id: 'joe' });
    const ns = atServer(testServer, 'joe');
    await expect(ns.ask('silent', '', { timeout: 20 })).rejects.toBeInstanceOf(AskTimeout);
    const why = new Error('enough');
    const controller = new AbortController();
    const given = ns.ask('silent', '', { signal: controller.signal });
    controller.abort(why);
    await expect(given).rejects.toBe(why);
    const pending = ns.ask('silent');
    conn.close();
    await expect(pending).rejects.toBe(ErrWrite);
  });

  it('[AK4] #30 row 40: an ask of a namespace that the client is not in is never answered, and ends', async () => {
    const { testServer } = await startDefault();
    const client = await enter(testServer, { id: 'joe', handlers: { q: () => neffos.reply('yes') } });
    const joe = testServer.connection('joe');
    await expect(joe.ask({ namespace: 'other', event: 'q' })).rejects.toBe(ErrWrite);
    // The client has disconnected when the ask reaches it.
    const ns = atServer(testServer, 'joe');
    const gone = ns.disconnect();
    const asked = ns.ask('q', '', { timeout: 50 });
    await Promise.all([gone, expect(asked).rejects.toBeInstanceOf(AskTimeout)]);
    expect(client.log.rest()).toEqual(['OnNamespaceDisconnect default']);
  });

  it('[RM3] #30 row 41: a room ask of a namespace that the client is not in is never answered, and ends', async () => {
    const { testServer, log } = await startDefault();
    const client = await enter(testServer, { id: 'joe' });
    log.rest();
    const ns = atServer(testServer, 'joe');
    const gone = ns.disconnect();
    const joined = ns.joinRoom('r1');
    await Promise.all([gone, expect(joined).rejects.toBe(ErrWrite)]);
    expect(client.log.rest()).toEqual(['OnNamespaceDisconnect default']);
    expect(log.rest()).toEqual(['OnNamespaceDisconnect default local']);
    expect((await client.conn.connect('default')).namespace).toBe('default');
  });

  it('[AK7] #27 a handler asks its own client while other frames wait', async () => {
    const { testServer, log } = await startDefault({
      async start(ns) {
        const { body } = await ns.ask('confirm', 'sure?');
        return reply(`client said ${String(body)}`);
      },
    });
    const { ns } = await enter(testServer, {
      handlers: {
        confirm(client) {
          client.emit('say', 'while you wait');
          return neffos.reply('yes');
        },
      },
    });
    log.rest();
    const answer = ns.ask('start', '');
    const pong = ns.ask('ping', '');
    expect((await answer).Body).toBe('client said yes');
    expect((await pong).Body).toBe('pong');
    expect(await log.take(3)).toEqual(['start default: ', 'ping default: ', 'say default: while you wait']);
  });
});

describe('broadcast', () => {
  /** ann and two of joe's tabs in room r1, eve in the namespace only. */
  const startClients = async (handlers: Parameters<typeof recordEvents>[1] = {}) => {
    const { testServer } = await startDefault(handlers);
    const ann = await enter(testServer, { id: 'ann', rooms: ['r1'] });
    const tab1 = await enter(testServer, { id: 'joe', rooms: ['r1'] });
    const tab2 = await enter(testServer, { id: 'joe', rooms: ['r1'] });
    const eve = await enter(testServer, { id: 'eve' });
    const everybody = { ann, tab1, tab2, eve };
    /** The names of those who have got exactly `line`; the others have got nothing. */
    const whoGot = async (line: string): Promise<string[]> => {
      const got: string[] = [];
      for (const [name, client] of Object.entries(everybody)) {
        const lines = await told(client);
        if (lines.length > 0) got.push(name);
        if (lines.length > 0) expect(lines).toEqual([line]);
      }
      return got;
    };
    return { testServer, server: testServer.server, ...everybody, whoGot };
  };
  const toNamespace: OutgoingMessage = { namespace: 'default', event: 'news', body: 'x;y' };
  const toRoom: OutgoingMessage = { ...toNamespace, room: 'r1' };
  const inNamespace = 'news default: x;y';
  const inRoom = 'news default/r1: x;y';

  it('[BC1] #26 to the namespace: every member', async () => {
    const { server, whoGot } = await startClients();
    server.broadcast(null, toNamespace);
    expect(await whoGot(inNamespace)).toEqual(['ann', 'tab1', 'tab2', 'eve']);
  });

  it('[BC1] #26 to the room: every member', async () => {
    const { server, whoGot } = await startClients();
    server.broadcast(null, toRoom);
    expect(await whoGot(inRoom)).toEqual(['ann', 'tab1', 'tab2']);
  });

  it('[BC1] #26 a namespace without the client: no delivery', async () => {
    const testServer = await start({ namespaces: { default: { ping: () => reply('pong') }, other: {} } });
    const client = await enter(testServer);
    testServer.server.broadcast(null, { ...toNamespace, namespace: 'other' });
    expect(await told(client)).toEqual([]);
  });

  it('[BC13] #26 except a Conn: exactly that connection, not the one that shares its id', async () => {
    const { server, testServer, whoGot } = await startClients();
    const [, tab1] = testServer.server.connections();
    server.broadcast(tab1 ?? null, toNamespace);
    expect(await whoGot(inNamespace)).toEqual(['ann', 'tab2', 'eve']);
  });

  it('[BC13] #26 except an NSConn: exactly that connection', async () => {
    const { server, testServer, whoGot } = await startClients();
    const [, , tab2] = testServer.server.connectionsByNamespace('default');
    server.broadcast(tab2 ?? null, toRoom);
    expect(await whoGot(inRoom)).toEqual(['ann', 'tab1']);
  });

  it('[BC13] #26 except a Room: exactly that connection, also for the namespace', async () => {
    const { server, testServer, whoGot } = await startClients();
    const [, tab1] = testServer.server.members('default', 'r1');
    server.broadcast(tab1?.room('r1') ?? null, toNamespace);
    expect(await whoGot(inNamespace)).toEqual(['ann', 'tab2', 'eve']);
  });

  it('[BC13] #26 except an id: every connection that has it', async () => {
    const { server, whoGot } = await startClients();
    server.broadcast(exclude('joe'), toNamespace);
    expect(await whoGot(inNamespace)).toEqual(['ann', 'eve']);
    server.broadcast(exclude('ann'), toRoom);
    expect(await whoGot(inRoom)).toEqual(['tab1', 'tab2']);
    server.broadcast(exclude('nobody'), toRoom);
    expect(await whoGot(inRoom)).toEqual(['ann', 'tab1', 'tab2']);
  });

  it('[BC1] #14 #26 to an id: every connection that has it, in that place', async () => {
    const { server, whoGot } = await startClients();
    server.broadcast(null, { ...toNamespace, to: 'joe' });
    expect(await whoGot(inNamespace)).toEqual(['tab1', 'tab2']);
    server.broadcast(null, { ...toRoom, to: 'eve' });
    expect(await whoGot(inRoom)).toEqual([]);
    server.broadcast(exclude('joe'), { ...toNamespace, to: 'joe' });
    expect(await whoGot(inNamespace)).toEqual([]);
  });

  it('[BC13] #26 broadcast and broadcastOthers of an NSConn', async () => {
    const { ann, whoGot } = await startClients({
      toAll: (ns, { body }) => ns.broadcast({ event: 'news', body }),
      toOthers: (ns, { body }) => ns.broadcastOthers({ room: 'r1', event: 'news', body }),
    });
    ann.ns.emit('toAll', 'x;y');
    await ann.ns.ask('ping', '');
    expect(await whoGot(inNamespace)).toEqual(['ann', 'tab1', 'tab2', 'eve']);
    ann.ns.emit('toOthers', 'x;y');
    await ann.ns.ask('ping', '');
    expect(await whoGot(inRoom)).toEqual(['tab1', 'tab2']);
  });

  it('[BC12] #26 several messages in one call: each to its own audience, in order', async () => {
    const { server, ann, eve } = await startClients();
    server.broadcast(
      null,
      { ...toRoom, body: '1' },
      { ...toNamespace, body: '2' },
      { ...toNamespace, to: 'eve', body: '3' },
      { ...toRoom, body: '4' },
    );
    expect(await told(ann)).toEqual(['news default/r1: 1', 'news default: 2', 'news default/r1: 4']);
    expect(await told(eve)).toEqual(['news default: 2', 'news default: 3']);
  });

  it('[BC3] #26 broadcasts and emits arrive in program order', async () => {
    const { server, testServer, ann } = await startClients();
    const expected: string[] = [];
    for (let n = 0; n < 50; n++) {
      server.broadcast(null, { ...toNamespace, body: `b${n}` });
      atServer(testServer, 'ann').emit('news', `e${n}`);
      expected.push(`news default: b${n}`, `news default: e${n}`);
    }
    expect(await told(ann)).toEqual(expected);
  });

  it('[BC9] #20 row 34: a received ask that is broadcast again arrives as an event, and does not answer', async () => {
    const { ann, whoGot } = await startClients({
      all: ({ conn }, message) => conn.server.broadcast(null, message),
      news: ({ conn }, message) => conn.server.broadcast(null, message),
    });
    let isAnswered = false;
    void ann.ns.ask('news', 'x;y').then(() => {
      isAnswered = true;
    });
    expect(await ann.log.next()).toBe(inNamespace);
    expect((await whoGot(inNamespace)).sort()).toEqual(['eve', 'tab1', 'tab2']);
    expect(isAnswered).toBe(false);
  });

  it('[BC9] a received message of a room is sent to that room again', async () => {
    const { tab1, whoGot } = await startClients({ news: (ns, message) => ns.conn.server.broadcast(ns, message) });
    tab1.ns.room('r1').emit('news', 'x;y');
    await tab1.ns.ask('ping', '');
    expect(await whoGot(inRoom)).toEqual(['ann', 'tab2']);
  });

  it('[FR3] bytes are broadcast as bytes', async () => {
    const { server, whoGot } = await startClients();
    server.broadcast(null, { ...toRoom, body: Uint8Array.of(0xff, 0x3b, 0x00) });
    expect(await whoGot('news default/r1: <ff3b00>')).toEqual(['ann', 'tab1', 'tab2']);
  });

  it('[BC8] #26 syncBroadcaster reaches the same clients', async () => {
    const testServer = await start({ syncBroadcaster: true, namespaces: { default: { ping: () => reply('pong') } } });
    const ann = await enter(testServer, { id: 'ann', rooms: ['r1'] });
    const eve = await enter(testServer, { id: 'eve' });
    testServer.server.broadcast(null, toRoom);
    testServer.server.broadcast(exclude('ann'), toNamespace);
    expect(await told(ann)).toEqual([inRoom]);
    expect(await told(eve)).toEqual([inNamespace]);
  });
});

describe('server.ask', () => {
  const question: OutgoingMessage = { namespace: 'default', event: 'q', body: 'who?' };

  it('[AK5] asks all: the first answer settles, a late one has no effect', async () => {
    const { testServer, log } = await startDefault();
    const silent = await enter(testServer, { id: 'silent' });
    const ann = await enter(testServer, { id: 'ann', handlers: { q: () => neffos.reply('me') } });
    const bob = await enter(testServer, { id: 'bob', handlers: { q: () => neffos.reply('me') } });
    log.rest();
    expect(await testServer.server.ask(question)).toMatchObject({ event: 'q', body: 'me' });
    expect(await told(silent)).toEqual(['q default: who?']);
    expect(await told(ann)).toEqual(['q default: who?']);
    expect(await told(bob)).toEqual(['q default: who?']);
    expect(log.rest()).toEqual(['ping default: ', 'ping default: ', 'ping default: ']);
  });

  it('[AK5] #15 asks one id only', async () => {
    const { testServer } = await startDefault();
    const handlers: Clients = { q: ({ conn }) => neffos.reply(conn.ID) };
    const ann = await enter(testServer, { id: 'ann', handlers });
    await enter(testServer, { id: 'bob', handlers });
    expect(await testServer.server.ask({ ...question, to: 'bob' })).toMatchObject({ body: 'bob' });
    expect(await told(ann)).toEqual([]);
  });

  it('[AK5] asks a room only', async () => {
    const { testServer } = await startDefault();
    const handlers: Clients = { q: ({ conn }) => neffos.reply(conn.ID) };
    await enter(testServer, { id: 'ann', handlers });
    await enter(testServer, { id: 'bob', rooms: ['r1'], handlers });
    expect(await testServer.server.ask({ ...question, room: 'r1' })).toMatchObject({ room: 'r1', body: 'bob' });
  });

  it('[AK5] [AK3] an error answer settles as well', async () => {
    const { testServer } = await startDefault();
    await enter(testServer, { handlers: { q: () => new Error('nobody you know') } });
    await expect(testServer.server.ask(question)).rejects.toThrow(new Error('nobody you know'));
  });

  it('[AK5] an empty audience rejects at once', async () => {
    const { testServer } = await startDefault();
    await enter(testServer, { id: 'ann' });
    await expect(testServer.server.ask({ ...question, to: 'bob' })).rejects.toBe(ErrNoAudience);
  });

  it('[AK6] #27 rejects when every asked connection has closed', async () => {
    const { testServer } = await startDefault();
    const ann = await enter(testServer);
    const bob = await enter(testServer);
    const asked = testServer.server.ask(question);
    await ann.log.next();
    await bob.log.next();
    ann.conn.close();
    bob.conn.close();
    await expect(asked).rejects.toBe(ErrWrite);
  });
});

describe('the end of a connection', () => {
  const two = async () => {
    const log = new ReceiveQueue<string>('handlers');
    const testServer = await start({
      namespaces: { default: recordEvents(log), other: recordEvents(log) },
      onDisconnect: (conn) => log.push(`gone ${conn.id}`),
    });
    const client = await dial(testServer.urlFor('joe'), { default: {}, other: {} });
    const other = await client.conn.connect('other');
    const ns = await client.conn.connect('default');
    await ns.joinRoom('r2');
    await ns.joinRoom('r1');
    await other.joinRoom('r1');
    log.rest();
    client.log.rest();
    return { testServer, log, client };
  };
  const forced = [
    'OnRoomLeave other/r1 forced local',
    'OnRoomLeft other/r1 forced local',
    'OnNamespaceDisconnect other forced local',
    'OnRoomLeave default/r2 forced local',
    'OnRoomLeft default/r2 forced local',
    'OnRoomLeave default/r1 forced local',
    'OnRoomLeft default/r1 forced local',
    'OnNamespaceDisconnect default forced local',
  ];

  it('[NS7] [SV6] #25 the client closes: forced events on both sides, in the order of joining', async () => {
    const { testServer, log, client } = await two();
    client.conn.close();
    expect(client.log.rest()).toEqual(forced);
    expect(await log.take(9)).toEqual([...forced, 'gone joe']);
    const { id, reason } = await testServer.disconnects.next();
    expect(id).toBe('joe');
    expect(reason.wasAccepted).toBe(true);
    expect(reason.rooms).toEqual([
      { namespace: 'other', room: 'r1' },
      { namespace: 'default', room: 'r2' },
      { namespace: 'default', room: 'r1' },
    ]);
    expect(testServer.server.totalConnections).toBe(0);
    expect(testServer.server.roomNames('default')).toEqual([]);
    expect(log.rest()).toEqual([]);
  });

  it('[NS7] [SV5] #25 the server closes: forced events on both sides', async () => {
    const { testServer, log, client } = await two();
    const conn = testServer.connection('joe');
    const ns = conn.namespace('default');
    conn.close(4001, 'go');
    expect(conn.isClosed).toBe(true);
    expect(ns?.emit('late', '')).toBe(false);
    expect(log.rest()).toEqual([]);
    expect(await log.take(9)).toEqual([...forced, 'gone joe']);
    expect(await client.log.take(8)).toEqual(forced);
    expect(client.conn.isClosed()).toBe(true);
    expect((await testServer.disconnects.next()).reason).toMatchObject({ code: 4001, text: 'go', wasAccepted: true });
  });

  it('[SV5] pending messages arrive before the close', async () => {
    const { testServer } = await startDefault();
    const client = await enter(testServer, { id: 'joe' });
    testServer.server.broadcast(null, { namespace: 'default', event: 'news', body: '1' });
    atServer(testServer, 'joe').emit('news', '2');
    testServer.server.broadcast(null, { namespace: 'default', event: 'news', body: '3' });
    testServer.connection('joe').close();
    expect(await client.log.take(4)).toEqual([
      'news default: 1',
      'news default: 2',
      'news default: 3',
      'OnNamespaceDisconnect default forced local',
    ]);
  });

  it('[DR1] the server closes: every client gets its pending messages, then the end', async () => {
    const { testServer } = await startDefault();
    const ann = await enter(testServer, { rooms: ['r1'] });
    const bob = await enter(testServer);
    testServer.server.broadcast(null, { namespace: 'default', event: 'news', body: 'bye' });
    await testServer.server.close();
    expect(await ann.log.take(4)).toEqual([
      'news default: bye',
      'OnRoomLeave default/r1 forced local',
      'OnRoomLeft default/r1 forced local',
      'OnNamespaceDisconnect default forced local',
    ]);
    expect(await bob.log.take(2)).toEqual(['news default: bye', 'OnNamespaceDisconnect default forced local']);
    expect(testServer.server.totalConnections).toBe(0);
  });
});

describe('native messages', () => {
  const startMixed = async () => {
    const log = new ReceiveQueue<string>('handlers');
    const testServer = await start({
      events: {
        ...recordEvents(log, {
          ping: () => reply('pong'),
          [OnNativeMessage]: (_, { body, isNative }) => reply(`${isNative ? 'native' : 'framed'} ${String(body)}`),
        }),
      },
    });
    const client = await dial(testServer.urlFor('joe'), { '': { [OnNativeMessage]() {} } });
    const ns = await client.conn.connect('');
    log.rest();
    client.log.rest();
    return { testServer, log, client, ns };
  };

  it('[FR1] #10 a framed one passes both ways', async () => {
    const { testServer, log, client, ns } = await startMixed();
    ns.emit(OnNativeMessage, 'x;y');
    expect(await log.next()).toBe('OnNativeMessage : x;y');
    expect(await client.log.next()).toBe('OnNativeMessage : framed x;y');
    testServer.server.broadcast(null, { event: OnNativeMessage, body: 'to all' });
    expect(await client.log.next()).toBe('OnNativeMessage : to all');
  });

  it('[FR1] #10 a raw one reaches the handler', async () => {
    const { log, client } = await startMixed();
    const raw = Object.assign(new neffos.Message(), {
      Namespace: '',
      Event: OnNativeMessage,
      Body: 'just text',
      IsNative: true,
    });
    expect(client.conn.write(raw)).toBe(true);
    expect(await log.next()).toBe('OnNativeMessage : just text');
  });

  it('[NS1] handlers of the empty namespace alone', async () => {
    const testServer = await start({ events: { echo: (_, { body }) => reply(body) } });
    const { conn } = await dial(testServer.url, { '': {} });
    const ns = await conn.connect('');
    expect((await ns.ask('echo', 'a;b')).Body).toBe('a;b');
    expect((await ns.joinRoom('r1')).name).toBe('r1');
  });
});

import { describe, expect, it } from 'vitest';
import {
  AskTimeout,
  ErrBadNamespace,
  ErrBadRoom,
  ErrWrite,
  exclude,
  isSystemEvent,
  type Message,
  type NSConn,
  OnAnyEvent,
  OnNamespaceConnect,
  OnNativeMessage,
  OnRoomJoin,
  OnRoomLeave,
  reply,
  type ServerOptions,
} from '../../src/index.js';
import { ReceiveQueue } from '../support/async/receiveQueue.js';
import { bodyOfMessage, type GoHandlers, type GoPeer, goPeers, useGo } from '../support/peers/goPeer.js';
import { describeWith } from '../support/peers/installed.js';
import { recordEvents, type TestServer, useServers } from '../support/server/testServer.js';

const start = useServers();
const startGo = useGo();

/** A server with the namespace `default`, whose handlers are written down. */
const startDefault = async (
  handlers: Parameters<typeof recordEvents>[1] = {},
  more: ServerOptions['namespaces'] = {},
  options: ServerOptions = {},
) => {
  const log = new ReceiveQueue<string>('handlers');
  const events = recordEvents(log, { ping: () => reply('PONG MESSAGE'), fence: () => reply(), ...handlers });
  return { log, testServer: await start({ namespaces: { default: events, ...more }, ...options }) };
};

/**
 * What its handlers were told since the last look; the event that comes back stands behind all of it. It is no ask: one
 * that begins while frames come in has the newer line hand them to its handlers on two goroutines, in any order.
 */
const received = async (go: GoPeer): Promise<string[]> => {
  await go.do('emit', { namespace: 'default', event: 'fence' });
  const lines: string[] = [];
  for (let line = await go.log.next(); line !== 'fence default: '; line = await go.log.next()) lines.push(line);
  return lines;
};

const nsOf = (testServer: TestServer, id: string): NSConn => {
  const ns = testServer.connection(id).namespace('default');
  if (!ns) throw new Error(`"${id}" is not in default`);
  return ns;
};

for (const peer of goPeers)
  describeWith(peer, `${peer.name} as a client`, (path) => {
    /** A client that has dialled. */
    const dial = async (
      url: string,
      handlers: GoHandlers = { default: {} },
      headers: Readonly<Record<string, string>> = {},
    ): Promise<GoPeer> => {
      const go = startGo(path);
      const { default: events, ...others } = handlers;
      const fenced = events ? { ...others, default: { ...events, fence: '' } } : handlers;
      await go.do('dial', { url, handlers: fenced, headers });
      return go;
    };

    /** Returns a client in `default`, in these rooms. The calls of its handlers so far are read. */
    const enter = async (
      testServer: TestServer,
      { id = 'joe', rooms = [], handlers = {} }: { id?: string; rooms?: string[]; handlers?: GoHandlers[string] } = {},
    ): Promise<GoPeer> => {
      const go = await dial(testServer.urlFor(id), { default: handlers });
      await go.do('connect', { namespace: 'default' });
      for (const room of rooms) await go.do('join', { namespace: 'default', room });
      await received(go);
      return go;
    };

    describe('the handshake and namespaces', () => {
      it('[HS2] [NS1] #4 it dials, gets its id and connects, with the events of both sides', async () => {
        const { testServer, log } = await startDefault({}, { '': {} });
        const go = await dial(testServer.urlFor('joe'), { default: {}, '': {} });
        expect(await go.do('id')).toBe('joe');
        await go.do('connect', { namespace: '' });
        await go.do('connect', { namespace: 'default' });
        await go.do('connect', { namespace: 'default' });
        expect(await received(go)).toEqual([
          'OnNamespaceConnect  local',
          'OnNamespaceConnected  local',
          'OnNamespaceConnect default local',
          'OnNamespaceConnected default local',
        ]);
        expect(log.rest().slice(0, 2)).toEqual(['OnNamespaceConnect default', 'OnNamespaceConnected default']);
      });

      it.each([
        ['2', 2, true],
        ['007', 7, true],
        ['9'.repeat(20), 1_000_000, true],
        ['0', 0, false],
        ['abc', 0, false],
        ['3abc', 0, false],
        ['1e99', 0, false],
        ['12.7', 0, false],
        ['-1', 0, false],
      ])('[HS14] #19 it sends %j as its count of retries: that counts as %i', async (header, tries, isBack) => {
        const { testServer } = await startDefault();
        await dial(testServer.urlFor('joe'), { default: {} }, { 'X-Websocket-Reconnect': header });
        const { reconnectTries, wasReconnected } = testServer.connection('joe');
        expect([reconnectTries, wasReconnected]).toEqual([tries, isBack]);
      });

      it('[HS14] #19 without that header, or with it in the URL', async () => {
        const { testServer } = await startDefault();
        await dial(testServer.urlFor('new'));
        await dial(`${testServer.urlFor('back')}&X-Websocket-Header-X-Websocket-Reconnect=3`);
        const tries = ['new', 'back'].map((id) => testServer.connection(id).reconnectTries);
        expect(tries).toEqual([0, 3]);
      });

      it('[NS1] #5 #6 a namespace that only one side declares is a bad namespace on either', async () => {
        const { testServer } = await startDefault({}, { only_on_server: {} });
        const go = await dial(testServer.urlFor('joe'), { default: {}, only_on_client: {} });
        await expect(go.do('connect', { namespace: 'only_on_server' })).rejects.toThrow(ErrBadNamespace.message);
        await expect(go.do('connect', { namespace: 'only_on_client' })).rejects.toThrow(ErrBadNamespace.message);
        expect(testServer.server.connectionsByNamespace('only_on_server')).toEqual([]);
      });

      it('[NS2] #7 a refusal of either side rejects the call, and nothing is connected', async () => {
        const refuse = (): never => {
          throw ErrBadNamespace;
        };
        const { testServer } = await startDefault(
          {},
          { no_access_by_server: { [OnNamespaceConnect]: refuse }, mine: {} },
        );
        const handlers = { default: {}, no_access_by_server: {}, mine: { [OnNamespaceConnect]: 'error:not me' } };
        const go = await dial(testServer.urlFor('joe'), handlers);
        const asked = go.do('connect', { namespace: 'no_access_by_server' });
        await expect(asked).rejects.toThrow(ErrBadNamespace.message);
        await expect(go.do('connect', { namespace: 'mine' })).rejects.toThrow('not me');
        expect(go.log.rest()).toEqual([
          'OnNamespaceConnect no_access_by_server local',
          'OnNamespaceConnect mine local',
        ]);
        expect(testServer.connection('joe').namespace('mine')).toBeUndefined();
      });

      it('[HS7] #21 a refusal of onConnect fails the dial', async () => {
        const { testServer } = await startDefault(
          {},
          {},
          {
            onConnect() {
              throw new Error('not allowed; sorry');
            },
          },
        );
        await expect(dial(testServer.url)).rejects.toThrow('not allowed; sorry');
      });

      it('[HS9] [NS4] #23 a connect inside onConnect finds the client, which knows of it by itself', async () => {
        const connected = new ReceiveQueue<NSConn>('connected');
        const onConnect: ServerOptions['onConnect'] = async (conn) => connected.push(await conn.connect('default'));
        const { testServer, log } = await startDefault({}, {}, { onConnect });
        const go = await dial(testServer.urlFor('joe'));
        await go.do('waitConnect', { namespace: 'default', timeout: 5_000 });
        expect((await connected.next()).conn.id).toBe('joe');
        expect(await received(go)).toEqual(['OnNamespaceConnect default', 'OnNamespaceConnected default']);
        expect(log.rest().slice(0, 2)).toEqual([
          'OnNamespaceConnect default local',
          'OnNamespaceConnected default local',
        ]);
      });

      it('[NS4] #23 #24 the client may refuse to be connected', async () => {
        const { testServer } = await startDefault({}, { other: {} });
        await dial(testServer.urlFor('joe'), { default: {}, other: { [OnNamespaceConnect]: 'error:no, thanks' } });
        await expect(testServer.connection('joe').connect('other')).rejects.toThrow('no, thanks');
        expect(testServer.connection('joe').namespace('other')).toBeUndefined();
      });

      it('[NS5] #24 #25 the server disconnects it: order and flags on both sides', async () => {
        const { testServer, log } = await startDefault();
        const go = await enter(testServer, { rooms: ['r1', 'r2'] });
        log.rest();
        await nsOf(testServer, 'joe').disconnect();
        const lost = ['r1', 'r2'].flatMap((room) => [
          `OnRoomLeave default/${room} forced local`,
          `OnRoomLeft default/${room} forced local`,
        ]);
        expect(await log.take(5)).toEqual([...lost, 'OnNamespaceDisconnect default local']);
        const received = await go.log.take(5);
        expect(received.slice(0, 4).sort()).toEqual(lost.map((line) => line.replace(' local', '')).sort());
        expect(received[4]).toBe('OnNamespaceDisconnect default');
      });

      it('[NS3] #25 it disconnects: order and flags on both sides', async () => {
        const { testServer, log } = await startDefault();
        const go = await enter(testServer, { rooms: ['r1', 'r2'] });
        log.rest();
        await go.do('disconnect', { namespace: 'default' });
        const left = ['r1', 'r2'].flatMap((room) => [
          `OnRoomLeave default/${room} forced`,
          `OnRoomLeft default/${room} forced`,
        ]);
        expect(await log.take(5)).toEqual(['OnNamespaceDisconnect default', ...left]);
        expect((await go.log.take(5)).at(-1)).toBe('OnNamespaceDisconnect default local');
        expect(testServer.connection('joe').namespace('default')).toBeUndefined();
      });

      it('[NS7] [SV6] #25 the socket is lost: forced events on the server, once each, then the end', async () => {
        const { testServer, log } = await startDefault();
        const go = await enter(testServer, { rooms: ['r1', 'r2'] });
        log.rest();
        await go.do('close');
        const { reason } = await testServer.disconnects.next();
        expect(reason.rooms).toEqual([
          { namespace: 'default', room: 'r1' },
          { namespace: 'default', room: 'r2' },
        ]);
        expect(log.rest()).toEqual([
          'OnRoomLeave default/r1 forced local',
          'OnRoomLeft default/r1 forced local',
          'OnRoomLeave default/r2 forced local',
          'OnRoomLeft default/r2 forced local',
          'OnNamespaceDisconnect default forced local',
        ]);
      });

      it('[SV5] [NS7] #25 the server closes: the client gets its forced events', async () => {
        const { testServer } = await startDefault();
        const go = await enter(testServer, { rooms: ['r1'] });
        testServer.connection('joe').close();
        const received = await go.log.take(4);
        expect(received.map((line) => line.replace(' local', ''))).toContain('OnRoomLeft default/r1 forced');
        expect(received).toContain('closed');
      });
    });

    describe('events and asks', () => {
      it('[AK8] #8 six asks in a row are answered each with its own', async () => {
        const { testServer } = await startDefault();
        const go = await enter(testServer);
        for (let asked = 0; asked < 6; asked++) {
          const answer = await go.do('ask', { namespace: 'default', event: 'ping' });
          expect(answer).toMatchObject({ namespace: 'default', event: 'ping', body: { text: 'PONG MESSAGE' } });
        }
      });

      it('[AK8] #9 an any-event handler answers emits and asks', async () => {
        const anything = (_: NSConn, { event, body }: Message) => (isSystemEvent(event) ? undefined : reply(body));
        const testServer = await start({ namespaces: { default: { [OnAnyEvent]: anything } } });
        const go = await dial(testServer.url, { default: { an_event: '' } });
        await go.do('connect', { namespace: 'default' });
        go.log.rest();
        await go.do('emit', { namespace: 'default', event: 'an_event', body: 'a_body' });
        expect(await go.log.next()).toBe('an_event default: a_body');
        const answer = await go.do('ask', { namespace: 'default', event: 'an_event', body: 'again' });
        expect(bodyOfMessage(answer)).toBe('again');
      });

      it('[FR10] [AK8] #10 native messages beside events; an error arrives as one', async () => {
        const received = new ReceiveQueue<string>('native');
        const testServer = await start({
          events: {
            [OnNativeMessage]: (_, { body }) => received.push(String(body)),
            event_error_server() {
              throw new Error('this event will give error by server');
            },
          },
        });
        const go = await dial(testServer.url, { '': { event_error_server: '', [OnNativeMessage]: '' } });
        await go.do('connect', { namespace: '' });
        go.log.rest();
        await go.do('native', { body: 'this is a native/raw websocket message' });
        expect(await received.next()).toBe('this is a native/raw websocket message');
        await go.do('emit', { event: 'event_error_server', body: "doesn't matter" });
        expect(await go.log.next()).toBe('event_error_server : ! this event will give error by server');
      });

      it('[HS10] #11 native messages only: no handshake, both ways', async () => {
        const received = new ReceiveQueue<string>('native');
        const testServer = await start({
          events: {
            [OnNativeMessage](ns, { body }) {
              received.push(String(body));
              ns.conn.write({ isNative: true, body: `re:${body}` });
            },
          },
        });
        const go = await dial(testServer.url, { '': { [OnNativeMessage]: '' } });
        await go.do('connect', { namespace: '' });
        await go.do('native', { body: 'hello; world' });
        expect(await received.next()).toBe('hello; world');
        expect(await go.log.next()).toBe('OnNativeMessage : re:hello; world');
      });

      it('[AK2] [AK3] #27 the server asks: an answer, an error, a known error, a timeout', async () => {
        const { testServer } = await startDefault();
        const handlers = {
          q: 'reply:forty two',
          qerr: 'error:no idea',
          qroom: `error:${ErrBadRoom.message}`,
          mute: '',
        };
        await enter(testServer, { handlers });
        const ns = nsOf(testServer, 'joe');
        expect((await ns.ask('q')).body).toBe('forty two');
        await expect(ns.ask('qerr')).rejects.toThrow('no idea');
        await expect(ns.ask('qroom')).rejects.toBe(ErrBadRoom);
        await expect(ns.ask('mute', '', { timeout: 50 })).rejects.toThrow(AskTimeout);
      });

      it('[AK7] #27 a handler asks its client between other frames: the token matches, nothing is lost', async () => {
        const said: string[] = [];
        const { testServer } = await startDefault({
          async first(ns) {
            const { body } = await ns.ask('question');
            return reply(`answered ${body}`);
          },
          say: (_, { body }) => void said.push(String(body)),
        });
        const go = await enter(testServer, { handlers: { question: 'reply:yes', first: '' } });
        // Not an ask: the older line takes whatever frame comes next for the answer to its own.
        await go.do('emit', { namespace: 'default', event: 'first' });
        for (const body of ['1', '2', '3']) await go.do('emit', { namespace: 'default', event: 'say', body });
        expect(await received(go)).toEqual(['question default: ', 'first default: answered yes']);
        expect(said).toEqual(['1', '2', '3']);
      });

      it('[AK4] #27 the end of the connection rejects its asks', async () => {
        const { testServer } = await startDefault();
        const go = await enter(testServer, { handlers: { mute: '' } });
        const asked = nsOf(testServer, 'joe').ask('mute');
        expect(await go.log.next()).toBe('mute default: ');
        await go.do('close');
        await expect(asked).rejects.toBe(ErrWrite);
      });

      it('[FR3] [FR5] #28 binary passes both ways byte for byte, and an error of it is text', async () => {
        const bytes = new Uint8Array([1, 0xff, 0x3b, 2]);
        const { testServer } = await startDefault({
          echo: (_, { body }) => reply(body),
          boom() {
            throw new Error('boom; with semicolon');
          },
        });
        const go = await enter(testServer, { handlers: { echo: '', boom: '' } });
        await go.do('emit', { namespace: 'default', event: 'echo', body: bytes });
        expect(await go.log.next()).toBe('echo default: <01ff3b02>');
        await go.do('emit', { namespace: 'default', event: 'boom', body: bytes });
        expect(await go.log.next()).toBe('boom default: ! boom; with semicolon');
        nsOf(testServer, 'joe').emitBinary('echo', bytes);
        expect(await go.log.next()).toBe('echo default: <01ff3b02>');
      });

      it('[FR3] #3 #20 names with separators survive both ways', async () => {
        const semicolons = {
          [OnRoomJoin]: () => {},
          say: (ns: NSConn, { room }: Message) => void ns.room(room)?.emit('back', room),
        };
        const testServer = await start({ namespaces: { 'contains;semi': semicolons } });
        const go = await dial(testServer.url, { 'contains;semi': { back: '' } });
        await go.do('connect', { namespace: 'contains;semi' });
        await go.do('join', { namespace: 'contains;semi', room: ';this;for sure;' });
        go.log.rest();
        await go.do('emit', { namespace: 'contains;semi', room: ';this;for sure;', event: 'say' });
        expect(await go.log.next()).toBe('back contains;semi/;this;for sure;: ;this;for sure;');
      });
    });

    describe('rooms and broadcasts', () => {
      it('[RM1] [RM2] #12 it joins, gets broadcasts to the room, and leaves inside a handler', async () => {
        const { testServer, log } = await startDefault({
          event: (ns, message) => ns.conn.server.broadcast(null, message),
        });
        const go = await enter(testServer, { rooms: ['room1'], handlers: { event: 'leave' } });
        expect(log.rest()).toContain('OnRoomJoined default/room1');
        await go.do('emit', { namespace: 'default', room: 'room1', event: 'event', body: 'data' });
        expect(await go.log.take(3)).toEqual([
          'event default/room1: data',
          'OnRoomLeave default/room1',
          'OnRoomLeft default/room1',
        ]);
        expect(await log.take(3)).toEqual([
          'event default/room1: data',
          'OnRoomLeave default/room1',
          'OnRoomLeft default/room1',
        ]);
        expect(testServer.server.roomNames('default')).toEqual([]);
      });

      it('[RM2] #12 it leaves every room', async () => {
        const { testServer, log } = await startDefault();
        const go = await enter(testServer, { rooms: ['ra', 'rb'] });
        log.rest();
        await go.do('leaveAll', { namespace: 'default' });
        const left = await log.take(4);
        // That client forgets in which order it has joined.
        const rooms = left[0]?.endsWith('ra') ? ['ra', 'rb'] : ['rb', 'ra'];
        const leaves = rooms.flatMap((room) => [`OnRoomLeave default/${room}`, `OnRoomLeft default/${room}`]);
        expect(left).toEqual(leaves);
        expect(nsOf(testServer, 'joe').rooms()).toEqual([]);
        expect(await received(go)).toEqual(leaves.map((line) => `${line} local`));
      });

      it('[RM3] [RM7] #13 a handler joins its client, and emits to the room at once', async () => {
        const { testServer, log } = await startDefault({
          async event(ns) {
            const room = await ns.joinRoom('room1');
            room.emit('event', 'data');
          },
        });
        const go = await enter(testServer, { handlers: { event: 'leave' } });
        await go.do('emit', { namespace: 'default', event: 'event', body: 'data' });
        expect(await go.log.take(5)).toEqual([
          'OnRoomJoin default/room1',
          'OnRoomJoined default/room1',
          'event default/room1: data',
          'OnRoomLeave default/room1',
          'OnRoomLeft default/room1',
        ]);
        expect((await log.take(8)).slice(-4)).toEqual([
          'OnRoomJoin default/room1 local',
          'OnRoomJoined default/room1 local',
          'OnRoomLeave default/room1',
          'OnRoomLeft default/room1',
        ]);
      });

      it('[RM1] [RM2] #20 vetoes of join and leave', async () => {
        const { testServer } = await startDefault({
          [OnRoomJoin](_, { room }) {
            if (room === 'secret') throw new Error('room denied');
          },
          [OnRoomLeave](_, { room, isForced }) {
            if (room === 'sticky' && !isForced) throw new Error('cannot leave');
          },
        });
        const go = await enter(testServer, { rooms: ['sticky'] });
        await expect(go.do('join', { namespace: 'default', room: 'secret' })).rejects.toThrow('room denied');
        await expect(go.do('leave', { namespace: 'default', room: 'sticky' })).rejects.toThrow('cannot leave');
        expect(testServer.server.roomNames('default')).toEqual(['sticky']);
      });

      it('[RM3] [RM4] #24 the server joins it and removes it, and the client may refuse to join', async () => {
        const { testServer } = await startDefault();
        const go = await enter(testServer, { handlers: { [OnRoomJoin]: 'refuse:no=not there' } });
        const ns = nsOf(testServer, 'joe');
        await expect(ns.joinRoom('no')).rejects.toThrow('not there');
        const room = await ns.joinRoom('r1');
        expect(await go.do('rooms', { namespace: 'default' })).toEqual(['r1']);
        await room.leave();
        expect(await go.do('rooms', { namespace: 'default' })).toEqual([]);
        expect(ns.rooms()).toEqual([]);
      });

      it('[BC1] [BC13] #14 #26 to one, except one, to all, and a batch of which each message finds its own', async () => {
        const { testServer } = await startDefault();
        const handlers = { news: '' };
        const ann = await enter(testServer, { id: 'ann', handlers });
        const tab1 = await enter(testServer, { id: 'bob', rooms: ['r1'], handlers });
        const tab2 = await enter(testServer, { id: 'bob', handlers });
        const news = (body: string, more: { to?: string; room?: string } = {}) => ({
          namespace: 'default',
          event: 'news',
          body,
          ...more,
        });
        const { server } = testServer;
        server.broadcast(null, news('all'));
        server.broadcast(null, news('to ann', { to: 'ann' }));
        server.broadcast(exclude('bob'), news('not bob'));
        server.broadcast(nsOf(testServer, 'ann'), news('1'), news('2', { room: 'r1' }), news('3'));
        const line = (body: string, place = 'default'): string => `news ${place}: ${body}`;
        expect(await received(ann)).toEqual([line('all'), line('to ann'), line('not bob')]);
        expect(await received(tab1)).toEqual([line('all'), line('1'), line('2', 'default/r1'), line('3')]);
        expect(await received(tab2)).toEqual([line('all'), line('1'), line('3')]);
      });

      it('[BC2] [BC3] #26 fifty broadcasts in a loop arrive complete and in order at each of five', async () => {
        const { testServer } = await startDefault();
        const clients = [];
        for (const id of ['1', '2', '3', '4', '5'])
          clients.push(await enter(testServer, { id, handlers: { news: '' } }));
        for (let n = 0; n < 50; n++)
          testServer.server.broadcast(null, { namespace: 'default', event: 'news', body: `${n}` });
        const all = Array.from({ length: 50 }, (_, n) => `news default: ${n}`);
        for (const client of clients) expect(await received(client)).toEqual(all);
      });

      it('[AK5] #15 the server asks one id: it answers, the others get nothing', async () => {
        const { testServer } = await startDefault();
        const asked = await enter(testServer, { id: 'conn_ID', handlers: { ask: 'reply:dataok' } });
        const other = await enter(testServer, { id: 'other', handlers: { ask: 'reply:wrong' } });
        const answer = await testServer.server.ask({ namespace: 'default', event: 'ask', body: 'data', to: 'conn_ID' });
        expect(answer.body).toBe('dataok');
        expect(await received(asked)).toEqual(['ask default: data']);
        expect(await received(other)).toEqual([]);
      });
    });
  });

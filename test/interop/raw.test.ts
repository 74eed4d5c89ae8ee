import { describe, expect, it } from 'vitest';
import {
  type Events,
  isSystemEvent,
  type Message,
  type NSConn,
  OnAnyEvent,
  OnNativeMessage,
  reply,
} from '../../src/index.js';
import { ReceiveQueue } from '../support/async/receiveQueue.js';
import { lifecycleEvents, recordEvents, useServers } from '../support/server/testServer.js';

const start = useServers();

const token = (frame: unknown): string => String(frame).split(';', 1)[0] ?? '';

describe('events', () => {
  it('[AK8] #9 a handler of any event answers emits and asks, and leaves lifecycle events alone', async () => {
    const anything = (_: NSConn, { event, body }: Message) => (isSystemEvent(event) ? undefined : reply(body));
    const testServer = await start({ namespaces: { default: { [OnAnyEvent]: anything } } });
    const client = await (await testServer.dial()).inDefault();
    expect(await client.ask(';default;;an_event;0;0;a_body')).toBe(';default;;an_event;0;0;a_body');
    expect(await client.ask('$1;default;;an_event;0;0;a_body')).toBe('$1;default;;an_event;0;0;a_body');
  });

  it('[FR10] [AK8] #10 native messages beside events, from two maps of handlers', async () => {
    const received = new ReceiveQueue<unknown>('native');
    const native: Events = { [OnNativeMessage]: (_, { body }) => received.push(body) };
    const failing: Events = {
      event_error_server() {
        throw new Error('this event will give error by server');
      },
    };
    const testServer = await start({ events: { ...native, ...failing } });
    const client = await (await testServer.dial()).inNamespace('');
    client.send('this is a native/raw websocket message');
    expect(await received.next()).toBe('this is a native/raw websocket message');
    expect(await client.ask(";;;event_error_server;0;0;doesn't matter")).toBe(
      ';;;event_error_server;1;0;this event will give error by server',
    );
  });

  it('[FR10] #10 an error of a native handler goes to onError only', async () => {
    const failing: Events = {
      [OnNativeMessage]() {
        throw new Error('no');
      },
    };
    const testServer = await start({ events: { ...failing, other() {} } });
    const client = await (await testServer.dial()).inNamespace('');
    client.send('raw');
    await client.expectNoFrame();
    expect(testServer.errors.map(({ where }) => where.during)).toEqual([OnNativeMessage]);
  });

  it('[SV7] #17 handlers of one object share its state', async () => {
    class Counter {
      readonly #counts = new Map<string, number>();
      readonly events: Events = {
        count: ({ conn }) => {
          const count = (this.#counts.get(conn.id) ?? 0) + 1;
          this.#counts.set(conn.id, count);
          return reply(String(count));
        },
      };
    }
    const testServer = await start({ namespaces: { default: new Counter().events } });
    const client = await (await testServer.dial('ann')).inDefault();
    expect(await client.ask('$1;default;;count;0;0;')).toBe('$1;default;;count;0;0;1');
    expect(await client.ask('$2;default;;count;0;0;')).toBe('$2;default;;count;0;0;2');
  });

  it('[SV7] [LM2] #18 handlers of several maps are one map, and none is declared twice', async () => {
    const chat: Events = { one: () => reply('1') };
    const more: Events = { two: () => reply('2') };
    const testServer = await start({ namespaces: { default: { ...chat, ...more }, other: more } });
    const client = await (await testServer.dial()).inDefault();
    expect(await client.ask('$1;default;;one;0;0;')).toBe('$1;default;;one;0;0;1');
    expect(await client.ask('$2;default;;two;0;0;')).toBe('$2;default;;two;0;0;2');
    await expect(start({ namespaces: { '': chat }, events: chat })).rejects.toThrow('declared twice');
  });
});

describe('audience', () => {
  it('[BC1] [BC13] #14 a broadcast to one id reaches it alone, and never the sender', async () => {
    const testServer = await start({
      namespaces: {
        default: {
          event(ns, message) {
            message.to = 'conn_ID';
            ns.conn.server.broadcast(ns, message);
          },
        },
      },
    });
    const first = await (await testServer.dial('conn_ID')).inDefault();
    const second = await (await testServer.dial('other')).inDefault();
    second.send(';default;;event;0;0;data');
    expect(await first.next()).toBe(';default;;event;0;0;data');
    await second.expectNoFrame();
    first.send(';default;;event;0;0;mine');
    await first.expectNoFrame();
    await second.expectNoFrame();
  });

  it('[AK5] #15 the server asks one id, and no other client gets the ask', async () => {
    const testServer = await start({ namespaces: { default: {} } });
    const first = await (await testServer.dial('conn_ID')).inDefault();
    const second = await (await testServer.dial('other')).inDefault();
    const answer = testServer.server.ask({ namespace: 'default', event: 'ask', to: 'conn_ID' });
    const asked = await first.next();
    expect(String(asked).slice(token(asked).length)).toBe(';default;;ask;0;0;');
    first.send(`${token(asked)};default;;ask;0;0;dataok`);
    expect((await answer).body).toBe('dataok');
    await second.expectNoFrame();
  });

  it('[BC2] [BC3] #26 twenty clients, fifty broadcasts in a loop: complete and in order, beside one that does not read', async () => {
    const testServer = await start({ namespaces: { default: {} } });
    const clients = await Promise.all(Array.from({ length: 20 }, async () => (await testServer.dial()).inDefault()));
    const stalled = await (await testServer.dial()).inDefault();
    stalled.pause();
    const frames = Array.from({ length: 50 }, (_, n) => `;default;;news;0;0;${n}`);
    for (let n = 0; n < 50; n++) {
      testServer.server.broadcast(null, { namespace: 'default', event: 'news', body: String(n) });
    }
    for (const client of clients) {
      expect(await client.frames.take(50)).toEqual(frames);
      await client.expectNoFrame();
    }
    stalled.resume();
    expect(await stalled.frames.take(50)).toEqual(frames);
  });

  it('[BC12] #26 a batch with a message of another place in the middle', async () => {
    const testServer = await start({ namespaces: { default: {}, other: {} } });
    const client = await (await testServer.dial()).inDefault();
    const news = (namespace: string, body: string) => ({ namespace, event: 'news', body });
    testServer.server.broadcast(null, news('default', '1'), news('other', '2'), news('default', '3'));
    expect(await client.frames.take(2)).toEqual([';default;;news;0;0;1', ';default;;news;0;0;3']);
    await client.expectNoFrame();
  });
});

describe('order and flags', () => {
  const lost = (flags: string): string[] =>
    ['r1', 'r2'].flatMap((room) => [`OnRoomLeave default/${room}${flags}`, `OnRoomLeft default/${room}${flags}`]);

  /** Returns a client in two rooms. The calls of handlers so far are read. */
  const enter = async () => {
    const log = new ReceiveQueue<string>('handlers');
    const testServer = await start({ namespaces: { default: recordEvents(log) } });
    const client = await (await testServer.dial('joe')).inDefault();
    for (const room of ['r1', 'r2']) await client.join('default', room);
    expect(log.rest()).toEqual([
      'OnNamespaceConnect default',
      'OnNamespaceConnected default',
      'OnRoomJoin default/r1',
      'OnRoomJoined default/r1',
      'OnRoomJoin default/r2',
      'OnRoomJoined default/r2',
    ]);
    const ns = testServer.connection('joe').namespace('default');
    if (!ns) throw new Error('not connected');
    return { testServer, client, log, ns };
  };

  it('[NS3] #25 the client disconnects', async () => {
    const { client, log } = await enter();
    expect(await client.ask('$1;default;;_OnNamespaceDisconnect;0;0;')).toBe('$1;;;;;;');
    expect(log.rest()).toEqual(['OnNamespaceDisconnect default', ...lost(' forced')]);
  });

  it('[NS5] #25 the server disconnects', async () => {
    const { client, log, ns } = await enter();
    const gone = ns.disconnect();
    client.send(`${token(await client.next())};;;;;;`);
    await gone;
    expect(log.rest()).toEqual([...lost(' forced local'), 'OnNamespaceDisconnect default local']);
  });

  it('[RM4] #25 the server takes out of one room, and out of all', async () => {
    const { client, log, ns } = await enter();
    const left = ns.room('r1')?.leave();
    client.send(`${token(await client.next())};;;;;;`);
    await left;
    expect(log.rest()).toEqual(['OnRoomLeave default/r1', 'OnRoomLeft default/r1']);
    const all = ns.leaveAll();
    client.send(`${token(await client.next())};;;;;;`);
    await all;
    expect(log.rest()).toEqual(['OnRoomLeave default/r2 local', 'OnRoomLeft default/r2 local']);
  });

  it('[RM3] #25 the server joins', async () => {
    const { client, log, ns } = await enter();
    const joined = ns.joinRoom('r3');
    client.send(`${token(await client.next())};;;;;;`);
    await joined;
    expect(log.rest()).toEqual(['OnRoomJoin default/r3 local', 'OnRoomJoined default/r3 local']);
  });

  it.each(['the line is lost', 'the client closes', 'the server closes'])('[NS7] #25 %s', async (how) => {
    const { testServer, client, log } = await enter();
    if (how === 'the line is lost') client.terminate();
    else if (how === 'the client closes') await client.close();
    else testServer.connection('joe').close();
    await testServer.disconnects.next();
    expect(log.rest()).toEqual([...lost(' forced local'), 'OnNamespaceDisconnect default forced local']);
  });
});

describe('frames that a client may not send', () => {
  const forged = [...lifecycleEvents, OnAnyEvent];
  const places = ['not connected', 'connected', 'in the room', 'in another room'] as const;
  type Place = (typeof places)[number];
  const rooms: Readonly<Record<Place, readonly string[]>> = {
    'not connected': [],
    connected: [],
    'in the room': ['vip'],
    'in another room': ['lounge'],
  };

  /** Returns the calls of handlers when a client there sends this without a token: to a room, and to no room. */
  const say = async (event: string, place: Place): Promise<string[]> => {
    const log = new ReceiveQueue<string>('handlers');
    const testServer = await start({ namespaces: { default: recordEvents(log) } });
    const client = await testServer.dial();
    await client.acknowledge();
    if (place !== 'not connected') await client.connect('default');
    for (const room of rooms[place]) await client.join('default', room);
    log.rest();
    client.send(`;default;vip;${event};0;0;`);
    client.send(`;default;;${event};0;0;`);
    await client.expectNoFrame();
    expect(testServer.server.roomNames('default')).toEqual(rooms[place]);
    return log.rest();
  };

  const table = forged.flatMap((event) => places.map((place) => [event, place] as const));
  it.each(table)('[NS9] #31 %s without a token, %s: no handler runs', async (event, place) => {
    expect(await say(event, place)).toEqual([]);
  });

  const native = 'OnNativeMessage default';
  it.each([
    ['not connected', []],
    ['connected', [`${native}: `]],
    ['in the room', [`${native}/vip: `, `${native}: `]],
    ['in another room', [`${native}: `]],
  ] as const)('[AK8] [NS8] [RM5] #31 a framed native message, %s: an event like any other', async (place, received) => {
    expect(await say(OnNativeMessage, place)).toEqual(received);
  });

  it('[AK8] #31 a framed native message finds its own handler before that of any event', async () => {
    const any = { [OnAnyEvent]: () => reply('any') };
    const testServer = await start({
      namespaces: { default: any, other: { ...any, [OnNativeMessage]: () => reply('own') } },
    });
    const client = await (await testServer.dial()).inDefault();
    await client.connect('other');
    expect(await client.ask('$1;default;;_OnNativeMessage;0;0;')).toBe('$1;default;;_OnNativeMessage;0;0;any');
    expect(await client.ask('$2;other;;_OnNativeMessage;0;0;')).toBe('$2;other;;_OnNativeMessage;0;0;own');
  });

  it('[BC9] [AK2] #31 a sender tag or a foreign token in front of an event is an answer without an ask', async () => {
    const log = new ReceiveQueue<string>('handlers');
    const testServer = await start({
      namespaces: { default: recordEvents(log, { chat: (ns, message) => ns.broadcast(message) }) },
    });
    const victim = await (await testServer.dial('victim')).inDefault();
    const client = await (await testServer.dial('joe')).inDefault();
    log.rest();
    for (const wait of ['neffos(0x4da6a244(victim0xc0))', 'x!default.', '#1', '1795344309814167115']) {
      client.send(`${wait};default;;chat;0;0;x`);
    }
    await client.expectNoFrame();
    await victim.expectNoFrame();
    expect(log.rest()).toEqual([]);
  });

  it('[RM5] #31 an emit to a room that it is not in reaches no handler', async () => {
    const log = new ReceiveQueue<string>('handlers');
    const testServer = await start({ namespaces: { default: recordEvents(log, { chat: () => {} }) } });
    const client = await (await testServer.dial()).inDefault();
    log.rest();
    client.send(';default;vip;chat;0;0;x');
    await client.expectNoFrame();
    expect(log.rest()).toEqual([]);
  });
});

describe('before the acknowledgement', () => {
  it('[HS6] #21 a client without M is closed in time', async () => {
    const testServer = await start({ namespaces: { default: {} }, limits: { ackTimeout: 50 } });
    const client = await testServer.dial();
    expect(await client.closed).toEqual({ code: 1008, reason: 'not acknowledged in time' });
  });

  it('[NS6] #23 an event before the answer to a connect waits, and is handled after it', async () => {
    const log = new ReceiveQueue<string>('handlers');
    const testServer = await start({
      namespaces: { default: recordEvents(log, { chat: () => {} }) },
      onConnect: (conn) => void conn.connect('default'),
    });
    const client = await testServer.dial();
    await client.acknowledge();
    const asked = await client.next();
    client.send(';default;;chat;0;0;early');
    client.send(`${token(asked)};;;;;;`);
    await client.expectNoFrame();
    expect(log.rest()).toEqual([
      'OnNamespaceConnect default local',
      'OnNamespaceConnected default local',
      'chat default: early',
    ]);
  });
});

import { describe, expect, test } from 'vitest';
import { CloseError } from '../../src/client/client.js';
import { Heartbeat } from '../../src/client/line/heartbeat.js';
import { resolveUrl } from '../../src/client/line/url.js';
import { fromServer } from '../../src/protocol/session.js';
import { FakeSocket, useClientWorld } from '../support/client/clientWorld.js';

const makeWorld = useClientWorld();

describe('the dial', () => {
  test('[CL2] it returns at once, and tells every change of state until the listener is removed', async () => {
    const world = makeWorld();
    const client = world.dial();
    expect(client.state).toBe('dialing');
    const heard: string[] = [];
    const off = client.subscribe((state) => heard.push(`${state} ${client.state}`));
    world.socket().accept();
    await world.settle();
    await client.ready;
    expect(heard).toEqual(['greeting greeting', 'entering entering', 'online online']);
    off();
    world.socket().end(1001, 'going');
    expect(client.state).toBe('waiting');
    expect(heard).toHaveLength(3);
  });

  test('[CL2] the reason is that of the last end, and stays the same object', async () => {
    const world = makeWorld();
    const client = world.dial();
    expect(client.reason).toBeUndefined();
    world.socket().end(1011, 'broken');
    const { reason } = client;
    expect(reason).toEqual({ code: 1011, text: 'broken' });
    await world.advance(1_000);
    world.socket().accept();
    await world.settle();
    expect(client.state).toBe('online');
    expect(client.reason).toBe(reason);
  });

  test('[CL2] it rejects `ready` with the reason when it is refused', async () => {
    const world = makeWorld();
    const client = world.dial();
    world.socket().open();
    world.socket().receive('Hgo away');
    world.socket().end(1008, 'go away');
    await expect(client.ready).rejects.toThrow(new CloseError(1008, 'go away'));
    expect([client.state, client.reason]).toEqual(['closed', { code: 1008, text: 'go away' }]);
  });

  test('[CL2] it throws on a URL that is none, and without a WebSocket', () => {
    const world = makeWorld();
    expect(() => world.dial({}, 'ftp://x')).toThrow('dial takes a URL');
    expect(() => world.dial({}, '')).toThrow('dial takes a URL');
    const parts = { ...world.parts, WebSocket: undefined };
    Object.assign(world.parts, parts);
    expect(() => world.dial()).toThrow('no WebSocket');
  });

  test.each([
    ['wss://a.example/live', undefined, 'wss://a.example/live'],
    ['https://a.example/live#x', undefined, 'wss://a.example/live'],
    ['a.example:1234/live', undefined, 'ws://a.example:1234/live'],
    ['/live', 'https://a.example/page?x', 'wss://a.example/live'],
    ['live?room=1', 'http://a.example/app/', 'ws://a.example/app/live?room=1'],
  ])('[CL4] %s on the page %s is %s', (url, base, whole) => {
    expect(resolveUrl(url, base)).toBe(whole);
  });

  test('[CL4] headers go as parameters of the URL, or as headers with a WebSocket that is given', async () => {
    const world = makeWorld();
    world.dial({ headers: { 'x-tenant': 'a b' } });
    const { searchParams } = new URL(world.socket().url);
    expect([...searchParams]).toEqual([
      ['X-Websocket-Header-x-tenant', 'a b'],
      ['X-Websocket-Header-x-muster', 'hello'],
    ]);
    const given: FakeSocket[] = [];
    class Given extends FakeSocket {
      constructor(url: string, protocols?: string[], options?: { headers: Record<string, string> }) {
        super(url, protocols, options);
        given.push(this);
      }
    }
    world.dial({ headers: { 'x-tenant': 'a' }, WebSocket: Given, protocols: ['p'] });
    expect(given[0]).toMatchObject({
      url: 'ws://test/live',
      protocols: ['p'],
      options: { headers: { 'x-tenant': 'a', 'x-muster': 'hello' } },
    });
  });

  test('[CL4] a dial after the client was online says so', async () => {
    const world = makeWorld();
    world.dial();
    world.socket().accept();
    await world.settle();
    world.socket().end();
    await world.advance(20_000);
    expect(world.sockets).toHaveLength(2);
    expect(new URL(world.socket().url).searchParams.get('X-Websocket-Header-X-Websocket-Reconnect')).toBe('1');
    world.socket().end();
    await world.advance(20_000);
    expect(new URL(world.socket().url).searchParams.get('X-Websocket-Header-X-Websocket-Reconnect')).toBe('2');
  });

  test('[CL3] it closes with 1000, waits for the end at most 2 s, and hears nothing more', async () => {
    const world = makeWorld();
    const heard: unknown[] = [];
    const client = world.dial({ events: { x: (_, { body }) => void heard.push(body) } });
    const connecting = client.connect('');
    world.socket().accept();
    await world.settle();
    await world.answer();
    const ns = await connecting;
    const later = client.connect('later');
    const asked = ns.ask('q');
    world.socket().receive(';;;x;0;0;before');
    const closed = client.close();
    expect(client.state).toBe('closing');
    expect(world.socket().closed).toEqual({ code: 1000, reason: '' });
    world.socket().receive(';;;x;0;0;after');
    expect(ns.emit('y')).toBe(false);
    await expect(asked).rejects.toThrow('write closed');
    await world.advance(2_000);
    await closed;
    await client.close();
    await expect(later).rejects.toBeInstanceOf(CloseError);
    expect(heard).toEqual(['before']);
    expect(client.counters).toMatchObject({ dropped: 1, refused: 1 });
    expect(world.clock.timers).toBe(0);
    expect(world.page.listeners.size).toBe(0);
  });
});

describe('the greeting', () => {
  test('[CL5] `hello` and `M` go at once, and the client goes on after `A`', async () => {
    const world = makeWorld();
    const client = world.dial();
    void client.connect('chat');
    await world.settle();
    world.socket().open();
    expect(world.socket().take()).toEqual(['$#m;;;hello;0;0;{"v":1,"caps":[]}', 'M']);
    world.socket().receive(';;;early;0;0;');
    world.socket().receive('Ajoe');
    await world.settle();
    expect(client.id).toBe('joe');
    expect(world.socket().takeOne()).toMatch(/^\$\w+;chat;;_OnNamespaceConnect;0;0;$/);
    expect(client.counters.invalid).toBe(1);
  });

  test('[CL5] a plain server is sent no frame of the session layer', async () => {
    const world = makeWorld();
    world.dial();
    world.socket().accept();
    world.socket().receive(';x;;y;0;0;');
    world.socket().receive(fromServer('welcome', '{"v":1,"ping":1000}'));
    await world.advance(60_000);
    world.tell('VISIBLE');
    expect(world.socket().take()).toEqual([]);
  });

  test('[CL5] a server that does not answer within 5 s is given up with 4002', async () => {
    const world = makeWorld();
    const client = world.dial();
    world.socket().open();
    await world.advance(5_000);
    expect(world.socket().closed).toEqual({ code: 4002, reason: 'no answer in time' });
    expect([client.state, client.reason?.code]).toEqual(['waiting', 4002]);
  });

  test('[CL21] a refusal without a close frame is final after 1 s', async () => {
    const world = makeWorld();
    const client = world.dial();
    world.socket().open();
    world.socket().receive('Hno');
    await world.advance(999);
    expect(client.state).toBe('refused');
    await world.advance(1);
    expect(client.state).toBe('closed');
  });
});

describe('the heartbeat', () => {
  const aware = async (seed?: number) => {
    const world = makeWorld(seed);
    const client = world.dial();
    world.socket().accept({});
    await world.settle();
    return { world, client, socket: world.socket() };
  };

  test('[CL6] it pings as the server says, and gives up a line that is silent', async () => {
    const { world, client, socket } = await aware();
    socket.receive(';x;;y;0;0;');
    await world.advance(25_000);
    expect(socket.takeOne()).toBe('$#m;;;ping;0;0;1');
    socket.receive(fromServer('pong', '0 7'));
    await world.advance(25_000);
    expect(socket.takeOne()).toBe('$#m;;;ping;0;0;1');
    await world.advance(9_999);
    expect(client.state).toBe('online');
    await world.advance(1);
    expect(client.state).toBe('waiting');
    expect(socket.closed?.code).toBe(4002);
    expect(client.counters.silences).toBe(1);
  });

  test('[CL6] a timer that was held up gives no line up that has answered', async () => {
    const { world, client, socket } = await aware();
    await world.advance(25_000);
    world.clock.spend(60_000);
    world.clock.advance(0);
    expect(client.state).toBe('online');
    socket.receive(fromServer('pong', '0 0'));
    await world.settle();
    await world.advance(1_500);
    expect(client.state).toBe('online');
  });

  test('[CL6] a timer that was held up gives the server 1 s more', async () => {
    const { world, client } = await aware();
    await world.advance(25_000);
    world.clock.spend(60_000);
    await world.advance(0);
    await world.advance(999);
    expect(client.state).toBe('online');
    await world.advance(1);
    expect(client.state).toBe('waiting');
  });

  test('[CL6] all of this holds on later lines too', async () => {
    const { world, client, socket } = await aware();
    socket.end();
    await world.advance(20_000);
    world.socket().accept({});
    await world.settle();
    await world.advance(25_000);
    world.clock.spend(60_000);
    await world.advance(0);
    await world.advance(999);
    expect(client.state).toBe('online');
    await world.advance(1);
    expect([client.state, client.counters.silences]).toEqual(['waiting', 1]);
  });

  test.each(['VISIBLE', 'ONLINE'] as const)('[CL6] %s probes at once, for 3 s', async (type) => {
    const { world, client, socket } = await aware();
    world.tell(type);
    expect(socket.takeOne()).toBe('$#m;;;ping;0;0;0');
    await world.advance(2_999);
    expect(client.state).toBe('online');
    await world.advance(1);
    expect(client.state).toBe('waiting');
  });

  test('[CL6] a heartbeat that is stopped leaves no timer', () => {
    const { clock, parts } = makeWorld();
    const heartbeat = new Heartbeat(
      parts.clock,
      () => {},
      () => {},
    );
    heartbeat.start(1_000);
    heartbeat.probe();
    heartbeat.stop();
    expect(clock.timers).toBe(0);
  });

  test('[CL22] the width of a storm comes with `pong`', async () => {
    const { world, socket, client } = await aware();
    socket.receive(fromServer('pong', '0 60000'));
    await world.advance(5_000);
    socket.end();
    await world.advance(29_999);
    expect(client.state).toBe('waiting');
    await world.advance(1);
    expect(client.state).toBe('dialing');
  });
});

describe('the token', () => {
  test('[CL7] it is asked for before each dial, and goes in `hello` alone', async () => {
    const world = makeWorld();
    let asked = 0;
    world.dial({ auth: async () => `secret${++asked}` });
    await world.settle();
    expect(world.socket().url).not.toContain('secret');
    world.socket().open();
    expect(world.socket().take()[0]).toBe('$#m;;;hello;0;0;{"v":1,"auth":"secret1","caps":[]}');
    world.socket().end();
    await world.advance(20_000);
    world.socket().open();
    expect(world.socket().take()[0]).toContain('secret2');
  });

  test('[CL7] an error of `auth` is told, and the client dials again', async () => {
    const world = makeWorld();
    const errors: unknown[] = [];
    const fault = new Error('no token');
    const client = world.dial({
      auth: () => Promise.reject(fault),
      onError: (error, { during }) => errors.push([error, during]),
    });
    await world.settle();
    expect(errors).toEqual([[fault, 'auth']]);
    expect([client.state, client.reason?.text]).toEqual(['waiting', 'no token']);
    expect(world.sockets).toHaveLength(0);
  });

  test('[CL7] a token that comes after 20 s opens no line', async () => {
    const world = makeWorld();
    const tokens: ((token: string) => void)[] = [];
    const client = world.dial({ auth: () => new Promise((resolve) => tokens.push(resolve)) });
    await world.advance(20_000);
    expect(client.state).toBe('waiting');
    tokens[0]?.('late');
    await world.settle();
    expect(world.sockets).toHaveLength(0);
  });

  test('[CL7] it is asked for again before it expires', async () => {
    const world = makeWorld();
    let asked = 0;
    world.dial({ auth: () => `t${++asked}` });
    await world.settle();
    world.socket().accept({ auth: { ttl: 10_000 } });
    await world.advance(8_000);
    expect(world.socket().takeOne()).toBe('$#m;;;auth;0;0;t2');
    world.socket().receive(fromServer('authed', '{"ttl":1000}'));
    await world.advance(800);
    expect(world.socket().takeOne()).toBe('$#m;;;auth;0;0;t3');
  });

  test('[CL7] a token that the server does not take is told, and replaced later each time unless that is final', async () => {
    const world = makeWorld();
    const errors: string[] = [];
    world.dial({ auth: () => 't', onError: (error) => errors.push(String(error)) });
    await world.settle();
    world.socket().accept({ auth: { ttl: 60_000 }, ping: 600_000 });
    const refuse = (final: boolean): void =>
      world.socket().receive(fromServer('authed', JSON.stringify({ error: 'bad', final })));
    refuse(false);
    await world.advance(1_000);
    expect(world.socket().takeOne()).toBe('$#m;;;auth;0;0;t');
    refuse(false);
    await world.advance(1_999);
    expect(world.socket().take()).toEqual([]);
    await world.advance(1);
    expect(world.socket().take()).toHaveLength(1);
    refuse(true);
    await world.advance(100_000);
    expect(world.socket().take()).toEqual([]);
    expect(errors).toEqual(['Error: bad', 'Error: bad', 'Error: bad']);
  });
});

test('[CL22] the program can dial at once', async () => {
  const world = makeWorld();
  const client = world.dial();
  client.retry();
  expect(world.sockets).toHaveLength(1);
  world.socket().end(1012, 'retry=60000');
  client.retry();
  expect([client.state, world.sockets.length]).toEqual(['dialing', 2]);
  world.page.isOffline = true;
  world.tell('OFFLINE');
  world.socket().end();
  expect(client.state).toBe('offline');
  client.retry();
  expect(client.state).toBe('dialing');
});

describe('a hostile server', () => {
  test('[CL20] frames of the session layer that say nothing sensible are survived', async () => {
    const world = makeWorld();
    const client = world.dial();
    world.socket().open();
    world.socket().receive('A');
    for (const body of ['', 'null', '{', '[]', '{"ping":-1,"storm":"x","outbox":7,"auth":null}']) {
      world.socket().receive(fromServer('welcome', body));
    }
    world.socket().receive('#m;;;welcome;0;0;{"ping":1e999,"storm":1e12,"auth":{"ttl":1e999}}');
    world.socket().receive(fromServer('pong', 'x'));
    world.socket().receive(fromServer('pong', '0 Infinity'));
    world.socket().receive(fromServer('authed', '7'));
    world.socket().receive('#m;;;strange;0;0;');
    await world.settle();
    expect([client.state, client.counters.unknownVerbs]).toEqual(['online', 1]);
    world.socket().take();
    await world.advance(3_599_999);
    expect(world.socket().take()).toEqual([]);
  });
});

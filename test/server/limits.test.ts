import { once } from 'node:events';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { WebSocket } from 'ws';
import { type Limits, reply, type ServerOptions } from '../../src/index.js';
import { closeReasons } from '../../src/protocol/errors.js';
import { RawClient } from '../support/peers/rawClient.js';
import {
  dialAcknowledged,
  dialTcp,
  frame,
  type TcpClient,
  upgrade,
  useTcpClients,
} from '../support/peers/tcpClient.js';
import { useServers } from '../support/server/testServer.js';

const start = useServers();
useTcpClients();

afterEach(() => {
  vi.useRealTimers();
});

const open = (limits: Partial<Limits>, more: ServerOptions = {}) =>
  start({ namespaces: { default: { ping: () => reply('pong') } }, limits, ...more });

describe('connections on the way in', () => {
  test('[HS15] at the cap a probe and an upgrade wait, and go on when there is a place', async () => {
    const testServer = await open({ admission: 1 });
    const first = await testServer.dial('first');
    const probe = fetch(testServer.url.replace('ws', 'http'), { method: 'HEAD', redirect: 'manual' });
    const second = testServer.dial('second').then((client) => client.acknowledge());
    let came = 0;
    for (const one of [probe, second]) one.then(() => came++);
    await first.ping();
    expect([came, testServer.server.totalConnections]).toEqual([0, 1]);
    await first.acknowledge();
    expect((await probe).status).toBe(302);
    expect(await second).toBe('second');
  });

  test('[HS15] at the cap of its address a client waits, and the others do not; a proxy tells them apart', async () => {
    const testServer = await open({ admission: 2, admissionPerAddress: 1 }, { trustProxy: 1 });
    const dial = (address: string, id: string) => RawClient.dial(testServer.urlFor(id), { 'X-Forwarded-For': address });
    const first = await dial('2001:db8:1:1::1', 'first');
    const second = dial('2001:db8:1:1:ffff::2', 'second').then((client) => client.acknowledge());
    let came = false;
    second.then(() => (came = true));
    for (const address of ['2001:db8:1:2::1', '1.1.1.1', '1.1.1.2']) {
      expect(await (await dial(address, address)).acknowledge()).toBe(address);
    }
    expect([came, testServer.server.totalConnections]).toEqual([false, 4]);
    await first.acknowledge();
    expect(await second).toBe('second');
    for (const conn of testServer.server.connections()) conn.close();
  });

  test('[HS15] [SS11] a hinted client has its slot until A', async () => {
    const testServer = await open({ admission: 2, admissionPerAddress: 1 });
    const hinted = await RawClient.dial(testServer.urlFor('hinted'), { 'X-Muster': '1' });
    const second = testServer.dial('second');
    let came = false;
    second.then(() => (came = true));
    hinted.send('$#m;hello;;;0;0;{"v":1}');
    await expect.poll(() => testServer.server.totalConnections).toBe(1);
    expect(came).toBe(false);
    expect(await hinted.acknowledge()).toBe('hinted');
    expect(await (await second).acknowledge()).toBe('second');
    hinted.terminate();
  });

  test('[HS15] where clients of an untrusted proxy wait, the process is warned once', async () => {
    const emitWarning = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
    try {
      const testServer = await open({ admission: 2, admissionPerAddress: 1, admissionTimeout: 50 });
      const comes = (headers: Readonly<Record<string, string>>) => RawClient.dial(testServer.url, headers);
      await comes({ 'X-Forwarded-For': '1.1.1.1' });
      await expect(comes({})).rejects.toThrow();
      expect(emitWarning).not.toHaveBeenCalled();
      for (const address of ['1.1.1.2', '1.1.1.3']) {
        await expect(comes({ 'X-Forwarded-For': address })).rejects.toThrow();
      }
      expect(emitWarning.mock.calls).toEqual([
        [
          'Clients wait to connect, as all come from 127.0.0.1. Its requests have X-Forwarded-For: if it is a proxy, set trustProxy, or else raise the limit admissionPerAddress.',
          'MusterWarning',
        ],
      ]);
    } finally {
      emitWarning.mockRestore();
    }
  });

  test('[HS15] an upgrade that waits too long, or finds the queue full, gets no answer', async () => {
    const testServer = await open({ admission: 1, admissionTimeout: 100 });
    const first = await testServer.dial();
    const waiting = dialTcp(testServer);
    waiting.socket.write(upgrade());
    const probing = dialTcp(testServer);
    probing.socket.write('HEAD / HTTP/1.1\r\nHost: loopback\r\n\r\n');
    await Promise.all([waiting.closed, probing.closed]);
    expect([waiting.text(), probing.text()]).toEqual(['', '']);
    await first.acknowledge();
    const late = await testServer.dial('late');
    expect(await late.acknowledge()).toBe('late');
  });

  test('[HS15] a slot is free again when its connection ends or is refused', async () => {
    const testServer = await open(
      { admission: 1 },
      {
        onUpgrade({ url }) {
          if (url?.includes('refused')) throw new Error('no');
        },
      },
    );
    for (let round = 0; round < 5; round++) {
      (await testServer.dial()).terminate();
      await expect(testServer.dial('refused')).rejects.toThrow();
    }
    expect(await (await testServer.dial('last')).acknowledge()).toBe('last');
  });

  test('[HS15] [DO2] arrivals that wait for a do have slots as well', async () => {
    const testServer = await open({ admission: 1, admissionTimeout: 100 });
    await (await testServer.dial()).acknowledge();
    let end = (): void => {};
    const walk = testServer.server.do(
      () =>
        new Promise<void>((resolve) => {
          end = resolve;
        }),
    );
    const held = await testServer.dial('held');
    const turnedAway = dialTcp(testServer);
    turnedAway.socket.write(upgrade());
    await turnedAway.closed;
    expect(turnedAway.text()).toBe('');
    end();
    await walk;
    expect(await held.acknowledge()).toBe('held');
  });
});

describe('headers and protocols of an upgrade', () => {
  const headersOf = async (urlHeaders: readonly string[], path: string, headers: Record<string, string> = {}) => {
    const testServer = await open({}, { urlHeaders });
    const ws = new WebSocket(`${testServer.url.slice(0, -1)}${path}`, { headers });
    await once(ws, 'open');
    const [conn] = testServer.server.connections();
    ws.terminate();
    return conn?.request.headers ?? {};
  };

  test('[HS14] a listed header comes from the URL, in any case, and never replaces a real one', async () => {
    const path = '/?x-WEBSOCKET-header-X-Token=one&X-Websocket-Header-X-Token=two&X-Websocket-Header-X-Id=joe';
    expect(await headersOf(['X-Token'], path)).toMatchObject({ 'x-token': 'one' });
    expect((await headersOf(['X-Token'], path))['x-id']).toBeUndefined();
    expect(await headersOf(['x-token'], path, { 'X-Token': 'real' })).toMatchObject({ 'x-token': 'real' });
  });

  test('[HS14] no name reaches a prototype', async () => {
    const headers = await headersOf(['x-token'], '/?X-Websocket-Header-__proto__=a&X-Websocket-Header-constructor=b');
    expect(Object.getPrototypeOf(headers)).toBe(Object.getPrototypeOf({}));
    expect(headers['constructor']).toBe(Object);
  });

  test.each(['%0d%0aX-Evil:%201', 'a%00b', '%0a'])('[HS14] the value %j is refused with 400', async (value) => {
    const testServer = await open({}, { urlHeaders: ['x-token'] });
    const client = dialTcp(testServer);
    client.socket.write(upgrade(`/?X-Websocket-Header-X-Token=${value}`));
    await client.closed;
    expect(client.text()).toMatch(/^HTTP\/1\.1 400 /);
    expect(testServer.server.totalConnections).toBe(0);
  });

  test.each([
    'host',
    'Origin',
    'cookie',
    'connection',
    'upgrade',
    'sec-websocket-key',
    'x_token',
    '__proto__',
    '',
    'é',
  ])('[HS14] [LM2] %j cannot be on the list', async (name) => {
    await expect(open({}, { urlHeaders: [name] })).rejects.toThrow('option "urlHeaders"');
  });

  test.each([
    ['7', 7],
    ['abc', 0],
    ['-1', 0],
    ['NaN', 0],
    ['1e99', 0],
    ['12.7', 0],
    ['99999999999', 1_000_000],
    ['3abc', 0],
  ])('[HS14] %s tries are %d', async (value, tries) => {
    const testServer = await open({});
    const ws = new WebSocket(`${testServer.url}?X-Websocket-Header-X-Websocket-Reconnect=${value}`);
    await once(ws, 'open');
    expect(testServer.server.connections()[0]?.reconnectTries).toBe(tries);
    ws.terminate();
  });

  test.each([
    [['b', 'a'], ['a', 'b', 'c'], 'b'],
    [['x'], ['a'], ''],
    [[], ['a'], ''],
  ])('[HS16] of %j wanted and %j offered it is %j', async (protocols, offered, chosen) => {
    const testServer = await open({}, { protocols });
    const client = dialTcp(testServer);
    client.socket.write(upgrade('/', `Sec-WebSocket-Protocol: ${offered.join(', ')}\r\n`));
    await client.waitFor('\r\n\r\n');
    expect(/Sec-WebSocket-Protocol: (.*)\r/.exec(client.text())?.[1] ?? '').toBe(chosen);
  });

  test('[HS16] compression is not agreed to', async () => {
    const testServer = await open({});
    const client = dialTcp(testServer);
    client.socket.write(upgrade('/', 'Sec-WebSocket-Extensions: permessage-deflate\r\n'));
    await client.waitFor('\r\n\r\n');
    expect(client.text()).not.toContain('Extensions');
  });

  test('[LM8] a request without all of its headers is cut', async () => {
    const testServer = await open({ headersTimeout: 200 });
    const client = dialTcp(testServer);
    client.socket.write('GET / HTTP/1.1\r\nHost: loopback\r\nX-Slow: ');
    await client.closed;
    expect(client.text()).toMatch(/^HTTP\/1\.1 408 /);
  });
});

describe('messages that do not end', () => {
  const incomplete = 'message not completed in time';

  test.each<[string, Buffer]>([
    ['a part without a last one', frame('a', { isLast: false })],
    ['a frame that promises more than comes', frame('abcdef').subarray(0, 9)],
    ['half a header', frame('abcdef').subarray(0, 1)],
  ])('[LM6] %s closes with 1008', async (_, bytes) => {
    const testServer = await open({ messageTimeout: 100 });
    const client = await dialAcknowledged(testServer);
    client.socket.write(bytes);
    expect((await testServer.disconnects.next()).reason).toMatchObject({ code: 1008, text: incomplete });
  });

  test('[LM6] a message that arrives byte by byte in time is accepted', async () => {
    const testServer = await open({ messageTimeout: 5_000 });
    const client = await dialAcknowledged(testServer);
    for (const byte of frame('$1;nope;;_OnNamespaceDisconnect;0;0;')) {
      client.socket.write(Buffer.from([byte]));
      await new Promise((resolve) => setImmediate(resolve));
    }
    await client.waitFor('$1;;;;;;');
  });

  test('[LM6] the time counts for each message: a continuous stream of them goes on', async () => {
    const testServer = await open({ messageTimeout: 150 });
    const client = await dialAcknowledged(testServer);
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const whole = frame('$1;nope;;_OnNamespaceDisconnect;0;0;');
    client.socket.write(whole.subarray(0, 5));
    for (let sent = 1; sent <= 10; sent++) {
      client.socket.write(Buffer.concat([whole.subarray(5), whole.subarray(0, 5)]));
      await client.waitFor('$1;;;;;;', sent);
      vi.advanceTimersByTime(140);
    }
    client.socket.write(whole.subarray(5));
    await client.waitFor('$1;;;;;;', 11);
  });

  test('[LM6] a pong in two pieces is no unfinished message', async () => {
    const testServer = await open({ messageTimeout: 60 });
    const client = await dialAcknowledged(testServer);
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const pong = frame('', { opcode: 10 });
    const bye = frame('$1;nope;;_OnNamespaceDisconnect;0;0;');
    client.socket.write(Buffer.concat([bye, pong.subarray(0, 3)]));
    await client.waitFor('$1;;;;;;');
    client.socket.write(pong.subarray(3));
    // A ping is answered once all before it has been read.
    client.socket.write(frame('sync', { opcode: 9 }));
    await client.waitFor('sync');
    vi.advanceTimersByTime(1_000);
    client.socket.write(bye);
    await client.waitFor('$1;;;;;;', 2);
  });

  test('[LM6] a paused client is not judged', async () => {
    let release = (): void => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const testServer = await start({
      namespaces: { default: { wait: () => held, ping: () => reply('pong') } },
      limits: { messageTimeout: 60, inboxMessages: 1 },
    });
    const client = await dialAcknowledged(testServer);
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const wait = frame(';default;;wait;0;0;');
    const half = frame('$2;default;;ping;0;0;');
    const enter = frame('$1;default;;_OnNamespaceConnect;0;0;');
    client.socket.write(Buffer.concat([enter, wait, wait, wait, half.subarray(0, 9)]));
    await client.waitFor('$1;;;;;;');
    vi.advanceTimersByTime(1_000);
    client.socket.write(half.subarray(9));
    release();
    await client.waitFor('$2;default;;ping;0;0;pong');
  });

  test('[LM6] more than 64 parts close with 1008', async () => {
    const testServer = await open({});
    const client = await dialAcknowledged(testServer);
    const parts = Array.from({ length: 70 }, (_, at) => frame('a', { opcode: at === 0 ? 1 : 0, isLast: false }));
    client.socket.write(Buffer.concat(parts));
    expect((await testServer.disconnects.next()).reason).toMatchObject({
      code: 1_008,
      text: closeReasons.tooManyParts.text,
    });
    await client.waitFor('\x03\xf0too many parts');
  });

  test.each([
    ['tooBig', [Buffer.from([0x81, 0xff, 0, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0])]],
    ['notUtf8', [frame(Buffer.from([0xff]), { opcode: 1 })]],
    ['malformed', [Buffer.from([0x83, 0x80, 0, 0, 0, 0])]],
  ] as const)('[SV6] [LM1] an invalid message closes, and both sides get the reason: %s', async (name, parts) => {
    const testServer = await open({});
    const client = await dialAcknowledged(testServer);
    client.socket.write(Buffer.concat(parts));
    const { code, text } = closeReasons[name];
    expect((await testServer.disconnects.next()).reason).toMatchObject({ code, text });
    const bytes = Buffer.from([code >> 8, code & 0xff]).toString('latin1');
    await client.waitFor(`${bytes}${text}`);
    expect(testServer.server.totalConnections).toBe(0);
  });

  test.each([
    ['RST', (client: TcpClient) => client.socket.resetAndDestroy()],
    ['FIN without a close frame', (client: TcpClient) => client.socket.end()],
    ['a destroyed socket', (client: TcpClient) => client.socket.destroy()],
  ])('[SV6] a line that is lost says so: %s', async (_, lose) => {
    const testServer = await open({});
    lose(await dialAcknowledged(testServer));
    expect((await testServer.disconnects.next()).reason).toMatchObject({ code: 1006, text: 'connection lost' });
    expect(testServer.server.metrics().closes.connectionLost).toBe(1);
  });

  test.each([
    [1_000, 'bye'],
    [1_005, ''],
  ])(
    '[SV5] [SV6] a client that sends a close frame is removed at once, though its socket stays open: %d',
    async (code, text) => {
      const testServer = await open({ closeTimeout: 300 });
      const client = await dialAcknowledged(testServer);
      const conn = testServer.server.connections()[0];
      const body = code === 1_005 ? Buffer.alloc(0) : Buffer.from(`\x03\xe8${text}`, 'latin1');
      client.socket.allowHalfOpen = true;
      client.socket.write(frame(body, { opcode: 8 }));
      expect((await testServer.disconnects.next()).reason).toMatchObject({ code, text });
      expect(conn?.isClosed).toBe(true);
      expect(testServer.server.totalConnections).toBe(0);
      client.socket.end();
      await client.closed;
    },
  );
});

describe('control frames on a TCP connection', () => {
  test('[LM7] pings that come in one write are all answered, in order, and counted', async () => {
    const testServer = await open({});
    const client = await dialAcknowledged(testServer);
    const names = Array.from({ length: 2_000 }, (_, at) => String(at));
    client.socket.write(Buffer.concat(names.map((name) => frame(name, { opcode: 9 }))));
    await client.waitFor('\x8a\x041999');
    const pongs = names.map((name) => `\x8a${String.fromCharCode(name.length)}${name}`).join('');
    expect(client.text()).toContain(pongs);
    expect(testServer.server.counters).toMatchObject({ pings: 2_000, skippedPings: 0 });
    expect(testServer.server.totalConnections).toBe(1);
  });

  test('[LM7] a ping is answered before what comes behind it', async () => {
    const testServer = await open({});
    const client = await dialAcknowledged(testServer);
    const enter = frame('$1;default;;_OnNamespaceConnect;0;0;');
    const [early, late] = ['early', 'late'].map((name) => frame(name, { opcode: 9 }));
    const close = frame(Buffer.from([3, 232]), { opcode: 8 });
    client.socket.write(Buffer.concat([early ?? close, enter, late ?? close, close]));
    await client.closed;
    const places = ['\x8a\x05early', '$1;;;;;;', '\x8a\x04late', '\x88\x02'].map((part) => client.text().indexOf(part));
    expect(places).toEqual([...places].sort((one, other) => one - other));
    expect(places).not.toContain(-1);
  });

  test('[LM7] the last ping that finds the socket full is answered once the client reads', async () => {
    const testServer = await open({});
    const client = await dialAcknowledged(testServer);
    client.socket.pause();
    const conn = testServer.server.connections()[0];
    client.socket.write(frame('$1;default;;_OnNamespaceConnect;0;0;'));
    await expect.poll(() => conn?.namespace('default')?.emit('far', Buffer.alloc(16_777_216))).toBe(true);
    await expect.poll(() => testServer.server.counters.congestions).toBe(1);
    client.socket.write(Buffer.concat(['one', 'two'].map((name) => frame(name, { opcode: 9 }))));
    await expect.poll(() => testServer.server.counters).toMatchObject({ pings: 2, skippedPings: 1 });
    client.socket.resume();
    await expect.poll(() => client.text().endsWith('\x8a\x03two'), { timeout: 10_000 }).toBe(true);
    expect(client.text()).not.toContain('\x8a\x03one');
  });

  test('[LM7] pongs are counted, and pings behind the close frame are not answered', async () => {
    const testServer = await open({ closeTimeout: 300 });
    const client = await dialAcknowledged(testServer);
    client.socket.write(Buffer.concat([frame('', { opcode: 10 }), frame('', { opcode: 10 })]));
    await expect.poll(() => testServer.server.counters.pongs).toBe(2);
    testServer.server.connections()[0]?.close();
    await client.waitFor('\x88');
    client.socket.write(frame('late', { opcode: 9 }));
    await expect.poll(() => testServer.server.counters.pings).toBe(1);
    await client.closed;
    expect(client.text()).not.toContain('late');
  });
});

describe('the heartbeat on a TCP connection', () => {
  test('[LM3] a client that never answers a ping is terminated, one that does stays', async () => {
    const testServer = await open({ pingInterval: 100, pingTimeout: 500 });
    const healthy = await (await testServer.dial('well')).inDefault();
    await dialAcknowledged(testServer);
    expect((await testServer.disconnects.next()).reason).toMatchObject({ code: 1006, text: 'no answer to a ping' });
    expect(await healthy.ask('$1;default;;ping;0;0;')).toBe('$1;default;;ping;0;0;pong');
    expect(testServer.server.totalConnections).toBe(1);
  });
});

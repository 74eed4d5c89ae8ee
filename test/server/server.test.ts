import { createServer, type Server as HttpServer, request as httpRequest } from 'node:http';
import { type AddressInfo, connect as connectTcp } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { type Conn, reply, Server } from '../../src/index.js';
import { RawClient } from '../support/peers/rawClient.js';
import { useServers } from '../support/server/testServer.js';

const start = useServers();
const namespaces = { n: { echo: (_: unknown, { body }: { body: string | Uint8Array }) => reply(body) } };
const enter = '$1;n;;_OnNamespaceConnect;0;0;';

/** The status that a plain request gets, or what became of its socket. */
const statusOf = (port: number, method: string, path = '/'): Promise<number | string> =>
  new Promise((resolve) => {
    const asked = httpRequest({ host: '127.0.0.1', port, method, path, agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    asked.on('error', () => resolve('destroyed'));
    asked.end();
  });

/** What comes back when this path is asked for an upgrade. */
const upgrade = (port: number, path: string): Promise<string> =>
  new Promise((resolve) => {
    const socket = connectTcp(port, '127.0.0.1');
    let answer = '';
    socket.on('data', (chunk) => {
      answer += chunk.toString();
      socket.destroy();
    });
    socket.on('error', () => {});
    socket.on('close', () => resolve(answer.split('\r\n', 1)[0] ?? ''));
    const lines = ['Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13'];
    socket.write(
      `GET ${path} HTTP/1.1\r\nHost: x\r\n${lines.join('\r\n')}\r\nSec-WebSocket-Key: ${'A'.repeat(22)}==\r\n\r\n`,
    );
  });

describe('limits', () => {
  test('[LM1] a message over the limit closes with 1009, one at the limit is handled', async () => {
    const { dial, errors } = await start({ namespaces, limits: { payload: 1_000 } });
    const client = await dial();
    await client.acknowledge();
    client.send(enter);
    expect(await client.next()).toBe('$1;;;;;;');
    const head = '$2;n;;echo;0;0;';
    const fits = head + 'x'.repeat(1_000 - head.length);
    client.send(fits);
    expect(await client.next()).toBe(fits);
    client.send(`${fits}x`);
    expect(await client.closed).toMatchObject({ code: 1009 });
    expect(errors).toEqual([]);
  });

  test('[RM6] one room too many is refused, and the connection is kept', async () => {
    const { dial } = await start({ namespaces, limits: { rooms: 2 } });
    const client = await dial();
    await client.acknowledge();
    client.send(enter);
    await client.next();
    for (const room of ['a', 'b', 'c']) client.send(`$${room};n;${room};_OnRoomJoin;0;0;`);
    expect(await client.next()).toBe('$a;;;;;;');
    expect(await client.next()).toBe('$b;;;;;;');
    expect(await client.next()).toBe('$c;n;c;_OnRoomJoin;1;0;too many rooms');
    expect(await client.ask('$l;n;a;_OnRoomLeave;0;0;')).toBe('$l;;;;;;');
    expect(await client.ask('$c;n;c;_OnRoomJoin;0;0;')).toBe('$c;;;;;;');
  });
});

describe('messages of the program', () => {
  test('[BC11] an undeclared namespace throws with the declared ones', async () => {
    const { server } = await start({ namespaces });
    expect(() => server.broadcast(null, { namespace: 'm', event: 'e' })).toThrow(
      'namespace "m" is not declared; declared are "n"',
    );
    await expect(async () => server.ask({ namespace: 'm', event: 'e' })).rejects.toThrow('is not declared');
  });

  test('[BC11] after close a broadcast is nothing', async () => {
    const { server } = await start({ namespaces });
    await server.close();
    expect(() => server.broadcast(null, { namespace: 'n', event: 'e' })).not.toThrow();
  });

  test('[SV17] dropped frames are counted by reason, in a frozen copy', async () => {
    const { server, dial } = await start({ namespaces });
    const before = server.counters;
    const client = await dial();
    await client.acknowledge();
    client.send(enter);
    client.send('no frame');
    client.send('7;n;;an answer;0;0;');
    client.send(';n;;unknown;0;0;');
    await expect.poll(() => server.counters.unhandledEvents).toBe(1);
    expect(server.counters).toMatchObject({ invalidFrames: 1, strayAnswers: 1, ignoredEvents: 0, evictions: 0 });
    expect(server.counters.framesIn - before.framesIn).toBeGreaterThan(3);
    expect(before.unhandledEvents).toBe(0);
  });

  test('[LM2] an invalid message throws with the expected shape', async () => {
    const { server } = await start({ namespaces });
    const send = (message: unknown) => () => server.broadcast(null, message as never);
    expect(send(undefined)).toThrow(/a message is an object .*got undefined/);
    expect(send({ namespace: 'n' })).toThrow(/needs an event/);
    expect(send({ namespace: 'n', event: 'e', body: { a: 1 } })).toThrow(/string or a Uint8Array, got object/);
    expect(() => server.broadcast({} as never, { namespace: 'n', event: 'e' })).toThrow(/Conn, NSConn, Room/);
    expect(() => server.do(undefined as never)).toThrow('do takes a function (conn), got undefined');
  });

  test('[DO6] the running root actor takes BROADCAST, DO and COUNT', async () => {
    const { server, dial } = await start({ namespaces });
    const client = await dial('a');
    await client.acknowledge();
    client.send(enter);
    await client.next();
    const counts: number[] = [];
    const visited: string[] = [];
    server.supervisor.send({ type: 'COUNT', reply: (count: number) => counts.push(count) });
    server.supervisor.send({ type: 'BROADCAST', except: null, messages: [{ namespace: 'n', event: 'e', body: 'hi' }] });
    await new Promise((done) =>
      server.supervisor.send({ type: 'DO', visit: (conn: Conn) => visited.push(conn.id), done }),
    );
    expect(counts).toEqual([1]);
    expect(visited).toEqual(['a']);
    expect(await client.next()).toBe(';n;;e;0;0;hi');
  });
});

describe('closing', () => {
  test('[DR1] every connection gets its pending messages, then 1001 with the time to reconnect', async () => {
    const { server, dial, disconnects } = await start({ namespaces });
    const clients = await Promise.all(['a', 'b', 'c'].map((id) => dial(id)));
    for (const client of clients) {
      await client.acknowledge();
      client.send(enter);
      await client.next();
    }
    server.broadcast(null, { namespace: 'n', event: 'last', body: 'words' });
    const closing = server.close();
    for (const client of clients) {
      expect(await client.next()).toBe(';n;;last;0;0;words');
      expect(await client.closed).toEqual({ code: 1001, reason: 'retry=1000' });
    }
    await closing;
    expect(server.totalConnections).toBe(0);
    expect(await disconnects.take(3)).toHaveLength(3);
  });

  test('[DR1] a handler that hangs cannot hold it', async () => {
    const { server, dial } = await start({ namespaces: { n: { hang: () => new Promise(() => {}) } } });
    const client = await dial();
    await client.acknowledge();
    client.send(enter);
    await client.next();
    client.send(';n;;hang;0;0;');
    await client.ping();
    await server.close({ timeout: 50 });
    expect(server.totalConnections).toBe(0);
  });

  test('[DR1] closing twice is closing once', async () => {
    const { server } = await start({ namespaces });
    expect(server.close()).toBe(server.close());
    await server.close();
  });
});

describe('on an http server that is there', () => {
  let http: HttpServer | undefined;
  let server: Server | undefined;
  afterEach(async () => {
    await server?.close();
    http?.closeAllConnections();
    http?.close();
  });

  const mount = async (): Promise<number> => {
    http = createServer((_, response) => response.writeHead(418).end());
    server = new Server({ namespaces }).attach(http, { path: '/live' });
    await new Promise<void>((resolve) => http?.listen(0, '127.0.0.1', resolve));
    return (http.address() as AddressInfo).port;
  };

  test('[HS12] it takes its own path and leaves every other to the app', async () => {
    const port = await mount();
    expect(await statusOf(port, 'HEAD', '/live')).toBe(302);
    expect(await statusOf(port, 'GET', '/live')).toBe(418);
    expect(await statusOf(port, 'HEAD', '/')).toBe(418);
    expect(await upgrade(port, '/live?x=1')).toBe('HTTP/1.1 101 Switching Protocols');
    expect(await upgrade(port, '/other')).toBe('');
  });

  test('[HS12] an upgrade that another listener takes is left to it', async () => {
    const port = await mount();
    http?.on('upgrade', ({ url }, socket) => {
      if (url === '/other') socket.end('HTTP/1.1 499 Mine\r\n\r\n');
    });
    expect(await upgrade(port, '/other')).toBe('HTTP/1.1 499 Mine');
  });

  test('[DR2] during a close, a probe or upgrade on its path gets no answer', async () => {
    const port = await mount();
    expect(await statusOf(port, 'HEAD', '/live')).toBe(302);
    const closing = server?.close();
    expect(await statusOf(port, 'HEAD', '/live')).toBe('destroyed');
    expect(await upgrade(port, '/live')).toBe('');
    expect(await statusOf(port, 'GET', '/')).toBe(418);
    await closing;
    expect(await statusOf(port, 'HEAD', '/live')).toBe('destroyed');
    expect(await upgrade(port, '/live')).toBe('');
  });

  test('[HS1] a client of the mounted server is counted', async () => {
    const port = await mount();
    const client = await RawClient.dial(`ws://127.0.0.1:${port}/live`);
    expect(server?.totalConnections).toBe(1);
    client.terminate();
  });
});

describe('unobserved failures', () => {
  test('[SV2] an onError that throws or rejects, and calls that are not awaited, end nothing', async () => {
    const unhandled: unknown[] = [];
    const note = (error: unknown): void => void unhandled.push(error);
    process.on('unhandledRejection', note);
    const { server, dial } = await start({
      namespaces: {
        n: {
          boom: () => {
            throw new Error('boom');
          },
          everything: (ns) => {
            void ns.joinRoom('r');
            void ns.leaveAll();
            void ns.ask('question');
            void ns.conn.connect('m');
            void ns.disconnect();
            void ns.conn.disconnectAll();
            void ns.conn.waitConnect('m', { timeout: 1 });
            void ns.conn.server.ask({ namespace: 'n', event: 'question' });
            void ns.conn.server.do(() => {
              throw new Error('visitor');
            });
          },
        },
        m: {},
      },
      onError: async () => {
        throw new Error('onError');
      },
    });
    const client = await dial();
    await client.acknowledge();
    client.send(enter);
    await client.next();
    expect(await client.ask(';n;;boom;0;0;')).toBe(';n;;boom;1;0;boom');
    client.send(';n;;everything;0;0;');
    await client.ping();
    client.terminate();
    await server.close();
    await new Promise((resolve) => setImmediate(resolve));
    process.off('unhandledRejection', note);
    expect(unhandled).toEqual([]);
  });

  test('[DO3] [SV2] a DO whose done throws does not stop the server', async () => {
    const { server, errors } = await start({ namespaces });
    const fail = (): never => {
      throw new Error('done');
    };
    server.supervisor.send({ type: 'DO', visit: () => {}, done: fail });
    await server.do(() => {});
    expect(errors.map(({ error }) => String(error))).toEqual(['Error: done']);
  });
});

describe('sockets that are not websockets yet', () => {
  test('[HS13] [DR1] a refused peer that keeps its side open holds nothing', async () => {
    const { server, url } = await start({ namespaces });
    const { port } = new URL(url);
    const socket = connectTcp({ port: Number(port), host: '127.0.0.1', allowHalfOpen: true });
    const lines = [
      'Host: x',
      'Origin: http://y',
      'Connection: Upgrade',
      'Upgrade: websocket',
      'Sec-WebSocket-Version: 13',
    ];
    socket.write(`GET / HTTP/1.1\r\n${lines.join('\r\n')}\r\nSec-WebSocket-Key: ${'A'.repeat(22)}==\r\n\r\n`);
    const [answer] = await new Promise<[Buffer]>((resolve) => socket.once('data', (chunk: Buffer) => resolve([chunk])));
    expect(answer.toString()).toMatch(/^HTTP\/1.1 403 /);
    await server.close();
    socket.destroy();
  });
});

describe('two servers on one http server', () => {
  test('[HS12] each handles its own path, and no upgrade stays unanswered', async () => {
    const http = createServer();
    const servers = ['/a', '/b'].map((path) => new Server({ namespaces }).attach(http, { path }));
    await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
    const { port } = http.address() as AddressInfo;
    for (const path of ['/a', '/b']) {
      expect(await upgrade(port, path)).toBe('HTTP/1.1 101 Switching Protocols');
      expect(await statusOf(port, 'HEAD', path)).toBe(302);
      expect(await statusOf(port, 'GET', path)).toBe(400);
      expect(await statusOf(port, 'POST', path)).toBe(405);
    }
    expect(await upgrade(port, '/zzz')).toBe('');
    await Promise.all(servers.map((server) => server.close()));
    http.closeAllConnections();
    http.close();
  });
});

describe('listening and closing', () => {
  test('[DR1] a close during listen closes the socket that it opened', async () => {
    const server = new Server({ namespaces });
    const listening = server.listen(0);
    await server.close();
    const { port } = await listening;
    expect(await statusOf(port, 'HEAD')).toBe('destroyed');
    await expect(server.listen(0)).rejects.toThrow('this server is closed');
  });

  test('[LM2] a server listens once, and may try again where a port was taken', async () => {
    const { url } = await start({ namespaces });
    const server = new Server({ namespaces });
    await expect(server.listen(Number(new URL(url).port))).rejects.toThrow('EADDRINUSE');
    await server.listen(0);
    await expect(server.listen(0)).rejects.toThrow('listens already');
    await server.close();
  });
});

import { once } from 'node:events';
import { type Agent, createServer, type Server as HttpServer, type IncomingHttpHeaders, request } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import type { Duplex } from 'node:stream';
import { afterEach, describe, expect, test, vi } from 'vitest';
import {
  HandlerTimeout,
  type IdFault,
  IdRefused,
  OnNativeMessage,
  Server,
  type ServerOptions,
  UpgradeRefused,
} from '../../src/index.js';
import { upgrade as upgradeText } from '../support/peers/clientFrames.js';

/** What came back: an answer, an upgraded socket (101), or nothing but the end of the line. */
interface Answer {
  readonly status: number | 'destroyed';
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

const withoutAgent: Agent | false = false;
const asksForUpgrade = {
  Connection: 'Upgrade',
  Upgrade: 'websocket',
  'Sec-WebSocket-Version': '13',
  'Sec-WebSocket-Key': 'AAAAAAAAAAAAAAAAAAAAAA==',
};

const servers: Server[] = [];
const https: HttpServer[] = [];
const sockets: Duplex[] = [];

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await Promise.all(servers.splice(0).map((server) => server.close({ timeout: 1_000 })));
  for (const http of https.splice(0)) {
    http.closeAllConnections();
    http.close();
  }
});

const ask = (
  port: number,
  method: string,
  path: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> =>
  new Promise((resolve) => {
    const asking = request({ port, method, path, headers, agent: withoutAgent });
    asking.on('error', () => resolve({ status: 'destroyed', headers: {}, body: '' }));
    asking.on('upgrade', (response, socket) => {
      sockets.push(socket);
      resolve({ status: response.statusCode ?? 0, headers: response.headers, body: '' });
    });
    asking.on('response', (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (part: string) => {
        body += part;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body }));
    });
    asking.end();
  });

const namespaces = { default: {}, other: {} };

/** A server, and what was asked of it. */
const start = async (options: Partial<ServerOptions> = {}, isTold = true) => {
  const errors: unknown[] = [];
  const onUpgradeError = (error: unknown) => errors.push(error);
  const server = new Server({ namespaces, ...(isTold && { onUpgradeError }), ...options });
  servers.push(server);
  const { port } = await server.listen(0, '127.0.0.1');
  return {
    server,
    errors,
    port,
    ask: (method: string, path = '/') => ask(port, method, path),
    upgrade: (path = '/', headers: Readonly<Record<string, string>> = {}) =>
      ask(port, 'GET', path, { ...asksForUpgrade, ...headers }),
  };
};

/** An http server that others own. */
const startHttp = async (http: HttpServer): Promise<number> => {
  https.push(http);
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  // An http server that listens on a port has this kind of address.
  return (http.address() as AddressInfo).port;
};

describe('requests that are no upgrade', () => {
  test('[HS12] #19 HEAD is answered with 302, leads nowhere, and makes no connection', async () => {
    const ids: string[] = [];
    const { server, ask } = await start({
      idGenerator: () => {
        ids.push('made');
        return 'joe';
      },
    });
    const { status, headers, body } = await ask('HEAD');
    expect([status, headers.location, body]).toEqual([302, undefined, '']);
    expect([server.totalConnections, ids]).toEqual([0, []]);
  });

  test('[HS12] #19 a GET without upgrade is answered with 400, and calls onUpgradeError', async () => {
    const { ask, errors } = await start();
    const { status, headers } = await ask('GET');
    expect([status, headers['sec-websocket-version']]).toEqual([400, '13']);
    expect(errors).toMatchObject([{ name: 'UpgradeRefused', status: 400 }]);
  });

  test('[HS12] an upgrade with another method than GET is refused', async () => {
    const asked: unknown[] = [];
    const { ask: plainly, port, server } = await start({ onUpgrade: ({ method }) => void asked.push(method) });
    expect((await plainly('HEAD')).status).toBe(302);
    for (const [method, status] of [
      ['HEAD', 302],
      ['POST', 405],
      ['PUT', 405],
    ] as const) {
      const answer = await ask(port, method, '/', asksForUpgrade);
      expect([answer.status, answer.headers.location]).toEqual([status, undefined]);
      if (status === 405) expect(answer.headers).toMatchObject({ allow: 'GET', 'x-content-type-options': 'nosniff' });
    }
    expect([asked, server.totalConnections]).toEqual([[], 0]);
  });

  test.each(['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])('[HS12] %s is answered with 405', async (method) => {
    const { ask } = await start();
    const { status, headers, body } = await ask(method);
    expect([status, headers.allow, headers['x-content-type-options']]).toEqual([405, 'GET', 'nosniff']);
    expect(body).toBe('Method Not Allowed\n');
  });

  test('[HS12] a query changes nothing', async () => {
    const { ask } = await start();
    expect((await ask('HEAD', '/?a=b')).status).toBe(302);
  });

  test('[HS12] where Muster listens alone every other path is not found', { timeout: 2_000 }, async () => {
    const { ask } = await start();
    expect((await ask('GET', '/elsewhere')).status).toBe(404);
    expect((await ask('HEAD', '/elsewhere')).status).toBe(404);
  });
});

describe('beside others', () => {
  const beside = async () => {
    const http = createServer((request, response) => response.writeHead(200).end(`app ${request.method}`));
    const server = new Server({ namespaces }).attach(http, { path: '/echo' });
    servers.push(server);
    return { http, server, port: await startHttp(http) };
  };

  test('[HS12] HEAD is ours on our path, and all else is the others’', async () => {
    const { port } = await beside();
    expect((await ask(port, 'HEAD', '/echo')).status).toBe(302);
    expect((await ask(port, 'HEAD', '/echo?a=b')).status).toBe(302);
    expect((await ask(port, 'HEAD', '/echo/')).status).toBe(200);
    expect((await ask(port, 'GET', '/echo')).body).toBe('app GET');
    expect((await ask(port, 'POST', '/echo')).body).toBe('app POST');
    expect((await ask(port, 'GET', '/')).body).toBe('app GET');
  });

  test('[HS12] an HTTP server that listens later works as well', async () => {
    const http = createServer();
    servers.push(new Server({ namespaces }).attach(http, { path: '/echo' }));
    http.on('request', (request, response) => response.writeHead(200).end(`app ${request.method}`));
    const port = await startHttp(http);
    expect((await ask(port, 'HEAD', '/echo')).status).toBe(302);
    expect((await ask(port, 'GET', '/echo')).body).toBe('app GET');
    expect((await ask(port, 'POST', '/')).body).toBe('app POST');
    http.removeAllListeners('request');
    expect((await ask(port, 'GET', '/echo')).status).toBe(400);
  });

  test('[HS12] [LM2] a path has one server at a time', async () => {
    const { http, server, port } = await beside();
    const second = new Server({ namespaces });
    servers.push(second);
    expect(() => second.attach(http, { path: '/echo' })).toThrow('path "/echo" of this http server is taken already');
    await server.close();
    second.attach(http, { path: '/echo' });
    expect((await ask(port, 'GET', '/echo', asksForUpgrade)).status).toBe(101);
    expect(second.totalConnections).toBe(1);
  });

  test('[SV3] once open, the socket has no listeners of the upgrade', async () => {
    const http = createServer();
    const sockets: Duplex[] = [];
    let before = 0;
    const server = new Server({ events: { [OnNativeMessage]: () => {} }, onUpgrade: async () => {} });
    servers.push(server);
    http.on('upgrade', (request, socket, head) => {
      sockets.push(socket);
      before = socket.listenerCount('close');
      server.handleUpgrade(request, socket, head);
    });
    const port = await startHttp(http);
    await ask(port, 'GET', '/', asksForUpgrade);
    await expect.poll(() => sockets[0]?.listenerCount('close')).toBe(before + 1);
    expect(server.totalConnections).toBe(1);
  });

  test('[HS1] an upgrade that a framework passes on becomes a connection on any path', async () => {
    const http = createServer();
    const server = new Server({ namespaces });
    servers.push(server);
    http.on('upgrade', (request, socket, head) => server.handleUpgrade(request, socket, head));
    const port = await startHttp(http);
    expect((await ask(port, 'GET', '/anywhere', asksForUpgrade)).status).toBe(101);
    expect(server.totalConnections).toBe(1);
  });

  test('[HS12] [HS1] an upgrade is ours on exactly our path', async () => {
    const { server, port } = await beside();
    expect((await ask(port, 'GET', '/echo?a=b', asksForUpgrade)).status).toBe(101);
    expect(server.totalConnections).toBe(1);
  });

  test.each(['/', '/echo/', '/echo2', '/Echo'])(
    '[HS12] an upgrade on %s is destroyed without another listener',
    async (path) => {
      const { server, port } = await beside();
      expect((await ask(port, 'GET', path, asksForUpgrade)).status).toBe('destroyed');
      expect(server.totalConnections).toBe(0);
    },
  );

  test('[HS12] an upgrade on another path is left to its listener', async () => {
    const { http, port } = await beside();
    const taken: (string | undefined)[] = [];
    http.on('upgrade', (request, socket) => {
      if (request.url === '/echo') return;
      taken.push(request.url);
      socket.end('HTTP/1.1 418 Taken\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
    });
    expect((await ask(port, 'GET', '/theirs', asksForUpgrade)).status).toBe(418);
    expect((await ask(port, 'GET', '/echo', asksForUpgrade)).status).toBe(101);
    expect(taken).toEqual(['/theirs']);
  });

  test('[HS12] two servers share one http server, each on its path', async () => {
    const { http, server, port } = await beside();
    const second = new Server({ namespaces }).attach(http, { path: '/second' });
    servers.push(second);
    expect((await ask(port, 'GET', '/echo', asksForUpgrade)).status).toBe(101);
    expect((await ask(port, 'GET', '/second', asksForUpgrade)).status).toBe(101);
    expect((await ask(port, 'HEAD', '/second')).status).toBe(302);
    expect((await ask(port, 'HEAD', '/echo')).status).toBe(302);
    expect([server.totalConnections, second.totalConnections]).toEqual([1, 1]);
  });

  test('[DR2] after a close, HEAD and upgrades on its path get no answer', async () => {
    const { server, port } = await beside();
    await server.close();
    expect((await ask(port, 'HEAD', '/echo')).status).toBe('destroyed');
    expect((await ask(port, 'GET', '/echo', asksForUpgrade)).status).toBe('destroyed');
    expect((await ask(port, 'GET', '/echo')).body).toBe('app GET');
  });
});

describe('upgrades', () => {
  test('[HS1] an upgrade becomes a connection, and counts before its first frame', async () => {
    const { server, upgrade } = await start();
    const { status, headers } = await upgrade();
    expect([status, headers['sec-websocket-extensions'], headers['sec-websocket-protocol']]).toEqual([
      101,
      undefined,
      undefined,
    ]);
    expect(server.totalConnections).toBe(1);
  });

  test('[HS1] of the offered subprotocols the one wanted most is chosen', async () => {
    const { upgrade } = await start({ protocols: ['best', 'good'] });
    const protocolFor = async (offered: string) =>
      (await upgrade('/', { 'Sec-WebSocket-Protocol': offered })).headers['sec-websocket-protocol'];
    expect(await protocolFor('bad, good, best')).toBe('best');
    expect(await protocolFor('good')).toBe('good');
    expect(await protocolFor('bad')).toBeUndefined();
  });

  test.each([
    ['no key', { 'Sec-WebSocket-Key': 'short' }],
    ['an old version', { 'Sec-WebSocket-Version': '7' }],
    ['another protocol', { Upgrade: 'h2c' }],
  ])('[HS1] an upgrade with %s is no connection', async (_, headers) => {
    const { server, upgrade } = await start();
    const { status } = await upgrade('/', headers);
    expect(status).toBeGreaterThanOrEqual(400);
    expect(server.totalConnections).toBe(0);
  });

  test.each<[string, unknown, number, string]>([
    ['an error with a status', Object.assign(new Error('who are you'), { status: 401 }), 401, 'who are you'],
    ['an error with a statusCode', Object.assign(new Error('later'), { statusCode: 409 }), 409, 'later'],
    [
      'an error of the program’s own',
      Object.assign(new Error('a secret'), { status: 500 }),
      500,
      'Internal Server Error\n',
    ],
    ['a refusal that says so', new UpgradeRefused(503, 'come back at noon'), 503, 'come back at noon'],
    ['any other error', new Error('a secret'), 403, 'refused'],
    ['an error with a foolish status', Object.assign(new Error('a secret'), { status: 200 }), 403, 'refused'],
    ['a text', 'a secret', 403, 'refused'],
  ])('[HS1] onUpgrade that throws %s refuses', async (_, thrown, status, body) => {
    for (const onUpgrade of [
      () => {
        throw thrown;
      },
      () => Promise.reject(thrown),
    ]) {
      const { server, errors, upgrade } = await start({ onUpgrade });
      expect(await upgrade()).toMatchObject({ status, body });
      expect([errors, server.totalConnections]).toEqual([[thrown], 0]);
    }
  });

  test('[SV2] onUpgrade may throw nothing at all', { timeout: 2_000 }, async () => {
    const { errors, upgrade } = await start({
      onUpgrade: ({ socket }) => {
        sockets.push(socket);
        return Promise.reject(undefined);
      },
    });
    expect((await upgrade()).status).toBe(403);
    expect(errors).toEqual([undefined]);
  });

  test('[HS1] an onUpgrade that returns an error refuses as well', async () => {
    const refusal = new UpgradeRefused(401, 'who are you');
    for (const onUpgrade of [() => refusal, async () => refusal]) {
      const { server, errors, upgrade } = await start({ onUpgrade });
      expect(await upgrade()).toMatchObject({ status: 401, body: 'who are you' });
      expect([errors, server.totalConnections]).toEqual([[refusal], 0]);
    }
  });

  test('[HS8] an onUpgrade or idGenerator that does not settle in time: no answer, and onUpgradeError is called', async () => {
    const never = (): Promise<never> => new Promise(() => {});
    for (const options of [{ onUpgrade: never }, { idGenerator: never }]) {
      const { server, errors, upgrade } = await start({ ...options, limits: { connectTimeout: 50 } });
      expect((await upgrade()).status).toBe('destroyed');
      expect(errors).toEqual([new HandlerTimeout(50)]);
      expect(server.totalConnections).toBe(0);
    }
  });

  test('[HS8] its late result is ignored', async () => {
    let decide = (_: Error): void => {};
    const { server, errors, upgrade } = await start({
      onUpgrade: () => new Promise((_, reject) => (decide = reject)),
      limits: { connectTimeout: 50 },
    });
    expect((await upgrade()).status).toBe('destroyed');
    decide(new Error('no'));
    await new Promise(setImmediate);
    expect([errors.length, server.counters.refusedUpgrades]).toEqual([1, 1]);
  });

  test('[IN7] an upgrade that becomes no connection is counted as refused or dropped', async () => {
    const http = createServer();
    const port = await startHttp(http);
    const errors: unknown[] = [];
    const server = new Server({
      namespaces,
      idGenerator: ({ headers }) => String(headers['x-id'] ?? 'joe'),
      onUpgrade: ({ headers }) => {
        if (headers['x-id'] === 'mallory') throw new UpgradeRefused(401, 'not you');
      },
      onUpgradeError: (error) => errors.push(error),
    });
    servers.push(server);
    server.attach(http, { path: '/echo' });
    const comes = (headers: Readonly<Record<string, string>>) =>
      ask(port, 'GET', '/echo', { ...asksForUpgrade, ...headers });
    expect((await comes({})).status).toBe(101);
    expect(server.metrics().arrivals).toEqual({ admitted: 1, refused: 0, rejected: 0 });
    expect((await comes({ 'x-id': 'mallory' })).status).toBe(401);
    expect((await comes({ 'x-id': 'default' })).status).toBe(400);
    expect((await comes({ Origin: 'http://evil.example' })).status).toBe(403);
    expect((await comes({ 'Sec-WebSocket-Version': '7' })).status).toBe(426);
    expect(errors).toHaveLength(4);
    expect(server.metrics().arrivals).toEqual({ admitted: 1, refused: 0, rejected: 4 });
    await server.close();
    expect((await comes({})).status).toBe('destroyed');
    expect((await ask(port, 'HEAD', '/echo')).status).toBe('destroyed');
    expect(server.metrics().arrivals).toEqual({ admitted: 1, refused: 2, rejected: 4 });
  });

  test.each(['7', '99', 'x', '13, 99'])(
    '[HS18] version %s is answered with the one that is spoken',
    async (version) => {
      const asked = vi.fn();
      const { errors, upgrade } = await start({ onUpgrade: asked });
      const { status, headers } = await upgrade('/', { 'Sec-WebSocket-Version': version });
      expect([status, headers['sec-websocket-version'], headers.upgrade]).toEqual([426, '13', 'websocket']);
      expect(errors).toMatchObject([{ name: 'UpgradeRefused', status: 426 }]);
      expect(asked).not.toHaveBeenCalled();
    },
  );

  test.each([
    ['HTTP/1.0', 'GET / HTTP/1.0\r\nHost: x'],
    ['HTTP/1.1 without Host', 'GET / HTTP/1.1\r\nX-Other: x'],
  ])('[HS18] an upgrade by %s is answered with 400', async (_, head) => {
    const asked = vi.fn();
    const { errors, server, port } = await start({ onUpgrade: asked });
    const socket = connect(port, '127.0.0.1');
    sockets.push(socket);
    const answer: Buffer[] = [];
    socket.on('data', (bytes) => answer.push(bytes));
    socket.write(`${head}\r\n${upgradeText().split('\r\n').slice(2).join('\r\n')}`);
    await once(socket, 'close');
    expect(Buffer.concat(answer).toString()).toMatch(/^HTTP\/1.1 400 /);
    expect(errors).toMatchObject([{ name: 'UpgradeRefused', status: 400 }]);
    expect(asked).not.toHaveBeenCalled();
    expect(server.totalConnections).toBe(0);
  });

  test('[HS1] a handshake that cannot be understood is answered with the version that can', async () => {
    const { errors, upgrade } = await start();
    const { status, headers } = await upgrade('/', { 'Sec-WebSocket-Key': 'short' });
    expect([status, headers['sec-websocket-version']]).toEqual([400, '13']);
    expect(errors).toMatchObject([{ name: 'UpgradeRefused', status: 400 }]);
  });

  test('[SV2] onUpgradeError may throw too', async () => {
    const failure = new Error('boom');
    const reported: unknown[] = [];
    const { upgrade } = await start({
      onUpgrade: () => Promise.reject(new Error('no')),
      onUpgradeError: () => {
        throw failure;
      },
      onError: (error) => reported.push(error),
    });
    expect((await upgrade()).status).toBe(403);
    expect(reported).toEqual([failure]);
  });

  test('[HS1] a client that disconnects during onUpgrade becomes no connection', async () => {
    const { server, errors, upgrade } = await start({
      onUpgrade: async ({ socket }) => {
        socket.destroy();
      },
    });
    expect((await upgrade()).status).toBe('destroyed');
    expect([server.totalConnections, errors]).toEqual([0, []]);
  });

  test('[DR1] an upgrade that is still being thought about does not hold the end', { timeout: 2_000 }, async () => {
    let begun = (): void => {};
    const beginning = new Promise<void>((resolve) => {
      begun = resolve;
    });
    const { server, upgrade } = await start({
      onUpgrade: ({ socket }) => {
        sockets.push(socket);
        begun();
        return new Promise(() => {});
      },
    });
    const answer = upgrade();
    await beginning;
    await server.close({ timeout: 1 });
    expect((await answer).status).toBe('destroyed');
  });

  test('[HS1] #19 the count of retries is in a header, or in the URL of a client that cannot set one', async () => {
    const triesFor = async (path: string, headers = {}) => {
      const { server, upgrade } = await start();
      expect((await upgrade(path, headers)).status).toBe(101);
      const [conn] = server.connections();
      return [conn?.reconnectTries, conn?.wasReconnected];
    };
    expect(await triesFor('/')).toEqual([0, false]);
    expect(await triesFor('/', { 'X-Websocket-Reconnect': '2' })).toEqual([2, true]);
    expect(await triesFor('/', { 'X-Websocket-Reconnect': 'abc' })).toEqual([0, false]);
    expect(await triesFor('/?X-Websocket-Header-X-Websocket-Reconnect=3')).toEqual([3, true]);
    expect(await triesFor('/?x-WEBSOCKET-header-x-websocket-reconnect=4')).toEqual([4, true]);
    expect(await triesFor('/?X-Websocket-Header-X-Websocket-Reconnect=3', { 'X-Websocket-Reconnect': '2' })).toEqual([
      2,
      true,
    ]);
  });

  test('[HS13] [HS1] #19 other headers never come from the URL', async () => {
    const { server, upgrade } = await start();
    await upgrade(
      '/?X-Websocket-Header-Cookie=a&X-Websocket-Header-Origin=http%3A%2F%2Fevil&X-Websocket-Header-X-Id=joe',
    );
    const headers = server.connections()[0]?.request.headers;
    expect([headers?.['cookie'], headers?.['origin'], headers?.['x-id']]).toEqual([undefined, undefined, undefined]);
  });
});

describe('ids', () => {
  test.each(['a', 'x'.repeat(128), 'é'.repeat(64), 'M', '$1', '__proto__', 'defaultx', '日本'])(
    '[HS11] %j is an id',
    async (id) => {
      const { server, upgrade } = await start({ idGenerator: () => id });
      expect((await upgrade()).status).toBe(101);
      expect(server.connections().map((conn) => conn.id)).toEqual([id]);
    },
  );

  const size = (bytes: number): string => `an id has 1 to 128 bytes, got ${bytes}`;
  const characters = 'an id has no control characters, spaces, semicolons or lone surrogates';
  test.each<[string, IdFault, string]>([
    ['', 'size', size(0)],
    ['x'.repeat(129), 'size', size(129)],
    ['é'.repeat(65), 'size', size(130)],
    ['a;b', 'characters', characters],
    ['a b', 'characters', characters],
    ['a\n', 'characters', characters],
    ['\0', 'characters', characters],
    ['a\u007f', 'characters', characters],
    ['a\u0085', 'characters', characters],
    ['a\ud83d', 'characters', characters],
    ['default', 'namespace', 'the id "default" is the name of a namespace'],
    ['other', 'namespace', 'the id "other" is the name of a namespace'],
  ])('[HS11] %j is no id: 400 with the reason, which onUpgradeError is told', async (id, reason, text) => {
    const { server, errors, upgrade } = await start({ idGenerator: () => id });
    expect(await upgrade()).toMatchObject({ status: 400, body: text });
    expect(errors).toEqual([new IdRefused(id, reason, text)]);
    expect(errors).toEqual([expect.objectContaining({ name: 'IdRefused', status: 400, id, reason })]);
    expect(server.totalConnections).toBe(0);
    expect(server.counters).toMatchObject({ refusedUpgrades: 1, refusedAuthentications: 0 });
  });

  test('[HS11] an id of a user is checked as any other', async () => {
    const { upgrade } = await start({
      authenticate: ({ request }) => ({ name: String(request.headers['x-name']) }),
      // The types of a test server do not know the user.
      idGenerator: (_, user) => (user as { readonly name: string }).name,
    });
    expect((await upgrade('/', { 'x-name': 'joe' })).status).toBe(101);
    expect(await upgrade('/', { 'x-name': 'default' })).toMatchObject({
      status: 400,
      body: 'the id "default" is the name of a namespace',
    });
  });

  test('[HS11] without onUpgradeError the process is warned of each reason once', async () => {
    const warn = vi.spyOn(process, 'emitWarning').mockReturnValue();
    try {
      const ids = ['default', 'other', 'a b', 'default', 'a;b', ''];
      const { upgrade } = await start({ idGenerator: () => ids.shift() ?? 'joe' }, false);
      while (ids.length > 0) expect((await upgrade()).status).toBe(400);
      expect(warn.mock.calls).toEqual(
        [
          'clients are refused: the id "default" is the name of a namespace. A prefix such as "user-" keeps ids and namespaces apart.',
          `clients are refused: ${characters}.`,
          `clients are refused: ${size(0)}.`,
        ].map((text) => [text, 'MusterWarning']),
      );
      warn.mockClear();
      const { upgrade: again } = await start({ idGenerator: () => 'default' });
      await again();
      expect(warn).not.toHaveBeenCalled();
    } finally {
      warn.mockRestore();
    }
  });

  test.each<[unknown, string]>([
    [undefined, 'undefined'],
    [7, 'number'],
  ])('[HS11] an idGenerator that returns %o has failed', async (id, kind) => {
    // A program without types may make anything.
    const { errors, upgrade } = await start({ idGenerator: () => id as string });
    expect(await upgrade()).toMatchObject({ status: 500, body: 'no connection id' });
    expect(errors).toEqual([
      expect.objectContaining({ status: 500, cause: new TypeError(`idGenerator returns a string, got ${kind}`) }),
    ]);
  });

  test('[HS11] an idGenerator that throws or rejects refuses the upgrade', async () => {
    const cause = new Error('no ids left');
    for (const idGenerator of [
      (): string => {
        throw cause;
      },
      () => Promise.reject(cause),
    ]) {
      const { server, errors, upgrade } = await start({ idGenerator });
      const { status, body } = await upgrade();
      expect([status, body.includes('no ids left')]).toEqual([500, false]);
      expect(errors).toEqual([expect.objectContaining({ cause })]);
      expect(server.totalConnections).toBe(0);
    }
  });

  test('[HS11] an id may be made later, and several connections may share it', async () => {
    const { server, upgrade } = await start({ idGenerator: async () => 'joe' });
    await upgrade();
    await upgrade();
    expect(server.connections().map((conn) => conn.id)).toEqual(['joe', 'joe']);
  });

  test('[HS11] without a generator no two are alike', async () => {
    const { server, upgrade } = await start();
    for (let at = 0; at < 3; at++) await upgrade();
    const ids = server.connections().map((conn) => conn.id);
    expect(new Set(ids).size).toBe(3);
    for (const id of ids) expect(id).toMatch(/^[0-9a-f-]{36}$/);
  });
});

describe('origins', () => {
  const host = 'muster.example:8080';
  type Row = readonly [origins: ServerOptions['origins'], origin: string | undefined, status: number];

  test.each<Row>([
    [undefined, undefined, 101],
    [undefined, `http://${host}`, 101],
    [undefined, `https://${host}`, 101],
    [undefined, 'http://MUSTER.example:8080', 101],
    [undefined, 'http://muster.example', 403],
    [undefined, 'http://muster.example:8081', 403],
    [undefined, 'http://evil.example', 403],
    [undefined, `http://${host}.evil.example`, 403],
    [undefined, `http://evil.example/?${host}`, 403],
    [undefined, `http://user@${host}`, 403],
    [undefined, 'null', 403],
    [undefined, '', 403],
    [undefined, 'nonsense', 403],
    [undefined, 'file://', 403],
    ['same-host', 'http://evil.example', 403],
    ['any', 'http://evil.example', 101],
    ['any', 'null', 101],
    [['https://good.example'], 'https://good.example', 101],
    [['https://good.example'], 'http://good.example', 403],
    [['https://good.example'], `http://${host}`, 403],
    [['https://good.example'], undefined, 101],
    [[], `http://${host}`, 403],
  ])('[HS13] with origins %o, one of %j gets %i', async (origins, origin, status) => {
    const { server, errors, upgrade } = await start(origins === undefined ? {} : { origins });
    const answer = await upgrade('/', { Host: host, ...(origin === undefined ? {} : { Origin: origin }) });
    expect(answer.status).toBe(status);
    expect(server.totalConnections).toBe(status === 101 ? 1 : 0);
    expect(errors).toHaveLength(status === 101 ? 0 : 1);
  });

  test.each([
    ['muster.example', 'https://muster.example', 101],
    ['muster.example:443', 'https://muster.example', 101],
    ['muster.example:80', 'http://muster.example', 101],
    ['muster.example:443', 'http://muster.example', 403],
    ['muster.example:80', 'https://muster.example', 403],
    ['muster.example', 'https://muster.example:8443', 403],
    ['[::1]', 'http://[::1]', 101],
    ['[::1]:80', 'http://[::1]', 101],
    ['[::1]:8080', 'http://[::1]', 403],
  ])('[HS13] at the host %j a page of %j gets %i', async (host, origin, status) => {
    const { upgrade } = await start();
    expect((await upgrade('/', { Host: host, Origin: origin })).status).toBe(status);
  });

  const behind = { Host: 'inner:9000', 'X-Forwarded-Host': 'muster.example', 'X-Forwarded-Proto': 'https' };

  test.each<readonly [ServerOptions['trustProxy'], origin: string, headers: object, status: number]>([
    [undefined, 'https://muster.example', {}, 403],
    [false, 'https://muster.example', {}, 403],
    [['10.0.0.0/8'], 'https://muster.example', {}, 403],
    [['127.0.0.0/8'], 'https://muster.example', {}, 101],
    [true, 'https://muster.example', {}, 101],
    [1, 'https://muster.example', {}, 101],
    [1, 'https://muster.example', { 'X-Forwarded-Host': 'muster.example:443' }, 101],
    [1, 'https://muster.example', { 'X-Forwarded-Host': 'Muster.Example, inner' }, 101],
    [1, 'https://muster.example', { 'X-Forwarded-Proto': 'http' }, 101],
    [1, 'https://muster.example:8443', {}, 403],
    [1, 'http://muster.example', {}, 403],
    [1, 'http://muster.example', { 'X-Forwarded-Proto': 'http' }, 101],
    [1, 'http://inner:9000', {}, 403],
    [1, 'https://evil.example', {}, 403],
    [1, 'null', {}, 403],
    [undefined, 'http://inner:9000', {}, 101],
  ])(
    '[HS13] [HS17] with trustProxy %j, a page of %j behind a proxy that also says %j gets %i',
    async (trustProxy, origin, more, status) => {
      const { upgrade } = await start(trustProxy === undefined ? {} : { trustProxy });
      expect((await upgrade('/', { ...behind, Origin: origin, ...more })).status).toBe(status);
    },
  );

  test('[HS17] the program reads the address of a client: at its upgrade, as long as it is there, and at its end', async () => {
    const seen: unknown[] = [];
    let ended = (_: unknown): void => {};
    const end = new Promise((resolve) => (ended = resolve));
    const { server, upgrade } = await start({
      trustProxy: 1,
      events: { [OnNativeMessage]: () => {} },
      namespaces: {},
      onUpgrade: (request) => void seen.push(server.addressOf(request)),
      onConnect: (conn) => void seen.push(conn.remoteAddress),
      onDisconnect: (conn) => ended(conn.remoteAddress),
    });
    await upgrade('/', { 'X-Forwarded-For': '9.9.9.9, 2001:DB8::1' });
    await expect.poll(() => seen).toEqual(['2001:db8::1', '2001:db8::1']);
    for (const socket of sockets) socket.destroy();
    expect(await end).toBe('2001:db8::1');
  });

  test('[HS17] without a trusted proxy it is that of the socket, at its end too', async () => {
    let ended = (_: unknown): void => {};
    const end = new Promise((resolve) => (ended = resolve));
    const { upgrade } = await start({
      events: { [OnNativeMessage]: () => {} },
      namespaces: {},
      onDisconnect: (conn) => ended(conn.remoteAddress),
    });
    await upgrade('/', { 'X-Forwarded-For': '9.9.9.9' });
    for (const socket of sockets) socket.destroy();
    expect(await end).toBe('127.0.0.1');
  });

  test('[HS13] a refused origin is told with the hosts and the cure; the client is told none of it', async () => {
    const { errors, upgrade } = await start();
    const { body } = await upgrade('/', { ...behind, Origin: 'https://muster.example' });
    expect(body).toBe('origin not allowed');
    const cure = 'Behind a proxy, pass Host on or set trustProxy.';
    const [{ message }] = errors as [Error];
    expect(message).toBe(
      `Origin "https://muster.example" is not the host of its request. Host: "inner:9000". X-Forwarded-Host: "muster.example", ignored without trustProxy. ${cure} For a page of another host, list the origin in the option origins.`,
    );
    const { errors: others, upgrade: toListed } = await start({ origins: ['https://good.example'] });
    expect((await toListed('/', { ...behind, Origin: `https://${'x'.repeat(500)}` })).body).toBe('origin not allowed');
    expect(others).toMatchObject([
      {
        status: 403,
        message: `Origin "https://${'x'.repeat(192)}" is not in the option origins. Host: "inner:9000". To allow it, list the origin in the option origins.`,
      },
    ]);
  });

  test('[HS13] without onUpgradeError the process warns of each refused origin once, and of few', async () => {
    const emitWarning = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
    try {
      const { upgrade } = await start({ onUpgradeError: undefined } as object);
      const comes = (at: number) => upgrade('/', { Origin: `https://${at}.example` });
      await comes(0);
      await comes(0);
      expect(emitWarning.mock.calls).toEqual([
        [expect.stringMatching(/^Origin "https:\/\/0\.example" is not the host/), 'MusterWarning'],
      ]);
      for (let at = 1; at < 20; at++) await comes(at);
      expect(emitWarning).toHaveBeenCalledTimes(16);
      expect(emitWarning.mock.lastCall?.[0]).toMatch(/"https:\/\/15\.example".* Further warnings are left out\.$/);
      await (await start()).upgrade('/', { Origin: 'https://0.example' });
      expect(emitWarning).toHaveBeenCalledTimes(16);
    } finally {
      emitWarning.mockRestore();
    }
  });

  test('[HS13] a foreign origin is refused before anything of the program’s runs', async () => {
    const log: string[] = [];
    const { upgrade } = await start({
      onUpgrade: () => log.push('onUpgrade'),
      idGenerator: () => {
        log.push('idGenerator');
        return 'joe';
      },
    });
    expect((await upgrade('/', { Origin: 'http://evil.example' })).status).toBe(403);
    expect(log).toEqual([]);
  });
});

import { once } from 'node:events';
import { createServer, type Server as HttpServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { afterEach, describe, expect, test } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { Server } from '../../src/index.js';
import { mountPage } from '../../src/server/mount.js';

const namespaces = { default: {} };
const servers: Server[] = [];
const others: WebSocketServer[] = [];
const https: HttpServer[] = [];
const clients: WebSocket[] = [];

afterEach(async () => {
  for (const client of clients.splice(0)) client.terminate();
  for (const other of others.splice(0)) other.close();
  await Promise.all(servers.splice(0).map((server) => server.close({ timeout: 1_000 })));
  for (const http of https.splice(0)) {
    http.closeAllConnections();
    http.close();
  }
});

const listen = async (http: HttpServer): Promise<number> => {
  https.push(http);
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  // An http server that listens on a port has this kind of address.
  return (http.address() as AddressInfo).port;
};

/** A server of another library, which greets its clients with a word. */
const greeter = (word: string, options: ConstructorParameters<typeof WebSocketServer>[0]): WebSocketServer => {
  const other = new WebSocketServer(options);
  others.push(other);
  return other.on('connection', (socket) => socket.send(word));
};

/** Returns what answers an upgrade: the word of a greeter, the `A` of Muster, a status, or nothing. */
const answerOf = (port: number, path: string): Promise<string> =>
  new Promise((resolve) => {
    const client = new WebSocket(`ws://127.0.0.1:${port}${path}`);
    clients.push(client);
    client.on('open', () => client.send('M'));
    client.on('message', (data) => resolve(String(data).startsWith('A') ? 'muster' : String(data)));
    client.on('unexpected-response', (_, { statusCode }) => resolve(String(statusCode)));
    client.on('error', () => resolve('nothing'));
  });

type Add = (http: HttpServer) => void;
type Pattern = readonly [name: string, add: Add, elsewhere: string];

const attach: Add = (http) => void servers.push(new Server({ namespaces }).attach(http, { path: '/live' }));

const pathOf = ({ url = '' }: IncomingMessage): string => new URL(url, 'ws://host').pathname;

/** How the documentation of ws shares an http server. */
const patterns: readonly Pattern[] = [
  [
    'a listener that destroys what it does not know',
    (http) => {
      const other = greeter('theirs', { noServer: true });
      http.on('upgrade', (request, socket, head) => {
        if (pathOf(request) === '/theirs') other.handleUpgrade(request, socket, head, (one) => one.send('theirs'));
        else socket.destroy();
      });
    },
    'nothing',
  ],
  ['a server on a path', (http) => void greeter('theirs', { server: http, path: '/theirs' }), '400'],
  [
    'two servers without one of their own',
    (http) => {
      const one = greeter('', { noServer: true });
      const two = greeter('', { noServer: true });
      http.on('upgrade', (request, socket, head) => {
        const path = pathOf(request);
        if (path === '/more') one.handleUpgrade(request, socket, head, (socket) => socket.send('more'));
        else if (path === '/theirs') two.handleUpgrade(request, socket, head, (socket) => socket.send('theirs'));
        else socket.destroy();
      });
    },
    'nothing',
  ],
];

describe.each(patterns)('beside %s', (_, add, elsewhere) => {
  test.each<readonly [string, readonly Add[]]>([
    ['before', [add, attach]],
    ['after', [attach, add]],
  ])('[HS12] that was added %s attach, each path gets its own', async (_, inOrder) => {
    const http = createServer();
    for (const step of inOrder) step(http);
    const port = await listen(http);
    expect(await answerOf(port, '/live')).toBe('muster');
    expect(await answerOf(port, '/theirs')).toBe('theirs');
    expect(await answerOf(port, '/elsewhere')).toBe(elsewhere);
    expect(await answerOf(port, '/live?x=1')).toBe('muster');
  });

  test('[HS12] added while it runs, each path gets its own', async () => {
    const http = createServer();
    attach(http);
    const port = await listen(http);
    expect(await answerOf(port, '/live')).toBe('muster');
    add(http);
    expect(await answerOf(port, '/live')).toBe('muster');
    expect(await answerOf(port, '/theirs')).toBe('theirs');
  });

  test('[HS12] after a detach every path is its own', async () => {
    const http = createServer();
    add(http);
    attach(http);
    const port = await listen(http);
    expect(await answerOf(port, '/live')).toBe('muster');
    servers[0]?.detach(http);
    expect(await answerOf(port, '/live')).toBe(elsewhere);
    expect(await answerOf(port, '/theirs')).toBe('theirs');
    expect(servers[0]?.totalConnections).toBe(1);
  });
});

describe('detach', () => {
  const seen = (http: HttpServer) => ({
    own: Object.getOwnPropertyDescriptor(http, 'emit'),
    emit: http.emit,
    upgrade: http.listeners('upgrade'),
    request: http.listeners('request'),
  });

  test('[HS12] leaves the http server as it was', () => {
    const http = createServer(() => {});
    http.on('upgrade', () => {});
    const before = seen(http);
    const [one, two] = ['/a', '/b'].map((path) => new Server({ namespaces }).attach(http, { path }));
    one?.attach(http, { path: '/c' });
    one?.detach(http);
    expect(http.emit).not.toBe(before.emit);
    two?.detach(http).detach(http);
    expect(seen(http)).toEqual(before);
    one?.attach(http).detach(http);
    expect(seen(http)).toEqual(before);
  });

  test('[HS12] and one that had an emit of its own', () => {
    const http = createServer();
    const emit: (event: string, ...args: unknown[]) => boolean = http.emit.bind(http);
    http.emit = (event: string, ...args: unknown[]) => emit(event, ...args);
    const before = seen(http);
    new Server({ namespaces }).attach(http).detach(http);
    expect(seen(http)).toEqual(before);
  });

  test('[HS12] where another one has wrapped it since, it passes everything on', async () => {
    const http = createServer((_, response) => response.end('app'));
    const server = new Server({ namespaces }).attach(http, { path: '/live' });
    servers.push(server);
    const emit: (event: string, ...args: unknown[]) => boolean = http.emit.bind(http);
    const events: unknown[] = [];
    http.emit = (event: string, ...args: unknown[]) => {
      events.push(event);
      return emit(event, ...args);
    };
    server.detach(http);
    const port = await listen(http);
    expect(await (await fetch(`http://127.0.0.1:${port}/live`)).text()).toBe('app');
    expect(events).toContain('request');
    server.attach(http, { path: '/live' });
    expect(await answerOf(port, '/live')).toBe('muster');
  });

  test('[HS12] takes pages along, and the last page leaves nothing', () => {
    const http = createServer();
    const before = seen(http);
    const page = { path: '/page', handle: () => {}, close: () => {} };
    const server = new Server({ namespaces }).attach(http);
    server.serve(page);
    server.detach(http);
    expect(seen(http)).toEqual(before);
    mountPage(http, page)();
    expect(seen(http)).toEqual(before);
  });

  test('[HS12] of an http server that it is not attached to does nothing', () => {
    const http = createServer();
    const server = new Server({ namespaces }).attach(http);
    const other = new Server({ namespaces });
    const attached = seen(http);
    other.detach(http);
    server.detach(createServer());
    expect(seen(http)).toEqual(attached);
  });

  test('[HS12] an upgrade on its path is not told to listeners of the app', async () => {
    const http = createServer();
    const told: string[] = [];
    http.on('upgrade', (request: IncomingMessage, socket: Duplex) => {
      told.push(pathOf(request));
      socket.destroy();
    });
    attach(http);
    const port = await listen(http);
    await answerOf(port, '/live');
    await answerOf(port, '/other');
    expect(told).toEqual(['/other']);
  });
});

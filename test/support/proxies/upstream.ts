import { once } from 'node:events';
import { createServer, type Server as HttpServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { afterEach } from 'vitest';
import { reply, Server, type ServerOptions } from '../../../src/index.js';

/** A server behind a proxy, as docs/deploying.md shows it: WebSockets on `/live`, beside an app. */
export interface Upstream {
  readonly port: number;
  /** The one that runs now. */
  readonly server: Server;
  /** The requests that the app got, as method, URL, `Host` and `X-Forwarded-*`. */
  readonly requests: readonly string[];
  /** Drains the server, then ends the process, as on SIGTERM. */
  drain(): Promise<void>;
  /** Ends every socket at once, as the end of a process does. */
  kill(): Promise<void>;
  /** Starts it again on the same port. */
  start(): Promise<void>;
}

const chat: ServerOptions = {
  // Tests of origins are refused on purpose.
  onUpgradeError: () => {},
  namespaces: {
    default: {
      echo: (_, { body }) => reply(body),
      say: (ns, message) => ns.broadcast(message),
    },
  },
};

const begin = async (options: ServerOptions): Promise<Upstream> => {
  const requests: string[] = [];
  const sockets = new Set<Socket>();
  let server: Server;
  let http: HttpServer;
  let port = 0;

  const start = async (): Promise<void> => {
    server = new Server({ ...chat, ...options });
    http = createServer(({ method, url, headers }, response) => {
      const { host, 'x-forwarded-host': from, 'x-forwarded-proto': proto, 'x-forwarded-for': whom } = headers;
      requests.push(`${method} ${url} ${host} ${from} ${proto} ${whom}`);
      response.end('the app');
    });
    http.on('connection', (socket) => {
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
    });
    server.attach(http, { path: '/live' });
    http.listen(port, '127.0.0.1');
    await once(http, 'listening');
    // A server that listens on a port has this kind of address.
    port = (http.address() as AddressInfo).port;
  };
  const end = async (): Promise<void> => {
    if (!http.listening) return;
    const closed = once(http, 'close');
    http.close();
    for (const socket of sockets) socket.destroy();
    await closed;
  };
  await start();
  return {
    get port() {
      return port;
    },
    get server() {
      return server;
    },
    requests,
    start,
    async drain() {
      await server.close({ timeout: 2_000 });
      await end();
    },
    async kill() {
      await end();
      await server.close({ timeout: 1 });
    },
  };
};

/** Starts servers; ends those of a test after it. */
export const useUpstreams = () => {
  const upstreams: Upstream[] = [];

  afterEach(() => Promise.all(upstreams.splice(0).map((upstream) => upstream.kill())));

  return async (options: ServerOptions = {}): Promise<Upstream> => {
    const upstream = await begin(options);
    upstreams.push(upstream);
    return upstream;
  };
};

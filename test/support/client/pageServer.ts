import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { type Conn, reply, Server, type ServerOptions } from '../../../src/index.js';

const root = fileURLToPath(new URL('../../..', import.meta.url));
/** The folders whose scripts a page may load, as they were built. */
const folders = ['/dist/', '/test/support/client/'];
/** The script of a page, unless it names another one. */
const pageScript = '/test/support/client/page.js';

/** A server that serves a page as well, on one port. */
export interface PageServer {
  readonly server: Server;
  readonly origin: string;
  /** Returns the only connection with this id. */
  connection(id: string): Conn;
  close(): Promise<void>;
}

const page = (script: string): string =>
  `<!doctype html><title>A client</title><link rel="icon" href="data:,"><script type="module" src="${script}"></script>`;

const send = (response: ServerResponse, type: string, body: string | Buffer): void => {
  response.writeHead(200, { 'content-type': type }).end(body);
};

const options: ServerOptions = {
  idGenerator: ({ url = '/' }) => new URL(url, 'http://loopback').searchParams.get('id') ?? 'nobody',
  onUpgrade({ url = '/' }) {
    if (url.includes('unwanted')) throw Object.assign(new Error('not you'), { status: 403 });
  },
  namespaces: {
    default: {
      ping: () => reply('pong'),
      echo: (_, { body }) => reply(body),
      say: (ns, message) => ns.broadcast(message),
      kick: ({ conn }) => conn.close(4_001, 'go'),
    },
  },
};

/** Starts a server on a free port. `scripts` are further scripts, by their path in a URL. */
export const startPageServer = async (scripts: Readonly<Record<string, string>> = {}): Promise<PageServer> => {
  const server = new Server(options);
  const http = createServer(async ({ url = '/' }, response) => {
    const { pathname, searchParams } = new URL(url, 'http://loopback');
    const script = scripts[pathname];
    if (pathname === '/') return send(response, 'text/html', page(searchParams.get('script') ?? pageScript));
    if (script !== undefined) return send(response, 'text/javascript', script);
    if (folders.some((folder) => pathname.startsWith(folder)))
      return send(response, 'text/javascript', await readFile(`${root}${pathname}`));
    return response.writeHead(404).end();
  });
  server.attach(http, { path: '/live' });
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  // A server that listens on a port has this kind of address.
  const { port } = http.address() as AddressInfo;
  return {
    server,
    origin: `http://127.0.0.1:${port}`,
    connection(id) {
      const [conn, ...others] = server.connections().filter((one) => one.id === id);
      if (!conn || others.length > 0) throw new Error(`expected one connection "${id}"`);
      return conn;
    },
    async close() {
      await server.close({ timeout: 1_000 });
      http.closeAllConnections();
      http.close();
    },
  };
};

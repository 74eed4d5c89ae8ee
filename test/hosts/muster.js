import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { WebSocketServer } from 'ws';
import { reply, Server } from '../../dist/index.js';

/** The server that each host has on `/live`, beside its own routes. */
export const createMuster = () =>
  new Server({
    namespaces: {
      default: {
        echo: (_, { body }) => reply(body),
        say: (ns, message) => ns.broadcast(message),
      },
    },
  });

/** The key and the certificate of the test, for hosts with TLS. */
export const readCertificate = () => ({
  key: readFileSync(process.env['KEY'] ?? ''),
  cert: readFileSync(process.env['CERT'] ?? ''),
});

/**
 * Gives an app WebSockets of its own on `/own`, in the way that the README of ws shows: it destroys the sockets of all
 * other paths.
 *
 * @param {import('node:events').EventEmitter} http
 */
export const addOwnWebSockets = (http) => {
  const own = new WebSocketServer({ noServer: true });
  own.on('connection', (ws) => ws.on('message', (data) => ws.send(`own ${data}`)));
  http.on('upgrade', (request, socket, head) => {
    if (request.url !== '/own') return socket.destroy();
    return own.handleUpgrade(request, socket, head, (ws) => own.emit('connection', ws, request));
  });
};

/**
 * Listens on a free port, unless the app does so by itself, and prints the address. Ends on SIGTERM.
 *
 * @param {import('node:net').Server} http
 * @param {{ readonly servers: readonly Server[], readonly scheme?: string, readonly close?: () => unknown }} options
 */
export const run = async (http, { servers, scheme = 'http', close = () => http.close() }) => {
  if (!http.listening) {
    http.listen(0, '127.0.0.1');
    await once(http, 'listening');
  }
  const address = http.address();
  console.log(`${scheme}://localhost:${typeof address === 'object' ? address?.port : address}`);
  process.once('SIGTERM', async () => {
    await Promise.all(servers.map((server) => server.close({ timeout: 2_000 })));
    await close();
  });
};

import { createServer } from 'node:http';
import { reply, Server } from '../../../dist/index.js';

/** A server beside an app, for the tests of runtimes. It prints its port, and ends on SIGTERM. */

const server = new Server({
  // Tests are refused on purpose.
  onUpgradeError() {},
  limits: { pingInterval: 500, pingTimeout: 400 },
  namespaces: {
    default: {
      echo: (_, { body }) => reply(body),
      say: (ns, message) => ns.broadcast(message),
      fail() {
        throw new Error('no');
      },
    },
  },
});
const http = createServer((_, response) => response.end('the app'));
server.attach(http, { path: '/live' });
http.listen(0, '127.0.0.1', () => {
  const address = http.address();
  console.log(typeof address === 'object' ? address?.port : address);
});

process.once('SIGTERM', async () => {
  await server.close({ timeout: 2_000 });
  http.close();
  http.closeAllConnections();
});

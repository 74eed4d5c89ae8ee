// @ts-check
/** Muster and an Express app on one port: `node examples/express/server.js`. */
import { createServer } from 'node:http';
import express from 'express';
import { reply, Server } from 'musterjs';

const app = express();
app.get('/', (_, response) => {
  response.send('Connect a WebSocket to /echo.');
});

const server = new Server({
  namespaces: { default: { echo: (_, message) => reply(message.body) } },
});

// The app keeps every path but /echo.
const http = createServer(app);
server.attach(http, { path: '/echo' });

http.listen(Number(process.env['PORT'] ?? 3000), '127.0.0.1', () => {
  const address = http.address();
  const port = typeof address === 'object' ? address?.port : address;
  console.log(`http://127.0.0.1:${port} serves the app, /echo the WebSockets`);
});

process.once('SIGTERM', async () => {
  await server.close({ timeout: 2_000 });
  http.close();
  http.closeAllConnections();
});

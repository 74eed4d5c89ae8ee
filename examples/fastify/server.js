// @ts-check
/** Muster and a Fastify app on one port: `node examples/fastify/server.js`. */
import fastify from 'fastify';
import { reply, Server } from 'musterjs';

const app = fastify();
app.get('/', () => 'Connect a WebSocket to /echo.');

const server = new Server({
  namespaces: { default: { echo: (_, message) => reply(message.body) } },
});

// Close the WebSockets first: the app waits for its connections when it closes.
app.addHook('preClose', () => server.close({ timeout: 2_000 }));
// Fastify creates its HTTP server at once. The app keeps every path but /echo.
server.attach(app.server, { path: '/echo' });

const address = await app.listen({ port: Number(process.env['PORT'] ?? 3000), host: '127.0.0.1' });
console.log(`${address} serves the app, /echo the WebSockets`);

process.once('SIGTERM', () => app.close());

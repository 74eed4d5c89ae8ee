// @ts-check
/** Muster beside a Fastify app, on one port: `node examples/fastify/server.js`. */
import fastify from 'fastify';
import { reply, Server } from 'musterjs';

const app = fastify();
app.get('/', () => 'Talk to me by websocket, on /echo.');

const server = new Server({
  namespaces: { default: { echo: (_, message) => reply(message.body) } },
});

// Goodbyes first: the app waits for its connections when it closes.
app.addHook('preClose', () => server.close({ timeout: 2_000 }));
// Fastify's http server is there from the start: every path but /echo stays the app's.
server.attach(app.server, { path: '/echo' });

const address = await app.listen({ port: Number(process.env['PORT'] ?? 3000), host: '127.0.0.1' });
console.log(`${address} has the app, and /echo the websockets`);

process.once('SIGTERM', () => app.close());

import fastify from 'fastify';
import { addOwnWebSockets, createMuster, run } from './muster.js';

const app = fastify({ forceCloseConnections: true });
app.get('/page', () => 'the app');

const server = createMuster().attach(app.server, { path: '/live' });
addOwnWebSockets(app.server);
await app.listen({ port: 0, host: '127.0.0.1' });
await run(app.server, { servers: [server], close: () => app.close() });

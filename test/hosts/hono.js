import { createServer } from 'node:http';
import { serve } from '@hono/node-server';
import { Hono } from 'hono';
import { addOwnWebSockets, createMuster, run } from './muster.js';

const app = new Hono();
app.get('/page', (context) => context.text('the app'));

const http = serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1', createServer });
addOwnWebSockets(http);
// By default this function makes a server of node:http.
const server = createMuster().attach(/** @type {import('node:http').Server} */ (http), { path: '/live' });
await run(http, { servers: [server] });

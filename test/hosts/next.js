import { createServer } from 'node:http';
import { fileURLToPath } from 'node:url';
import next from 'next';
import { createMuster, run } from './muster.js';

process.env['NEXT_TELEMETRY_DISABLED'] = '1';
const http = createServer();
// In development, as it needs no build then. Its own WebSocket, for changed modules, is on the same server.
// Its types name the function that a program gets here "default" of it.
const create = /** @type {typeof next.default} */ (/** @type {unknown} */ (next));
const app = create({ dev: true, dir: fileURLToPath(new URL('next', import.meta.url)), httpServer: http });
await app.prepare();
const handle = app.getRequestHandler();
http.on('request', (request, response) => handle(request, response));

const server = createMuster().attach(http, { path: '/live' });
await run(http, { servers: [server], close: () => process.exit(0) });

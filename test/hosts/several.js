import { createServer } from 'node:http';
import { addOwnWebSockets, createMuster, run } from './muster.js';

const http = createServer((_, response) => response.end('the app'));
const other = createServer((_, response) => response.end('the other app'));

// Two servers on two paths, and one of them on a second http server too.
const server = createMuster().attach(http, { path: '/live' }).attach(other, { path: '/live' });
const second = createMuster().attach(http, { path: '/second' });
addOwnWebSockets(http);
await run(other, { servers: [] });
await run(http, { servers: [server, second] });

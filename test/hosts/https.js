import { createServer } from 'node:https';
import { addOwnWebSockets, createMuster, readCertificate, run } from './muster.js';

const http = createServer(readCertificate(), (_, response) => response.end('the app'));
addOwnWebSockets(http);
const server = createMuster().attach(http, { path: '/live' });
await run(http, { servers: [server], scheme: 'https' });

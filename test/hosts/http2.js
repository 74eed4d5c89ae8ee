import { createSecureServer } from 'node:http2';
import { addOwnWebSockets, createMuster, readCertificate, run } from './muster.js';

const http = createSecureServer({ ...readCertificate(), allowHTTP1: true }, ({ httpVersion }, response) => {
  response.setHeader('x-http-version', httpVersion);
  response.end('the app');
});
addOwnWebSockets(http);
// For clients of HTTP/1.1 it emits what a server of node:https does.
const asHttp1 = /** @type {import('node:http').Server} */ (/** @type {unknown} */ (http));
const server = createMuster().attach(asHttp1, { path: '/live' });
await run(http, { servers: [server], scheme: 'https' });

// A server in a process of its own, so that a test can kill it. It listens on the port that it is given.

import { once } from 'node:events';
import { createServer } from 'node:http';
import { Server } from '../../../src/index.js';

/** The process ends after this, in ms, even if the test has not ended it. */
const lifetime = 240_000;
setTimeout(() => process.exit(1), lifetime).unref();
process.on('disconnect', () => process.exit(0));

const server = new Server({ namespaces: { chat: {} } });
const http = createServer();
server.attach(http, { path: '/' });
// Node's own backlog of 511 lets the kernel drop the dials of a storm, which are then not tried again for 20 s.
http.listen({ port: Number(process.argv[2] ?? 0), host: '127.0.0.1', backlog: 8_192 });
await once(http, 'listening');
const address = http.address();
process.send?.({ port: typeof address === 'object' ? address?.port : undefined });

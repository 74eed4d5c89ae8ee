import { createServer } from 'node:http';
import compression from 'compression';
import express from 'express';
import helmet from 'helmet';
import { addOwnWebSockets, createMuster, run } from './muster.js';

const app = express();
app.use(helmet(), compression({ threshold: 0 }));
app.get('/page', (_, response) => {
  response.send('the app');
});

const http = createServer(app);
addOwnWebSockets(http);
const server = createMuster().attach(http, { path: '/live' });
await run(http, { servers: [server] });

// Every entry of the package, in a program that has the optional peers.
import { createServer } from 'node:http';
import { Server, type StackExchange } from 'musterjs';
import { draw, drawMermaid, type InspectorOptions, inspector, toStately } from 'musterjs/inspector';
import { natsExchange } from 'musterjs/nats';
import { type RedisExchangeOptions, redisExchange } from 'musterjs/redis';
import { patient } from './core.js';
import { useBoard } from './page.js';

const server = new Server({ namespaces: { chat: {} } }).attach(createServer(), { path: '/live' });

const ofRedis: RedisExchangeOptions = { url: 'redis://127.0.0.1', channel: 'app', client: { name: 'app' } };
const exchanges: readonly StackExchange[] = [
  redisExchange(ofRedis),
  natsExchange({ servers: 'nats://127.0.0.1', prefix: 'app' }),
];
for (const exchange of exchanges) await server.useStackExchange(exchange);

const access: InspectorOptions = {
  authorize: (request) => request.headers.cookie === 'session=admin',
};
inspector(server, access);
server.inspect((event) => console.log(toStately(event)));
console.log(await draw(patient), drawMermaid(patient));
console.log(useBoard.length);
await server.close({ timeout: 1_000 });

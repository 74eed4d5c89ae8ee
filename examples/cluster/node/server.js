// @ts-check
/** One node of the example. Section 2 is all it takes to join the others. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { Server } from 'musterjs';
import { redisExchange } from 'musterjs/redis';

const { NODE_NAME = 'A', NODES = '[]', REDIS_URL = 'redis://127.0.0.1:6379' } = process.env;

/** All nodes, this one included. @type {readonly { name: string, address: string }[]} */
const nodes = JSON.parse(NODES);
const { hostname, port } = new URL(nodes.find(({ name }) => name === NODE_NAME)?.address ?? 'http://127.0.0.1:8081');

const WALL = 'wall';
let isStopping = false;

// ── 1. The server: each message goes to all clients, on both nodes ──────────────────────────────

/** @type {Server} */
const server = new Server({
  namespaces: {
    [WALL]: {
      say(_, msg) {
        const text = String(msg.body).trim();
        if (!text || text.length > 200) throw new Error('A message has 1 to 200 characters.');
        server.broadcast(null, {
          namespace: WALL,
          event: 'said',
          body: JSON.stringify({ text, node: NODE_NAME, at: Date.now() }),
        });
      },
      // The button on the page: passed on to the process that started Redis.
      redis(_, msg) {
        if (msg.body === 'stop' || msg.body === 'start') process.send?.(`${msg.body} redis`);
      },
    },
  },
  origins: nodes.map(({ address }) => address), // the page of one node also connects to the other
  limits: { exchangeRetryDelay: 500 }, // quick, as this example is for trying things out
  onError(error, { during }) {
    if (!isStopping) console.error(`node ${NODE_NAME}, ${during}: ${error instanceof Error ? error.message : error}`);
  },
});

// ── 2. The exchange ─────────────────────────────────────────────────────────────────────────────

const exchange = await server
  .useStackExchange(redisExchange({ url: REDIS_URL, channel: 'muster-example' }))
  .catch((error) => {
    console.error(`node ${NODE_NAME} cannot reach Redis: ${error.message}`);
    process.exit(1);
  });

// ── 3. The status: sent to the clients of this node whenever it has changed ─────────────────────

/** Whether Redis runs; undefined if this example did not start it. @type {boolean | undefined} */
let isRedisRunning;
process.on('message', (said) => {
  isRedisRunning = /** @type {{ isRunning: boolean }} */ (said).isRunning;
});

function describeExchange() {
  const { state, published, received, waiting, lost } = exchange.status;
  const losses = Object.entries(lost).filter(([, count]) => count > 0);
  const redis = isRedisRunning === undefined ? 'elsewhere' : isRedisRunning ? 'running' : 'stopped';
  return JSON.stringify({ state, published, received, waiting: waiting.messages, losses, redis });
}

/** The last status sent to each client. @type {WeakMap<object, string>} */
const told = new WeakMap();
const telling = setInterval(() => {
  const status = describeExchange();
  for (const ns of server.connectionsByNamespace(WALL)) {
    if (told.get(ns) !== status && ns.emit('status', status)) told.set(ns, status);
  }
}, 100);

// ── 4. The page ─────────────────────────────────────────────────────────────────────────────────

/** @param {string} path */
const file = (path) => new URL(path, import.meta.url);

const files = new Map([
  ['/', { file: file('../public/index.html'), type: 'text/html' }],
  ['/style.css', { file: file('../public/style.css'), type: 'text/css' }],
  ['/app.js', { file: file('../public/app.js'), type: 'text/javascript' }],
  ['/icon.svg', { file: file('../../chat/public/icon.svg'), type: 'image/svg+xml' }],
]);

// Muster's client runs in a browser as it is published. These are the folders that it consists of.
const dist = new URL('../', import.meta.resolve('musterjs/client'));
for (const folder of ['client', 'contract', 'protocol']) {
  for (const found of readdirSync(new URL(folder, dist), { recursive: true, encoding: 'utf8' })) {
    const path = `${folder}/${found.replaceAll('\\', '/')}`;
    if (path.endsWith('.js')) files.set(`/musterjs/${path}`, { file: new URL(path, dist), type: 'text/javascript' });
  }
}

// The page's import map tells a browser where `musterjs/client` is. It is the only inline script that may run.
const html = readFileSync(file('../public/index.html'), 'utf8');
const [, importMap = ''] = /<script type="importmap">(.*?)<\/script>/s.exec(html) ?? [];
const hash = createHash('sha256').update(importMap).digest('base64');

const lines = nodes.map(({ address }) => address.replace('http', 'ws')).join(' ');
const policy = `default-src 'self'; script-src 'self' 'sha256-${hash}'; connect-src 'self' ${lines}`;

const httpServer = createServer(async (request, response) => {
  const found = files.get(String(request.url).replace(/\?.*/, ''));
  try {
    if (request.url === '/nodes.json') return void response.setHeader('Content-Type', 'application/json').end(NODES);
    if (!found) return void response.writeHead(404, { 'Content-Type': 'text/plain' }).end('Not found\n');
    const body = await readFile(found.file);
    response.writeHead(200, {
      'Content-Type': `${found.type}; charset=utf-8`,
      'Content-Security-Policy': policy,
      'X-Content-Type-Options': 'nosniff',
      'Cache-Control': 'no-cache',
    });
    response.end(body);
  } catch (error) {
    console.error(error);
    response.writeHead(500, { 'Content-Type': 'text/plain' }).end('Something went wrong\n');
  }
});

// ── 5. Start and stop ───────────────────────────────────────────────────────────────────────────

server.attach(httpServer, { path: '/live' });
httpServer.listen(Number(port), hostname, () => process.send?.('ready'));

for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, stop);
process.once('disconnect', stop); // the parent process has ended

async function stop() {
  if (isStopping) return;
  isStopping = true;
  clearInterval(telling);
  await server.close({ timeout: 2_000 });
  httpServer.close(() => process.exit(0));
  httpServer.closeAllConnections();
}

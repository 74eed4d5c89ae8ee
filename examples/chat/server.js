// @ts-check
/**
 * An example chat with rooms, presence and typing, in one namespace.
 * Start it with `npm start` and open the printed address in two tabs.
 */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { OnNamespaceConnected, OnRoomJoin, OnRoomJoined, OnRoomLeft, reply, Server } from 'musterjs';
import { text } from './public/contract.js';

const CHAT = 'chat';
const LOBBY = 'lobby';

// ── 1. The chat: one namespace, with a handler for each event ───────────────────────────────────

/** @type {Server} */
const server = new Server({
  // Runs for every client, before anything else. What it returns is `conn.user`; an error thrown here refuses.
  // The page sends its user's name as the token. A client that sends none, such as one of neffos, is a guest.
  authenticate: ({ token = 'Guest' }) => ({ name: text(token, 24, 'Your name') }),

  namespaces: {
    [CHAT]: {
      [OnNamespaceConnected]() {
        tellCount();
      },

      // Runs before a client joins a room. Throwing refuses.
      [OnRoomJoin](_, msg) {
        if (text(msg.room, 24, 'A room name') !== msg.room)
          throw new Error('A room name does not begin or end with a space.');
      },

      [OnRoomJoined](ns, msg) {
        tellPresence('joined', msg.room, ns);
      },

      // Also runs after the connection has closed, so it reads from `ns` but never sends through it.
      [OnRoomLeft](ns, msg) {
        tellPresence('left', msg.room, ns);
      },

      // Relay the message to everyone in the room, sender included. `reply` resolves the sender's ask.
      // An error thrown here rejects it.
      say(ns, msg) {
        const { room, text: written } = msg.json();
        if (!ns.room(room)) throw new Error('Join a room first.');
        tellRoom(room, 'said', { ...person(ns), text: text(written, 500, 'A message'), at: Date.now() });
        return reply('');
      },

      // To everyone in the room but the sender, which the last argument excludes.
      type(ns, msg) {
        tellRoom(msg.room, 'typing', person(ns), ns);
      },
    },
  },

  onDisconnect() {
    tellCount();
  },
});

/** @typedef {import('musterjs').NSConn} NSConn */

/** @param {NSConn} ns */
function person(ns) {
  const { name } = /** @type {{ name: string }} */ (ns.conn.user);
  return { id: ns.conn.id, name };
}

function listRooms() {
  const names = new Set([LOBBY, ...server.roomNames(CHAT).sort()]); // always list the lobby, and list it first
  return [...names].map((name) => ({ name, people: server.members(CHAT, name).length }));
}

function tellCount() {
  server.broadcast(null, { namespace: CHAT, event: 'count', body: String(server.totalConnections) });
}

/** @param {string} room @param {string} event @param {object} body @param {NSConn | null} [except] */
function tellRoom(room, event, body, except = null) {
  if (!room) throw new Error('Join a room first.');
  server.broadcast(except, { namespace: CHAT, room, event, body: JSON.stringify(body) });
}

/** @param {'joined' | 'left'} kind @param {string} room @param {NSConn} ns */
function tellPresence(kind, room, ns) {
  tellRoom(room, 'presence', { kind, ...person(ns), people: server.members(CHAT, room).map(person) });
  server.broadcast(null, { namespace: CHAT, event: 'rooms', body: JSON.stringify(listRooms()) });
}

// ── 2. The page: an explicit list of files, so that no other file can be requested ──────────────

/** @param {string} file */
const page = (file) => new URL(`./public/${file}`, import.meta.url);

const files = new Map([
  ['/', { file: page('index.html'), type: 'text/html' }],
  ['/style.css', { file: page('style.css'), type: 'text/css' }],
  ['/app.js', { file: page('app.js'), type: 'text/javascript' }],
  ['/contract.js', { file: page('contract.js'), type: 'text/javascript' }],
  ['/icon.svg', { file: page('icon.svg'), type: 'image/svg+xml' }],
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
const html = readFileSync(page('index.html'), 'utf8');
const [, importMap = ''] = /<script type="importmap">(.*?)<\/script>/s.exec(html) ?? [];
const hash = createHash('sha256').update(importMap).digest('base64');

const httpServer = createServer(async (request, response) => {
  const found = files.get(String(request.url).replace(/\?.*/, ''));
  try {
    if (!found) return void response.writeHead(404, { 'Content-Type': 'text/plain' }).end('Not found\n');
    const body = await readFile(found.file);
    response.writeHead(200, {
      'Content-Type': `${found.type}; charset=utf-8`,
      'Content-Security-Policy': `default-src 'self'; script-src 'self' 'sha256-${hash}'`,
      'X-Content-Type-Options': 'nosniff',
      'Cache-Control': 'no-cache',
    });
    response.end(body);
  } catch (error) {
    console.error(error);
    response.writeHead(500, { 'Content-Type': 'text/plain' }).end('Something went wrong\n');
  }
});

// ── 3. Start and stop ───────────────────────────────────────────────────────────────────────────

const PORT = process.env['PORT'] || '8080';
const port = Number(PORT);
if (!/^\d+$/.test(PORT) || port > 65_535) fail(`PORT must be a number from 0 to 65535, not "${PORT}".`);

server.attach(httpServer, { path: '/live' }); // Muster handles upgrades on /live; this server keeps the rest

httpServer.once('error', (/** @type {NodeJS.ErrnoException} */ error) => {
  if (error.code !== 'EADDRINUSE') fail(error.message);
  fail(`Port ${port} is already in use. Choose another one: PORT=${port === 8081 ? 8082 : 8081} npm start`);
});

httpServer.listen(port, '127.0.0.1', () => {
  const address = /** @type {import('node:net').AddressInfo} */ (httpServer.address());
  console.log(`Muster chat: http://${address.address}:${address.port}`);
});

for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, stop);

async function stop() {
  await server.close(); // pending messages go out, then a close frame
  httpServer.close(() => process.exit(0));
  httpServer.closeAllConnections();
}

/** @param {string} reason @returns {never} */
function fail(reason) {
  console.error(reason);
  process.exit(1);
}

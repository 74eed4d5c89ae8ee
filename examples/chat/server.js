// @ts-check
/**
 * An example chat with rooms, presence, typing and the last messages, in one namespace.
 * Start it with `npm start` and open the printed address in two tabs.
 */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { OnNamespaceConnected, OnRoomJoin, OnRoomJoined, OnRoomLeft, Server } from 'musterjs';
import { app, text } from './public/contract.js';

const LOBBY = 'lobby';

// ── 1. The chat: one namespace, with a handler for each event ───────────────────────────────────

const server = new Server({
  // The events of both ends. Whatever clients send is validated before a handler sees it.
  contract: app,

  // Runs for every client, before anything else. What it returns is `conn.user`; an error thrown here refuses.
  // The page sends its user's name as the token. A client that sends none is a guest: neffos.js works as well.
  authenticate: ({ token = 'Guest' }) => ({ name: text(token, 24, 'Your name') }),

  namespaces: {
    chat: {
      [OnNamespaceConnected]() {
        tellCount();
      },

      // Runs before a client joins a room. Throwing refuses.
      [OnRoomJoin](_, { room }) {
        if (text(room, 24, 'A room name') !== room) throw new Error('A room name does not begin or end with a space.');
      },

      [OnRoomJoined](ns, { room }) {
        ns.room(room)?.emit('history', { lines: history.of(room), limit: KEPT_LINES });
        tellPresence('joined', room, ns);
      },

      // Also runs after the connection has closed, so it reads from `ns` but never sends through it.
      [OnRoomLeft](ns, { room }) {
        tellPresence('left', room, ns);
      },

      // Relays the message to everyone in the room, sender included. The sender's ask resolves when this returns,
      // and rejects if it throws.
      say(ns, { data }) {
        const room = ns.room(data.room);
        if (!room) throw new Error('Join a room first.');
        const line = { ...person(ns), text: data.text, at: history.nextTime(room.name) };
        history.keep(room.name, line);
        room.broadcast('said', line);
      },

      // `conn.user` is the object that `authenticate` returned.
      rename(ns, { data: name }) {
        const was = ns.conn.user.name;
        ns.conn.user.name = name;
        for (const room of ns.rooms()) tellPresence('renamed', room.name, ns, was);
      },

      // To everyone in the room but the sender.
      type(ns, { room }) {
        ns.room(room)?.broadcastOthers('typing', person(ns));
      },
    },
  },

  onDisconnect() {
    tellCount();
  },
});

/** @typedef {{ readonly conn: { readonly id: string, readonly user: { readonly name: string } } }} Member */

/** @param {Member} member */
function person({ conn }) {
  return { id: conn.id, name: conn.user.name };
}

function tellCount() {
  server.broadcast(null, { namespace: 'chat', event: 'count', data: server.totalConnections });
}

/** @param {'joined' | 'left' | 'renamed'} kind @param {string} room @param {Member} member @param {string} [was] */
function tellPresence(kind, room, member, was) {
  const people = server.members('chat', room).map(person);
  const data = { kind, ...person(member), ...(was === undefined ? {} : { was }), people };
  server.broadcast(null, { namespace: 'chat', room, event: 'presence', data });

  const names = new Set([LOBBY, ...server.roomNames('chat').sort()]); // always list the lobby, and list it first
  const rooms = [...names].map((name) => ({ name, people: server.members('chat', name).length }));
  server.broadcast(null, { namespace: 'chat', event: 'rooms', data: rooms });
}

// ── 2. The last messages of each room. This example holds them in memory; Muster itself keeps none. ─

const KEPT_LINES = 50;
const KEPT_ROOMS = 200;

class History {
  /** The lines of each room. The room that was written to last is the last one. @type {Map<string, readonly Said[]>} */
  #rooms = new Map();

  /** @param {string} room */
  of(room) {
    return this.#rooms.get(room) ?? [];
  }

  /** Returns the time of the next line. It grows, so that a page knows which lines it has. @param {string} room */
  nextTime(room) {
    return Math.max(Date.now(), (this.of(room).at(-1)?.at ?? 0) + 1);
  }

  /** @param {string} room @param {Said} line */
  keep(room, line) {
    const lines = [...this.of(room), line].slice(-KEPT_LINES);
    this.#rooms.delete(room);
    this.#rooms.set(room, lines);
    const [oldest = room] = this.#rooms.keys();
    if (this.#rooms.size > KEPT_ROOMS) this.#rooms.delete(oldest);
  }
}

/** @typedef {import('./public/contract.js').Said} Said */
const history = new History();

// ── 3. The page: an explicit list of files, so that no other file can be requested ──────────────

/** @param {string} file */
const page = (file) => new URL(`./public/${file}`, import.meta.url);

const files = new Map([
  ['/', { file: page('index.html'), type: 'text/html' }],
  ['/style.css', { file: page('style.css'), type: 'text/css' }],
  ['/icon.svg', { file: page('icon.svg'), type: 'image/svg+xml' }],
]);
for (const name of ['app', 'avatars', 'composer', 'contract', 'drawers', 'links', 'log', 'page', 'rooms']) {
  files.set(`/${name}.js`, { file: page(`${name}.js`), type: 'text/javascript' });
}

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

// ── 4. Start and stop ───────────────────────────────────────────────────────────────────────────

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

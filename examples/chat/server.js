// @ts-check
/**
 * Muster's example: a chat with rooms, presence and typing, in one namespace.
 * Start it with `npm start` and open the address it prints in two tabs.
 */
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { OnNamespaceConnected, OnRoomJoin, OnRoomJoined, OnRoomLeft, reply, Server } from 'musterjs';

const CHAT = 'chat';
const LOBBY = 'lobby';

// ── 1. The chat: one namespace, and what happens on each of its events ──────────────────────────

/** @type {Server} */
const server = new Server({
  namespaces: {
    [CHAT]: {
      [OnNamespaceConnected]() {
        tellCount();
      },

      // The client asks this first. What `reply` carries is the answer to its ask,
      // and an error thrown here is an answer too: the client's ask rejects with it.
      introduce(ns, msg) {
        const name = text(msg.json()?.name, 24, 'Your name');
        ns.conn.set('name', name); // kept for as long as the connection lives
        return reply(JSON.stringify({ id: ns.conn.id, name, rooms: listRooms(), total: server.totalConnections }));
      },

      // Runs before somebody gets into a room. Throwing refuses.
      [OnRoomJoin](ns, msg) {
        if (!ns.conn.get('name')) throw new Error('Introduce yourself before you join a room.');
        if (text(msg.room, 24, 'A room name') !== msg.room)
          throw new Error('A room name does not begin or end with a space.');
      },

      [OnRoomJoined](ns, msg) {
        tellPresence('joined', msg.room, ns);
      },

      // Also runs, forced, when the connection closed: so it never talks through `ns`, only about it.
      [OnRoomLeft](ns, msg) {
        tellPresence('left', msg.room, ns);
      },

      // To everybody in the room, the sender included.
      say(ns, msg) {
        const said = { ...person(ns), text: text(msg.body, 500, 'A message'), at: Date.now() };
        tellRoom(msg.room, 'said', said);
      },

      // To everybody in the room but the sender: the first argument says whom to leave out.
      typing(ns, msg) {
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
  return { id: ns.conn.id, name: ns.conn.get('name') };
}

function listRooms() {
  const names = new Set([LOBBY, ...server.roomNames(CHAT).sort()]); // the lobby is always there, and first
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
  tellRoom(room, 'presence', { room, kind, ...person(ns), people: server.members(CHAT, room).map(person) });
  server.broadcast(null, { namespace: CHAT, event: 'rooms', body: JSON.stringify(listRooms()) });
}

/**
 * What a client sends can be anything: this lets only a text of 1 to `max` characters pass, trimmed.
 * @param {unknown} value @param {number} max @param {string} what
 */
function text(value, max, what) {
  const trimmed = typeof value === 'string' ? value.trim() : '';
  if (!trimmed || [...trimmed].length > max) throw new Error(`${what} must have 1 to ${max} characters.`);
  return trimmed;
}

// ── 2. The page: a handful of files, named one by one, so no other file can be asked for ────────

/** @param {string} file */
const page = (file) => new URL(`./public/${file}`, import.meta.url);

const files = new Map([
  ['/', { file: page('index.html'), type: 'text/html' }],
  ['/style.css', { file: page('style.css'), type: 'text/css' }],
  ['/app.js', { file: page('app.js'), type: 'text/javascript' }],
  ['/icon.svg', { file: page('icon.svg'), type: 'image/svg+xml' }],
  // The browser client of neffos, just as it is published.
  ['/neffos.js', { file: new URL('neffos.min.js', import.meta.resolve('neffos.js')), type: 'text/javascript' }],
]);

const httpServer = createServer(async (request, response) => {
  const found = files.get(String(request.url).replace(/\?.*/, ''));
  try {
    if (!found) return void response.writeHead(404, { 'Content-Type': 'text/plain' }).end('Not found\n');
    const body = await readFile(found.file);
    response.writeHead(200, {
      'Content-Type': `${found.type}; charset=utf-8`,
      'Content-Security-Policy': "default-src 'self'",
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

server.attach(httpServer, { path: '/live' }); // WebSocket upgrades on /live are Muster's, the rest stays ours

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
  await server.close(); // everybody gets what they are owed, then a close frame
  httpServer.close(() => process.exit(0));
  httpServer.closeAllConnections();
}

/** @param {string} reason @returns {never} */
function fail(reason) {
  console.error(reason);
  process.exit(1);
}

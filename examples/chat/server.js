// @ts-check
/**
 * An example chat with rooms, presence and typing, in one namespace.
 * Start it with `npm start` and open the printed address in two tabs.
 */
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { OnNamespaceConnected, OnRoomJoin, OnRoomJoined, OnRoomLeft, reply, Server } from 'musterjs';

const CHAT = 'chat';
const LOBBY = 'lobby';

// ── 1. The chat: one namespace, with a handler for each event ───────────────────────────────────

/** @type {Server} */
const server = new Server({
  namespaces: {
    [CHAT]: {
      [OnNamespaceConnected]() {
        tellCount();
      },

      // The client's first ask. `reply` resolves it.
      // An error thrown here rejects it.
      introduce(ns, msg) {
        const name = text(msg.json()?.name, 24, 'Your name');
        ns.conn.set('name', name); // kept until the connection closes
        return reply(JSON.stringify({ id: ns.conn.id, name, rooms: listRooms(), total: server.totalConnections }));
      },

      // Runs before a client joins a room. Throwing refuses.
      [OnRoomJoin](ns, msg) {
        if (!ns.conn.get('name')) throw new Error('Introduce yourself before you join a room.');
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

      // Relay the message to everyone in the room, sender included.
      say(ns, msg) {
        const said = { ...person(ns), text: text(msg.body, 500, 'A message'), at: Date.now() };
        tellRoom(msg.room, 'said', said);
      },

      // To everyone in the room but the sender, which the last argument excludes.
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
  tellRoom(room, 'presence', { room, kind, ...person(ns), people: server.members(CHAT, room).map(person) });
  server.broadcast(null, { namespace: CHAT, event: 'rooms', body: JSON.stringify(listRooms()) });
}

/**
 * Checks untrusted input: returns a trimmed text of 1 to `max` characters, or throws.
 * @param {unknown} value @param {number} max @param {string} what
 */
function text(value, max, what) {
  const trimmed = typeof value === 'string' ? value.trim() : '';
  if (!trimmed || [...trimmed].length > max) throw new Error(`${what} must have 1 to ${max} characters.`);
  return trimmed;
}

// ── 2. The page: an explicit list of files, so that no other file can be requested ──────────────

/** @param {string} file */
const page = (file) => new URL(`./public/${file}`, import.meta.url);

const files = new Map([
  ['/', { file: page('index.html'), type: 'text/html' }],
  ['/style.css', { file: page('style.css'), type: 'text/css' }],
  ['/app.js', { file: page('app.js'), type: 'text/javascript' }],
  ['/icon.svg', { file: page('icon.svg'), type: 'image/svg+xml' }],
  // The neffos browser client, as published.
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

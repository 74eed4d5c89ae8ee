// @ts-check
/**
 * An example of charts with a custom guard and a custom delay: a namespace requires a role.
 * Start it with `node examples/machines/role/server.js`. It prints the outcome and exits.
 */
import { once } from 'node:events';
import { OnNamespaceConnected, Server } from 'musterjs';
import { dial } from 'musterjs/client';
import { WebSocket } from 'ws';
import { connection, namespace } from './charts.js';

// ── 1. The server ───────────────────────────────────────────────────────────────────────────────

/** @param {import('musterjs').NSConn} ns */
const tell = (ns) => console.log(`${ns.conn.id} is in ${ns.namespace}`);

/** @type {Server} */
const server = new Server({
  namespaces: { lobby: { [OnNamespaceConnected]: tell }, staff: { [OnNamespaceConnected]: tell } },
  machines: { namespace, connection },
  idGenerator: (request) => String(request.url).slice('/?'.length),
  // Sets the role before any handler of the client runs.
  onConnect: (conn) => conn.set('role', conn.id === 'ann' ? 'staff' : 'guest'),
});

const { port } = await server.listen(0, '127.0.0.1');

// ── 2. Its clients ──────────────────────────────────────────────────────────────────────────────

/** @param {string} name */
const arrive = (name) => dial(`ws://127.0.0.1:${port}/?${name}`, { WebSocket });

const ann = arrive('ann');
await ann.connect('lobby');
await ann.connect('staff');

const joe = arrive('joe');
await joe.connect('lobby');
await joe.connect('staff').catch((error) => console.log(`joe is refused: ${error.message}`));

// A plain WebSocket, which never sends `M`.
const silent = new WebSocket(`ws://127.0.0.1:${port}/?silent`);
const [code, text] = await once(silent, 'close');
console.log(`silent is closed: ${code} ${text}`);

await ann.close();
await joe.close();
await server.close();

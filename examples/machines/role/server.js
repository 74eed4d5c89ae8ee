// @ts-check
/**
 * Muster's example of charts with a guard and a delay of its own: nobody gets into a namespace without the role for it.
 * Start it with `node examples/machines/role/server.js`; it prints what happens and ends.
 */
import { once } from 'node:events';
import { OnNamespaceConnected, Server } from 'musterjs';
import * as neffos from 'neffos.js';
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
  // Before anything of the client's runs: what its role is, whoever says so.
  onConnect: (conn) => conn.set('role', conn.id === 'ann' ? 'staff' : 'guest'),
});

const { port } = await server.listen(0, '127.0.0.1');

// ── 2. Its clients ──────────────────────────────────────────────────────────────────────────────

/** @param {string} name */
const dial = (name) =>
  neffos.dial(`ws://127.0.0.1:${port}/?${name}`, { lobby: {}, staff: {} }, { allowSynchronousEvents: false });

const ann = await dial('ann');
await ann.connect('lobby');
await ann.connect('staff');

const joe = await dial('joe');
await joe.connect('lobby');
await joe.connect('staff').catch((error) => console.log(`joe is refused: ${error.message ?? error}`));

const silent = new WebSocket(`ws://127.0.0.1:${port}/?silent`);
const [code, text] = await once(silent, 'close');
console.log(`silent is told goodbye: ${code} ${text}`);

ann.close();
joe.close();
await server.close();

// @ts-check
/**
 * An example of a chart that was copied and edited: a login service identifies each client before its connection opens.
 * Start it with `node examples/machines/login/server.js`. It prints the logins and exits.
 */
import { OnNamespaceConnected, Server } from 'musterjs';
import { dial } from 'musterjs/client';
import { WebSocket } from 'ws';
import { fromPromise } from 'xstate';
import { connectionMachine } from './connection.js';

// ── 1. The server ───────────────────────────────────────────────────────────────────────────────

const accounts = new Map([['joe', 'Joe Average']]);

// Stands in for a request over the network. The connection opens when it resolves.
const login = fromPromise(async (/** @type {{ input: { id: string } }} */ { input }) => {
  const user = accounts.get(input.id);
  if (user === undefined) throw new Error(`${input.id} has no account`);
  return user;
});

/** @type {Server} */
const server = new Server({
  namespaces: {
    office: {
      [OnNamespaceConnected](ns) {
        const { user } = ns.conn.actor.getSnapshot().context;
        console.log(`${ns.conn.id} is ${user}`);
      },
    },
  },
  machines: { connection: connectionMachine.provide({ actors: { login } }) },
  idGenerator: (request) => String(request.url).slice('/?'.length),
});

const { port } = await server.listen(0, '127.0.0.1');

// ── 2. Its clients ──────────────────────────────────────────────────────────────────────────────

/** @param {string} name */
const arrive = (name) => dial(`ws://127.0.0.1:${port}/?${name}`, { WebSocket });

const joe = arrive('joe');
await joe.connect('office');

// The refusal is final, so the client closes. `ready` rejects with its text.
await arrive('mallory').ready.catch((error) => console.log(`mallory is refused: ${error.message}`));

await joe.close();
await server.close();

// @ts-check
/**
 * An example of a chart that was copied and edited: a login service identifies each client before its connection opens.
 * Start it with `node examples/machines/login/server.js`. It prints the logins and exits.
 */
import { OnNamespaceConnected, Server } from 'musterjs';
import * as neffos from 'neffos.js';
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
const dial = (name) =>
  neffos.dial(`ws://127.0.0.1:${port}/?${name}`, { office: {} }, { allowSynchronousEvents: false });

const joe = await dial('joe');
await joe.connect('office');

// The client's dial rejects with the text of the refusal.
await dial('mallory').catch((error) => console.log(`mallory is refused: ${error.message ?? error}`));

joe.close();
await server.close();

// @ts-check
/**
 * An example of a chart with one more region: a client that sends no frame for a while is away until its next frame.
 * Start it with `node examples/machines/away/server.js`. It prints each change and exits.
 */
import { reply, Server } from 'musterjs';
import { dial } from 'musterjs/client';
import { WebSocket } from 'ws';
import { connection } from './connection.js';

// ── 1. The server ───────────────────────────────────────────────────────────────────────────────

/** @param {import('musterjs').Conn} conn */
const isAway = (conn) => conn.matches('open.presence.away');

/** @type {Server} */
const server = new Server({
  namespaces: {
    office: {
      hello: () => reply('hello'),
      presence: () =>
        reply(JSON.stringify(server.connections().map((conn) => [conn.id, isAway(conn) ? 'away' : 'here']))),
    },
  },
  // 300 ms, as 5 min is long for an example.
  machines: { connection: connection.provide({ delays: { idle: 300 } }) },
  idGenerator: (request) => String(request.url).slice('/?'.length),
});

// Prints each change of presence, as the inspection reports it.
/** @type {Map<string, string>} */
const seen = new Map();
server.inspect((event) => {
  if (event.type !== '@xstate.snapshot') return;
  const conn = server.connections().find(({ actor }) => actor === event.actorRef);
  const presence = conn && !conn.isClosed && (isAway(conn) ? 'away' : 'here');
  if (!presence || seen.get(conn.id) === presence) return;
  seen.set(conn.id, presence);
  console.log(`${conn.id} is ${presence}`);
});

const { port } = await server.listen(0, '127.0.0.1');

// ── 2. Its clients ──────────────────────────────────────────────────────────────────────────────

/** @param {string} name */
const arrive = (name) => dial(`ws://127.0.0.1:${port}/?${name}`, { WebSocket }).connect('office');

/** @param {string} id */
const whenAway = (id) =>
  new Promise((resolve) => {
    const conn = server.connections().find((one) => one.id === id);
    conn?.actor.subscribe(() => isAway(conn) && resolve(undefined));
  });

const joe = await arrive('joe');
await whenAway('joe');
const ann = await arrive('ann');
console.log(`ann asks for presence: ${(await ann.ask('presence')).body}`);
await joe.ask('hello');
console.log(`ann asks again: ${(await ann.ask('presence')).body}`);

await joe.client.close();
await ann.client.close();
await server.close();

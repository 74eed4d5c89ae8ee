// @ts-check
/**
 * An example of a chart with an event of its own: a moderator mutes a client, and its `say` is refused for a while.
 * Start it with `node examples/machines/muted/server.js`. It prints what happens and exits.
 */
import { reply, Server } from 'musterjs';
import { dial } from 'musterjs/client';
import { WebSocket } from 'ws';
import { connection } from './connection.js';

// ── 1. The server ───────────────────────────────────────────────────────────────────────────────

const server = new Server({
  namespaces: {
    chat: {
      say: (_, { body }) => reply(`said: ${body}`),
      mute(ns, { body }) {
        if (ns.conn.id !== 'ann') throw new Error('only ann mutes');
        for (const conn of ns.conn.server.connections()) {
          if (conn.id === body) conn.actor.send({ type: 'MUTE' });
        }
        return reply();
      },
      muted: (ns) => reply(JSON.stringify(ns.conn.server.connections().map((conn) => [conn.id, conn.hasTag('muted')]))),
    },
  },
  // 500 ms, as 30 s is long for an example.
  machines: { connection: connection.provide({ delays: { muteTime: 500 } }) },
  idGenerator: (request) => String(request.url).slice('/?'.length),
});

const { port } = await server.listen(0, '127.0.0.1');

// ── 2. Its clients ──────────────────────────────────────────────────────────────────────────────

/** @param {string} name */
const arrive = (name) => dial(`ws://127.0.0.1:${port}/?${name}`, { WebSocket }).connect('chat');

/** @param {string} id */
const whenFree = (id) =>
  new Promise((resolve) => {
    const conn = server.connections().find((one) => one.id === id);
    conn?.actor.subscribe(() => conn.matches('open.voice.free') && resolve(undefined));
  });

const joe = await arrive('joe');
const ann = await arrive('ann');

/** @param {string} event @param {string} [body] */
const joeAsks = async (event, body) => {
  const answer = await joe.ask(event, body).catch((/** @type {Error} */ error) => ({ body: error.message }));
  console.log(`joe asks ${event}: ${answer.body}`);
};

await joeAsks('say', 'hello');
await joeAsks('mute', 'ann');
await ann.ask('mute', 'joe');
const free = whenFree('joe');
await joeAsks('say', 'hello?');
await joeAsks('muted');
await free;
await joeAsks('say', 'hello again');

await joe.client.close();
await ann.client.close();
await server.close();

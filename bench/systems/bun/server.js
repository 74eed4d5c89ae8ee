// Bun's own server, which broadcasts with `publish`: bun bench/systems/bun/server.js
import { nextTick, serve } from '../nodeSystem.js';

/**
 * What is used of a connection, of a server, and of Bun. Its types are no dependency.
 *
 * @typedef {object} Socket
 * @property {(topic: string) => void} subscribe
 * @property {(text: string) => void} send
 *
 * @typedef {object} BunServer
 * @property {number} port
 * @property {(request: Request) => boolean} upgrade
 * @property {(topic: string, text: string) => number} publish
 *
 * @typedef {object} BunRuntime
 * @property {(options: object) => BunServer} serve
 * @property {(isNow: boolean) => void} gc
 */

// The program runs in Bun, which has this global.
const bun = /** @type {{ readonly Bun: BunRuntime }} */ (/** @type {unknown} */ (globalThis)).Bun;

let members = 0;
let counted = 0;

/** The topic of a room; of all connections with `''`. @param {string} room */
const topicOf = (room) => `room ${room}`;

/** Returns a message with as many bytes as Muster's. @param {string} body */
const message = (body) => `;default;;tick;0;0;${body}`;

const server = bun.serve({
  hostname: '127.0.0.1',
  port: 0,
  fetch: (/** @type {Request} */ request) =>
    server.upgrade(request) ? undefined : new Response('no WebSocket', { status: 400 }),
  websocket: {
    perMessageDeflate: false,
    maxPayloadLength: 65_536,
    open(/** @type {Socket} */ socket) {
      members++;
      socket.subscribe(topicOf(''));
    },
    close() {
      members--;
    },
    message(/** @type {Socket} */ socket, /** @type {string} */ text) {
      if (text.startsWith('echo')) socket.send(text);
      else if (text.startsWith('count')) counted++;
      else if (text.startsWith('speak')) {
        const [, room = '', body = ''] = text.split(' ');
        server.publish(topicOf(room), message(body));
      } else if (text.startsWith('join')) {
        socket.subscribe(topicOf(text.slice('join '.length)));
        socket.send('joined');
      }
    },
  },
});

serve(
  {
    publish: (room, body) => void server.publish(topicOf(room), message(body)),
    flushed: nextTick,
    ways: {},
    members: () => members,
    counted: () => counted,
    evicted: () => 0,
    collect: () => bun.gc(true),
  },
  server.port,
);

// What clients say to each kind of server.

/**
 * @typedef {import('./client.js').Client} Client
 *
 * @typedef {object} Dialect
 * @property {string} path
 * @property {(client: Client) => Promise<void>} enter
 * @property {(client: Client, rooms: readonly string[]) => Promise<void>} join
 * @property {(room: string, body: string) => string} speak an event that is broadcast to a room
 * @property {(body: string) => string} count an event that is only counted
 * @property {(id: number, body: string) => string} ask
 */

/** @type {Dialect} */
const neffos = {
  path: '/',
  async enter(client) {
    client.say('M');
    await client.hear((text) => text.startsWith('A'));
    client.say('$0;default;;_OnNamespaceConnect;0;0;');
    await client.hear((text) => text.startsWith('$0;'));
  },
  async join(client, rooms) {
    for (const room of rooms) client.say(`$0;default;${room};_OnRoomJoin;0;0;`);
    for (let more = rooms.length; more > 0; more--) await client.hear((text) => text.startsWith('$0;'));
  },
  speak: (room, body) => `;default;${room};speak;0;0;${body}`,
  count: (body) => `;default;;count;0;0;${body}`,
  ask: (id, body) => `$${id + 1};default;;echo;0;0;${body}`,
};

/** @type {Dialect} */
const ws = {
  path: '/',
  async enter() {},
  async join(client, rooms) {
    for (const room of rooms) client.say(`join ${room}`);
    for (let more = rooms.length; more > 0; more--) await client.hear((text) => text.startsWith('joined'));
  },
  speak: (room, body) => `speak ${room} ${body}`,
  count: (body) => `count ${body}`,
  ask: (id, body) => `echo ${id} ${body}`,
};

/** @type {Dialect} */
const socketio = {
  path: '/socket.io/?EIO=4&transport=websocket',
  async enter(client) {
    await client.hear((text) => text.startsWith('0{'));
    client.say('40');
    await client.hear((text) => text.startsWith('40{'));
  },
  async join(client, rooms) {
    for (const room of rooms) client.say(`420["join","${room}"]`);
    for (let more = rooms.length; more > 0; more--) await client.hear((text) => text.startsWith('430['));
  },
  speak: (room, body) => `42["speak","${room}","${body}"]`,
  count: (body) => `42["count","${body}"]`,
  ask: (id, body) => `42${id}["echo","${body}"]`,
};

/** @type {Readonly<Record<string, Dialect>>} */
export const dialects = { neffos, ws, socketio };

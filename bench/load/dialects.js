// The messages of clients in the protocol of each system.

/**
 * @typedef {import('./client.js').Client} Client
 *
 * @typedef {object} Dialect
 * @property {string} path
 * @property {(client: Client) => Promise<void>} connect completes the handshake
 * @property {(room: string) => string} join asks for a room; the server answers each with one message
 * @property {(text: string) => boolean} isJoined whether a message is that answer
 * @property {(room: string, body: string) => string} toRoom an event that the server broadcasts to a room
 * @property {(body: string) => string} count an event that the server only counts
 * @property {(id: number, body: string) => string} ask
 */

/** @type {Dialect} */
const neffos = {
  path: '/',
  async connect(client) {
    client.send('M');
    await client.waitFor((text) => text.startsWith('A'));
    client.send('$0;default;;_OnNamespaceConnect;0;0;');
    await client.waitFor((text) => text.startsWith('$0;'));
  },
  join: (room) => `$0;default;${room};_OnRoomJoin;0;0;`,
  isJoined: (text) => text.startsWith('$0;'),
  toRoom: (room, body) => `;default;${room};speak;0;0;${body}`,
  count: (body) => `;default;;count;0;0;${body}`,
  ask: (id, body) => `$${id + 1};default;;echo;0;0;${body}`,
};

/** The same, with asks whose data is JSON. @type {Dialect} */
const neffosJson = {
  ...neffos,
  ask: (id, body) => neffos.ask(id, JSON.stringify({ task: body, size: id, tags: ['a', 'b'] })),
};

/** @type {Dialect} */
const ws = {
  path: '/',
  async connect() {},
  join: (room) => `join ${room}`,
  isJoined: (text) => text.startsWith('joined'),
  toRoom: (room, body) => `speak ${room} ${body}`,
  count: (body) => `count ${body}`,
  ask: (id, body) => `echo ${id} ${body}`,
};

/** @type {Dialect} */
const socketio = {
  path: '/socket.io/?EIO=4&transport=websocket',
  async connect(client) {
    await client.waitFor((text) => text.startsWith('0{'));
    client.send('40');
    await client.waitFor((text) => text.startsWith('40{'));
  },
  join: (room) => `420["join","${room}"]`,
  isJoined: (text) => text.startsWith('430['),
  toRoom: (room, body) => `42["speak","${room}","${body}"]`,
  count: (body) => `42["count","${body}"]`,
  ask: (id, body) => `42${id}["echo","${body}"]`,
};

/** @type {Readonly<Record<string, Dialect>>} */
export const dialects = { neffos, neffosJson, ws, socketio };

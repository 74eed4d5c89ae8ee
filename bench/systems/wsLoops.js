// The plain loops that people write over bare ws: node bench/systems/wsLoops.js string|prepared
import { WebSocket, WebSocketServer } from 'ws';
import { serve, turn } from './duties.js';

const options = { perMessageDeflate: false, clientTracking: false, maxPayload: 65_536 };

/** @typedef {(members: Iterable<WebSocket>, except: WebSocket | null, text: string) => void} Send */

/** `ws string`: every send encodes and frames the text again. @type {Send} */
export const sendString = (members, except, text) => {
  for (const ws of members) if (ws.readyState === WebSocket.OPEN && ws !== except) ws.send(text);
};

/** `ws prepared`: the text is encoded once, and framed for each. @type {Send} */
export const sendPrepared = (members, except, text) => {
  const bytes = Buffer.from(text);
  for (const ws of members) if (ws.readyState === WebSocket.OPEN && ws !== except) ws.send(bytes, { binary: false });
};

const send = process.argv[2] === 'string' ? sendString : sendPrepared;
/** @type {Map<string, Set<WebSocket>>} */
const rooms = new Map();
/** @type {Set<WebSocket>} */
const everybody = new Set();
let counted = 0;

/** As many bytes as the other systems send. @param {string} body */
const message = (body) => `;default;;tick;0;0;${body}`;

/** @param {string} name */
const roomOf = (name) => {
  const room = rooms.get(name) ?? new Set();
  rooms.set(name, room);
  return room;
};

const server = new WebSocketServer({ ...options, host: '127.0.0.1', port: 0 });
server.on('connection', (ws) => {
  everybody.add(ws);
  ws.on('error', () => {});
  ws.on('close', () => {
    everybody.delete(ws);
    for (const room of rooms.values()) room.delete(ws);
  });
  ws.on('message', (data) => {
    const text = String(data);
    const [verb, name = ''] = text.split(' ', 2);
    if (verb === 'echo') ws.send(text);
    else if (verb === 'count') counted++;
    else if (verb === 'speak') send(roomOf(name), null, message(text.slice(`speak ${name} `.length)));
    else if (verb === 'join') {
      roomOf(name).add(ws);
      ws.send('joined');
    }
  });
});

server.on('listening', () => {
  const address = server.address();
  serve(
    {
      issue: (room, body) => send(room === '' ? everybody : roomOf(room), null, message(body)),
      handedOver: turn,
      emit: (index, body) => [...everybody][index]?.send(message(body)),
      to: undefined,
      members: () => everybody.size,
      counted: () => counted,
    },
    typeof address === 'object' && address ? address.port : 0,
  );
});

// The plain loops that people write over bare ws: node bench/systems/wsLoops.js string|prepared
import { WebSocket, WebSocketServer } from 'ws';
import { nextTick, serve } from './nodeSystem.js';

/** @typedef {(members: Iterable<WebSocket>, except: WebSocket | null, text: string) => void} Send */

/** `ws string`: every send encodes and frames the text again. @type {Send} */
const sendString = (members, except, text) => {
  for (const ws of members) if (ws.readyState === WebSocket.OPEN && ws !== except) ws.send(text);
};

/** `ws prepared`: the text is encoded once, and framed for each connection. @type {Send} */
const sendPrepared = (members, except, text) => {
  const bytes = Buffer.from(text);
  for (const ws of members) if (ws.readyState === WebSocket.OPEN && ws !== except) ws.send(bytes, { binary: false });
};

const send = process.argv[2] === 'prepared' ? sendPrepared : sendString;

/** @type {Set<WebSocket>} */
const allMembers = new Set();
/** @type {Map<string, Set<WebSocket>>} */
const rooms = new Map();
let counted = 0;

/** @param {string} name */
const membersOf = (name) => {
  const members = name === '' ? allMembers : (rooms.get(name) ?? new Set());
  if (name !== '') rooms.set(name, members);
  return members;
};

/** Returns a message with as many bytes as Muster's. @param {string} body */
const message = (body) => `;default;;tick;0;0;${body}`;

/** The options are those that Muster passes to ws. */
const server = new WebSocketServer({
  perMessageDeflate: false,
  clientTracking: false,
  maxPayload: 65_536,
  host: '127.0.0.1',
  port: 0,
});

server.on('connection', (ws) => {
  const places = [allMembers.add(ws)];
  ws.on('error', () => {});
  ws.on('close', () => {
    for (const members of places) members.delete(ws);
  });
  ws.on('message', (data) => {
    const text = String(data);
    if (text.startsWith('echo')) ws.send(text);
    else if (text.startsWith('count')) counted++;
    else if (text.startsWith('speak')) {
      const [, room = '', body = ''] = text.split(' ');
      send(membersOf(room), null, message(body));
    } else if (text.startsWith('join')) {
      places.push(membersOf(text.slice('join '.length)).add(ws));
      ws.send('joined');
    }
  });
});

server.on('listening', () => {
  const address = server.address();
  serve(
    {
      publish: (room, body) => send(membersOf(room), null, message(body)),
      flushed: nextTick,
      ways: { emit: () => [...allMembers].map((ws) => (body) => ws.send(message(body))) },
      members: () => allMembers.size,
      counted: () => counted,
      evicted: () => 0,
    },
    typeof address === 'object' && address ? address.port : 0,
  );
});

import * as node from 'node:crypto';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { WebSocketServer } from 'ws';
import { ClosingWebSocket } from './closingWebSocket.js';
import { writeFirst } from './handle.js';

/*
 * `ws` makes a hash object, sets and lists for each 101, and writes it by Node's stream layer. This file answers the
 * usual request itself, and gives `ws` the socket as `ws` does. `setSocket` of a WebSocket is not documented. It was
 * checked with `ws` 8.23. Every other request, and every request where anything here is missing, is left to `ws`.
 */

/** Gives a WebSocket of `ws` its socket. */
type SetSocket = (this: ClosingWebSocket, socket: Duplex, head: Buffer, options: object) => void;

const isSetSocket = (value: unknown): value is SetSocket => typeof value === 'function' && value.length === 3;

/** Creates a WebSocket of a server. The published type of the class does not name these arguments. */
type ServerSide = new (address: null, protocols: undefined, options: object) => ClosingWebSocket;

/** What RFC 6455 has a server append to the key of its client. */
const keySuffix = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

/** Matches the key of a request: 16 bytes as base64. */
const keyPattern = /^[+/0-9A-Za-z]{22}==$/;

const start = 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ';

/** Returns the key of a request that asks for nothing but a WebSocket, in the usual way. */
const usualKey = (headers: IncomingHttpHeaders, mayCompress: boolean): string | undefined => {
  const { upgrade, 'sec-websocket-key': key } = headers;
  if (upgrade !== 'websocket' || headers['sec-websocket-version'] !== '13') return undefined;
  if (headers['sec-websocket-protocol'] !== undefined) return undefined;
  if (mayCompress && headers['sec-websocket-extensions'] !== undefined) return undefined;
  return key !== undefined && keyPattern.test(key) ? key : undefined;
};

/** Answers an upgrade with 101. Returns its WebSocket; `undefined` if it has done nothing, so that `ws` must answer. */
export type Switch = (request: IncomingMessage, socket: Duplex, head: Buffer) => ClosingWebSocket | undefined;

/** Returns the switch of one server, which answers as `ws` would by these options; `undefined` if it cannot. */
export const makeSwitch = (options: WebSocketServer['options'], mayCompress: boolean): Switch | undefined => {
  // Older versions of Node and other runtimes lack it.
  const hash: typeof node.hash | undefined = node.hash;
  const setSocket: unknown = Reflect.get(ClosingWebSocket.prototype, 'setSocket');
  if (hash === undefined || !isSetSocket(setSocket)) return undefined;
  // The class of `ws` takes them: its own server gives them.
  const Made = ClosingWebSocket as unknown as ServerSide;
  return (request, socket, head) => {
    const key = request.method === 'GET' ? usualKey(request.headers, mayCompress) : undefined;
    if (key === undefined || !socket.readable || socket.listenerCount('data') > 0) return undefined;
    const answer = `${start}${hash('sha1', key + keySuffix, 'base64')}\r\n\r\n`;
    if (!writeFirst(socket, Buffer.from(answer, 'latin1'))) return undefined;
    const ws = new Made(null, undefined, options);
    setSocket.call(ws, socket, head, options);
    return ws;
  };
};

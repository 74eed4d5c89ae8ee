import { once } from 'node:events';
import { constants, deflateRawSync } from 'node:zlib';
import { WebSocket } from 'ws';
import type { TestServer } from '../server/testServer.js';
import { frame } from './clientFrames.js';
import { RawClient } from './rawClient.js';
import { dialTcp, type TcpClient, upgrade } from './tcpClient.js';

/** The header of a client that offers compression. */
export const offer = 'Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n';

/** Returns what a message is on the wire of a client that agreed to compression. */
export const deflated = (payload: string | Buffer): Buffer =>
  deflateRawSync(payload, { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4);

/** Returns a masked frame of a client with a compressed message, or the first part of one. */
export const deflatedFrame = (payload: string | Buffer, { opcode = 1 } = {}): Buffer =>
  frame(deflated(payload), { opcode: opcode | 0x40 });

/** Opens a TCP connection that has agreed to compression and is acknowledged. */
export const dialDeflatingTcp = async (testServer: TestServer): Promise<TcpClient> => {
  const client = dialTcp(testServer);
  client.socket.write(upgrade('/', offer));
  await client.waitFor('\r\n\r\n');
  client.socket.write(frame('M'));
  await client.waitFor('A');
  return client;
};

/** Connects a client of `ws` that agrees to compression, and compresses all that it sends. */
export const dialDeflating = async (testServer: TestServer, id: string): Promise<RawClient> => {
  const ws = new WebSocket(testServer.urlFor(id), { perMessageDeflate: { threshold: 0 } });
  const client = RawClient.over(ws);
  await once(ws, 'open');
  if (ws.extensions === '') throw new Error('the server has not agreed to compression');
  return client;
};

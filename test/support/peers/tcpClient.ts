import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterEach } from 'vitest';
import type { TestServer } from '../server/testServer.js';
import { frame, upgrade } from './clientFrames.js';

export { frame, upgrade };

/** A client that reads and writes bytes. */
export interface TcpClient {
  readonly socket: Socket;
  /** Returns all that it has received, as latin1. */
  text(): string;
  /** Resolves when it has received this text, this many times. */
  waitFor(text: string, times?: number): Promise<void>;
  readonly closed: Promise<void>;
}

const sockets: Socket[] = [];

/** Destroys the sockets that a test has opened after it. */
export const useTcpClients = (): void => {
  afterEach(() => {
    for (const socket of sockets.splice(0)) socket.destroy();
  });
};

/** Opens a TCP connection to the server. */
export const dialTcp = (testServer: Pick<TestServer, 'url'>): TcpClient => {
  const socket = connect(Number(new URL(testServer.url).port), '127.0.0.1');
  sockets.push(socket);
  let text = '';
  socket.on('error', () => {});
  const ended = once(socket, 'close').then(() => {});
  const has = async (wanted: string, times = 1): Promise<void> => {
    while (text.split(wanted).length <= times) {
      if (socket.destroyed) throw new Error(`the connection ended before ${wanted} arrived ${times} times: ${text}`);
      await Promise.race([once(socket, 'data'), ended]);
    }
  };
  socket.on('data', (bytes) => {
    text += bytes.toString('latin1');
  });
  return { socket, text: () => text, waitFor: has, closed: ended };
};

/** Opens a connection that is upgraded and acknowledged. */
export const dialAcknowledged = async (testServer: Pick<TestServer, 'url'>): Promise<TcpClient> => {
  const client = dialTcp(testServer);
  client.socket.write(upgrade());
  await client.waitFor('\r\n\r\n');
  client.socket.write(frame('M'));
  await client.waitFor('A');
  return client;
};

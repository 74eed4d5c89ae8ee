import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterEach } from 'vitest';
import type { TestServer } from '../server/testServer.js';
import { frame, upgrade } from './clientFrames.js';

export { frame, upgrade };

/** What a peer that speaks bytes has got, and how its line has ended. */
export interface PlainLine {
  readonly socket: Socket;
  /** All that came so far. */
  text(): string;
  /** Resolves when this has come, so many times. */
  has(text: string, times?: number): Promise<void>;
  readonly ended: Promise<void>;
}

const sockets: Socket[] = [];

/** Lines of one test file; whatever a test has opened is cut after it. */
export const usePlainLines = (): void => {
  afterEach(() => {
    for (const socket of sockets.splice(0)) socket.destroy();
  });
};

/** A line without any protocol. */
export const dialPlain = (testServer: TestServer): PlainLine => {
  const socket = connect(Number(new URL(testServer.url).port), '127.0.0.1');
  sockets.push(socket);
  let text = '';
  socket.on('error', () => {});
  const ended = once(socket, 'close').then(() => {});
  const has = async (wanted: string, times = 1): Promise<void> => {
    while (text.split(wanted).length <= times) {
      if (socket.destroyed) throw new Error(`the line has ended without ${wanted} ${times} times: ${text}`);
      await Promise.race([once(socket, 'data'), ended]);
    }
  };
  socket.on('data', (bytes) => {
    text += bytes.toString('latin1');
  });
  return { socket, text: () => text, has, ended };
};

/** Upgraded and acknowledged. */
export const shake = async (testServer: TestServer): Promise<PlainLine> => {
  const line = dialPlain(testServer);
  line.socket.write(upgrade());
  await line.has('\r\n\r\n');
  line.socket.write(frame('M'));
  await line.has('A');
  return line;
};

import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';

/** A proxy on loopback that can fail as a network does. */
export interface TcpProxy {
  readonly port: number;
  /** How many connections are open through it. */
  readonly connections: number;
  /** How many connections have been opened through it. */
  readonly opened: number;
  /** Drops all bytes, both ways. Connections stay open; new ones are accepted. */
  swallow(): void;
  /** Ends all connections after this many more bytes to the server. */
  cutAfter(bytes: number): void;
  /** Passes bytes again, except on a connection that has lost some. */
  heal(): void;
  close(): Promise<void>;
}

interface Pair {
  readonly near: Socket;
  readonly far: Socket;
  hasLost: boolean;
}

/** Starts a proxy to this port, until the test ends. */
export const startTcpProxy = async (target: number): Promise<TcpProxy> => {
  const pairs = new Set<Pair>();
  let opened = 0;
  let isSwallowing = false;
  let left = Number.POSITIVE_INFINITY;

  const cut = (pair: Pair): void => {
    pairs.delete(pair);
    pair.near.destroy();
    pair.far.destroy();
  };

  const pass = (pair: Pair, to: Socket, bytes: Buffer): void => {
    pair.hasLost ||= isSwallowing;
    if (!pair.hasLost) to.write(bytes);
  };

  const server = createServer((near) => {
    const pair: Pair = { near, far: connect(target, '127.0.0.1'), hasLost: isSwallowing };
    pairs.add(pair);
    opened++;
    near.on('data', (bytes) => {
      const passed = bytes.subarray(0, left);
      left -= passed.length;
      pass(pair, pair.far, passed);
      if (left > 0) return;
      left = Number.POSITIVE_INFINITY;
      for (const one of pairs) one.far.end(() => cut(one));
    });
    pair.far.on('data', (bytes) => pass(pair, near, bytes));
    for (const socket of [near, pair.far]) {
      socket.setNoDelay(true).on('error', () => {});
      // An end is dropped as well, but not the client's: its socket no longer exists.
      socket.on('close', () => {
        if (socket === near || !(isSwallowing || pair.hasLost)) cut(pair);
      });
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('expected a port');

  const close = async (): Promise<void> => {
    for (const pair of pairs) cut(pair);
    if (!server.listening) return;
    server.close();
    await once(server, 'close');
  };
  onTestFinished(close);

  return {
    port: address.port,
    get connections() {
      return pairs.size;
    },
    get opened() {
      return opened;
    },
    swallow: () => {
      isSwallowing = true;
    },
    cutAfter: (bytes) => {
      left = bytes;
    },
    heal: () => {
      isSwallowing = false;
      left = Number.POSITIVE_INFINITY;
    },
    close,
  };
};

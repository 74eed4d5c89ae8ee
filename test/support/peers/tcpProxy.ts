import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';

/** A line between a client and a server on loopback that can fail in the ways of a network. */
export interface Proxy {
  readonly port: number;
  /** The connections that are open through it. */
  readonly connections: number;
  /** How many there have been. */
  readonly opened: number;
  /** From now on nothing comes through, either way, and nobody is told: connections stay open, new ones too. */
  swallow(): void;
  /** Ends all connections when so many more bytes have gone to the server. */
  cutAfter(bytes: number): void;
  /** Bytes come through again. A connection that has lost some stays silent, as what follows would make no sense. */
  heal(): void;
  close(): Promise<void>;
}

interface Pair {
  readonly near: Socket;
  readonly far: Socket;
  hasLost: boolean;
}

/** Listens on a port of its own, and passes on to this one, until the test is over. */
export const startProxy = async (target: number): Promise<Proxy> => {
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
      // An end is swallowed as well, but for that of the client: its side is gone.
      socket.on('close', () => {
        if (socket === near || !(isSwallowing || pair.hasLost)) cut(pair);
      });
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('a port was expected');

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

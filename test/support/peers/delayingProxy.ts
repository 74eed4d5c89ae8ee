import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';

/** A line to a server on loopback on which bytes can be late, as on a network that has been away for a while. */
export interface Detour {
  readonly port: number;
  /** What is on its way to the server now, and whatever else comes on these connections, is held. */
  delay(): void;
  /** It arrives after all, and so does the end of these connections. */
  arrive(): void;
}

interface Way {
  readonly near: Socket;
  readonly far: Socket;
  isLate: boolean;
  readonly late: Buffer[];
}

export const startDetour = async (target: number): Promise<Detour> => {
  const ways = new Set<Way>();
  const server = createServer((near) => {
    const way: Way = { near, far: connect(target, '127.0.0.1'), isLate: false, late: [] };
    ways.add(way);
    near.on('data', (bytes) => void (way.isLate ? way.late.push(bytes) : way.far.write(bytes)));
    way.far.on('data', (bytes) => void (near.destroyed || near.write(bytes)));
    near.on('error', () => {}).on('close', () => void (way.isLate || way.far.end()));
    way.far
      .on('error', () => {})
      .on('close', () => {
        ways.delete(way);
        near.destroy();
      });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    for (const { near, far } of ways) for (const socket of [near, far]) socket.destroy();
    server.close();
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('a port was expected');
  return {
    port: address.port,
    delay() {
      for (const way of ways) way.isLate = true;
    },
    arrive() {
      for (const { far, isLate, late } of ways) if (isLate) far.end(Buffer.concat(late));
    },
  };
};

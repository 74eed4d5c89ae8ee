import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';

/** A proxy on loopback that can deliver bytes late, as a network does after an outage. */
export interface DelayingProxy {
  readonly port: number;
  /** Holds what the open connections send to the server from now on. */
  delay(): void;
  /** Delivers the held bytes, and then ends these connections. */
  deliver(): void;
}

interface ProxiedConnection {
  readonly near: Socket;
  readonly far: Socket;
  isLate: boolean;
  readonly late: Buffer[];
}

export const startDelayingProxy = async (target: number): Promise<DelayingProxy> => {
  const connections = new Set<ProxiedConnection>();
  const server = createServer((near) => {
    const connection: ProxiedConnection = { near, far: connect(target, '127.0.0.1'), isLate: false, late: [] };
    connections.add(connection);
    near.on('data', (bytes) => void (connection.isLate ? connection.late.push(bytes) : connection.far.write(bytes)));
    connection.far.on('data', (bytes) => void (near.destroyed || near.write(bytes)));
    near.on('error', () => {}).on('close', () => void (connection.isLate || connection.far.end()));
    connection.far
      .on('error', () => {})
      .on('close', () => {
        connections.delete(connection);
        near.destroy();
      });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    for (const { near, far } of connections) for (const socket of [near, far]) socket.destroy();
    server.close();
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('expected a port');
  return {
    port: address.port,
    delay() {
      for (const connection of connections) connection.isLate = true;
    },
    deliver() {
      for (const { far, isLate, late } of connections) if (isLate) far.end(Buffer.concat(late));
    },
  };
};

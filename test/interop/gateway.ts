import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach } from 'vitest';
import { ReceiveQueue } from '../support/async/receiveQueue.js';

/** A way to a server, on which one can see who asks for what, and which can be cut. */
export interface Gateway {
  readonly url: string;
  /** What was asked on each line, and the status of the answer: `HEAD 302`. */
  readonly seen: ReceiveQueue<string>;
  /** Ends every line; the next `count` that come are ended as well, without an answer. */
  cut(count: number): void;
  /** Leads later lines to another server. Those that are open stay. */
  moveTo(target: string): void;
}

const ignoreError = (): void => {};

/** Gateways of one test file; all are closed after each test. */
export const useGateways = () => {
  const servers: Server[] = [];
  const sockets = new Set<Socket>();

  const keep = (socket: Socket): Socket => {
    sockets.add(socket);
    return socket.on('error', ignoreError).on('close', () => sockets.delete(socket));
  };
  const endAll = (): void => {
    for (const socket of sockets) socket.destroy();
  };

  afterEach(() => {
    for (const server of servers.splice(0)) server.close();
    endAll();
  });

  return async (target: string): Promise<Gateway> => {
    let port = Number(new URL(target).port);
    const seen = new ReceiveQueue<string>('gateway');
    let refusals = 0;

    const pass = (client: Socket, request: Buffer, method: string): void => {
      const upstream = keep(connect(port, '127.0.0.1'));
      upstream.once('data', (answer: Buffer) => seen.push(`${method} ${answer.toString('latin1').split(' ', 2)[1]}`));
      upstream.write(request);
      client.pipe(upstream).pipe(client);
      client.once('close', () => upstream.destroy());
      upstream.once('close', () => client.destroy());
    };

    const server = createServer((client) => {
      keep(client).once('data', (request: Buffer) => {
        const [method = ''] = request.toString('latin1').split(' ', 1);
        if (refusals === 0) return pass(client, request, method);
        refusals--;
        seen.push(`${method} unanswered`);
        client.destroy();
        return undefined;
      });
    });
    servers.push(server);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    // A server that listens on a port has this kind of address.
    const { port: own } = server.address() as AddressInfo;
    return {
      url: `ws://127.0.0.1:${own}/`,
      seen,
      cut(count) {
        refusals = count;
        endAll();
      },
      moveTo(next) {
        port = Number(new URL(next).port);
      },
    };
  };
};

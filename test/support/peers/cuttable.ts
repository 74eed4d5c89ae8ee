import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';

/** A way to a server that a test can cut. */
export interface Cuttable {
  /** Where it is reached. */
  readonly address: string;
  /** Ends every connection and lets none through. */
  cut(): void;
  /** Lets connections through again. */
  mend(): void;
  /** Leads to another server from now on. */
  lead(address: string): void;
}

/** Returns a way to the server at an http address. It is closed when the test ends. */
export const cuttable = async (address: string): Promise<Cuttable> => {
  const sockets = new Set<Socket>();
  let to = new URL(address);
  let isCut = false;
  const proxy = createServer((near) => {
    if (isCut) return near.destroy();
    const far = connect(Number(to.port), to.hostname);
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => {
        sockets.delete(socket);
        near.destroy();
        far.destroy();
      });
    }
    return near.pipe(far).pipe(near);
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  // A server that listens on a port has an address with that port.
  const { port } = proxy.address() as AddressInfo;
  const destroyAll = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  onTestFinished(async () => {
    const closed = once(proxy, 'close');
    proxy.close();
    destroyAll();
    await closed;
  });
  return {
    address: `http://127.0.0.1:${port}`,
    cut() {
      isCut = true;
      destroyAll();
    },
    mend() {
      isCut = false;
    },
    lead(other) {
      to = new URL(other);
    },
  };
};

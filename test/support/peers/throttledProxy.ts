import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';

/** A proxy on loopback that carries a limited number of bytes, as a slow link does. */
export interface ThrottledProxy {
  readonly port: number;
}

/** Time between two steps, in ms. */
const step = 10;
/** Number of bytes that one connection gets at a time, and that wait for it before its sender is paused. */
const portion = 1_024;
const most = 16 * portion;

/** Bytes of one connection, in one direction. */
interface Stream {
  readonly from: Socket;
  readonly to: Socket;
  waiting: Buffer[];
  bytes: number;
}

/** One direction of the link, which all connections share fairly. */
class Direction {
  readonly #streams = new Set<Stream>();
  #budget = 0;

  constructor(private readonly perStep: number) {}

  add(from: Socket, to: Socket): void {
    const stream: Stream = { from, to, waiting: [], bytes: 0 };
    this.#streams.add(stream);
    from.on('close', () => this.#streams.delete(stream));
    from.on('data', (bytes) => {
      stream.waiting.push(bytes);
      stream.bytes += bytes.length;
      if (stream.bytes > most) from.pause();
    });
  }

  step(): void {
    this.#budget = Math.min(this.#budget + this.perStep, this.perStep);
    for (let busy = [...this.#streams]; this.#budget > 0 && busy.length > 0; ) {
      busy = busy.filter((stream) => this.#budget > 0 && this.#pass(stream));
    }
  }

  /** Passes one portion. Returns whether there was one. */
  #pass(stream: Stream): boolean {
    const [first] = stream.waiting;
    if (first === undefined) return false;
    const passed = first.subarray(0, portion);
    const rest = first.subarray(portion);
    stream.waiting = rest.length > 0 ? [rest, ...stream.waiting.slice(1)] : stream.waiting.slice(1);
    stream.bytes -= passed.length;
    this.#budget -= passed.length;
    stream.to.write(passed);
    if (stream.bytes <= most / 2) stream.from.resume();
    return true;
  }
}

/** Starts a proxy to this port that carries this many bytes per second each way, until the test ends. */
export const startThrottledProxy = async (target: number, bytesPerSecond: number): Promise<ThrottledProxy> => {
  const [up, down] = [1, 2].map(() => new Direction((bytesPerSecond * step) / 1_000));
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(target, '127.0.0.1');
    for (const socket of [near, far]) {
      sockets.add(socket.setNoDelay(true));
      socket.on('error', () => {});
      socket.on('close', () => {
        near.destroy();
        far.destroy();
        sockets.delete(socket);
      });
    }
    up?.add(near, far);
    down?.add(far, near);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const timer = setInterval(() => {
    up?.step();
    down?.step();
  }, step);
  onTestFinished(() => {
    clearInterval(timer);
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  // A server that listens on a port has an address with that port.
  return { port: (server.address() as AddressInfo).port };
};

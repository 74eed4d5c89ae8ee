import { afterEach } from 'vitest';
import type { Client } from '../../../src/client/client.js';
import { type ClientParts, withParts } from '../../../src/client/line/parts.js';
import { Runtime, type RuntimeOptions } from '../../../src/client/runtime.js';
import { fromServer } from '../../../src/protocol/session.js';
import { FakeClock } from '../server/fakeClock.js';

type Body = string | Uint8Array;

/** A socket whose server is the test. */
export class FakeSocket {
  binaryType = '';
  readyState = 0;
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onerror: ((event: { message?: unknown }) => void) | null = null;
  onclose: ((event: { code: number; reason: string }) => void) | null = null;
  /** What the client has sent and the test has not read. */
  readonly sent: Body[] = [];
  /** The close of the client. */
  closed: { readonly code: number | undefined; readonly reason: string | undefined } | undefined;

  constructor(
    readonly url: string,
    readonly protocols?: readonly string[],
    readonly options?: { readonly headers: Readonly<Record<string, string>> },
  ) {}

  send(data: Body): void {
    this.sent.push(data);
  }
  close(code?: number, reason?: string): void {
    this.closed ??= { code, reason };
    this.readyState = 2;
  }

  /** Opens the socket. */
  open(): void {
    this.readyState = 1;
    this.onopen?.();
  }
  /** Delivers a message of the server. */
  receive(data: Body): void {
    this.onmessage?.({ data: typeof data === 'string' ? data : data.slice().buffer });
  }
  /** Ends the socket. */
  end(code = 1006, reason = ''): void {
    this.readyState = 3;
    this.onclose?.({ code, reason });
  }
  /** Takes what the client has sent. */
  take(): Body[] {
    return this.sent.splice(0);
  }
  /** Takes the one frame that the client has sent. */
  takeOne(): string {
    const frames = this.take();
    if (frames.length !== 1 || typeof frames[0] !== 'string') {
      throw new Error(`expected one text frame, got ${JSON.stringify(frames)}`);
    }
    return frames[0];
  }
  /** Accepts the client, and says `welcome` if fields are given. Takes its greeting. */
  accept(welcome?: object): void {
    this.open();
    this.receive('Aid');
    if (welcome) this.receive(fromServer('welcome', JSON.stringify({ v: 1, ping: 25_000, storm: 0, ...welcome })));
    this.take();
  }
}

/** Returns the wait token of a frame. */
export const tokenOf = (frame: Body): string => String(frame).split(';', 1)[0] ?? '';
/** Returns a frame without its wait token. */
export const withoutToken = (frame: Body): string => String(frame).slice(tokenOf(frame).length);

/** Makes clients whose time, sockets and page are the test's. Ends them after it. */
export const useClientWorld = () => {
  const clients: Client[] = [];
  afterEach(async () => {
    for (const client of clients.splice(0)) void client.close();
  });

  return (seed = 0.5) => {
    const clock = new FakeClock();
    const sockets: FakeSocket[] = [];
    const page = { isOffline: false, listeners: new Set<(type: 'VISIBLE' | 'ONLINE' | 'OFFLINE') => void>() };
    let draws = 0;
    const parts: ClientParts = {
      clock: {
        now: () => clock.now(),
        setTimeout: (run, ms) => clock.setTimeout(run, ms),
        clearTimeout: (handle) => clock.clearTimeout(handle),
        defer: (run) => clock.setImmediate(run),
      },
      random: () => {
        draws++;
        return seed;
      },
      environment: {
        isOffline: () => page.isOffline,
        base: () => undefined,
        listen(listener) {
          page.listeners.add(listener);
          return () => page.listeners.delete(listener);
        },
      },
      WebSocket: class extends FakeSocket {
        constructor(url: string, protocols?: string[], options?: { headers: Record<string, string> }) {
          super(url, protocols, options);
          sockets.push(this);
        }
      },
    };
    const world = {
      clock,
      sockets,
      page,
      parts,
      /** Number of random numbers drawn. */
      draws: () => draws,
      /** The newest socket. */
      socket(): FakeSocket {
        const socket = sockets.at(-1);
        if (!socket) throw new Error('the client has not dialed');
        return socket;
      },
      dial(options: RuntimeOptions = {}, url = 'ws://test/live'): Client {
        const { client } = new Runtime(url, withParts(options, parts));
        clients.push(client);
        return client;
      },
      tell(type: 'VISIBLE' | 'ONLINE' | 'OFFLINE'): void {
        for (const listener of page.listeners) listener(type);
      },
      /** Runs all that is due now: microtasks and macrotasks. */
      async settle(): Promise<void> {
        for (let round = 0; round < 8; round++) {
          for (let turn = 0; turn < 30; turn++) await undefined;
          clock.runImmediates();
        }
      },
      /** Moves the time on and runs what is due. */
      async advance(ms: number): Promise<void> {
        clock.advance(ms);
        await world.settle();
      },
      /** Answers the asks that the client has sent with success. */
      async answer(): Promise<void> {
        for (const frame of world.socket().take()) world.socket().receive(`${tokenOf(frame)};;;;;;`);
        await world.settle();
      },
    };
    return world;
  };
};

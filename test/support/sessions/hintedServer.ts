import { EventEmitter } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { Duplex } from 'node:stream';
import { systemRandom } from '../../../src/actors/runtime/random.js';
import { type Conn, type DisconnectReason, Server, type ServerOptions, type Where } from '../../../src/index.js';
import { withParts } from '../../../src/server/parts.js';
import type { Transport } from '../../../src/server/socket/handshake.js';
import { FakeClock } from '../server/fakeClock.js';
import { FakeSocket } from '../server/fakeSocket.js';
import { settled } from '../server/supervisorHarness.js';
import { hint } from './hinted.js';

/** A client of a server whose sockets, time and ids are a test's. */
export interface HintedClient {
  readonly socket: FakeSocket;
  /** What came instead of a 101, as the first line of the answer and its body; `destroyed` for nothing. */
  answer(): string | undefined;
  /** Whether the upgrade is complete. */
  isUpgraded(): boolean;
}

/** The bytes below a fake socket. It ends with it. */
class Line extends Duplex {
  written = '';
  override _read(): void {}
  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.written += chunk.toString();
    done();
  }
}

class LineSocket extends FakeSocket {
  constructor(private readonly line: Line) {
    super();
  }

  override destroy(): void {
    super.destroy();
    this.line.destroy();
    this.pump();
  }
  override disconnect(code?: number, text?: string): void {
    super.disconnect(code, text);
    this.line.destroy();
  }
}

/** A whole server on fake sockets and a fake clock. */
export class HintedServer {
  readonly clock = new FakeClock();
  readonly server: Server;
  /** The calls of `onUpgradeError`. */
  readonly refusals: unknown[] = [];
  readonly errors: { readonly error: unknown; readonly where: Where }[] = [];
  /** The calls of `onConnect` by id. */
  readonly connected: string[] = [];
  readonly disconnects: (Pick<DisconnectReason, 'code' | 'text'> & { readonly id: string })[] = [];
  readonly #lines = new Map<Duplex, LineSocket>();
  readonly #clients: HintedClient[] = [];
  #ids = 0;

  constructor(
    options: Partial<ServerOptions> = {},
    /** Whether it has the hook `onUpgradeError`. */
    isTold = true,
  ) {
    const transport: Transport = () => (_request, line, _head, done) => {
      const socket = this.#lines.get(line);
      if (!socket) throw new Error('no client has this line');
      this.#upgraded.add(socket);
      done(socket);
    };
    const random = { ...systemRandom, uuid: () => `id${++this.#ids}` };
    const given: ServerOptions = {
      namespaces: { n: {} },
      onError: (error, where) => void this.errors.push({ error, where }),
      ...(isTold && { onUpgradeError: (error) => void this.refusals.push(error) }),
      ...options,
      onConnect: (conn: Conn) => {
        this.connected.push(conn.id);
        return options.onConnect?.(conn);
      },
      onDisconnect: (conn, { code, text }) => void this.disconnects.push({ id: conn.id, code, text }),
    };
    this.server = new Server(withParts(given, { clock: this.clock, random, transport }));
  }
  readonly #upgraded = new Set<FakeSocket>();

  /** Asks for an upgrade, by default with the hint. Resolves when the server waits for something. */
  async dial(headers: Readonly<Record<string, string>> = hint, url = '/'): Promise<HintedClient> {
    const line = new Line();
    const socket = new LineSocket(line);
    this.#lines.set(line, socket);
    const lower = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
    // The server reads nothing else of a request.
    const request = Object.assign(new EventEmitter(), {
      method: 'GET',
      url,
      headers: lower,
    }) as unknown as IncomingMessage;
    const client: HintedClient = {
      socket,
      isUpgraded: () => this.#upgraded.has(socket),
      answer: () => {
        const [head = '', body = ''] = line.written.split('\r\n\r\n');
        if (line.written !== '') return `${head.split('\r\n', 1)[0]} | ${body}`;
        return line.destroyed ? 'destroyed' : undefined;
      },
    };
    this.#clients.push(client);
    this.server.handleUpgrade(request, line, Buffer.alloc(0));
    await this.settle();
    return client;
  }

  /** Runs ticks and lets promises settle. No time passes. */
  async settle(): Promise<void> {
    for (let rounds = 0; rounds < 3; rounds++) {
      this.clock.runImmediates();
      for (const { socket } of this.#clients) socket.pump();
      await settled();
    }
  }

  /** Lets time pass. */
  async advance(ms: number): Promise<void> {
    this.clock.advance(ms);
    await this.settle();
  }

  /** Sends messages from a client. */
  async send({ socket }: HintedClient, ...messages: readonly (string | Uint8Array)[]): Promise<void> {
    socket.receive(...messages);
    await this.settle();
  }
}

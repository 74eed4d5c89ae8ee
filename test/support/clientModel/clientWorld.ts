import type { Client } from '../../../src/client/handles.js';
import { type ClientEnvironment, withParts } from '../../../src/client/line/parts.js';
import type { SocketPort } from '../../../src/client/line/socket.js';
import { Runtime, type RuntimeOptions } from '../../../src/client/runtime.js';
import type { Body } from '../../../src/protocol/message.js';
import type { Outgoing, ScriptedLine, ScriptedServer } from './scriptedServer.js';
import { VirtualClock } from './virtualClock.js';

const utf8 = new TextDecoder();

/** A WebSocket whose server is a script. */
export class FakeSocket implements SocketPort {
  binaryType = 'blob';
  readyState = 0;
  onopen: SocketPort['onopen'] = null;
  onmessage: SocketPort['onmessage'] = null;
  onerror: SocketPort['onerror'] = null;
  onclose: SocketPort['onclose'] = null;

  constructor(
    private readonly server: ScriptedServer,
    readonly line: ScriptedLine,
    readonly url: string,
    readonly headers: Readonly<Record<string, string>>,
  ) {}

  send(data: Body): void {
    if (this.readyState === 0) throw new Error('InvalidStateError');
    if (this.readyState === 1) this.server.receive(this.line, typeof data === 'string' ? data : utf8.decode(data));
  }
  close(code = 1005): void {
    if (this.readyState > 1) return;
    this.readyState = 2;
    this.line.isOver = true;
    this.line.received.push(`close ${code}`);
    if (this.line.isOpen && !this.server.isStalled) this.line.outgoing.push({ code, text: '' });
  }

  /** The server accepts the upgrade. */
  open(): void {
    if (this.readyState !== 0) return;
    this.line.isOpen = true;
    this.readyState = 1;
    this.onopen?.();
  }
  /** Something arrives. */
  receive(item: Outgoing | Uint8Array): void {
    if (this.readyState === 3) return;
    if (typeof item === 'string') return this.onmessage?.({ data: item });
    if (item instanceof Uint8Array) return this.onmessage?.({ data: item.slice().buffer });
    this.readyState = 3;
    this.line.isOver = true;
    this.onclose?.({ code: item.code, reason: item.text });
  }
  /** Whether anything of the client is still attached. */
  get hasListeners(): boolean {
    return [this.onopen, this.onmessage, this.onerror, this.onclose].some((listener) => listener !== null);
  }
}

/** The page and the machine of a client, as a test wants them. */
class FakeEnvironment implements ClientEnvironment {
  readonly listeners = new Set<(type: 'VISIBLE' | 'ONLINE' | 'OFFLINE') => void>();

  isOffline(): boolean {
    return false;
  }
  listen(listener: (type: 'VISIBLE' | 'ONLINE' | 'OFFLINE') => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }
  base(): undefined {
    return undefined;
  }
  tell(type: 'VISIBLE' | 'ONLINE' | 'OFFLINE'): void {
    for (const listener of [...this.listeners]) listener(type);
  }
}

/** A client with everything around it: the clock, the page, its sockets and a server. */
export class ClientWorld {
  readonly clock = new VirtualClock();
  readonly environment = new FakeEnvironment();
  readonly sockets: FakeSocket[] = [];
  readonly states: string[] = [];
  readonly errors: unknown[] = [];
  /** What `dial` makes. */
  readonly runtime: Runtime;
  readonly client: Client;
  /** How many sockets there have been. */
  dials = 0;

  constructor(
    readonly server: ScriptedServer,
    options: RuntimeOptions,
    random: () => number,
    /** How many sockets are kept. */
    keep = Number.POSITIVE_INFINITY,
  ) {
    const open = (url: string, headers: Readonly<Record<string, string>>): FakeSocket => {
      const socket = new FakeSocket(server, server.newLine(), url, headers);
      this.dials++;
      this.sockets.push(socket);
      if (this.sockets.length > keep) this.sockets.shift();
      return socket;
    };
    const WebSocket = class {
      constructor(url: string, _protocols?: string[], rest?: { headers: Record<string, string> }) {
        // A constructor that returns an object makes that object.
        // biome-ignore lint/correctness/noConstructorReturn: the test holds on to the socket
        return open(url, rest?.headers ?? {});
      }
    };
    this.runtime = new Runtime(
      'ws://test/',
      withParts(
        { onError: (error: unknown) => this.errors.push(error), ...options, WebSocket },
        { clock: this.clock, environment: this.environment, random },
      ),
    );
    this.client = this.runtime.client;
    this.states.push(this.client.state);
    this.client.subscribe((state) => this.states.push(state));
  }

  /** The newest socket. */
  get socket(): FakeSocket | undefined {
    return this.sockets.at(-1);
  }

  /** Opens the newest socket, and brings everything that is under way, until nothing is left. */
  async run(): Promise<void> {
    await this.clock.settle();
    if (this.client.state === 'dialing') this.socket?.open();
    for (let moved = true; moved; ) {
      moved = false;
      for (const socket of this.sockets) {
        for (let item = socket.line.outgoing.shift(); item !== undefined; item = socket.line.outgoing.shift()) {
          socket.receive(item);
          await this.clock.settle();
          moved = true;
        }
      }
      await this.clock.settle();
    }
  }
}

import { createServer, type Server as HttpServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import type { AskOptions } from '../actors/asks.js';
import type { NamespaceBodies } from '../actors/handlers.js';
import type { Conn, Except, NSConn, ServerFace, ServerPressure } from '../actors/handles.js';
import { systemClock } from '../actors/scheduler.js';
import { type RootActor, Supervisor } from '../actors/supervisor.js';
import type { Message, OutgoingMessage } from '../protocol/message.js';
import { checkOptions, type ServerOptions } from './options.js';
import { Upgrades } from './upgrade.js';

type RequestListener = (request: IncomingMessage, response: ServerResponse) => void;

const pathOf = (request: IncomingMessage): string => (request.url ?? '/').split('?', 1)[0] ?? '/';

/** Answers what is no upgrade on the path of websockets. */
const answerPlainly = (request: IncomingMessage, response: ServerResponse): void => {
  const { method } = request;
  if (method === 'HEAD') {
    response.writeHead(302).end();
  } else if (method === 'GET') {
    response.writeHead(400, { 'Content-Type': 'text/plain', 'Sec-WebSocket-Version': '13' }).end('Bad Request\n');
  } else {
    const headers = { Allow: 'GET', 'Content-Type': 'text/plain', 'X-Content-Type-Options': 'nosniff' };
    response.writeHead(405, headers).end('Method Not Allowed\n');
  }
};

/**
 * A WebSocket server that speaks neffos. Every connection is an actor under one root actor. A map of what it sends,
 * `new Server<{ chat: { said: string } }>({ … })`, has its handlers' `emit` and `ask` checked.
 */
export class Server<Sent extends NamespaceBodies = NamespaceBodies> implements ServerFace, AsyncDisposable {
  readonly #supervisor: Supervisor;
  readonly #upgrades: Upgrades;
  #http: HttpServer | undefined;
  #closing: Promise<void> | undefined;

  /** Throws when an option is wrong, with what it got and what it takes. */
  constructor(options: ServerOptions<Sent>) {
    const checked = checkOptions(options);
    const { limits } = checked;
    this.#supervisor = new Supervisor({
      server: this,
      namespaces: checked.namespaces,
      events: checked.events,
      machines: checked.machines,
      clock: systemClock,
      sliceMs: checked.sliceMs,
      syncBroadcaster: checked.syncBroadcaster,
      fireDisconnectAlways: checked.fireDisconnectAlways,
      onConnect: checked.onConnect,
      onDisconnect: checked.onDisconnect,
      onError: checked.onError,
      limits: {
        ...limits,
        early: { frames: limits.earlyFrames, bytes: limits.earlyBytes },
        asks: { timeout: limits.askTimeout, pending: limits.asks },
        delays: limits,
      },
    });
    this.#upgrades = new Upgrades(checked, this.#supervisor);
  }

  /** The running root actor; takes `BROADCAST`, `DO` and `COUNT`. */
  get supervisor(): RootActor {
    return this.#supervisor.actor;
  }

  /**
   * Serves websockets on exactly this path of an http server that is already there, and leaves every other path to
   * whoever listens to it.
   */
  attach(http: HttpServer, { path = '/' }: { readonly path?: string } = {}): this {
    // node types the listeners of an event as Function; these are what createServer takes.
    const others = http.listeners('request') as RequestListener[];
    http.removeAllListeners('request');
    http.on('request', (request: IncomingMessage, response: ServerResponse) => {
      const isOurs = pathOf(request) === path;
      if (isOurs && !this.#supervisor.isAccepting && request.method === 'HEAD') request.socket.destroy();
      else if (isOurs && (request.method === 'HEAD' || others.length === 0)) answerPlainly(request, response);
      else for (const other of others) other.call(http, request, response);
    });
    http.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      if (pathOf(request) === path) this.handleUpgrade(request, socket, head);
      else if (http.listenerCount('upgrade') === 1) socket.destroy();
    });
    return this;
  }

  /** Starts an http server of its own. Port 0 is any free one. */
  async listen(
    port: number,
    host = '127.0.0.1',
    { path = '/' }: { readonly path?: string } = {},
  ): Promise<{ readonly port: number }> {
    if (this.#http) throw new Error('this server listens already');
    const http = createServer();
    this.attach(http, { path });
    http.on('request', (request, response) => {
      if (pathOf(request) !== path) response.writeHead(404).end();
    });
    await new Promise<void>((resolve, reject) => {
      http.once('error', reject);
      http.listen(port, host, () => {
        http.off('error', reject);
        resolve();
      });
    });
    this.#http = http;
    // A server that listens on a port has an address of this kind.
    return { port: (http.address() as AddressInfo).port };
  }

  /** Takes over a socket that asks for an upgrade, as node:http or a framework hands it out. */
  handleUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    this.#upgrades.take(request, socket, head);
  }

  /** Sends messages to everybody they are for, less `except` (BC1–BC7). Returns at once. */
  broadcast(except: Except, ...messages: readonly OutgoingMessage[]): void {
    this.#supervisor.broadcast(except, messages);
  }

  /** Visits every connection once; new ones wait until it has ended (DO1–DO4). */
  do(visit: (conn: Conn) => unknown): Promise<void> {
    return this.#supervisor.do(visit);
  }

  /** Asks everybody a message is for; the first answer settles (AK5). */
  ask(message: OutgoingMessage, options: AskOptions = {}): Promise<Message> {
    return this.#supervisor.ask(message, options);
  }

  /** How many connections there are, those included that have not been let in yet. */
  get totalConnections(): number {
    return this.#supervisor.total;
  }
  get pressure(): ServerPressure {
    return { log: this.#supervisor.logBytes };
  }
  connections(): Conn[] {
    return this.#supervisor.connections();
  }
  connectionsByNamespace(namespace: string): NSConn[] {
    return this.#supervisor.members(namespace, '');
  }
  roomNames(namespace: string): string[] {
    return this.#supervisor.roomNames(namespace);
  }
  members(namespace: string, room: string): NSConn[] {
    return this.#supervisor.members(namespace, room);
  }

  /** Resolves when what was issued so far is written, or waits in the outbox of whom it is for (BC8). */
  flush(): Promise<void> {
    return this.#supervisor.flush();
  }

  /** Lets nobody in any more, sends what is owed, closes every connection, and resolves when the last has gone (DR1). */
  close({ timeout = 10_000 }: { readonly timeout?: number } = {}): Promise<void> {
    this.#closing ??= this.#close(timeout);
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(timeout: number): Promise<void> {
    const http = this.#http;
    this.#upgrades.close();
    const isClosed = http && new Promise((resolve) => http.close(resolve));
    await this.#supervisor.drain(timeout);
    http?.closeAllConnections();
    await isClosed;
  }
}

import { createServer, type Server as HttpServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { type AskOptions, assertTimeout } from '../actors/api/asks.js';
import type { NamespaceBodies } from '../actors/api/handlers.js';
import type { Conn, NSConn } from '../actors/api/handles.js';
import type { Except, ServerFace, ServerPressure } from '../actors/api/serverFace.js';
import type { Exchange } from '../actors/cluster/relay.js';
import type { Introspection } from '../actors/supervisor/introspection.js';
import type { Metrics } from '../actors/supervisor/metrics.js';
import { type RootActor, Supervisor } from '../actors/supervisor/supervisor.js';
import type { Counters } from '../actors/telemetry/counters.js';
import type { InspectionObserver } from '../actors/telemetry/inspection.js';
import { type FrameLog, lineOfNote } from '../actors/transport/loggedSocket.js';
import type { StackExchange } from '../exchange/exchange.js';
import type { Limits } from '../limits.js';
import type { Message, OutgoingMessage } from '../protocol/message.js';
import { answerNotFound, mount, mountPage, type Page } from './mount.js';
import { assertObserver, checkOptions, type ServerOptions } from './options.js';
import { partsOf } from './parts.js';
import { prometheusText } from './prometheus.js';
import { Upgrades } from './upgrade.js';

/** The most headers that a request to an http server of our own may have. */
const mostHeaders = 100;

const toConsole: FrameLog = (note) => console.debug(lineOfNote(note));

/**
 * A WebSocket server that speaks neffos. Every connection is an actor under one root actor. A map of what it sends,
 * `new Server<{ chat: { said: string } }>({ … })`, has its handlers' `emit` and `ask` checked.
 */
export class Server<Sent extends NamespaceBodies = NamespaceBodies> implements ServerFace, AsyncDisposable {
  readonly #supervisor: Supervisor;
  readonly #upgrades: Upgrades;
  readonly #limits: Limits;
  /** Where it is attached, and the pages that it serves there. */
  readonly #attached = new Set<HttpServer>();
  readonly #pages = new Map<Page, (() => void)[]>();
  #http: HttpServer | undefined;
  #listening: Promise<void> | undefined;
  #closing: Promise<void> | undefined;

  /** Throws when an option is wrong, with what it got and what it takes. */
  constructor(options: ServerOptions<Sent>) {
    const checked = checkOptions(options);
    const { limits } = checked;
    const parts = partsOf(options);
    this.#limits = limits;
    this.#supervisor = new Supervisor({
      server: this,
      namespaces: checked.namespaces,
      events: checked.events,
      machines: checked.machines,
      clock: parts.clock,
      random: parts.random,
      sliceMs: checked.sliceMs,
      syncBroadcaster: checked.syncBroadcaster,
      fireDisconnectAlways: checked.fireDisconnectAlways,
      onConnect: checked.onConnect,
      onDisconnect: checked.onDisconnect,
      onError: checked.onError,
      inspect: checked.inspect,
      recorder: checked.recorder,
      debug: checked.debug === true ? toConsole : checked.debug || undefined,
      limits,
    });
    this.#upgrades = new Upgrades(checked, this.#supervisor, parts);
  }

  /** The running root actor; takes `BROADCAST`, `DO` and `COUNT`. */
  get supervisor(): RootActor {
    return this.#supervisor.actor;
  }

  /**
   * Serves websockets on exactly this path of an http server that is already there, and leaves every other path to
   * whoever listens to it, now or later. Throws when another server of ours serves that path.
   */
  attach(http: HttpServer, { path = '/' }: { readonly path?: string } = {}): this {
    mount(http, path, this.#upgrades);
    if (!this.#attached.has(http)) for (const [page, ends] of this.#pages) ends.push(mountPage(http, page));
    this.#attached.add(http);
    return this;
  }

  /** @internal Has a page answer wherever this server is attached, now or later. Returns how to end it. */
  serve(page: Page): () => void {
    this.#pages.set(
      page,
      Array.from(this.#attached, (http) => mountPage(http, page)),
    );
    return () => {
      for (const end of this.#pages.get(page) ?? []) end();
      this.#pages.delete(page);
    };
  }

  /** @internal Tells `onError` of what has failed in a page. */
  pageFailed(error: unknown): void {
    this.#supervisor.report(error, { during: 'inspector' });
  }

  /** Starts an http server of its own. Port 0 is any free one. */
  async listen(
    port: number,
    host = '127.0.0.1',
    { path = '/' }: { readonly path?: string } = {},
  ): Promise<{ readonly port: number }> {
    if (this.#closing) throw new Error('this server is closed');
    if (this.#http) throw new Error('this server listens already');
    const { headersTimeout } = this.#limits;
    const http = createServer({
      headersTimeout,
      requestTimeout: headersTimeout,
      connectionsCheckingInterval: Math.min(headersTimeout / 2, 2_000),
    });
    http.maxHeadersCount = mostHeaders;
    this.#http = http;
    this.attach(http, { path });
    answerNotFound(http);
    this.#listening = new Promise<void>((resolve, reject) => {
      http.once('error', reject);
      http.listen(port, host, () => {
        http.off('error', reject);
        resolve();
      });
    });
    await this.#listening.catch((error: unknown) => {
      this.#http = undefined;
      throw error;
    });
    // A server that listens on a port has an address of this kind, unless it was closed at once.
    return { port: (http.address() as AddressInfo | null)?.port ?? 0 };
  }

  /** Takes over a socket that asks for an upgrade, as node:http or a framework hands it out. */
  handleUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    this.#upgrades.upgrade(request, socket, head);
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

  /**
   * Serves one application together with others that use the same broker (EX1). Resolves when everything that is to be
   * heard of them is heard; rejects when the broker cannot be reached, or cannot carry the name of a namespace. Throws on
   * a second one.
   */
  useStackExchange(exchange: StackExchange): Promise<Exchange> {
    return this.#supervisor.useExchange(exchange);
  }
  /** The exchange in use: how it stands with the broker, what waits for it, and what was lost (EX9–EX12). */
  get exchange(): Exchange | undefined {
    return this.#supervisor.exchange;
  }

  /**
   * Shows an observer what the actors do, in the words of xstate's inspection, beginning with those that live: the root
   * actor, the link to the broker, and the connections that `actors` says yes to, all by default (IN1, IN4). An observer
   * that throws is told to `onError`. The bytes of frames and deliveries are those that come and go: they are not to be
   * changed. Costs a few microseconds for each step of every actor while it lasts.
   */
  inspect(
    observer: InspectionObserver,
    { actors }: { readonly actors?: (conn: Conn) => boolean } = {},
  ): { unsubscribe(): void } {
    assertObserver(observer);
    return { unsubscribe: this.#supervisor.introspection.inspect(observer, actors) };
  }

  /** @internal What is there to see, for the inspector. */
  get watching(): Introspection {
    return this.#supervisor.introspection;
  }

  /** How many connections there are, those included that have not been let in yet. */
  get totalConnections(): number {
    return this.#supervisor.total;
  }
  /** How much is still to be given out, and whether somebody is held back for it (BC10). */
  get pressure(): ServerPressure {
    return this.#supervisor.pressure;
  }
  /** What was dropped, let go or refused since the start, by reason (SV17). */
  get counters(): Readonly<Counters> {
    return { ...this.#supervisor.counters };
  }
  /**
   * Everything that is counted and measured, as plain data (IN7). It costs the same however many connections there are,
   * and no word of a client's is in it (IN9).
   */
  metrics(): Metrics {
    return this.#supervisor.metrics;
  }
  /** The same, as Prometheus reads it: text format 0.0.4 (IN8). */
  metricsText(): string {
    return prometheusText(this.metrics());
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
    assertTimeout(timeout, 'close');
    this.#closing ??= this.#close(timeout);
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(timeout: number): Promise<void> {
    this.#upgrades.close();
    const drained = this.#supervisor.drain(timeout);
    await this.#listening?.catch(() => {});
    const http = this.#http;
    const isClosed = http && new Promise((resolve) => http.close(resolve));
    await drained;
    for (const page of [...this.#pages.keys()]) page.close();
    http?.closeAllConnections();
    await isClosed;
  }
}

import type { Server as HttpServer, IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type AskOptions, assertTimeout } from '../actors/api/asks.js';
import type { Conn } from '../actors/api/conn.js';
import type { NamespaceBodies } from '../actors/api/handlers.js';
import type { NSConnIn } from '../actors/api/nsConn.js';
import type { Except, ServerFace, ServerPressure } from '../actors/api/serverFace.js';
import { type AnswerFrom, type AskTo, type MessageTo, type NoContract, typed } from '../actors/api/vocabulary.js';
import type { Exchange } from '../actors/cluster/relay.js';
import type { Introspection } from '../actors/supervisor/introspection.js';
import type { Metrics } from '../actors/supervisor/metrics.js';
import type { RootActor } from '../actors/supervisor/root.js';
import { Supervisor } from '../actors/supervisor/supervisor.js';
import type { Counters } from '../actors/telemetry/counters.js';
import type { InspectionObserver } from '../actors/telemetry/inspection.js';
import { type FrameLog, lineOfNote } from '../actors/transport/loggedSocket.js';
import type { ContractShape } from '../contract/definitions.js';
import type { StackExchange } from '../exchange/exchange.js';
import type { Limits } from '../limits.js';
import { Attachments } from './attachments.js';
import { assertObserver, checkOptions, hooksOf } from './checkOptions.js';
import { createHttp, listenOn, portOf } from './listening.js';
import { answerNotFound, type Page } from './mount.js';
import type { ServerOptions } from './options.js';
import { partsOf } from './parts.js';
import { prometheusText } from './prometheus.js';
import { Upgrades } from './upgrade.js';

const toConsole: FrameLog = (note) => console.debug(lineOfNote(note));

/**
 * A WebSocket server that speaks neffos. Every connection is an actor under the supervisor. With a map of the events
 * that it sends, TypeScript checks the bodies of `emit` and `ask` in handlers.
 * @example new Server<{ chat: { said: string } }>({ namespaces: { chat: { say: (ns) => ns.emit('said', 'hi') } } });
 */
export class Server<Sent = NamespaceBodies, App extends ContractShape = NoContract, User = unknown, Chart = unknown>
  implements ServerFace<User, App, Chart>, AsyncDisposable
{
  readonly #supervisor: Supervisor;
  readonly #upgrades: Upgrades;
  readonly #limits: Limits;
  readonly #attachments: Attachments;
  #http: HttpServer | undefined;
  #listening: Promise<void> | undefined;
  #closing: Promise<void> | undefined;

  /**
   * Creates a server (LM2).
   * @throws {TypeError | RangeError} when an option, handler, chart or limit is wrong.
   */
  constructor(options: ServerOptions<Sent, App, User, Chart>) {
    const checked = checkOptions(typed(options));
    const { limits } = checked;
    this.#limits = limits;
    const parts = partsOf(options);
    this.#supervisor = new Supervisor({
      ...{ server: typed(this), contract: checked.contract, checkOutgoing: checked.checkOutgoing },
      ...{ namespaces: checked.namespaces, events: checked.events, use: checked.use },
      addressOf: (request) => checked.proxies.addressOf(request),
      ...{ machines: checked.machines, sliceMs: checked.sliceMs },
      ...{ clock: parts.clock, random: parts.random, fastPaths: parts.fastPaths },
      ...{ syncBroadcaster: checked.syncBroadcaster, fireDisconnectAlways: checked.fireDisconnectAlways },
      compression: checked.compression,
      ...hooksOf(checked),
      ...{ inspect: checked.inspect, recorder: checked.recorder },
      ...{ limits, debug: checked.debug === true ? toConsole : checked.debug || undefined },
    });
    this.#upgrades = new Upgrades(checked, this.#supervisor, parts);
    this.#attachments = new Attachments(this.#upgrades);
  }

  /** Running supervisor. It accepts the messages `BROADCAST`, `DO` and `COUNT` (DO6). */
  get supervisor(): RootActor {
    return this.#supervisor.actor;
  }

  /**
   * Serves WebSockets on exactly this path of an http server; others stay with the app (HS12). Default path `/`.
   * @throws {Error} when another `Server` or a page has that path.
   * @example server.attach(http, { path: '/ws' });
   */
  attach(http: HttpServer, { path = '/' }: { readonly path?: string } = {}): this {
    this.#attachments.attach(http, path);
    return this;
  }
  /**
   * Gives the paths of an http server back to the app (HS12). Connections stay. Does nothing on any other.
   * @example server.detach(http);
   */
  detach(http: HttpServer): this {
    this.#attachments.detach(http);
    return this;
  }
  /** @internal Serves a page on every http server attached, now or later. Returns a function that removes it. */
  serve(page: Page): () => void {
    return this.#attachments.serve(page);
  }
  /** @internal Reports an error of a page to `onError`. */
  pageFailed(error: unknown): void {
    this.#supervisor.report(error, { during: 'inspector' });
  }

  /**
   * Creates an http server and listens. Port 0: any free port. Default host `127.0.0.1`, path `/`. Resolves with the
   * port. Rejects if the server is closed, already listens, or cannot listen.
   * @example const { port } = await server.listen(8080, '0.0.0.0');
   */
  async listen(
    port: number,
    host = '127.0.0.1',
    { path = '/' }: { readonly path?: string } = {},
  ): Promise<{ readonly port: number }> {
    if (this.#closing) throw new Error('this server is closed');
    if (this.#http) throw new Error('this server listens already');
    const http = createHttp(this.#limits.headersTimeout);
    this.#http = http;
    this.attach(http, { path });
    answerNotFound(http);
    this.#listening = listenOn(http, port, host);
    await this.#listening.catch((error: unknown) => {
      this.#http = undefined;
      throw error;
    });
    return { port: portOf(http) };
  }

  /**
   * Takes over the socket of an upgrade request, from `node:http` or a framework (HS1).
   * @example http.on('upgrade', (request, socket, head) => server.handleUpgrade(request, socket, head));
   */
  handleUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    this.#upgrades.upgrade(request, socket, head);
  }
  /**
   * Returns the IP address of a request's client, as `conn.remoteAddress` does, for hooks that have no connection (HS17).
   * @example const onUpgradeError = (error, request) => console.warn(server.addressOf(request), error);
   */
  addressOf(request: IncomingMessage): string | undefined {
    return this.#upgrades.addressOf(request);
  }

  /**
   * Sends messages to their audiences, less `except`. Returns at once (BC1–BC7, BC12). Does nothing once closed.
   * @throws {TypeError} when a message or `except` has a wrong shape, or a namespace is not declared (BC11).
   * @example server.broadcast(ns, { namespace: 'chat', room: 'r1', event: 'said', body: 'hi' });
   */
  broadcast<const Name extends string = ''>(except: Except, ...messages: readonly MessageTo<App, Name>[]): void {
    this.#supervisor.broadcast(except, messages);
  }

  /**
   * Visits every connection once; arrivals wait meanwhile (DO1–DO4). Rejects with an AggregateError if visits fail.
   * @throws {TypeError} when `visit` is not a function.
   * @example await server.do((conn) => conn.set('checked', true));
   */
  do(visit: (conn: Conn<User, App, Chart>) => unknown): Promise<void> {
    return this.#supervisor.do(typed(visit));
  }

  /**
   * Asks the audience of a message. Resolves or rejects with the first answer (AK5, EX7). Default timeout:
   * `askTimeout`. Rejects with `ErrNoAudience`, `ErrWrite`, `AskTimeout` or `TooManyAsks` (AK4, AK6, AK9).
   * @example const { body } = await server.ask({ namespace: 'chat', event: 'vote' });
   */
  ask<const Name extends string = '', const Event extends string = string>(
    message: AskTo<App, Name, Event>,
    options: AskOptions = {},
  ): Promise<AnswerFrom<App, Name, Event>> {
    return this.#supervisor.ask(message, options);
  }

  /**
   * Connects to the application's other servers over a broker. Resolves when the broker has confirmed all channels.
   * Rejects if it is unreachable or cannot carry a namespace, for a second exchange, or once closed (EX1, EX13).
   * @example await server.useStackExchange(redisExchange({ url: 'redis://localhost', channel: 'chat' }));
   */
  useStackExchange(exchange: StackExchange): Promise<Exchange> {
    return this.#supervisor.useExchange(exchange);
  }
  /** Exchange in use: state of the link, queue and losses (EX9–EX12). `undefined` without one. */
  get exchange(): Exchange | undefined {
    return this.#supervisor.exchange;
  }

  /**
   * Shows an observer the supervisor, the link and the connections that `actors` selects, in XState's inspection format
   * (IN1, IN4). Default: all. It must not change frames. Costs a few µs for each step. Its errors go to `onError`.
   * @throws {TypeError} when it is no observer.
   * @example const { unsubscribe } = server.inspect((event) => console.log(event.type));
   */
  inspect(
    observer: InspectionObserver,
    { actors }: { readonly actors?: (conn: Conn<User, App, Chart>) => boolean } = {},
  ): { unsubscribe(): void } {
    assertObserver(observer);
    return { unsubscribe: this.#supervisor.introspection.inspect(observer, typed(actors)) };
  }

  /** @internal Access to actors and connections, for the inspector. */
  get watching(): Introspection {
    return this.#supervisor.introspection;
  }
  /** Number of registered connections, accepted or not (DO5). */
  get totalConnections(): number {
    return this.#supervisor.total;
  }
  /** Pressure of pending broadcasts, and state of the throttle (BC10). */
  get pressure(): ServerPressure {
    return this.#supervisor.pressure;
  }
  /** Numbers of what was dropped, closed or refused since the start, by reason (SV17). A copy. */
  get counters(): Readonly<Counters> {
    return { ...this.#supervisor.counters };
  }
  /**
   * Returns everything counted and measured, as plain data without texts of clients (IN9), at constant cost (IN7).
   * @example const { closes } = server.metrics();
   */
  metrics(): Metrics {
    return this.#supervisor.metrics;
  }
  /**
   * Returns the metrics in Prometheus' text format 0.0.4, in seconds and bytes (IN8).
   * @example response.end(server.metricsText());
   */
  metricsText(): string {
    return prometheusText(this.metrics());
  }
  /**
   * Returns all accepted connections (SV15).
   * @example for (const conn of server.connections()) console.log(conn.id);
   */
  connections(): Conn<User, App, Chart>[] {
    return typed(this.#supervisor.connections());
  }
  /**
   * Returns the connections in a namespace.
   * @example const { length } = server.connectionsByNamespace('chat');
   */
  connectionsByNamespace<Name extends string>(namespace: Name): NSConnIn<App, Name, User, Chart>[] {
    return typed(this.#supervisor.members(namespace, ''));
  }
  /**
   * Returns the names of all rooms of a namespace that have a member.
   * @example const rooms = server.roomNames('chat');
   */
  roomNames(namespace: string): string[] {
    return this.#supervisor.roomNames(namespace);
  }
  /**
   * Returns the connections in a room.
   * @example for (const ns of server.members('chat', 'r1')) ns.emit('tick');
   */
  members<Name extends string>(namespace: Name, room: string): NSConnIn<App, Name, User, Chart>[] {
    return typed(this.#supervisor.members(namespace, room));
  }

  /**
   * Resolves when each delivery of the messages published so far is written or in an outbox (BC8).
   * @example await server.flush();
   */
  flush(): Promise<void> {
    return this.#supervisor.flush();
  }

  /**
   * Drains the server: refuses new connections, writes pending messages, closes with 1001 and resolves when the last
   * connection has gone (DR1). Default timeout 10,000 ms. On expiry: destroys the remaining sockets.
   * @throws {RangeError} when `timeout` is not above 0.
   * @example process.once('SIGTERM', () => server.close());
   */
  close({ timeout = 10_000 }: { readonly timeout?: number } = {}): Promise<void> {
    assertTimeout(timeout, 'close');
    this.#closing ??= this.#close(timeout);
    return this.#closing;
  }
  /** Drains the server at the end of an `await using` block. */
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
    this.#attachments.closePages();
    http?.closeAllConnections();
    await isClosed;
  }
}

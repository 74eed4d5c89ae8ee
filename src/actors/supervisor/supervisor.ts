import type { AnyActorRef } from 'xstate';
import { Broadcaster } from '../../broadcast/broadcaster.js';
import { type CompressionOptions, Deflater, noCompression } from '../../broadcast/deflater.js';
import { Topics } from '../../broadcast/topics.js';
import type { StackExchange } from '../../exchange/exchange.js';
import type { Message } from '../../protocol/message.js';
import type { AskOptions } from '../api/asks.js';
import type { Conn } from '../api/conn.js';
import type { Handlers, Where } from '../api/handlers.js';
import type { NSConn } from '../api/nsConn.js';
import type { Except, ServerPressure } from '../api/serverFace.js';
import { type AnyOutgoing, typed } from '../api/vocabulary.js';
import { Cluster } from '../cluster/cluster.js';
import { type Exchange, Relay } from '../cluster/relay.js';
import { Connection } from '../connection/connection.js';
import { type ContextOptions, createContext, type ServerContext } from '../context.js';
import type { BackgroundTasks } from '../runtime/background.js';
import type { TickCounter } from '../runtime/clock.js';
import { Warnings } from '../runtime/warnings.js';
import { Identification, type IdGenerator } from '../sessions/identification.js';
import type { Counters } from '../telemetry/counters.js';
import type { ActorDirectory, InspectionObserver } from '../telemetry/inspection.js';
import type { Arrival, UpgradeRequest } from '../transport/socket.js';
import { Arrivals } from './arrivals.js';
import { AudienceAsks } from './audienceAsks.js';
import { ConnectionFactory } from './connectionFactory.js';
import { DoQueue, type Visitor } from './doQueue.js';
import { Drain } from './drain.js';
import { Greetings } from './greetings.js';
import { Introspection } from './introspection.js';
import { type Metrics, measure } from './metrics.js';
import { Publisher } from './publisher.js';
import { Registry } from './registry.js';
import { Root, type RootActor } from './root.js';

/** What a supervisor is made from. */
export interface SupervisorOptions extends ContextOptions {
  /** Whether each message is written to every socket before `broadcast` returns. */
  readonly syncBroadcaster: boolean;
  /** How broadcasts are compressed. Default: they are not. */
  readonly compression?: CompressionOptions | undefined;
  /** Receives the inspection events of all actors from the start. */
  readonly inspect: InspectionObserver | undefined;
  /** Makes the ids of connections. Default: random. */
  readonly idGenerator?: IdGenerator | undefined;
}

/** The supervisor: everything that one server runs. Its root actor is the parent of every connection's. */
export class Supervisor implements ActorDirectory {
  /** What the server shows of itself. */
  readonly introspection: Introspection;
  /** Says who clients are. */
  readonly identification: Identification;
  /** The clients of the session layer that are no connections yet. */
  readonly greetings: Greetings;
  /** Compresses broadcasts, if the program wants that. */
  readonly compression: Deflater | undefined;
  readonly #context: ServerContext;
  readonly #topics: Topics;
  readonly #broadcaster: Broadcaster;
  readonly #arrivals: Arrivals;
  readonly #factory: ConnectionFactory;
  readonly #cluster: Cluster;
  readonly #registry: Registry;
  readonly #audienceAsks: AudienceAsks;
  readonly #publisher: Publisher;
  readonly #drain: Drain;
  readonly #root: Root;

  /**
   * Starts the root actor.
   *
   * @throws {TypeError} when the handlers are wrong
   */
  constructor(options: SupervisorOptions) {
    const context = createContext(options, this);
    this.#context = context;
    this.#topics = new Topics();
    this.compression = options.compression && new Deflater(options.compression);
    this.#broadcaster = new Broadcaster(
      this.#topics,
      () => context.clock.now(),
      () => context.background.wake(this.#broadcaster),
      () => context.throttle.review(this.#broadcaster),
      this.compression,
    );
    this.#cluster = new Cluster(
      (exchange) => this.#makeRelay(exchange),
      () => this.#registry.ids,
    );
    this.#arrivals = new Arrivals(context);
    this.#factory = new ConnectionFactory(context, this.#broadcaster);
    this.#registry = new Registry(context, this.#arrivals, this.#factory, this.#cluster);
    this.#audienceAsks = new AudienceAsks(context, this.#topics, this.#broadcaster, this.#cluster);
    this.#publisher = new Publisher(
      context,
      this.#broadcaster,
      this.#audienceAsks,
      this.#cluster,
      this.#factory,
      options.syncBroadcaster,
    );
    const doQueue = new DoQueue(context);
    this.#drain = new Drain(context, this.#arrivals, this.#registry, this.#broadcaster, this.#cluster, doQueue);
    this.identification = new Identification({
      ...{ authenticator: context.authenticator, idGenerator: options.idGenerator, random: context.random },
      counters: context.counters,
      warnings: options.onUpgradeError ? undefined : new Warnings(),
      isNamespace: (name) => context.handlers.declares(name),
      assertCarried: (id) => this.#cluster.assertCarried(id),
    });
    this.greetings = new Greetings({
      ...{ context, identification: this.identification },
      connect: (arrival) => this.connect(arrival),
    });
    this.introspection = new Introspection(context, this.#registry, this.#factory, this.#topics);
    if (options.inspect) this.introspection.inspect(options.inspect);
    this.#root = new Root({
      context,
      arrivals: this.#arrivals,
      registry: this.#registry,
      cluster: this.#cluster,
      publisher: this.#publisher,
      doQueue,
      drain: this.#drain,
    });
  }

  /** The running root actor. */
  get actor(): RootActor {
    return this.#root.actor;
  }
  /** The handlers of the program. */
  get handlers(): Handlers {
    return this.#context.handlers;
  }
  /** Every drop, close and refusal, by reason. */
  get counters(): Counters {
    return this.#context.counters;
  }
  /** Counts ticks. */
  get ticks(): TickCounter {
    return this.#context.ticks;
  }
  /** The work that is done in slices. */
  get background(): BackgroundTasks {
    return this.#context.background;
  }
  /** Everything that is counted and measured. Cost: constant (IN7). */
  get metrics(): Metrics {
    const { counters, meters, asks, background } = this.#context;
    const { pressure, exchange } = this;
    return measure({
      ...{ counters, meters, pressure, exchange, closing: this.#registry.closing },
      ...{ asks: asks.tally, slices: background.tally, delivered: this.#topics.delivered },
      compression: this.compression?.tally ?? noCompression,
    });
  }
  /** The number of registered connections. Cost: constant (DO5). */
  get total(): number {
    return this.#registry.total;
  }
  /** Whether new connections are registered: until the server drains or its root actor has stopped. */
  get isAccepting(): boolean {
    return this.#root.isAccepting;
  }
  /** How much background work waits. */
  get pressure(): ServerPressure {
    const { logBytes, lag } = this.#broadcaster;
    return { log: logBytes, lag, isThrottling: this.#context.throttle.isOn };
  }
  /** The exchange that this server uses, if it uses one. */
  get exchange(): Exchange | undefined {
    return this.#cluster.exchange;
  }

  /** Registers an arrival, holds it while a `do` runs (DO2), or refuses it (DR1). */
  connect(arrival: Arrival): void {
    this.#root.connect(arrival);
  }

  /**
   * Publishes messages, in order (BC1).
   *
   * @throws {TypeError} when a message is malformed, its namespace is not declared, or `except` is of another type
   */
  broadcast(except: Except, messages: readonly AnyOutgoing[]): void {
    this.actor.send({ type: 'BROADCAST', except, messages });
  }

  /**
   * Visits every connection once, in the order of registration (DO1). Rejects with an AggregateError of the failures of
   * visits (DO3), or with `ErrWrite` when the server drains (DR1).
   *
   * @throws {TypeError} when `visit` is not a function
   */
  do(visit: Visitor): Promise<void> {
    return this.#root.do(visit);
  }

  /**
   * Asks every connection that a broadcast of the message would reach. Resolves with the first answer (AK5).
   *
   * @throws {TypeError} when the message is malformed or its namespace is not declared
   */
  ask<Answer = Message>(message: AnyOutgoing, options: AskOptions): Promise<Answer> {
    return typed(this.#publisher.ask(message, options));
  }

  /** Connects this server to the others that use the exchange (EX1). Rejects when this server is closed. */
  async useExchange(exchange: StackExchange): Promise<Exchange> {
    if (!this.isAccepting) throw new Error('this server is closed');
    return this.#cluster.use(exchange);
  }

  /** Resolves when everything published so far is written, or in the outbox of its recipient (BC8). */
  flush(): Promise<void> {
    return this.#broadcaster.flush();
  }

  /** Returns the handles of all registered connections that `onConnect` has accepted. */
  connections(): Conn[] {
    return this.#registry.conns;
  }

  /** Returns the handles of the members of a namespace (`room` empty) or room. */
  members(namespace: string, room: string): NSConn[] {
    const subscribers = this.#topics.topic(namespace, room)?.members ?? [];
    const members = Array.from(subscribers, ({ host }) =>
      host instanceof Connection ? host.memberships.nsConn(namespace) : undefined,
    );
    return members.filter((member) => member !== undefined);
  }

  /** Returns the rooms of a namespace that have members. */
  roomNames(namespace: string): string[] {
    return this.#topics.roomNames(namespace);
  }

  /**
   * Registers no more connections, delivers what was published, and closes every connection. Kills what is left of them
   * after `timeout` ms (DR1).
   */
  async drain(timeout: number): Promise<void> {
    if (!this.#root.isOver) this.actor.send({ type: 'DRAIN' });
    await this.#drain.whenOver(timeout);
    if (!this.#root.isOver) this.actor.send({ type: 'DRAINED' });
    this.#context.deadlines.unref();
  }

  /** Counts a refused upgrade, and reports it to `onUpgradeError`. */
  refused(error: unknown, request: UpgradeRequest): void {
    this.counters.refusedUpgrades++;
    this.#context.callbacks.refused(error, request);
  }

  /** Reports an error to `onError`. */
  report(error: unknown, where: Where): void {
    this.#context.callbacks.report(error, where);
  }

  /** Returns every running actor: the root, the link and the connections. Empty until the root has started. */
  running(): AnyActorRef[] {
    // The constructor assigns it last, and the observers that it subscribes come before.
    const root: Root | undefined = this.#root;
    return root ? [root.actor, ...this.#cluster.actors, ...this.#registry.actors] : [];
  }

  /** Returns whether the actor is, or was, that of a connection. */
  isConnection(actor: AnyActorRef): boolean {
    return this.#factory.find(actor) !== undefined;
  }

  #makeRelay(exchange: StackExchange): Relay {
    return new Relay(
      exchange,
      this.#context,
      this.actor,
      (...payload) => this.#publisher.incoming.receive(...payload),
      () => this.#audienceAsks.onClusterClosed(),
    );
  }
}

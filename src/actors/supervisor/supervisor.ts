import { type AnyActorRef, createActor, type EventObject } from 'xstate';
import { Broadcaster } from '../../broadcast/broadcaster.js';
import type { SubscriberHost } from '../../broadcast/subscriber.js';
import { Topics } from '../../broadcast/topics.js';
import type { StackExchange } from '../../exchange/exchange.js';
import { ErrWrite } from '../../protocol/errors.js';
import type { Message, OutgoingMessage } from '../../protocol/message.js';
import type { AskOptions } from '../api/asks.js';
import type { Handlers, Where } from '../api/handlers.js';
import type { Conn, NSConn } from '../api/handles.js';
import type { Except, ServerPressure } from '../api/serverFace.js';
import { Cluster } from '../cluster/cluster.js';
import { type Exchange, Relay } from '../cluster/relay.js';
import { Connection } from '../connection/connection.js';
import { connectionLogic, guardedLogic } from '../connection/logic.js';
import { type ContextOptions, createContext, type ServerContext } from '../context.js';
import type { BackgroundTasks } from '../runtime/background.js';
import { ignoreRejection } from '../runtime/guard.js';
import { handlesItself } from '../runtime/mailbox.js';
import { useIndexedScheduler } from '../runtime/scheduler.js';
import type { Counters } from '../telemetry/counters.js';
import { type InspectionObserver, inspectedLogic } from '../telemetry/inspection.js';
import type { RecorderLimits } from '../telemetry/recorder.js';
import type { Arrival } from '../transport/socket.js';
import { DoQueue, type Visitor } from './doQueue.js';
import { Introspection } from './introspection.js';
import { supervisorLogic } from './logic.js';
import { type Metrics, measure } from './metrics.js';
import { Publisher } from './publisher.js';
import { Registry } from './registry.js';

export interface SupervisorOptions extends ContextOptions {
  readonly syncBroadcaster: boolean;
  readonly inspect: InspectionObserver | undefined;
  readonly recorder: RecorderLimits | undefined;
}

/** The messages that the root actor takes. */
export type SupervisorMessage =
  | { readonly type: 'BROADCAST'; readonly except: Except; readonly messages: readonly OutgoingMessage[] }
  | { readonly type: 'DO'; readonly visit: Visitor; readonly done?: (failure?: unknown) => void }
  | { readonly type: 'COUNT'; readonly reply: (count: number) => void };

/** The running root actor. */
export type RootActor = AnyActorRef;

/** The root actor: owns every connection, and handles BROADCAST, DO and COUNT. */
export class Supervisor {
  readonly actor: AnyActorRef;
  readonly introspection: Introspection;
  readonly #context: ServerContext;
  readonly #background: BackgroundTasks;
  readonly #topics = new Topics();
  readonly #broadcaster: Broadcaster;
  readonly #registry: Registry;
  readonly #doQueue: DoQueue;
  readonly #cluster: Cluster;
  readonly #publisher: Publisher;

  constructor(options: SupervisorOptions) {
    const { limits, clock } = options;
    const context = createContext(options);
    const now = (): number => clock.now();
    const failed = (error: unknown): void => this.report(error, { during: 'chart' });
    this.#context = context;
    this.#background = context.background;
    this.#broadcaster = new Broadcaster(
      this.#topics,
      now,
      () => this.#background.wake(this.#broadcaster),
      () => context.throttle.review(this.#broadcaster),
    );
    this.#cluster = new Cluster(
      (exchange) =>
        new Relay(
          exchange,
          context,
          this.actor,
          (...payload) => this.#publisher.incoming.take(...payload),
          () => this.#publisher.othersGone(),
        ),
      () => this.#registry.ids,
    );
    this.#registry = new Registry(
      context,
      this.#cluster,
      this.#broadcaster,
      (of) =>
        inspectedLogic(
          guardedLogic(connectionLogic(context.machines.connection, of, limits, failed), of),
          context.inspection,
        ),
      limits.doWaitTimeout,
      () => this.actor,
      (walk) => this.#background.wake(walk),
    );
    this.#doQueue = new DoQueue(
      now,
      context.deadlines,
      limits.handlerTimeout,
      (error) => this.report(error, { during: 'do' }),
      () => this.#background.wake(this.#doQueue),
      () => this.actor.send({ type: 'VISITED' }),
    );
    this.#publisher = new Publisher({
      context,
      topics: this.#topics,
      broadcaster: this.#broadcaster,
      cluster: this.#cluster,
      isSynchronous: options.syncBroadcaster,
      subscriberOf: (conn) => this.#registry.connectionOf(conn.actor).subscriber,
    });
    this.introspection = new Introspection(context, this.#registry, this.#topics, options.recorder);
    if (options.inspect) this.introspection.inspect(options.inspect);
    this.actor = this.#startRoot();
    context.inspection.living = () => [this.actor, ...this.#cluster.actors, ...this.#registry.actors];
  }

  get handlers(): Handlers {
    return this.#context.handlers;
  }
  get counters(): Counters {
    return this.#context.counters;
  }
  /** Everything that is counted and measured (IN7). */
  get metrics(): Metrics {
    const { counters, meters, asks, background } = this.#context;
    const { pressure, exchange } = this;
    return measure({
      ...{ counters, meters, pressure, exchange, closing: this.#registry.closing },
      ...{ asks: asks.tally, slices: background.tally, given: this.#topics.delivered },
    });
  }
  get total(): number {
    return this.#registry.total;
  }
  get isAccepting(): boolean {
    const snapshot = this.actor.getSnapshot();
    return snapshot.status === 'active' && snapshot.hasTag('accepting');
  }
  get pressure(): ServerPressure {
    const { logBytes, lag } = this.#broadcaster;
    return { log: logBytes, lag, isThrottling: this.#context.throttle.isOn };
  }

  connect(arrival: Arrival): void {
    if (this.#isOver) this.#registry.refuse(arrival);
    else this.actor.send({ type: 'CONNECT', arrival });
  }

  broadcast(except: Except, messages: readonly OutgoingMessage[]): void {
    this.actor.send({ type: 'BROADCAST', except, messages });
  }

  do(visit: Visitor): Promise<void> {
    if (typeof visit !== 'function') throw new TypeError(`do takes a function (conn), got ${typeof visit}`);
    const walk = new Promise<void>((resolve, reject) => {
      const done = (failure?: unknown): void => (failure === undefined ? resolve() : reject(failure));
      if (this.#isOver) done(ErrWrite);
      else this.actor.send({ type: 'DO', visit, done });
    });
    return ignoreRejection(walk);
  }

  ask(message: OutgoingMessage, options: AskOptions): Promise<Message> {
    return this.#publisher.ask(message, options);
  }

  /** From now on this server is one of those that share this exchange (EX1). */
  async useExchange(exchange: StackExchange): Promise<Exchange> {
    if (!this.isAccepting) throw new Error('this server is closed');
    return this.#cluster.use(exchange);
  }
  get exchange(): Exchange | undefined {
    return this.#cluster.exchange;
  }
  /** Throws when others could not reach a connection with this id (EX13). */
  assertCarried(id: string): void {
    this.#cluster.assertCarried(id);
  }

  flush(): Promise<void> {
    return this.#broadcaster.flush();
  }

  connections(): Conn[] {
    return this.#registry.conns;
  }
  members(namespace: string, room: string): NSConn[] {
    const subscribers = this.#topics.topic(namespace, room)?.members ?? [];
    const members = Array.from(subscribers, ({ host }) => connectionBehind(host)?.memberships.nsConn(namespace));
    return members.filter((member) => member !== undefined);
  }
  roomNames(namespace: string): string[] {
    return this.#topics.roomNames(namespace);
  }

  /** Lets nobody in any more, gives everybody what is owed, and closes them; cut short after `timeout` ms (DR1). */
  async drain(timeout: number): Promise<void> {
    const { deadlines } = this.#context;
    if (!this.#isOver) this.actor.send({ type: 'DRAIN' });
    const until = this.#context.clock.now() + timeout;
    const deadline = deadlines.after(timeout, () => this.#registry.killAll());
    await this.#registry.whenEmpty();
    this.#registry.destroyLingering();
    deadline.cancel();
    await this.#cluster.close(until - this.#context.clock.now());
    if (!this.#isOver) this.actor.send({ type: 'DRAINED' });
    deadlines.unref();
  }

  /** No more walks; everybody gets what is owed, ends its turn, and is closed. */
  #beginDrain(): void {
    this.#doQueue.refuse(ErrWrite);
    void this.flush().then(() => this.#background.wake(this.#registry));
  }

  report(error: unknown, where: Where): void {
    this.#context.callbacks.report(error, where);
  }

  get #isOver(): boolean {
    return this.actor.getSnapshot().status !== 'active';
  }

  #startRoot(): AnyActorRef {
    const { mailboxes, clock, machines, inspection } = this.#context;
    const registry = this.#registry;
    const visits = this.#doQueue;
    const failed = (error: unknown): void => this.report(error, { during: 'supervisor' });
    const logic = supervisorLogic(machines.supervisor, {
      admit: (arrival) => registry.admit(arrival),
      hold: (arrival) => registry.hold(arrival),
      refuse: (arrival) => registry.refuse(arrival),
      admitHeld: () => registry.admitHeld(),
      refuseHeld: () => registry.refuseHeld(),
      onStopped: (actorId) => registry.onStopped(actorId),
      onCrashed: (actorId, error) => registry.onCrashed(actorId, error),
      // The charts know of no handles: what a message carries of them is typed here.
      publish: ({ except, messages }) => this.#publish(except as Except, messages as readonly OutgoingMessage[]),
      count: ({ reply }) => mailboxes.defer(() => reply(this.total)),
      queueVisit: (request) => visits.queue(request),
      beginVisit: () => visits.begin(registry.registered),
      beginDrain: () => mailboxes.defer(() => this.#beginDrain()),
      stopped: (stopChild) => this.#stopped(stopChild),
      failed,
    });
    const actor = createActor(inspectedLogic(logic, inspection), { id: 'supervisor' });
    inspection.began(actor);
    useIndexedScheduler(actor.system, clock);
    actor.subscribe({ error: failed });
    mailboxes.intercept(actor, { handleHot: (event) => this.#takeHot(actor, event) });
    return actor.start();
  }

  #stopped(stopChild: (actor: AnyActorRef) => void): void {
    for (const actor of [...this.#registry.actors, ...this.#cluster.actors]) stopChild(actor);
    this.#doQueue.refuse(ErrWrite, (tell) => this.#context.mailboxes.defer(tell));
    this.#context.mailboxes.defer(() => this.#registry.failAll());
    this.#context.mailboxes.defer(() => this.#cluster.kill());
  }

  /** BROADCAST and COUNT are taken at the door, whatever the supervisor is busy with, unless its chart has them. */
  #takeHot(actor: AnyActorRef, event: EventObject): boolean {
    // Whoever sends to the root actor promises its messages; what is none of these goes on to the chart.
    const message = event as SupervisorMessage;
    if (message.type !== 'BROADCAST' && message.type !== 'COUNT') return false;
    if (handlesItself(actor.getSnapshot(), message.type)) {
      // What the program got wrong is told to it, not to the chart.
      if (message.type === 'BROADCAST') this.#publisher.check(message.messages);
      return false;
    }
    if (this.#context.inspection.seesPassed) this.#context.inspection.passed(actor, event);
    if (message.type === 'BROADCAST') this.#publish(message.except, message.messages);
    else message.reply(this.total);
    return true;
  }

  #publish(except: Except, messages: readonly OutgoingMessage[]): void {
    if (this.#isOver) this.counters.broadcastsAfterClose += messages.length;
    else this.#publisher.broadcast(except, messages);
  }
}

const connectionBehind = (host: SubscriberHost): Connection | undefined =>
  host instanceof Connection ? host : undefined;

import { type AnyActorRef, createActor, type EventObject } from 'xstate';
import { Broadcaster } from '../../broadcast/broadcaster.js';
import { Standing } from '../../broadcast/subscriber.js';
import { Audience, type Recipient } from '../../broadcast/topics.js';
import type { StackExchange } from '../../exchange/exchange.js';
import { ErrWrite } from '../../protocol/errors.js';
import type { Message, OutgoingMessage } from '../../protocol/message.js';
import type { AskOptions } from '../api/asks.js';
import type { Handlers, Where } from '../api/handlers.js';
import type { Conn, Except, NSConn, ServerPressure } from '../api/handles.js';
import { Cluster } from '../cluster/cluster.js';
import { type Exchange, Relay } from '../cluster/relay.js';
import { Connection } from '../connection/connection.js';
import { guardedLogic, wire } from '../connection/logic.js';
import { furnish, type House, type HouseOptions } from '../context.js';
import type { Turn } from '../runtime/background.js';
import { tame } from '../runtime/guard.js';
import { owns } from '../runtime/mailbox.js';
import { useIndexedScheduler } from '../runtime/scheduler.js';
import type { Counters } from '../telemetry/counters.js';
import { type InspectionObserver, watchedLogic } from '../telemetry/inspection.js';
import type { RecorderLimits } from '../telemetry/recorder.js';
import type { Arrival } from '../transport/socket.js';
import { type Visit, Visits } from './doQueue.js';
import { Watching } from './introspection.js';
import { rootLogic } from './logic.js';
import { type Metrics, measure } from './metrics.js';
import { Issues } from './publisher.js';
import { Registry } from './registry.js';

export interface SupervisorOptions extends HouseOptions {
  readonly syncBroadcaster: boolean;
  readonly inspect: InspectionObserver | undefined;
  readonly recorder: RecorderLimits | undefined;
}

/** The messages that the root actor takes. */
export type SupervisorMessage =
  | { readonly type: 'BROADCAST'; readonly except: Except; readonly messages: readonly OutgoingMessage[] }
  | { readonly type: 'DO'; readonly visit: Visit; readonly done?: (failure?: unknown) => void }
  | { readonly type: 'COUNT'; readonly reply: (count: number) => void };

/** The running root actor. */
export type RootActor = AnyActorRef;

/** The root actor: owns every connection, and handles BROADCAST, DO and COUNT. */
export class Supervisor {
  readonly actor: AnyActorRef;
  readonly watching: Watching;
  readonly #house: House;
  readonly #turn: Turn;
  readonly #audience = new Audience();
  readonly #broadcaster: Broadcaster;
  readonly #registry: Registry;
  readonly #visits: Visits;
  readonly #cluster: Cluster;
  readonly #issues: Issues;

  constructor(options: SupervisorOptions) {
    const { limits, clock } = options;
    const house = furnish(options);
    const now = (): number => clock.now();
    const failed = (error: unknown): void => this.report(error, { during: 'chart' });
    this.#house = house;
    this.#turn = house.turn;
    this.#broadcaster = new Broadcaster(
      this.#audience,
      now,
      () => this.#turn.wake(this.#broadcaster),
      () => house.brake.review(this.#broadcaster),
    );
    this.#cluster = new Cluster(
      (exchange) =>
        new Relay(
          exchange,
          house,
          limits,
          this.actor,
          (...payload) => this.#issues.incoming.take(...payload),
          () => this.#issues.othersGone(),
        ),
      () => this.#registry.ids,
    );
    this.#registry = new Registry(
      house,
      this.#cluster,
      (recipient) => new Standing(recipient, this.#audience, this.#broadcaster),
      (of) => watchedLogic(guardedLogic(wire(house.machines.connection, of, limits, failed), of), house.inspection),
      limits.heldTimeout,
      () => this.actor,
      (walk) => this.#turn.wake(walk),
    );
    this.#visits = new Visits(
      now,
      house.sweeper,
      limits.handlerTimeout,
      (error) => this.report(error, { during: 'do' }),
      () => this.#turn.wake(this.#visits),
      () => this.actor.send({ type: 'VISITED' }),
    );
    this.#issues = new Issues({
      house,
      audience: this.#audience,
      broadcaster: this.#broadcaster,
      cluster: this.#cluster,
      isSynchronous: options.syncBroadcaster,
      recipientOf: (conn) => this.#registry.connectionOf(conn.actor),
      seatOf: (connection) => this.#registry.standingOf(connection)?.seat,
    });
    this.watching = new Watching(house, this.#registry, this.#audience, options.recorder);
    if (options.inspect) this.watching.inspect(options.inspect);
    this.actor = this.#startRoot();
    house.inspection.living = () => [this.actor, ...this.#cluster.actors, ...this.#registry.actors];
  }

  get handlers(): Handlers {
    return this.#house.handlers;
  }
  get counters(): Counters {
    return this.#house.counters;
  }
  /** Everything that is counted and measured (IN7). */
  get metrics(): Metrics {
    const { counters, meters, asks, turn } = this.#house;
    const { pressure, exchange } = this;
    return measure({
      ...{ counters, meters, pressure, exchange, closing: this.#registry.closing },
      ...{ asks: asks.tally, slices: turn.tally, given: this.#audience.given },
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
    return { log: logBytes, lag, isHoldingBack: this.#house.brake.isOn };
  }

  connect(arrival: Arrival): void {
    if (this.#isOver) this.#registry.refuse(arrival);
    else this.actor.send({ type: 'CONNECT', arrival });
  }

  broadcast(except: Except, messages: readonly OutgoingMessage[]): void {
    this.actor.send({ type: 'BROADCAST', except, messages });
  }

  do(visit: Visit): Promise<void> {
    if (typeof visit !== 'function') throw new TypeError(`do takes a function (conn), got ${typeof visit}`);
    const walk = new Promise<void>((resolve, reject) => {
      const done = (failure?: unknown): void => (failure === undefined ? resolve() : reject(failure));
      if (this.#isOver) done(ErrWrite);
      else this.actor.send({ type: 'DO', visit, done });
    });
    return tame(walk);
  }

  ask(message: OutgoingMessage, options: AskOptions): Promise<Message> {
    return this.#issues.ask(message, options);
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
    const seats = this.#audience.topic(namespace, room)?.members ?? [];
    const members = Array.from(seats, ({ recipient }) => connectionBehind(recipient)?.memberships.nsConn(namespace));
    return members.filter((member) => member !== undefined);
  }
  roomNames(namespace: string): string[] {
    return this.#audience.roomNames(namespace);
  }

  /** Lets nobody in any more, gives everybody what is owed, and closes them; cut short after `timeout` ms (DR1). */
  async drain(timeout: number): Promise<void> {
    const { sweeper } = this.#house;
    if (!this.#isOver) this.actor.send({ type: 'DRAIN' });
    const until = this.#house.clock.now() + timeout;
    const deadline = sweeper.after(timeout, () => this.#registry.cutShort());
    await this.#registry.whenEmpty();
    this.#registry.cutLeaving();
    deadline.cancel();
    await this.#cluster.close(until - this.#house.clock.now());
    if (!this.#isOver) this.actor.send({ type: 'DRAINED' });
    sweeper.letGo();
  }

  /** No more walks; everybody gets what is owed, ends its turn, and is closed. */
  #beginDrain(): void {
    this.#visits.refuse(ErrWrite);
    void this.flush().then(() => this.#turn.wake(this.#registry));
  }

  report(error: unknown, where: Where): void {
    this.#house.hooks.report(error, where);
  }

  get #isOver(): boolean {
    return this.actor.getSnapshot().status !== 'active';
  }

  #startRoot(): AnyActorRef {
    const { doors, clock, machines, inspection } = this.#house;
    const registry = this.#registry;
    const visits = this.#visits;
    const failed = (error: unknown): void => this.report(error, { during: 'supervisor' });
    const logic = rootLogic(machines.supervisor, {
      admit: (arrival) => registry.admit(arrival),
      hold: (arrival) => registry.hold(arrival),
      refuse: (arrival) => registry.refuse(arrival),
      admitHeld: () => registry.admitHeld(),
      refuseHeld: () => registry.refuseHeld(),
      forget: (actorId) => registry.forget(actorId),
      bury: (actorId, error) => registry.bury(actorId, error),
      // The charts know of no handles: what a message carries of them is typed here.
      issue: ({ except, messages }) => this.#issue(except as Except, messages as readonly OutgoingMessage[]),
      count: ({ reply }) => doors.afterwards(() => reply(this.total)),
      queueVisit: (visiting) => visits.queue(visiting),
      beginVisit: () => visits.begin(registry.registered),
      beginDrain: () => doors.afterwards(() => this.#beginDrain()),
      stopped: (stopChild) => this.#stopped(stopChild),
      failed,
    });
    const actor = createActor(watchedLogic(logic, inspection), { id: 'supervisor' });
    inspection.began(actor);
    useIndexedScheduler(actor.system, clock);
    actor.subscribe({ error: failed });
    doors.guard(actor, { takeHot: (event) => this.#takeHot(actor, event) });
    return actor.start();
  }

  #stopped(stopChild: (actor: AnyActorRef) => void): void {
    for (const actor of [...this.#registry.actors, ...this.#cluster.actors]) stopChild(actor);
    this.#visits.refuse(ErrWrite, (tell) => this.#house.doors.afterwards(tell));
    this.#house.doors.afterwards(() => this.#registry.endAll());
    this.#house.doors.afterwards(() => this.#cluster.cut());
  }

  /** BROADCAST and COUNT are taken at the door, whatever the supervisor is busy with, unless its chart has them. */
  #takeHot(actor: AnyActorRef, event: EventObject): boolean {
    // Whoever sends to the root actor promises its messages; what is none of these goes on to the chart.
    const message = event as SupervisorMessage;
    if (message.type !== 'BROADCAST' && message.type !== 'COUNT') return false;
    if (owns(actor.getSnapshot(), message.type)) {
      // What the program got wrong is told to it, not to the chart.
      if (message.type === 'BROADCAST') this.#issues.check(message.messages);
      return false;
    }
    if (this.#house.inspection.seesPassed) this.#house.inspection.passed(actor, event);
    if (message.type === 'BROADCAST') this.#issue(message.except, message.messages);
    else message.reply(this.total);
    return true;
  }

  #issue(except: Except, messages: readonly OutgoingMessage[]): void {
    if (this.#isOver) this.counters.broadcastsAfterClose += messages.length;
    else this.#issues.broadcast(except, messages);
  }
}

const connectionBehind = (recipient: Recipient): Connection | undefined =>
  recipient instanceof Connection ? recipient : undefined;

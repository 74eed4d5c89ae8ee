import { type AnyActorRef, type AnyStateMachine, createActor, type EventObject } from 'xstate';
import { Audience, type Recipient } from '../broadcast/audience.js';
import { Broadcaster } from '../broadcast/broadcaster.js';
import { connectionMachine } from '../machines/connection.js';
import { namespaceMachine } from '../machines/namespace.js';
import { roomMachine } from '../machines/room.js';
import { type SupervisorEvent, supervisorMachine } from '../machines/supervisor.js';
import { encode } from '../protocol/codec.js';
import { closeReasons, ErrWrite } from '../protocol/errors.js';
import { assertOutgoing, type Message, type OutgoingMessage } from '../protocol/message.js';
import { type AskOptions, Asks } from './asks.js';
import { Chart } from './chart.js';
import { Connection, type ConnectionLimits, type DisconnectReason, type House } from './connection.js';
import { type Counters, makeCounters } from './counters.js';
import { Doors } from './door.js';
import { type Events, Handlers, type Namespaces, type Where } from './handlers.js';
import { Conn, type Except, Exclusion, NSConn, Room, type ServerFace, type UpgradeRequest } from './handles.js';
import { inquire } from './inquiry.js';
import { type Clock, useIndexedScheduler } from './scheduler.js';
import type { Socket, SocketListener } from './socket.js';
import { Standing } from './standing.js';
import { Sweeper } from './sweeper.js';
import { Turn } from './turn.js';
import { type Visit, Visits } from './visits.js';
import { type ConnectionDelays, type EarlyLimits, guardedLogic, wire } from './wiring.js';

/** A websocket that wants to become a connection. */
export interface Arrival {
  readonly id: string;
  readonly request: UpgradeRequest;
  readonly socket: Socket;
  /** From now on this listens to the socket. */
  attach(listener: SocketListener): void;
}

export interface SupervisorOptions {
  readonly server: ServerFace;
  readonly namespaces: Namespaces;
  readonly events: Events | undefined;
  readonly limits: ConnectionLimits & {
    readonly early: EarlyLimits;
    readonly delays: ConnectionDelays;
    readonly asks: { readonly timeout: number; readonly pending: number };
    readonly heldTimeout: number;
  };
  readonly clock: Clock;
  readonly sliceMs: number;
  readonly syncBroadcaster: boolean;
  readonly fireDisconnectAlways: boolean;
  readonly onConnect: ((conn: Conn) => unknown) | undefined;
  readonly onDisconnect: ((conn: Conn, reason: DisconnectReason) => unknown) | undefined;
  readonly onError: ((error: unknown, where: Where) => void) | undefined;
}

/** The messages that the root actor takes. */
export type SupervisorMessage =
  | { readonly type: 'BROADCAST'; readonly except: Except; readonly messages: readonly OutgoingMessage[] }
  | { readonly type: 'DO'; readonly visit: Visit; readonly done?: (failure?: unknown) => void }
  | { readonly type: 'COUNT'; readonly reply: (count: number) => void };

/** The root actor and what it owns: every connection, the audience, the broadcaster, the walks. */
export class Supervisor {
  readonly counters: Counters = makeCounters();
  readonly actor: AnyActorRef;
  readonly handlers: Handlers;
  readonly #audience = new Audience();
  readonly #broadcaster: Broadcaster;
  readonly #asks: Asks;
  readonly #sweeper: Sweeper;
  readonly #turn: Turn;
  readonly #visits: Visits;
  readonly #doors: Doors;
  readonly #house: House;
  readonly #logic: typeof connectionMachine;
  /** Every connection that is counted, in the order of registration. */
  readonly #registered = new Set<Connection>();
  /** Every connection whose actor lives. */
  readonly #children = new Map<string, Connection>();
  readonly #byActor = new WeakMap<AnyActorRef, Connection>();
  readonly #standings = new WeakMap<object, Standing>();
  /** Connections whose last handler has not run yet. */
  readonly #departing = new Set<Connection>();
  readonly #held = new Map<Arrival, { cancel(): void }>();
  #lastId = 0;
  #onEmpty: (() => void) | undefined;

  constructor(private readonly options: SupervisorOptions) {
    const { clock, limits, sliceMs } = options;
    this.handlers = new Handlers(options.namespaces, options.events);
    this.#sweeper = new Sweeper(clock);
    this.#asks = new Asks(this.#sweeper, limits.asks);
    this.#doors = new Doors((error) => this.report(error, { during: 'chart' }));
    this.#turn = new Turn(clock, sliceMs);
    const now = (): number => clock.now();
    this.#broadcaster = new Broadcaster(this.#audience, now, () => this.#turn.wake(this.#broadcaster));
    this.#visits = new Visits(
      now,
      this.#sweeper,
      limits.handlerTimeout,
      () => this.#turn.wake(this.#visits),
      () => this.actor.send({ type: 'VISITED' }),
    );
    this.#house = this.#furnish();
    const of = (actor: AnyActorRef): Connection => this.#connectionOf(actor);
    this.#logic = guardedLogic(wire(connectionMachine, of, limits.early, limits.delays), of);
    this.actor = this.#startRoot();
  }

  get total(): number {
    return this.#registered.size;
  }
  get isAccepting(): boolean {
    return this.actor.getSnapshot().hasTag('accepting');
  }

  connect(arrival: Arrival): void {
    this.actor.send({ type: 'CONNECT', arrival });
  }

  broadcast(except: Except, messages: readonly OutgoingMessage[]): void {
    this.actor.send({ type: 'BROADCAST', except, messages });
  }

  do(visit: Visit): Promise<void> {
    if (typeof visit !== 'function') throw new TypeError(`do takes a function (conn), got ${typeof visit}`);
    return new Promise((resolve, reject) => {
      const done = (failure?: unknown): void => (failure === undefined ? resolve() : reject(failure));
      this.actor.send({ type: 'DO', visit, done });
    });
  }

  ask(message: OutgoingMessage, options: AskOptions): Promise<Message> {
    this.#check(message);
    const seatOf = (connection: object) => this.#standings.get(connection)?.seat;
    const parts = { audience: this.#audience, broadcaster: this.#broadcaster, asks: this.#asks, seatOf };
    return inquire(message, options, parts);
  }

  flush(): Promise<void> {
    return this.#broadcaster.flush();
  }

  connections(): Conn[] {
    return Array.from(this.#registered, ({ conn }) => conn);
  }
  members(namespace: string, room: string): NSConn[] {
    const seats = this.#audience.topic(namespace, room)?.members ?? [];
    return Array.from(seats, ({ recipient }) => connectionBehind(recipient)?.memberships.nsConn(namespace)).filter(
      (ns) => ns !== undefined,
    );
  }
  roomNames(namespace: string): string[] {
    return this.#audience.roomNames(namespace);
  }

  /** Bytes that were issued and not yet given to everybody. */
  get logBytes(): number {
    return this.#broadcaster.logBytes;
  }

  /** Lets nobody in any more, gives everybody what is owed, and closes them; cut short after `timeout` milliseconds. */
  async drain(timeout: number): Promise<void> {
    this.actor.send({ type: 'DRAIN' });
    const empty = new Promise<void>((resolve) => {
      this.#onEmpty = resolve;
    });
    this.#sweeper.after(timeout, () => this.#cutShort());
    await Promise.race([this.#broadcaster.flush(), empty]);
    const { code, text } = closeReasons.draining;
    for (const connection of [...this.#registered]) connection.close(code, text);
    this.#checkEmpty();
    await empty;
    this.actor.send({ type: 'DRAINED' });
    this.#sweeper.stop();
  }

  report(error: unknown, where: Where): void {
    try {
      this.options.onError?.(error, where);
    } catch {
      // An error of the error hook itself has nowhere to go, and must not reach a connection.
    }
  }

  #furnish(): House {
    const { server, limits, onConnect, onDisconnect, fireDisconnectAlways } = this.options;
    const { handlers } = this;
    return {
      server,
      handlers,
      nativeMode: handlers.isNativeOnly ? 'only' : handlers.takesNative ? 'mixed' : 'none',
      charts: { namespace: new Chart(namespaceMachine), room: new Chart(roomMachine) },
      asks: this.#asks,
      sweeper: this.#sweeper,
      doors: this.#doors,
      counters: this.counters,
      limits,
      fireDisconnectAlways,
      onConnect,
      onDisconnect,
      report: (error, where) => this.report(error, where),
      retired: (connection) => {
        if (this.#registered.delete(connection)) this.#departing.add(connection);
      },
      departed: (connection) => {
        this.#departing.delete(connection);
        this.#checkEmpty();
      },
    };
  }

  #connectionOf(actor: AnyActorRef): Connection {
    const connection = this.#byActor.get(actor);
    if (!connection) throw new Error(`actor ${actor.id} is no connection of this supervisor`);
    return connection;
  }

  // The root actor

  #startRoot(): AnyActorRef {
    const machine = supervisorMachine.provide({
      actions: {
        admit: ({ event }) => event.type === 'CONNECT' && this.#admit(event.arrival as Arrival),
        hold: ({ event }) => event.type === 'CONNECT' && this.#hold(event.arrival as Arrival),
        refuse: ({ event }) => event.type === 'CONNECT' && this.#refuse(event.arrival as Arrival),
        admitHeld: () => this.#releaseHeld((arrival) => this.#admit(arrival)),
        refuseHeld: () => this.#releaseHeld((arrival) => this.#refuse(arrival)),
        queueVisit: ({ event }) => event.type === 'DO' && this.#visits.queue(toVisiting(event)),
        beginVisit: () => this.#visits.begin(this.#registered),
        refuseVisit: ({ event }) => event.type === 'DO' && toVisiting(event).done(ErrWrite),
        forget: ({ event }) => event.type === 'CONNECTION.CLOSED' && this.#forget(event.actorId),
        bury: ({ event }) => event.type === 'CONNECTION.FAILED' && this.#bury(event.actorId, event.error),
        beginDrain: () => this.#visits.refuse(ErrWrite),
      },
    });
    const actor = createActor(this.#rootLogic(machine), { id: 'supervisor' });
    useIndexedScheduler(actor.system, this.options.clock);
    actor.subscribe({ error: (error) => this.report(error, { during: 'supervisor' }) });
    this.#doors.guard(actor, (event) => this.#takeHot(event));
    return actor.start();
  }

  /** Turns what xstate tells of each child, whose type is new each time, into events of a fixed vocabulary. */
  #rootLogic(machine: typeof supervisorMachine): typeof supervisorMachine {
    const transition: AnyStateMachine['transition'] = (snapshot, event, scope) => {
      const { type, actorId } = event as EventObject & { readonly actorId?: string };
      if (type === 'xstate.stop') for (const { actor } of this.#children.values()) scope.stopChild(actor);
      const translated = actorId === undefined ? event : translate(event, actorId);
      return translated ? machine.transition(snapshot, translated as SupervisorEvent, scope) : snapshot;
    };
    return Object.create(machine, { transition: { value: transition } });
  }

  /** BROADCAST and COUNT are taken at the door, whatever the supervisor is busy with. */
  #takeHot(event: EventObject): boolean {
    const message = event as SupervisorMessage;
    if (message.type === 'BROADCAST') {
      this.#issue(message.except, message.messages);
      return true;
    }
    if (message.type === 'COUNT') {
      message.reply(this.total);
      return true;
    }
    return false;
  }

  #issue(except: Except, messages: readonly OutgoingMessage[]): void {
    if (this.actor.getSnapshot().status !== 'active') {
      this.counters.broadcastsAfterClose += messages.length;
      return;
    }
    for (const message of messages) this.#check(message);
    const skipped = this.#skipped(except);
    for (const message of messages) {
      const { namespace = '', room = '', to } = message;
      this.#broadcaster.issue(encode(message), { namespace, room, to, ...skipped });
    }
    if (this.options.syncBroadcaster) this.#broadcaster.walk(Number.POSITIVE_INFINITY);
  }

  #check(message: OutgoingMessage): void {
    assertOutgoing(message);
    const { namespace = '' } = message;
    if (this.handlers.declares(namespace)) return;
    const declared = this.handlers.namespaces.map((name) => `"${name}"`).join(', ');
    throw new TypeError(`namespace "${namespace}" is not declared; declared are ${declared}`);
  }

  #skipped(except: Except): { readonly except: Recipient | null; readonly exceptId: string | null } {
    if (except === null) return { except: null, exceptId: null };
    if (except instanceof Exclusion) return { except: null, exceptId: except.id };
    const conn = except instanceof Conn ? except : except instanceof NSConn ? except.conn : undefined;
    const skipped = conn ?? (except instanceof Room ? except.nsConn.conn : undefined);
    if (!skipped) throw new TypeError('broadcast takes null, a Conn, NSConn or Room, or exclude(id) as its first');
    return { except: this.#byActor.get(skipped.actor) ?? null, exceptId: null };
  }

  // Connections

  #admit(arrival: Arrival): void {
    const { id, request, socket } = arrival;
    if (!socket.isOpen) return;
    const actorId = `connection-${++this.#lastId}`;
    const input = { id, isNativeOnly: this.#house.nativeMode === 'only' };
    const actor = createActor(this.#logic, { parent: this.actor, id: actorId, src: 'connection', input });
    const connection = new Connection(id, request, actor, socket, this.#house, (recipient) => this.#seat(recipient));
    this.#byActor.set(actor, connection);
    this.#children.set(actorId, connection);
    this.#registered.add(connection);
    this.#doors.guard(actor, (event) => connection.takeHot(event));
    this.#doors.within(() => actor.start());
    arrival.attach(connection);
  }

  #seat(connection: Connection): Standing {
    const standing = new Standing(connection, this.#audience, this.#broadcaster);
    this.#standings.set(connection, standing);
    return standing;
  }

  #hold(arrival: Arrival): void {
    const { code, text } = closeReasons.busy;
    arrival.socket.pause();
    const giveUp = (): void => {
      this.#held.delete(arrival);
      arrival.socket.close(code, text);
    };
    this.#held.set(arrival, this.#sweeper.after(this.options.limits.heldTimeout, giveUp));
  }

  #releaseHeld(release: (arrival: Arrival) => void): void {
    for (const [arrival, deadline] of [...this.#held]) {
      this.#held.delete(arrival);
      deadline.cancel();
      release(arrival);
      arrival.socket.resume();
    }
  }

  #refuse({ socket }: Arrival): void {
    this.counters.refusedArrivals++;
    socket.destroy();
  }

  #forget(actorId: string): void {
    this.#children.delete(actorId);
    this.#doors.afterwards(() => this.#checkEmpty());
  }

  #bury(actorId: string, error: unknown): void {
    const connection = this.#children.get(actorId);
    this.#children.delete(actorId);
    this.#doors.afterwards(() => connection?.fail(error));
  }

  #checkEmpty(): void {
    if (this.#children.size === 0 && this.#departing.size === 0 && this.#registered.size === 0) this.#onEmpty?.();
  }

  #cutShort(): void {
    for (const connection of [...this.#registered, ...this.#children.values()]) connection.release();
    for (const connection of this.#departing) connection.abandon();
  }
}

const connectionBehind = (recipient: Recipient): Connection | undefined =>
  recipient instanceof Connection ? recipient : undefined;

const toVisiting = ({ visit, done = () => {} }: Extract<SupervisorEvent, { type: 'DO' }>) => ({
  visit: visit as Visit,
  done,
});

const translate = (event: EventObject, actorId: string): SupervisorEvent | undefined => {
  if (event.type.startsWith('xstate.done.actor.')) return { type: 'CONNECTION.CLOSED', actorId };
  if (event.type.startsWith('xstate.error.actor.')) {
    return { type: 'CONNECTION.FAILED', actorId, error: 'error' in event ? event.error : undefined };
  }
  return event as SupervisorEvent;
};

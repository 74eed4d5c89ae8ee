import { type AnyActorRef, createActor } from 'xstate';
import type { Broadcaster } from '../../broadcast/broadcaster.js';
import { closeReasons } from '../../protocol/errors.js';
import type { Conn } from '../api/handles.js';
import { Connection } from '../connection/connection.js';
import type { ConnectionListener } from '../connection/lifecycle.js';
import {
  type Author,
  type CloseRecord,
  causeOf,
  initialFlags,
  type StateFlags,
  stageOf,
} from '../connection/lifecycle.js';
import type { ConnectionLogic } from '../connection/logic.js';
import type { ServerContext } from '../context.js';
import type { BackgroundTask } from '../runtime/background.js';
import type { Deadline } from '../runtime/deadlines.js';
import { Heartbeat } from '../transport/heartbeat.js';
import type { Arrival, Socket } from '../transport/socket.js';

/** How other servers find a connection. */
export interface Reachability {
  /** They can at all, at present. */
  readonly isOnline: boolean;
  /** There is one more with this id; `heard` when others reach it, or cannot for now (EX3). */
  hold(id: string, heard: () => void): void;
  /** There is one less. */
  release(id: string): void;
}

/** The books of the supervisor: who wants in, who is counted, whose actor lives, who is on the way out. */
export class Registry implements ConnectionListener<Connection>, BackgroundTask {
  /** Every connection that is counted, in the order of registration. */
  readonly #registered = new Set<Connection>();
  /** Every connection whose actor lives; xstate's own list of children costs more with each of them. */
  readonly #living = new Map<string, Connection>();
  /** Connections whose last handler has not run yet. */
  readonly #finishing = new Set<Connection>();
  /** Sockets that have no connection any more, or never had one. */
  readonly #lingering = new Map<Socket, Deadline>();
  readonly #held = new Map<Arrival, Deadline>();
  readonly #byActor = new WeakMap<AnyActorRef, Connection>();
  readonly #logic: ConnectionLogic;
  readonly #heartbeat: Heartbeat;
  #lastId = 0;
  /** What the actors of all connections have been started with. */
  #optionsOfAll: { readonly parent: AnyActorRef; readonly src: string } | undefined;
  #drainWave: IterableIterator<Connection> | undefined;
  #onEmpty: (() => void) | undefined;

  constructor(
    private readonly context: ServerContext,
    private readonly reach: Reachability,
    private readonly broadcaster: Broadcaster,
    logicFor: (of: (actor: AnyActorRef) => Connection) => ConnectionLogic,
    private readonly doWaitTimeout: number,
    private readonly root: () => AnyActorRef,
    wake: (walk: BackgroundTask) => void,
  ) {
    const { clock, deadlines, limits } = context;
    const everybody = (): Iterable<Connection> => this.#registered;
    const now = (): number => clock.now();
    this.#heartbeat = new Heartbeat(everybody, now, deadlines, () => wake(this.#heartbeat), limits);
    this.#logic = logicFor((actor) => this.connectionOf(actor));
  }

  get total(): number {
    return this.#registered.size;
  }
  /** Those whose actor lives on, for as long as the peer has to answer the close frame. */
  get closing(): number {
    return Math.max(0, this.#living.size - this.#registered.size);
  }
  get registered(): Iterable<Connection> {
    return this.#registered;
  }
  get ids(): string[] {
    return Array.from(this.#registered, ({ id }) => id);
  }
  get everyLiving(): Iterable<Connection> {
    return this.#living.values();
  }
  living(actorId: string): Connection | undefined {
    return this.#living.get(actorId);
  }
  get actors(): AnyActorRef[] {
    return Array.from(this.#living.values(), ({ actor }) => actor);
  }
  get conns(): Conn[] {
    return Array.from(this.#registered)
      .filter(({ isAgreed }) => isAgreed)
      .map(({ conn }) => conn);
  }

  find(actor: AnyActorRef): Connection | undefined {
    return this.#byActor.get(actor);
  }
  connectionOf(actor: AnyActorRef): Connection {
    const connection = this.find(actor);
    if (!connection) throw new Error(`actor ${actor.id} is no connection of this supervisor`);
    return connection;
  }

  // Coming

  /** The connection begins once the mailboxes are empty: an actor is not made inside another one's action. */
  admit(arrival: Arrival): void {
    this.context.mailboxes.defer(() => this.#begin(arrival));
  }

  /** Keeps an arrival, paused, while a walk goes on (DO2), or until its socket is gone. */
  hold(arrival: Arrival): void {
    const { code, text } = closeReasons.busy;
    const ignore = (): void => {};
    const leave = (): void => {
      this.#held.get(arrival)?.cancel();
      this.#held.delete(arrival);
    };
    const giveUp = (): void => {
      this.#held.delete(arrival);
      this.context.counters.refusedArrivals++;
      arrival.socket.close(code, text);
      arrival.socket.isReading = true;
      this.onDetached(arrival.socket);
    };
    arrival.attach({
      socketOnMessage: ignore,
      socketOnDrain: ignore,
      socketOnClosing: ignore,
      socketOnClose: leave,
    });
    arrival.socket.isReading = false;
    this.#held.set(arrival, this.context.deadlines.after(this.doWaitTimeout, giveUp));
  }

  admitHeld(): void {
    this.#releaseHeld((arrival) => this.admit(arrival));
  }
  refuseHeld(): void {
    this.#releaseHeld((arrival) => this.refuse(arrival));
  }

  refuse({ socket }: Arrival): void {
    this.context.counters.refusedArrivals++;
    socket.destroy();
  }

  // Going

  /** It has been told goodbye, and goes by itself or, in a moment, all the same; nobody else looks after it any more. */
  onDetached(socket: Socket): void {
    const { deadlines, limits } = this.context;
    const go = (): void => {
      this.#lingering.delete(socket);
      socket.destroy();
    };
    this.#lingering.set(socket, deadlines.after(limits.closeTimeout, go));
  }

  onState(connection: Connection, from: StateFlags, to: StateFlags, ending: CloseRecord, author: Author): void {
    const { stages, closes } = this.context.meters;
    const before = stageOf(from);
    const after = stageOf(to);
    if (before === after) return;
    if (this.#registered.has(connection)) {
      stages[before]--;
      stages[after]++;
    }
    if (after === 'closing') closes[causeOf(ending, author)]++;
  }

  onDrained(connection: Connection): void {
    this.#heartbeat.clear(connection);
  }

  onClosing(connection: Connection, last: StateFlags): void {
    this.#heartbeat.clear(connection);
    if (this.#registered.delete(connection)) {
      this.context.meters.stages[stageOf(last)]--;
      this.#finishing.add(connection);
      this.reach.release(connection.id);
    }
    if (this.#registered.size === 0) this.#heartbeat.stop();
  }

  onFinished(connection: Connection): void {
    this.#finishing.delete(connection);
    this.#checkEmpty();
  }

  /** An actor has come to its end. */
  onStopped(actorId: string): void {
    this.#living.delete(actorId);
    this.context.mailboxes.defer(() => this.#checkEmpty());
  }

  /** An actor has failed. */
  onCrashed(actorId: string, error: unknown): void {
    const connection = this.#living.get(actorId);
    this.#living.delete(actorId);
    this.context.mailboxes.defer(() => {
      connection?.crash(error);
      this.#checkEmpty();
    });
  }

  /** Resolves when nobody is left; from `cutShort` on nobody is waited for. */
  whenEmpty(): Promise<void> {
    return new Promise((resolve) => {
      this.#onEmpty = resolve;
      this.#checkEmpty();
    });
  }

  /** A slice of goodbyes: closes whoever is still there, each once. */
  run(until: number): boolean {
    const { code, text } = closeReasons.draining;
    this.#drainWave ??= this.#registered.values();
    for (const connection of this.#drainWave) {
      connection.drain(code, text);
      if (this.context.clock.now() >= until) return true;
    }
    return false;
  }

  killAll(): void {
    for (const connection of [...this.#registered, ...this.#living.values(), ...this.#finishing]) connection.kill();
    this.destroyLingering();
    this.#onEmpty?.();
  }

  /** Every actor has been stopped from outside: nothing of the charts is left to end anybody. */
  failAll(): void {
    for (const connection of this.#living.values()) connection.crash(new Error('the root actor was stopped'));
    this.#living.clear();
    this.refuseHeld();
    this.destroyLingering();
    this.#checkEmpty();
  }

  destroyLingering(): void {
    for (const [socket, deadline] of this.#lingering) {
      deadline.cancel();
      socket.destroy();
    }
    this.#lingering.clear();
  }

  #begin(given: Arrival): void {
    if (!given.socket.writable) return;
    const { context, reach } = this;
    const arrival = context.wrapSocket(given);
    const actorId = `connection-${++this.#lastId}`;
    const isReachable = !reach.isOnline;
    const input = { id: arrival.id, isNativeOnly: context.nativeMode === 'only', isReachable };
    this.#optionsOfAll ??= { parent: this.root(), src: 'connection' };
    const actor = createActor(this.#logic, { ...this.#optionsOfAll, id: actorId, input });
    const connection = new Connection(arrival, actor, context, this, this.broadcaster);
    this.#byActor.set(actor, connection);
    this.#living.set(actorId, connection);
    this.#registered.add(connection);
    this.context.meters.admitted++;
    this.context.meters.stages[stageOf(initialFlags)]++;
    context.mailboxes.intercept(actor, connection);
    if (context.inspection.isOn) context.inspection.began(actor);
    context.mailboxes.enter(() => actor.start());
    // It needs them no more, and every copy that xstate makes of them is an object with a hidden class of its own.
    actor.options = this.#optionsOfAll;
    arrival.attach(connection);
    this.#heartbeat.start();
    // Its own chart may have ended it at once.
    if (!this.#registered.has(connection)) return;
    reach.hold(arrival.id, () => {
      if (!isReachable && actor.getSnapshot().status === 'active') actor.send({ type: 'REACHED' });
    });
  }

  #releaseHeld(release: (arrival: Arrival) => void): void {
    for (const [arrival, deadline] of [...this.#held]) {
      this.#held.delete(arrival);
      deadline.cancel();
      release(arrival);
      arrival.socket.isReading = true;
    }
  }

  #checkEmpty(): void {
    if (this.#registered.size + this.#living.size + this.#finishing.size === 0) this.#onEmpty?.();
  }
}

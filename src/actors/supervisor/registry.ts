import type { AnyActorRef } from 'xstate';
import type { Conn } from '../api/conn.js';
import type { Cluster } from '../cluster/cluster.js';
import type { Connection } from '../connection/connection.js';
import {
  type CloseRecord,
  type ConnectionListener,
  closeCause,
  initialFlags,
  type StateFlags,
  stageOf,
} from '../connection/lifecycle.js';
import type { ServerContext } from '../context.js';
import { sendIfActive } from '../runtime/mailbox.js';
import { Endings } from '../transport/endings.js';
import { Heartbeat } from '../transport/heartbeat.js';
import type { Arrival, Socket } from '../transport/socket.js';
import type { Arrivals } from './arrivals.js';
import type { ConnectionFactory } from './connectionFactory.js';

/**
 * `registered`: counted, pinged and visited. `finishing`: closed, but its `onDisconnect` has not settled. `finished`:
 * closed, and its `onDisconnect` has settled.
 */
type Phase = 'registered' | 'finishing' | 'finished';

interface Entry {
  readonly connection: Connection;
  phase: Phase;
  /** Whether its actor runs. That of a closed connection runs until the client has answered the close frame. */
  isRunning: boolean;
}

const ignore = (): void => {};

/** Returns what tells an actor that others reach its connection. */
const whenReached = (actor: AnyActorRef) => (): void => sendIfActive(actor, { type: 'REACHED' });

/** The connections of one server: each from its registration until its actor has stopped and it is finished. */
export class Registry implements ConnectionListener<Connection> {
  /** Every entry by the id of its actor, in the order of registration. */
  readonly #entries = new Map<string, Entry>();
  /** The connections in phase `registered`, in the same order. Counts and visits need not skip closed ones. */
  readonly #registered = new Set<Connection>();
  readonly #heartbeat: Heartbeat;
  readonly #endings: Endings;
  /** The number of entries whose actors run. */
  #runningCount = 0;
  #onEmpty: (() => void) | undefined;

  constructor(
    private readonly context: ServerContext,
    private readonly arrivals: Arrivals,
    private readonly factory: ConnectionFactory,
    private readonly cluster: Cluster,
  ) {
    this.#heartbeat = new Heartbeat(this.#registered, context);
    this.#endings = new Endings(context);
  }

  /** The number of registered connections. Cost: constant (DO5). */
  get total(): number {
    return this.#registered.size;
  }
  /** The number of closed connections whose actors still run. Cost: constant (IN7). */
  get closing(): number {
    return Math.max(0, this.#runningCount - this.#registered.size);
  }
  /** The registered connections, in the order of registration. An iteration sees changes that happen meanwhile. */
  get registered(): Iterable<Connection> {
    return this.#registered;
  }
  /** The handles of all registered connections that `onConnect` has accepted. */
  get conns(): Conn[] {
    return Array.from(this.#registered)
      .filter(({ isAgreed }) => isAgreed)
      .map(({ conn }) => conn);
  }
  /** The ids of all registered connections. */
  get ids(): string[] {
    return Array.from(this.#registered, ({ id }) => id);
  }
  /** The running actors of all connections. */
  get actors(): AnyActorRef[] {
    return Array.from(this.running(), ({ actor }) => actor);
  }

  /** Yields the connections whose actors run, closed ones included, in the order of registration. */
  *running(): Generator<Connection> {
    for (const { connection, isRunning } of this.#entries.values()) if (isRunning) yield connection;
  }

  /** Returns the connection whose actor runs under this id. */
  findRunning(actorId: string): Connection | undefined {
    const entry = this.#entries.get(actorId);
    return entry?.isRunning ? entry.connection : undefined;
  }

  /** Registers an arrival once the mailboxes are empty: no actor is created inside an action of another. */
  admit(arrival: Arrival, root: AnyActorRef): void {
    this.context.mailboxes.defer(() => this.#register(arrival, root));
  }

  /** Counts a new state of a connection. */
  onState(connection: Connection, from: StateFlags, to: StateFlags, record: CloseRecord): void {
    const { stages, closes } = this.context.meters;
    const before = stageOf(from);
    const after = stageOf(to);
    if (before === after) return;
    if (this.#registered.has(connection)) {
      stages[before]--;
      stages[after]++;
    }
    if (after === 'closing') closes[closeCause(record)]++;
  }

  /** Clears the heartbeat's check: an empty queue is a sign of life. */
  onDrained(connection: Connection): void {
    this.#heartbeat.clear(connection);
  }

  /** Removes a connection from the count. Does nothing the second time. */
  onClosing(connection: Connection, last: StateFlags): void {
    this.#heartbeat.clear(connection);
    const entry = this.#entries.get(connection.actor.id);
    if (entry?.phase === 'registered') {
      entry.phase = 'finishing';
      this.#registered.delete(connection);
      this.context.meters.stages[stageOf(last)]--;
      if (connection.session?.isAware) this.context.meters.aware--;
      this.cluster.release(connection.id);
    }
    if (this.#registered.size === 0) this.#heartbeat.stop();
  }

  /** Runs the last handlers of a connection, in a slice where many end at once. */
  onEnded(connection: Connection): void {
    this.#endings.add(connection);
  }

  /** Records that the last handler of a connection has settled. */
  onFinished({ actor }: Connection): void {
    const entry = this.#entries.get(actor.id);
    if (entry) {
      entry.phase = 'finished';
      this.#dropIfOver(entry);
    }
    this.#checkEmpty();
  }

  /** Passes the socket of a failed connection to the arrivals. */
  onDetached(socket: Socket): void {
    this.arrivals.linger(socket);
  }

  /** Records that the actor of a connection has stopped. */
  onStopped(actorId: string): void {
    this.#noteStopped(this.#entries.get(actorId));
    this.context.mailboxes.defer(() => this.#checkEmpty());
  }

  /** Ends the connection whose actor has failed (SV1). */
  onCrashed(actorId: string, error: unknown): void {
    const connection = this.findRunning(actorId);
    this.#noteStopped(this.#entries.get(actorId));
    this.context.mailboxes.defer(() => {
      connection?.end('crash');
      connection?.reportFailure(error);
      this.#checkEmpty();
    });
  }

  /** Resolves when no entry is left, or at `killAll`. */
  whenEmpty(): Promise<void> {
    return new Promise((resolve) => {
      this.#onEmpty = resolve;
      this.#checkEmpty();
    });
  }

  /** Ends every connection at once, and resolves `whenEmpty` without waiting for handlers. */
  killAll(): void {
    const closed = [...this.#entries.values()].filter(({ phase }) => phase !== 'registered');
    for (const connection of [...this.#registered, ...closed.map((entry) => entry.connection)]) connection.end('kill');
    this.#onEmpty?.();
  }

  /** Ends every connection after the root actor was stopped from outside, which has stopped their actors. */
  failAll(): void {
    const entries = [...this.#entries.values()];
    for (const { connection, isRunning } of entries) {
      if (!isRunning) continue;
      connection.end('crash');
      connection.reportFailure(new Error('the root actor was stopped'));
    }
    for (const entry of entries) this.#noteStopped(entry);
    this.#checkEmpty();
  }

  #register(given: Arrival, root: AnyActorRef): void {
    if (!given.socket.writable) return;
    const { context, cluster, factory } = this;
    const arrival = context.wrapSocket(given);
    const isReachable = !cluster.isOnline;
    const connection = factory.create(arrival, root, this, isReachable);
    const { actor } = connection;
    this.#entries.set(actor.id, { connection, phase: 'registered', isRunning: true });
    this.#registered.add(connection);
    this.#runningCount++;
    context.meters.admitted++;
    context.meters.stages[stageOf(initialFlags)]++;
    if (connection.session?.isAware) context.meters.aware++;
    factory.start(connection);
    arrival.attach(connection.session ?? connection);
    this.#heartbeat.start();
    // A chart of the program may have closed it at its start.
    if (!this.#registered.has(connection)) return;
    cluster.hold(arrival.id, isReachable ? ignore : whenReached(actor));
  }

  #noteStopped(entry: Entry | undefined): void {
    if (!entry?.isRunning) return;
    entry.isRunning = false;
    this.#runningCount--;
    this.#dropIfOver(entry);
  }

  #dropIfOver({ connection, phase, isRunning }: Entry): void {
    if (phase === 'finished' && !isRunning) this.#entries.delete(connection.actor.id);
  }

  #checkEmpty(): void {
    if (this.#entries.size === 0) this.#onEmpty?.();
  }
}

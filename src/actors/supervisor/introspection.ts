import type { DeliveryTap, Topics } from '../../broadcast/topics.js';
import type { NativeMode } from '../../protocol/codec.js';
import type { Conn } from '../api/conn.js';
import { Connection } from '../connection/connection.js';
import type { MembershipState } from '../connection/memberships.js';
import type { Machines, ServerContext } from '../context.js';
import type { Clock } from '../runtime/clock.js';
import type { Random } from '../runtime/random.js';
import type { InspectionObserver, StepListener } from '../telemetry/inspection.js';
import type { AbnormalClose, RecordedStep } from '../telemetry/recorder.js';
import type { Traffic } from '../transport/socket.js';
import type { ConnectionFactory } from './connectionFactory.js';
import type { Registry } from './registry.js';

/** What a connection uses. */
export interface ConnectionUsage {
  /** Bytes of its socket, of every kind of frame. */
  readonly traffic: Traffic;
  /** Frames and calls that wait in its inbox. */
  readonly turns: number;
  /** Asks that its client has not answered yet. */
  readonly asks: number;
}

/** Everything that a running server shows to observers and to the inspector. */
export class Introspection {
  readonly #showDelivery: DeliveryTap;

  constructor(
    private readonly context: ServerContext,
    private readonly registry: Registry,
    private readonly factory: ConnectionFactory,
    private readonly topics: Topics,
  ) {
    const { inspection, recorder } = context;
    this.#showDelivery = (to, bytes, messages) => {
      // A chart that handles DELIVER itself shows each delivery by its steps.
      if (to instanceof Connection && !to.flags.ownsDeliveries) inspection.delivered(to.actor, bytes, messages);
    };
    if (recorder) inspection.subscribe(recorder);
  }

  /**
   * Calls an observer with the inspection events of the root actor, of the link, and of the connections that it wants
   * (IN1, IN4). Default: of all connections. Returns a function that ends this.
   */
  inspect(observer: InspectionObserver, wants: (conn: Conn) => boolean = () => true): () => void {
    return this.#tapDeliveries(() =>
      this.context.inspection.observe(observer, (actor) => {
        const connection = this.factory.find(actor);
        return connection === undefined || wants(connection.conn);
      }),
    );
  }

  /** Calls a listener for every step of every actor, at once. Returns a function that ends this. */
  subscribe(listener: StepListener): () => void {
    const { inspection } = this.context;
    const subscribe = (): (() => void) => inspection.subscribe(listener);
    return listener.passed ? this.#tapDeliveries(subscribe) : subscribe();
  }

  /** The source of time, timers and ticks. */
  get clock(): Clock {
    return this.context.clock;
  }
  /** The source of random numbers. */
  get random(): Random {
    return this.context.random;
  }
  /** The charts that run. */
  get machines(): Machines {
    return this.context.machines;
  }
  /** Which messages are native. */
  get nativeMode(): NativeMode {
    return this.context.nativeMode;
  }
  /** The names of the declared namespaces. */
  get namespaces(): readonly string[] {
    return this.context.handlers.namespaces;
  }
  /** Yields the handles of all connections whose actors run, closed and not yet accepted ones included, in order. */
  *conns(): Generator<Conn> {
    for (const { conn } of this.registry.running()) yield conn;
  }
  /** Returns the handle of the connection whose actor runs under this id. */
  connOf(actorId: string): Conn | undefined {
    return this.registry.findRunning(actorId)?.conn;
  }
  /** Returns the number of members of a namespace (`room` empty) or room. */
  memberCount(namespace: string, room: string): number {
    return this.topics.topic(namespace, room)?.members.size ?? 0;
  }
  /** Returns what a connection uses. */
  usageOf({ actor }: Conn): ConnectionUsage {
    const { socket, inbox, peerAsks } = this.factory.connectionOf(actor);
    return { traffic: socket.traffic, turns: inbox.length, asks: peerAsks.count };
  }

  /** Returns the namespaces and rooms of a connection, including those that it is about to enter or leave. */
  membershipsOf({ actor }: Conn): readonly MembershipState[] {
    return this.factory.find(actor)?.memberships.states() ?? [];
  }

  /** Returns the last steps of a connection. Empty when they are not recorded. */
  pathOf({ actor }: Conn): readonly RecordedStep[] {
    return this.context.recorder?.pathOf(actor) ?? [];
  }

  /** Returns the time since `at`, in ms of the server's clock. */
  since(at: number): number {
    return this.context.clock.now() - at;
  }

  /** The last abnormal closes, the newest first; `undefined` when they are not recorded. */
  get abnormalCloses(): readonly AbnormalClose[] | undefined {
    return this.context.recorder?.abnormalCloses;
  }

  /** Taps the deliveries while a listener wants them: a tap costs each write a call. */
  #tapDeliveries(subscribe: () => () => void): () => void {
    const { delivered } = this.topics;
    // Before the subscription, which may run code of the program, and that may cause a delivery.
    delivered.tap = this.#showDelivery;
    const end = subscribe();
    return () => {
      end();
      if (!this.context.inspection.seesPassed) delivered.tap = undefined;
    };
  }
}

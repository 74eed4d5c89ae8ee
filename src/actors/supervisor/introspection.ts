import type { AnyActorRef } from 'xstate';
import type { DeliveryTap, Topics } from '../../broadcast/topics.js';
import type { Conn } from '../api/handles.js';
import { Connection } from '../connection/connection.js';
import type { MembershipState } from '../connection/memberships.js';
import type { Machines, ServerContext } from '../context.js';
import type { Clock } from '../runtime/clock.js';
import type { Random } from '../runtime/random.js';
import type { InspectionObserver, StepListener } from '../telemetry/inspection.js';
import { type AbnormalClose, type RecordedStep, Recorder, type RecorderLimits } from '../telemetry/recorder.js';
import type { Traffic } from '../transport/socket.js';
import type { Registry } from './registry.js';

/** What has gone over the line of a connection, and what waits. */
export interface ConnectionUsage {
  /** Bytes of its socket, of whatever kind of frame. */
  readonly traffic: Traffic;
  /** Frames and calls that wait for their turn. */
  readonly turns: number;
  /** Asks that its client has not answered. */
  readonly asks: number;
}

/** What is there to see of a running system, for those who want to. */
export class Introspection {
  readonly #recorder: Recorder | undefined;

  constructor(
    private readonly context: ServerContext,
    private readonly registry: Registry,
    private readonly topics: Topics,
    recorder: RecorderLimits | undefined,
  ) {
    const { clock, random, callbacks, inspection } = context;
    const isConnection = (actor: AnyActorRef): boolean => registry.find(actor) !== undefined;
    this.#recorder =
      recorder &&
      new Recorder(
        recorder,
        () => clock.now(),
        isConnection,
        () => random.next(),
      );
    callbacks.recorder = this.#recorder;
    if (this.#recorder) inspection.listen(this.#recorder);
    const show: DeliveryTap = (to, bytes, messages) => {
      // A chart that has deliveries to itself shows them by its steps.
      if (to instanceof Connection && !to.flags.ownsDeliveries) inspection.delivered(to.actor, bytes, messages);
    };
    inspection.onPassing = (isOn) => {
      topics.delivered.tap = isOn ? show : undefined;
    };
  }

  /** Shows an observer the root actor, the link to the broker, and the connections that it asks for (IN1, IN4). */
  inspect(observer: InspectionObserver, wants: (conn: Conn) => boolean = () => true): () => void {
    return this.context.inspection.observe(observer, (actor) => {
      const connection = this.registry.find(actor);
      return connection === undefined || wants(connection.conn);
    });
  }

  /** Every step of every actor, while it is taken. */
  listen(listener: StepListener): () => void {
    return this.context.inspection.listen(listener);
  }

  get clock(): Clock {
    return this.context.clock;
  }
  get random(): Random {
    return this.context.random;
  }
  /** The charts that are run. */
  get machines(): Machines {
    return this.context.machines;
  }
  get namespaces(): readonly string[] {
    return this.context.handlers.namespaces;
  }
  /** Everybody whose actor lives, let in or not, or on the way out, in the order of coming. */
  *conns(): Generator<Conn> {
    for (const { conn } of this.registry.everyLiving) yield conn;
  }
  /** Whose actor lives under this name. */
  connOf(actorId: string): Conn | undefined {
    return this.registry.living(actorId)?.conn;
  }
  /** How many are in a namespace (`room` empty) or room. */
  memberCount(namespace: string, room: string): number {
    return this.topics.topic(namespace, room)?.members.size ?? 0;
  }
  usageOf({ actor }: Conn): ConnectionUsage {
    const { socket, inbox, peerAsks } = this.registry.connectionOf(actor);
    return { traffic: socket.traffic, turns: inbox.length, asks: peerAsks.count };
  }

  /** The namespaces and rooms of a connection, those included that are being entered or left. */
  membershipsOf({ actor }: Conn): readonly MembershipState[] {
    return this.registry.find(actor)?.memberships.states() ?? [];
  }

  /** The last steps of a connection; none when nobody records them. */
  pathOf({ actor }: Conn): readonly RecordedStep[] {
    return this.#recorder?.pathOf(actor) ?? [];
  }

  /** How long ago that was, by the clock of the server. */
  since(at: number): number {
    return this.context.clock.now() - at;
  }

  /** Connections that did not end as they should, the last one first; `undefined` when nobody records that. */
  get abnormalCloses(): readonly AbnormalClose[] | undefined {
    return this.#recorder?.abnormalCloses;
  }
}

import type { AnyActorRef } from 'xstate';
import type { Audience, Witness } from '../../broadcast/topics.js';
import type { Conn } from '../api/handles.js';
import { Connection } from '../connection/connection.js';
import type { Standpoint } from '../connection/memberships.js';
import type { House, Machines } from '../context.js';
import type { InspectionObserver, StepListener } from '../telemetry/inspection.js';
import { type Fallen, type RecordedStep, Recorder, type RecorderLimits } from '../telemetry/recorder.js';
import type { Traffic } from '../transport/socket.js';
import type { Registry } from './registry.js';

/** What has gone over the line of a connection, and what waits. */
export interface Account {
  /** Bytes of its socket, of whatever kind of frame. */
  readonly traffic: Traffic;
  /** Frames and calls that wait for their turn. */
  readonly turns: number;
  /** Asks that its client has not answered. */
  readonly asks: number;
}

/** What is there to see of a running system, for those who want to. */
export class Watching {
  readonly #recorder: Recorder | undefined;

  constructor(
    private readonly house: House,
    private readonly registry: Registry,
    private readonly audience: Audience,
    recorder: RecorderLimits | undefined,
  ) {
    const { clock, hooks, inspection } = house;
    const isConnection = (actor: AnyActorRef): boolean => registry.find(actor) !== undefined;
    this.#recorder = recorder && new Recorder(recorder, () => clock.now(), isConnection);
    hooks.recorder = this.#recorder;
    if (this.#recorder) inspection.listen(this.#recorder);
    const show: Witness = (to, bytes, messages) => {
      // A chart that has deliveries to itself shows them by its steps.
      if (to instanceof Connection && !to.view.ownsDeliveries) inspection.delivered(to.actor, bytes, messages);
    };
    inspection.onPassing = (isOn) => {
      audience.given.witness = isOn ? show : undefined;
    };
  }

  /** Shows an observer the root actor, the link to the broker, and the connections that it asks for (IN1, IN4). */
  inspect(observer: InspectionObserver, wants: (conn: Conn) => boolean = () => true): () => void {
    return this.house.inspection.observe(observer, (actor) => {
      const connection = this.registry.find(actor);
      return connection === undefined || wants(connection.conn);
    });
  }

  /** Every step of every actor, while it is taken. */
  listen(listener: StepListener): () => void {
    return this.house.inspection.listen(listener);
  }

  /** The charts that are run. */
  get machines(): Machines {
    return this.house.machines;
  }
  get namespaces(): readonly string[] {
    return this.house.handlers.namespaces;
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
    return this.audience.topic(namespace, room)?.members.size ?? 0;
  }
  accountOf({ actor }: Conn): Account {
    const { socket, lane, questions } = this.registry.connectionOf(actor);
    return { traffic: socket.traffic, turns: lane.length, asks: questions.count };
  }

  /** The namespaces and rooms of a connection, those included that are being entered or left. */
  standpointsOf({ actor }: Conn): readonly Standpoint[] {
    return this.registry.find(actor)?.memberships.standpoints() ?? [];
  }

  /** The last steps of a connection; none when nobody records them. */
  pathOf({ actor }: Conn): readonly RecordedStep[] {
    return this.#recorder?.pathOf(actor) ?? [];
  }

  /** How long ago that was, by the clock of the server. */
  since(at: number): number {
    return this.house.clock.now() - at;
  }

  /** Connections that did not end as they should, the last one first; `undefined` when nobody records that. */
  get fallen(): readonly Fallen[] | undefined {
    return this.#recorder?.fallen;
  }
}

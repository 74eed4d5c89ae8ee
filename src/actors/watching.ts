import type { AnyActorRef } from 'xstate';
import type { Value } from './chart.js';
import type { Conn } from './handles.js';
import type { House } from './house.js';
import type { InspectionObserver, StepListener } from './inspection.js';
import { type Fallen, Recorder, type RecorderLimits } from './recorder.js';
import type { Registry } from './registry.js';

/** A membership of a connection, and how it stands; that of a namespace itself has no room. */
export interface Standpoint {
  readonly namespace: string;
  readonly room: string;
  readonly value: Value;
}

/** What is there to see of a running system, for those who want to. */
export class Watching {
  readonly #recorder: Recorder | undefined;

  constructor(
    private readonly house: House,
    private readonly registry: Registry,
    recorder: RecorderLimits | undefined,
  ) {
    const { clock, hooks, inspection } = house;
    const isConnection = (actor: AnyActorRef): boolean => registry.find(actor) !== undefined;
    this.#recorder = recorder && new Recorder(recorder, () => clock.now(), isConnection);
    hooks.recorder = this.#recorder;
    if (this.#recorder) inspection.listen(this.#recorder);
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

  /** The namespaces and rooms of a connection, those included that are being entered or left. */
  standpointsOf({ actor }: Conn): readonly Standpoint[] {
    return this.registry.find(actor)?.memberships.standpoints() ?? [];
  }

  /** Connections that did not end as they should, the last one first; `undefined` when nobody records that. */
  get fallen(): readonly Fallen[] | undefined {
    return this.#recorder?.fallen;
  }
}

import type { AnyActorRef, AnyMachineSnapshot, EventObject, StateValue } from 'xstate';
import type { Clock } from '../runtime/clock.js';
import type { Random } from '../runtime/random.js';
import type { ActorDirectory, StepListener } from './inspection.js';

/** How much the recorder keeps. */
export interface RecorderLimits {
  /** Number of steps kept per connection: the last ones. */
  readonly last: number;
  /**
   * Share of connections that are recorded from the start; 1 is all of them. Others are recorded once a step is
   * unusual.
   */
  readonly sample: number;
}

/** One step of a connection's chart. */
export interface RecordedStep {
  /** Milliseconds since the recording of the connection began. */
  readonly at: number;
  /** The type of the event. */
  readonly event: string;
  /** The state before, such as `open.flow.congested`. A `+` separates parallel states. */
  readonly from: string;
  /** The state after. */
  readonly to: string;
  /** The close code and text of the event, such as `1013 slow consumer`. Empty when it has none. */
  readonly why: string;
}

/** A connection that ended with an unusual close code. */
export interface AbnormalClose {
  /** The number of abnormal closes before it. */
  readonly nth: number;
  /** The id of the connection. */
  readonly id: string;
  /** The close code. */
  readonly code: number;
  /** The close text. */
  readonly text: string;
  /** When it ended, in ms of the server's clock. */
  readonly at: number;
  /** Its last steps. */
  readonly path: readonly RecordedStep[];
}

/** Maximum number of abnormal closes that are kept. */
const maxAbnormalCloses = 32;

interface Recording {
  readonly began: number;
  readonly steps: RecordedStep[];
}

/** Returns whether a step belongs to the usual way to an open connection. Such a step needs no recording. */
const isOrdinary = (before: AnyMachineSnapshot, after: AnyMachineSnapshot): boolean =>
  before.hasTag('acknowledging') &&
  after.status === 'active' &&
  (after.hasTag('acknowledging') || after.hasTag('open'));

/** Returns the value of a state as one line. */
const lineOfState = (value: StateValue): string =>
  typeof value === 'string'
    ? value
    : Object.entries(value)
        .map(([key, inner]) => (inner === undefined ? key : `${key}.${lineOfState(inner)}`))
        .join(' + ');

const stateOf = ({ value }: AnyMachineSnapshot): string => lineOfState(value);

/** Maximum length of a text that is kept, as in a close frame. */
const textLength = 123;

/** Returns the close code and text of an event, or `''`. The rest of an event is not kept, as it may be secret. */
export const whyOf = (event: EventObject & { readonly code?: unknown; readonly text?: unknown }): string => {
  const { code, text } = event;
  return typeof code === 'number' ? `${code} ${typeof text === 'string' ? text.slice(0, textLength) : ''}`.trim() : '';
};

/** Records the last steps of connections, to explain an abnormal close (IN5). */
export class Recorder implements StepListener {
  readonly #recordings = new WeakMap<AnyActorRef, Recording>();
  readonly #abnormalCloses: AbnormalClose[] = [];
  #abnormalCount = 0;

  constructor(
    private readonly limits: RecorderLimits,
    private readonly clock: Pick<Clock, 'now'>,
    private readonly random: Pick<Random, 'next'>,
    private readonly directory: Pick<ActorDirectory, 'isConnection'>,
  ) {}

  /** Starts to record a connection of the sample. */
  readonly began = (actor: AnyActorRef): void => {
    if (!this.directory.isConnection(actor) || this.random.next() >= this.limits.sample) return;
    this.#record(actor);
  };

  /** Records a step that leads to another state. */
  readonly stepped = (
    actor: AnyActorRef,
    event: EventObject,
    before: AnyMachineSnapshot,
    after: AnyMachineSnapshot,
  ): void => {
    const known = this.#recordings.get(actor);
    if (!known && (!this.directory.isConnection(actor) || isOrdinary(before, after))) return;
    const [from, to] = [stateOf(before), after.status === 'error' ? 'failed' : stateOf(after)];
    if (from === to) return;
    // The first unusual step of a connection outside of the sample begins its recording.
    const { began, steps } = known ?? this.#record(actor);
    steps.push({ at: this.clock.now() - began, event: event.type, from, to, why: whyOf(event) });
    if (steps.length > this.limits.last) steps.shift();
  };

  #record(actor: AnyActorRef): Recording {
    const recording: Recording = { began: this.clock.now(), steps: [] };
    this.#recordings.set(actor, recording);
    return recording;
  }

  /** Returns the last steps of a connection. Empty when it is not recorded. */
  pathOf(actor: AnyActorRef): readonly RecordedStep[] {
    return this.#recordings.get(actor)?.steps.slice() ?? [];
  }

  /** The last abnormal closes, the newest first. */
  get abnormalCloses(): readonly AbnormalClose[] {
    return this.#abnormalCloses;
  }

  /** Records an abnormal close. Returns the last steps of the connection. */
  recordAbnormalClose(actor: AnyActorRef, id: string, code: number, text: string): readonly RecordedStep[] {
    const path = this.pathOf(actor);
    this.#abnormalCloses.unshift({ nth: this.#abnormalCount++, id, code, text, at: this.clock.now(), path });
    if (this.#abnormalCloses.length > maxAbnormalCloses) this.#abnormalCloses.pop();
    return path;
  }
}

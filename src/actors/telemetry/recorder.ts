import type { AnyActorRef, AnyMachineSnapshot, EventObject, StateValue } from 'xstate';
import type { StepListener } from './inspection.js';

/** How much of a connection's way is kept. */
export interface RecorderLimits {
  /** Steps of each connection: the last ones. */
  readonly last: number;
  /** Of so many of all connections; 1 is every one. Of the others what is out of the ordinary. */
  readonly sample: number;
}

/** One step of a connection's chart. */
export interface RecordedStep {
  /** Milliseconds since the first step that is kept, of one in the sample since it began. */
  readonly at: number;
  /** The type of the event. */
  readonly event: string;
  /** States, as `open.flow.congested`; of parallel ones all, with a `+` between them. */
  readonly from: string;
  readonly to: string;
  /** What the event says of itself, as `1013 slow consumer`; or nothing. */
  readonly why: string;
}

/** A connection that did not end as it should. */
export interface AbnormalClose {
  /** How many there were before it. */
  readonly nth: number;
  readonly id: string;
  readonly code: number;
  readonly text: string;
  /** By the clock of the server. */
  readonly at: number;
  readonly path: readonly RecordedStep[];
}

/** So many of them are remembered. */
const mostAbnormalCloses = 32;

interface Recording {
  readonly began: number;
  readonly steps: RecordedStep[];
}

/** To be let in is nothing that anybody would have to look into. */
const isOrdinary = (before: AnyMachineSnapshot, after: AnyMachineSnapshot): boolean =>
  before.hasTag('acknowledging') &&
  after.status === 'active' &&
  (after.hasTag('acknowledging') || after.hasTag('open'));

/** The state in one line. */
const lineOfState = (value: StateValue): string =>
  typeof value === 'string'
    ? value
    : Object.entries(value)
        .map(([key, inner]) => (inner === undefined ? key : `${key}.${lineOfState(inner)}`))
        .join(' + ');

const stateOf = ({ value }: AnyMachineSnapshot): string => lineOfState(value);

/** So much of a text is kept; a close frame has no more. */
const textLength = 123;

/** What an event says about the end of a connection; nothing else of it is kept, as it may be secret. */
export const whyOf = (event: EventObject & { readonly code?: unknown; readonly text?: unknown }): string => {
  const { code, text } = event;
  return typeof code === 'number' ? `${code} ${typeof text === 'string' ? text.slice(0, textLength) : ''}`.trim() : '';
};

/** Remembers which way each connection has gone, so that it can be told why one was let go (IN5). */
export class Recorder implements StepListener {
  readonly #recordings = new WeakMap<AnyActorRef, Recording>();
  readonly #abnormalCloses: AbnormalClose[] = [];
  #abnormalCount = 0;

  constructor(
    private readonly limits: RecorderLimits,
    private readonly now: () => number,
    private readonly isConnection: (actor: AnyActorRef) => boolean,
    private readonly random: () => number,
  ) {}

  readonly began = (actor: AnyActorRef): void => {
    if (!this.isConnection(actor) || this.random() >= this.limits.sample) return;
    this.#record(actor);
  };

  readonly stepped = (
    actor: AnyActorRef,
    event: EventObject,
    before: AnyMachineSnapshot,
    after: AnyMachineSnapshot,
  ): void => {
    const known = this.#recordings.get(actor);
    if (!known && (!this.isConnection(actor) || isOrdinary(before, after))) return;
    const [from, to] = [stateOf(before), after.status === 'error' ? 'failed' : stateOf(after)];
    if (from === to) return;
    // One that is not in the sample is recorded as soon as there is something to tell.
    const { began, steps } = known ?? this.#record(actor);
    steps.push({ at: this.now() - began, event: event.type, from, to, why: whyOf(event) });
    if (steps.length > this.limits.last) steps.shift();
  };

  #record(actor: AnyActorRef): Recording {
    const recording: Recording = { began: this.now(), steps: [] };
    this.#recordings.set(actor, recording);
    return recording;
  }

  /** The last steps of this one, as far as they are kept. */
  pathOf(actor: AnyActorRef): readonly RecordedStep[] {
    return this.#recordings.get(actor)?.steps.slice() ?? [];
  }

  /** The last one first. */
  get abnormalCloses(): readonly AbnormalClose[] {
    return this.#abnormalCloses;
  }

  /** This one did not end as it should; returns its last steps. */
  recordAbnormalClose(actor: AnyActorRef, id: string, code: number, text: string): readonly RecordedStep[] {
    const path = this.pathOf(actor);
    this.#abnormalCloses.unshift({ nth: this.#abnormalCount++, id, code, text, at: this.now(), path });
    if (this.#abnormalCloses.length > mostAbnormalCloses) this.#abnormalCloses.pop();
    return path;
  }
}

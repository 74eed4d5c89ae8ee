import type { AnyMachineSnapshot, EventObject } from 'xstate';
import { whyOf } from '../actors/telemetry/recorder.js';
import { statesOf } from './draw/chart.js';

/** One step of a connection that is watched. */
export interface TrailStep {
  /** Unix time of the last of them, in milliseconds. */
  readonly at: number;
  readonly event: string;
  /** The states it has left, and those it has come to; both empty when it has stayed where it was. */
  readonly from: readonly string[];
  readonly to: readonly string[];
  /** Code and text of what closes it. */
  readonly why: string;
  /** How many alike have come one after the other. */
  readonly times: number;
}

/** How many steps are kept. */
const length = 60;

/** The last steps of one connection: kept only while somebody watches it. */
export class StepHistory {
  readonly #steps: TrailStep[] = [];
  /** How many there have been. */
  count = 0;

  constructor(private readonly wallClock: () => number) {}

  get steps(): readonly TrailStep[] {
    return this.#steps;
  }

  note(event: EventObject, before: AnyMachineSnapshot, after: AnyMachineSnapshot): void {
    this.count++;
    const left = statesOf(before);
    const reached = statesOf(after);
    const step: TrailStep = {
      at: this.wallClock(),
      event: event.type,
      from: left.filter((state) => !reached.includes(state)),
      to: reached.filter((state) => !left.includes(state)),
      why: whyOf(event),
      times: 1,
    };
    const last = this.#steps.at(-1);
    const isAlike =
      last?.event === step.event && last.why === step.why && last.from.length + step.from.length + step.to.length === 0;
    if (last && isAlike) this.#steps[this.#steps.length - 1] = { ...step, times: last.times + 1 };
    else this.#steps.push(step);
    if (this.#steps.length > length) this.#steps.shift();
  }
}

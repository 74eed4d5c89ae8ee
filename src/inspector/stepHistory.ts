import type { AnyMachineSnapshot, EventObject } from 'xstate';
import { whyOf } from '../actors/telemetry/recorder.js';
import { statesOf } from './draw/chart.js';

/** One step of a followed connection, or several equal ones in a row. */
export interface HistoryStep {
  /** Unix time of the last of them, in ms. */
  readonly at: number;
  /** The type of the event. */
  readonly event: string;
  /** The ids of the states that the step left. */
  readonly from: readonly string[];
  /** The ids of the states that the step entered. */
  readonly to: readonly string[];
  /** Code and text, if the event closes the connection; otherwise empty. */
  readonly why: string;
  /** How many equal steps without a transition happened in a row. */
  readonly times: number;
}

/** Maximum number of steps that are kept (IN14). */
const maxSteps = 60;

/** The last steps of one connection, recorded while a page follows it. */
export class StepHistory {
  readonly #steps: HistoryStep[] = [];
  /** Number of all recorded steps, those no longer kept included. */
  count = 0;

  constructor(private readonly wallClock: () => number) {}

  /** The last steps, oldest first. */
  get steps(): readonly HistoryStep[] {
    return this.#steps;
  }

  /** Records a step. Merges it with the last one if both are equal and neither changed a state. */
  note(event: EventObject, before: AnyMachineSnapshot, after: AnyMachineSnapshot): void {
    this.count++;
    const left = statesOf(before);
    const entered = statesOf(after);
    const step: HistoryStep = {
      at: this.wallClock(),
      event: event.type,
      from: left.filter((state) => !entered.includes(state)),
      to: entered.filter((state) => !left.includes(state)),
      why: whyOf(event),
      times: 1,
    };
    const last = this.#steps.at(-1);
    const isEqual =
      last?.event === step.event && last.why === step.why && last.from.length + step.from.length + step.to.length === 0;
    if (last && isEqual) this.#steps[this.#steps.length - 1] = { ...step, times: last.times + 1 };
    else this.#steps.push(step);
    if (this.#steps.length > maxSteps) this.#steps.shift();
  }
}

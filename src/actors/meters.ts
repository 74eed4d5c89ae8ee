import { closeReasons } from '../protocol/errors.js';
import type { Ending, View } from './view.js';

/** Where a connection stands, by the tags of its chart: a chart of the program's own has the same four. */
export type Stage = 'acknowledging' | 'flowing' | 'congested' | 'closing';

/** What has ended a connection: a reason of ours, or whoever else it was. */
export type CloseCause = keyof typeof closeReasons | 'goodbye' | 'program' | 'lineLost';

export const stageOf = ({ isAcknowledging, isOpen, isCongested }: View): Stage => {
  if (isAcknowledging) return 'acknowledging';
  if (!isOpen) return 'closing';
  return isCongested ? 'congested' : 'flowing';
};

const namesOfReasons = Object.keys(closeReasons) as (keyof typeof closeReasons)[];
const keyOf = (code: number, text: string): string => `${code} ${text}`;
const causes = new Map<string, CloseCause>(
  namesOfReasons.map((name) => [keyOf(closeReasons[name].code, closeReasons[name].text), name]),
);

/** No close frame has this code: the line is gone. */
const noFrame = 1006;

/** Whose words a connection ends with. */
export type Author = 'client' | 'program' | 'server';

/** What somebody wants a connection to end with. */
export interface Words {
  readonly code: number;
  readonly text: string;
  readonly author: Author;
}

/** Whose words these are: what its chart ends a connection for by itself is ours. */
export const authorOf = ({ reason }: Ending, said: Words | undefined): Author =>
  reason && said?.code === reason.code && said.text === reason.text ? said.author : 'server';

/** Words of ours that clients and programs use are not ours then, and there are no more causes than these. */
export const causeOf = ({ reason, wasAccepted }: Ending, author: Author): CloseCause => {
  if (!reason) return 'failed';
  const cause = causes.get(keyOf(reason.code, reason.text));
  if (reason.code === noFrame) return cause ?? 'lineLost';
  if (author === 'client') return 'goodbye';
  const isOurs = cause !== undefined && (author === 'server' || (wasAccepted && cause === 'normal'));
  if (isOurs) return cause;
  return wasAccepted ? 'program' : 'refused';
};

const zeroCloses = (): Record<CloseCause, number> => {
  const names: readonly CloseCause[] = [...namesOfReasons, 'goodbye', 'program', 'lineLost'];
  // Each cause has its name in the list.
  return Object.fromEntries(names.map((name) => [name, 0])) as Record<CloseCause, number>;
};

/** How long something takes, in milliseconds. */
export interface Timing {
  readonly count: number;
  readonly sum: number;
  /** How often it has taken so long at most. */
  readonly buckets: readonly { readonly upTo: number; readonly count: number }[];
}

/** Counts times by fixed bounds; a note allocates nothing. */
export class Histogram {
  /** One for each bound, and one for what is beyond. */
  readonly #counts: Float64Array;
  #sum = 0;

  constructor(private readonly bounds: readonly number[]) {
    this.#counts = new Float64Array(bounds.length + 1);
  }

  note(ms: number): void {
    const { bounds } = this;
    let at = 0;
    while (at < bounds.length && ms > (bounds[at] ?? ms)) at++;
    this.#counts[at] = (this.#counts[at] ?? 0) + 1;
    this.#sum += ms;
  }

  get timing(): Timing {
    let count = 0;
    const buckets = this.bounds.map((upTo, at) => {
      count += this.#counts[at] ?? 0;
      return { upTo, count };
    });
    return { count: count + (this.#counts[this.bounds.length] ?? 0), sum: this.#sum, buckets };
  }
}

/** Asks of clients, by what has come of them. */
export const makeAskTally = () => ({ open: 0, answered: 0, timedOut: 0, failed: 0, refused: 0 });
export type AskTally = ReturnType<typeof makeAskTally>;

/** Slices of background work: how long each has waited for its turn of the event loop, and what all of them have taken. */
export const makeSliceTally = () => ({ delays: new Histogram([1, 5, 10, 25, 50, 100, 250, 500, 1_000]), spent: 0 });
export type SliceTally = ReturnType<typeof makeSliceTally>;

/** What is measured of a server beside its counters, while it happens: nobody is visited to read it. */
export class Meters {
  readonly stages: Record<Stage, number> = { acknowledging: 0, flowing: 0, congested: 0, closing: 0 };
  readonly closes = zeroCloses();
  /** Connections that there have been. */
  admitted = 0;
  readonly handlers = new Histogram([0.1, 1, 10, 100, 1_000, 10_000]);
}

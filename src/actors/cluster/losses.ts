import type { Deadlines } from '../runtime/deadlines.js';

/** Counters at zero, by what was lost between servers, and why. */
export const makeLostCounters = () => ({
  /** Messages of other servers that never came: the next one of that server tells by its number. */
  missing: 0,
  /** … that have come after all, behind later ones: they are among the missing, and are dropped. */
  late: 0,
  /** Handed to the broker, which was lost before it had said that it has them: they may have arrived, or not. */
  unconfirmed: 0,
  /** Waited for the broker longer than `outboxTimeout` … */
  expired: 0,
  /** … found no room among those that wait … */
  overflowed: 0,
  /** … or were still waiting at the end. */
  abandoned: 0,
  /** The broker would not have them: too big, or a name that it cannot carry. */
  refused: 0,
  /** What came from the broker and is no message of this application. */
  broken: 0,
  /** What came from the broker while far too much was still to be given out. */
  flooded: 0,
  /** Asks of other servers that came while too many were open. */
  unasked: 0,
  /** Channels that the broker does not let this server hear, so that what is for an id, or an answer, does not come. */
  unheard: 0,
});

export type LostCounters = ReturnType<typeof makeLostCounters>;
export type Loss = keyof LostCounters;

const texts: Readonly<Record<Loss, string>> = {
  missing: 'messages of other servers that never came',
  late: 'messages of other servers that came behind later ones',
  unconfirmed: 'messages in doubt: sent, but not confirmed when the broker was lost',
  expired: 'messages that waited too long for the broker',
  overflowed: 'messages without room among those that wait for the broker',
  abandoned: 'messages that still waited for the broker at the end',
  refused: 'messages refused by the broker',
  broken: 'messages from the broker that are none of this application',
  flooded: 'messages from the broker while far too many had yet to be given out',
  unasked: 'messages of other servers that asked while too many asks were open',
  unheard: 'channels that the broker does not let this server hear',
};

/** Something between servers was lost; told to `onError`. */
export class ExchangeLoss extends Error {
  override readonly name = 'ExchangeLoss';
  constructor(
    /** The name of the counter that has them, in the status of the exchange. */
    readonly loss: Loss,
    /** How many messages; of `unheard`, how many channels. */
    readonly count: number,
    options?: ErrorOptions,
  ) {
    super(
      `lost between servers: ${count} ${count === 1 ? texts[loss].replace(/^(\w+)s /, '$1 ') : texts[loss]}`,
      options,
    );
  }
}

/** Told again at most so often, in milliseconds. */
const pause = 1_000;

/** Nothing is lost silently: each loss is counted, and told at once or, where there are many, a moment later in one. */
export class Losses {
  readonly counters = makeLostCounters();
  readonly #untold = new Map<Loss, number>();

  constructor(
    private readonly deadlines: Deadlines,
    private readonly tell: (error: ExchangeLoss) => void,
  ) {}

  note(loss: Loss, count = 1, cause?: unknown): void {
    if (count === 0) return;
    this.counters[loss] += count;
    const untold = this.#untold.get(loss);
    if (untold === undefined) this.#tell(loss, count, cause);
    else this.#untold.set(loss, untold + count);
  }

  #tell(loss: Loss, count: number, cause?: unknown): void {
    this.#untold.set(loss, 0);
    this.deadlines.after(pause, () => {
      const untold = this.#untold.get(loss) ?? 0;
      this.#untold.delete(loss);
      if (untold > 0) this.#tell(loss, untold);
    });
    this.tell(new ExchangeLoss(loss, count, cause === undefined ? undefined : { cause }));
  }
}

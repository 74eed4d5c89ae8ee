import type { Deadlines } from '../runtime/deadlines.js';

/** Returns the counters of losses between servers, by reason, all at zero (EX18). */
export const makeLostCounters = () => ({
  /** Messages of other servers that never arrived. The number of the next message shows the gap (EX9). */
  missing: 0,
  /** Messages of other servers that arrived after later ones. They are dropped, and also count as `missing`. */
  late: 0,
  /**
   * Messages of other servers with a number that does not follow from those before. They are delivered, but what is
   * missing before them is not known (EX9).
   */
  renumbered: 0,
  /** Messages handed to the broker, which was lost before it confirmed them. They may have arrived (EX12). */
  unconfirmed: 0,
  /** Messages that waited for the broker longer than `exchangeQueueTimeout`. */
  expired: 0,
  /** Messages that did not fit into the exchange queue. */
  overflowed: 0,
  /** Messages that still waited when the link closed. */
  abandoned: 0,
  /** Messages that the broker does not accept: too large, a name that it cannot carry, or no permission. */
  refused: 0,
  /** Payloads from the broker that are no messages of this application, or that are too large (EX14). */
  broken: 0,
  /** Messages from the broker that arrived while the log held over four times `maxLog` (EX14). */
  flooded: 0,
  /** Asks of other servers that arrived while too many of them were open (EX8). */
  unasked: 0,
  /** Channels to which the broker refused a subscription. Messages for that id, or that answer, do not arrive. */
  unsubscribed: 0,
});

/** The counters of losses between servers, by reason. */
export type LostCounters = ReturnType<typeof makeLostCounters>;
/** The reason for a loss: the name of its counter. */
export type Loss = keyof LostCounters;

const texts: Readonly<Record<Loss, string>> = {
  missing: 'messages of other servers that never arrived',
  late: 'messages of other servers that arrived after later ones',
  renumbered: 'messages of other servers whose number does not follow from those before',
  unconfirmed: 'messages sent, but not confirmed before the broker was lost',
  expired: 'messages that waited too long for the broker',
  overflowed: 'messages that did not fit into the exchange queue',
  abandoned: 'messages that still waited for the broker when the link closed',
  refused: 'messages refused by the broker',
  broken: 'messages from the broker dropped as invalid',
  flooded: 'messages from the broker dropped while the log was far over maxLog',
  unasked: 'asks of other servers dropped while too many were open',
  unsubscribed: 'channels to which the broker refused a subscription',
};

/** Error that reports losses between servers to `onError` (EX18). */
export class ExchangeLoss extends Error {
  /** Always 'ExchangeLoss'. */
  override readonly name = 'ExchangeLoss';
  constructor(
    /** The reason: the name of the counter in the status of the exchange. */
    readonly loss: Loss,
    /** The number of messages. For `unsubscribed`, the number of channels. */
    readonly count: number,
    options?: ErrorOptions,
  ) {
    super(
      `lost between servers: ${count} ${count === 1 ? texts[loss].replace(/^(\w+)s /, '$1 ') : texts[loss]}`,
      options,
    );
  }
}

/** Minimum time between two reports of one reason, in ms. */
const reportInterval = 1_000;

/** Counts and reports losses between servers: the first of a reason at once, more of it once a second (EX18). */
export class Losses {
  /** The losses so far, by reason. */
  readonly counters = makeLostCounters();
  /** The losses since the last report, by reason. */
  readonly #unreported = new Map<Loss, number>();

  constructor(
    private readonly deadlines: Deadlines,
    private readonly report: (error: ExchangeLoss) => void,
  ) {}

  /** Counts losses, and reports them at once or with the next report of the reason. A count of 0 is no loss. */
  note(loss: Loss, count = 1, cause?: unknown): void {
    if (count === 0) return;
    this.counters[loss] += count;
    const unreported = this.#unreported.get(loss);
    if (unreported === undefined) this.#report(loss, count, cause);
    else this.#unreported.set(loss, unreported + count);
  }

  #report(loss: Loss, count: number, cause?: unknown): void {
    this.#unreported.set(loss, 0);
    this.deadlines.after(reportInterval, () => {
      const unreported = this.#unreported.get(loss) ?? 0;
      this.#unreported.delete(loss);
      if (unreported > 0) this.#report(loss, unreported);
    });
    this.report(new ExchangeLoss(loss, count, cause === undefined ? undefined : { cause }));
  }
}

import type { EventObject } from 'xstate';
import type { Mailboxes } from '../runtime/mailbox.js';

/** What the regions of a chart have done with an event so far. */
interface Fate {
  isReceived: boolean;
  isRefused: boolean;
}

/**
 * Hot events that charts handle themselves. Several regions of a chart may receive or refuse the same event: it is
 * received once, and not at all if one of them refuses it (SV23). An event that is sent again is taken again.
 */
export class TakenEvents {
  readonly #fates = new WeakMap<EventObject, Fate>();

  constructor(private readonly mailboxes: Mailboxes) {}

  /** Notes that an actor takes the event from now on. */
  begin(event: EventObject): void {
    this.#fates.set(event, { isReceived: false, isRefused: false });
  }

  /** Runs the job once every mailbox is empty, unless the event has been received already, or is refused by then. */
  receive(event: EventObject, job: () => void): void {
    const fate = this.#fates.get(event);
    if (fate?.isReceived) return;
    if (fate) fate.isReceived = true;
    this.mailboxes.defer(() => {
      if (!fate?.isRefused) job();
    });
  }

  /** Runs the job once every mailbox is empty, unless the event has been refused already. */
  refuse(event: EventObject, job: () => void): void {
    const fate = this.#fates.get(event);
    if (fate?.isRefused) return;
    if (fate) fate.isRefused = true;
    this.mailboxes.defer(job);
  }

  /** Returns whether a chart has received or refused the event. */
  isSettled(event: EventObject): boolean {
    const { isReceived = false, isRefused = false } = this.#fates.get(event) ?? {};
    return isReceived || isRefused;
  }
}

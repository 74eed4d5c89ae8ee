import type { EventObject } from 'xstate';
import type { Mailboxes } from './mailbox.js';

/**
 * Hot events that charts handle themselves. Several regions of a chart may receive or refuse the same event: it is
 * received once, and not at all if one of them refuses it (SV23).
 */
export class TakenEvents {
  readonly #received = new WeakSet<EventObject>();
  readonly #refused = new WeakSet<EventObject>();

  constructor(private readonly mailboxes: Mailboxes) {}

  /** Runs the job once every mailbox is empty, unless the event has been received already, or is refused by then. */
  receive(event: EventObject, job: () => void): void {
    if (this.#received.has(event)) return;
    this.#received.add(event);
    this.mailboxes.defer(() => {
      if (!this.#refused.has(event)) job();
    });
  }

  /** Runs the job once every mailbox is empty, unless the event has been refused already. */
  refuse(event: EventObject, job: () => void): void {
    if (this.#refused.has(event)) return;
    this.#refused.add(event);
    this.mailboxes.defer(job);
  }

  /** Returns whether a chart has received or refused the event. */
  isSettled(event: EventObject): boolean {
    return this.#received.has(event) || this.#refused.has(event);
  }
}

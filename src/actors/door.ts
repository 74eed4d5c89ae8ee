import type { AnyActorRef, EventObject } from 'xstate';
import { guardObservers } from './observers.js';

/** Who takes hot events before they come to the actor. */
export interface HotTaker {
  /** Has it taken this one? */
  takeHot(event: EventObject): boolean;
}

/**
 * The doors of all actors of one server. A hot event is taken at the door, whatever its actor is busy with; every other
 * goes to the actor's mailbox. Charts run inside mailboxes, user code never does: what a chart's action wants run is put
 * aside with `afterwards` and runs once every mailbox is empty, so that program order is what the program says.
 */
export class Doors {
  #inside = 0;
  #isTidying = false;
  #isScheduled = false;
  readonly #jobs: (() => void)[] = [];

  constructor(private readonly report: (error: unknown) => void) {}

  /** Stands before this actor, where hot events are taken. */
  guard(actor: AnyActorRef, taker: HotTaker): void {
    guardObservers(actor, this.report);
    const toMailbox = actor.send;
    actor.send = (event: EventObject): void => {
      if (taker.takeHot(event)) return;
      this.within(() => toMailbox(event));
    };
  }

  /** Everything in `step` counts as one visit to the mailboxes. */
  within(step: () => void): void {
    this.#inside++;
    try {
      step();
    } finally {
      this.#inside--;
      if (this.#inside === 0) this.#tidyUp();
    }
  }

  /** Run this once every mailbox is empty. */
  afterwards(job: () => void): void {
    this.#jobs.push(job);
    if (this.#inside > 0 || this.#isTidying || this.#isScheduled) return;
    this.#isScheduled = true;
    queueMicrotask(() => {
      this.#isScheduled = false;
      this.#tidyUp();
    });
  }

  /** Run this now, or, where that is inside a mailbox, once it is empty. */
  outside(job: () => void): void {
    if (this.#inside === 0 && this.#jobs.length === 0) job();
    else this.afterwards(job);
  }

  #tidyUp(): void {
    if (this.#isTidying) return;
    this.#isTidying = true;
    for (let job = this.#jobs.shift(); job; job = this.#jobs.shift()) {
      try {
        job();
      } catch (error) {
        this.report(error);
      }
    }
    this.#isTidying = false;
  }
}

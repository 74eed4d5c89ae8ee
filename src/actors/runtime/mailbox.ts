import type { AnyActorRef, AnyMachineSnapshot, EventObject } from 'xstate';
import { guarded } from './guard.js';

type Node = AnyMachineSnapshot['_nodes'][number];

/** The hot events that a state handles itself: asked once per state of a machine. */
const owned = new WeakMap<Node, ReadonlySet<string>>();
const hotEvents = ['FRAME', 'DELIVER', 'BROADCAST', 'COUNT'] as const;

const ownedBy = (node: Node): ReadonlySet<string> => {
  const known = owned.get(node);
  if (known) return known;
  const handles = (type: string) => (event: string) => event === type || event === '*' || event === `${type}.*`;
  const own = new Set<string>(hotEvents.filter((type) => node.ownEvents.some(handles(type))));
  owned.set(node, own);
  return own;
};

/** Does the chart handle this event itself, where it is now? */
export const handlesItself = (snapshot: AnyMachineSnapshot, type: (typeof hotEvents)[number]): boolean => {
  if (snapshot.status !== 'active') return false;
  for (const node of snapshot._nodes) if (ownedBy(node).has(type)) return true;
  return false;
};

interface Observing {
  readonly next?: ((state: unknown) => unknown) | undefined;
  readonly error?: ((error: unknown) => unknown) | undefined;
  readonly complete?: (() => unknown) | undefined;
}
type Subscribe = (
  next?: Observing | Observing['next'],
  error?: Observing['error'],
  complete?: Observing['complete'],
) => { unsubscribe(): void };

/**
 * Whoever observes this actor harms nobody (SV16): what an observer throws is reported, and one that does not listen to
 * errors hears of none, where xstate would end the process.
 */
const guardObservers = (actor: AnyActorRef, report: (error: unknown) => void): void => {
  // Every overload of xstate's comes down to this one.
  const subscribe = actor.subscribe as Subscribe;
  const subscribing: Subscribe = (given, onError, onComplete) => {
    const observer: Observing =
      typeof given === 'object' ? given : { next: given, error: onError, complete: onComplete };
    return subscribe.call(actor, {
      next: (state) => guarded(() => observer.next?.(state), report),
      error: (error) => guarded(() => observer.error?.(error), report),
      complete: () => guarded(() => observer.complete?.(), report),
    });
  };
  actor.subscribe = subscribing as AnyActorRef['subscribe'];
};

/** Who takes hot events before they come to the actor. */
export interface HotEventHandler {
  /** Has it taken this one? */
  handleHot(event: EventObject): boolean;
}

/**
 * The doors of all actors of one server. A hot event is taken at the door, whatever its actor is busy with; every other
 * goes to the actor's mailbox. Charts run inside mailboxes, user code never does: what a chart's action wants run is put
 * aside with `afterwards` and runs once every mailbox is empty, so that program order is what the program says.
 */
export class Mailboxes {
  #inside = 0;
  #isDraining = false;
  #isScheduled = false;
  readonly #jobs: (() => void)[] = [];

  constructor(private readonly report: (error: unknown) => void) {}

  /** Stands before this actor, where hot events are taken. */
  intercept(actor: AnyActorRef, taker: HotEventHandler): void {
    guardObservers(actor, this.report);
    const toMailbox = actor.send;
    actor.send = (event: EventObject): void => {
      if (taker.handleHot(event)) return;
      this.enter(() => toMailbox(event));
    };
  }

  /** Everything in `step` counts as one visit to the mailboxes. */
  enter(step: () => void): void {
    this.#inside++;
    try {
      step();
    } finally {
      this.#inside--;
      if (this.#inside === 0) this.#drain();
    }
  }

  /** Run this once every mailbox is empty. */
  defer(job: () => void): void {
    this.#jobs.push(job);
    if (this.#inside > 0 || this.#isDraining || this.#isScheduled) return;
    this.#isScheduled = true;
    queueMicrotask(() => {
      this.#isScheduled = false;
      this.#drain();
    });
  }

  /** Run this now, or, where that is inside a mailbox, once it is empty. */
  runOrDefer(job: () => void): void {
    if (this.#inside === 0 && this.#jobs.length === 0) job();
    else this.defer(job);
  }

  #drain(): void {
    if (this.#isDraining) return;
    this.#isDraining = true;
    for (let job = this.#jobs.shift(); job; job = this.#jobs.shift()) {
      try {
        job();
      } catch (error) {
        this.report(error);
      }
    }
    this.#isDraining = false;
  }
}

import type { AnyActorRef, AnyMachineSnapshot, EventObject } from 'xstate';
import { guardObservers, wrapSend } from './actorPatches.js';
import { soon } from './soon.js';

type Node = AnyMachineSnapshot['_nodes'][number];

/** The hot events that each state of a machine handles itself, computed once per state. */
const handledByNode = new WeakMap<Node, ReadonlySet<string>>();
const hotEvents = ['FRAME', 'DELIVER', 'BROADCAST', 'COUNT'] as const;

const handledBy = (node: Node): ReadonlySet<string> => {
  const known = handledByNode.get(node);
  if (known) return known;
  const handles = (type: string) => (event: string) => event === type || event === '*' || event === `${type}.*`;
  const own = new Set<string>(hotEvents.filter((type) => [...node.transitions.keys()].some(handles(type))));
  handledByNode.set(node, own);
  return own;
};

/** Returns whether the chart handles this hot event itself in its present state. */
export const handlesItself = (snapshot: AnyMachineSnapshot, type: (typeof hotEvents)[number]): boolean => {
  if (snapshot.status !== 'active') return false;
  for (const node of snapshot._nodes) if (handledBy(node).has(type)) return true;
  return false;
};

/** Sends an event to an actor, unless the actor has stopped. XState warns about events to a stopped actor. */
export const sendIfActive = (actor: AnyActorRef, event: EventObject): void => {
  if (actor.getSnapshot().status === 'active') actor.send(event);
};

/** Handles the hot events of an actor in place of its mailbox. */
export interface HotEventHandler {
  /** Handles the event at once and returns true, or returns false and leaves the event to the mailbox. */
  handleHot(event: EventObject): boolean;
}

/**
 * The mailboxes of all actors of one server. A hot event bypasses the mailbox of its actor and is handled at once;
 * every other event enters the mailbox. Charts run inside mailboxes and user code never does: an action of a chart
 * defers user code with `defer`, and it runs once every mailbox is empty. So events take effect in the order in which
 * the program caused them.
 */
export class Mailboxes {
  #inside = 0;
  #isDraining = false;
  #isScheduled = false;
  readonly #jobs: (() => void)[] = [];

  /** Creates the mailboxes. */
  constructor(
    /** Receives the error of a deferred job, or of an observer of an actor. */
    readonly report: (error: unknown) => void,
  ) {}

  /** Passes each event of this actor to `handler` first, and guards the actor's observers. */
  intercept(actor: AnyActorRef, handler: HotEventHandler): void {
    guardObservers(actor, this.report);
    wrapSend(actor, (toMailbox) => (event) => {
      if (handler.handleHot(event)) return;
      this.enter(() => toMailbox(event));
    });
  }

  /** Runs `step` inside the mailboxes: jobs that it defers run after it. Rethrows what `step` throws. */
  enter(step: () => void): void {
    this.begin();
    try {
      step();
    } finally {
      this.end();
    }
  }

  /** Enters the mailboxes until `end`, like `enter` without a function. */
  begin(): void {
    this.#inside++;
  }
  /** Ends what `begin` has begun: when every mailbox is empty, the deferred jobs run. */
  end(): void {
    this.#inside--;
    if (this.#inside === 0) this.#drain();
  }

  /** Runs a job once every mailbox is empty, never before `defer` returns. Jobs run in order. */
  defer(job: () => void): void {
    this.#jobs.push(job);
    if (this.#inside > 0 || this.#isDraining || this.#isScheduled) return;
    this.#isScheduled = true;
    soon(() => {
      this.#isScheduled = false;
      this.#drain();
    });
  }

  /** Runs a job at once, or defers it when a mailbox is not empty. */
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

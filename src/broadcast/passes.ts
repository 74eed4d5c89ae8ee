import { bytesOf } from './outbox.js';
import type { Pacer } from './pacer.js';
import type { Subscriber } from './subscriber.js';
import type { Topic } from './topics.js';

/** One visit to each member of a topic, over as many slices as that takes. */
export class TopicPass {
  /** The topic as a list: where a member finds its pending messages while no other topic has any. */
  readonly onlyTopic: readonly Topic[];
  /** Members that have not been visited. */
  readonly remaining: IterableIterator<Subscriber>;
  /** Member that was visited, with so much pending that one slice did not deliver all. */
  unfinished: Subscriber | undefined;
  /** Number of the last message from before the first visit. Up to it, every message is delivered when the pass ends. */
  #upTo: number | undefined;

  constructor(
    /** The topic whose members are visited. */
    readonly topic: Topic,
  ) {
    this.onlyTopic = [topic];
    this.remaining = topic.members.values();
  }

  /** When the oldest pending message was published, in ms of the clock. */
  get since(): number {
    return this.topic.pending[0]?.at ?? Number.POSITIVE_INFINITY;
  }

  /** Returns whether every member has all messages of this topic up to this number. */
  hasDelivered(upTo: number): boolean {
    return (this.topic.pending[0]?.number ?? upTo + 1) > upTo;
  }

  /** Begins the pass, unless an earlier slice has. */
  begin(): void {
    this.#upTo ??= this.topic.last;
  }

  /** Ends the pass: removes what it has delivered from the log, and returns the bytes of that. The rest needs a new pass. */
  end(): number {
    const { pending, last } = this.topic;
    const upTo = this.#upTo ?? last;
    let done = 0;
    while ((pending[done]?.number ?? Number.POSITIVE_INFINITY) <= upTo) done++;
    return bytesOf(pending.splice(0, done));
  }
}

/** Subscribers with messages that were published to their id alone, in the order of publication. */
export class DirectPass {
  /** Bytes of direct messages since the list was last empty. */
  bytes = 0;
  readonly #subscribers: Subscriber[] = [];

  /** True while nothing direct waits for this pass. */
  get isEmpty(): boolean {
    return this.#subscribers.length === 0;
  }

  /** When the oldest direct message that still waits was published, in ms of the clock. */
  get since(): number {
    return this.#subscribers.find(({ hasDirect }) => hasDirect)?.directSince ?? Number.POSITIVE_INFINITY;
  }

  /** Adds a subscriber whose outbox has got its first direct message. */
  add(subscriber: Subscriber, now: number): void {
    subscriber.hasDirect = true;
    subscriber.directSince = now;
    this.#subscribers.push(subscriber);
  }

  /** Delivers to each in turn; returns whether the time ran out, with work left. */
  run(pacer: Pacer): boolean {
    const subscribers = this.#subscribers;
    for (let at = 0; at < subscribers.length; at++) {
      const subscriber = subscribers[at];
      if (!subscriber?.hasDirect) continue;
      subscriber.deliver();
      if (!pacer.isExhausted(1)) continue;
      subscribers.splice(0, at + 1);
      if (subscribers.length > 0) return true;
    }
    subscribers.length = 0;
    this.bytes = 0;
    return false;
  }
}

import { bytesOf } from './outbox.js';
import type { Pacer } from './pacer.js';
import type { Subscriber } from './subscriber.js';
import type { Topic } from './topics.js';

/** One run over the members of a topic, in as many slices as it needs. */
export class TopicPass {
  /** The topic as a list, for members to deliver from while no other topic has pending messages. */
  readonly onlyTopic: readonly Topic[];
  /** Members that have not been visited. */
  readonly remaining: IterableIterator<Subscriber>;
  /** The last visited member, if one slice could not deliver all its pending messages. */
  unfinished: Subscriber | undefined;
  /** Number of the last message published before the first visit. The pass delivers every message up to it. */
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

  /** Ends the pass. Removes the delivered messages from the log and returns their size. The rest needs a new pass. */
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

  /** Whether no direct message waits for this pass. */
  get isEmpty(): boolean {
    return this.#subscribers.length === 0;
  }

  /** When the oldest waiting direct message was published, in ms of the clock. */
  get since(): number {
    return this.#subscribers.find(({ hasDirect }) => hasDirect)?.directSince ?? Number.POSITIVE_INFINITY;
  }

  /** Adds a subscriber whose outbox has got its first direct message. */
  add(subscriber: Subscriber, now: number): void {
    subscriber.hasDirect = true;
    subscriber.directSince = now;
    this.#subscribers.push(subscriber);
  }

  /** Delivers to each subscriber in turn. Returns whether the time ran out, with work left. */
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

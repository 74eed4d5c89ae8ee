import { bytesOf } from './outbox.js';
import type { Pacer } from './pacer.js';
import type { Subscriber } from './subscriber.js';
import type { Topic } from './topics.js';

/** One way through the members of a topic, over as many slices as it takes. */
export class TopicPass {
  /** Where a member finds what it is owed while no other topic has anything. */
  readonly alone: readonly Topic[];
  readonly rest: IterableIterator<Subscriber>;
  /** A member that is owed so much that it has not been given all in one slice. */
  unfinished: Subscriber | undefined;
  /** What was issued before the first member was looked at; done with when the pass has ended. */
  #upTo: number | undefined;

  constructor(readonly topic: Topic) {
    this.alone = [topic];
    this.rest = topic.members.values();
  }

  /** Since when its oldest issue waits. */
  get since(): number {
    return this.topic.pending[0]?.at ?? Number.POSITIVE_INFINITY;
  }

  /** Has everybody been given what was issued here up to this number? */
  hasGiven(upTo: number): boolean {
    return (this.topic.pending[0]?.number ?? upTo + 1) > upTo;
  }

  begin(): void {
    this.#upTo ??= this.topic.last;
  }

  /** Takes out of the log what everybody has been given, and tells its bytes. What came meanwhile is for a next pass. */
  end(): number {
    const { pending, last } = this.topic;
    const upTo = this.#upTo ?? last;
    let done = 0;
    while ((pending[done]?.number ?? Number.POSITIVE_INFINITY) <= upTo) done++;
    return bytesOf(pending.splice(0, done));
  }
}

/** Those who are owed messages that were issued to them alone, in order of issue: a walk finds them without a topic. */
export class DirectPass {
  /** Bytes that were issued to them since there was nobody the last time. */
  bytes = 0;
  readonly #subscribers: Subscriber[] = [];

  get isEmpty(): boolean {
    return this.#subscribers.length === 0;
  }

  /** Since when the first of them waits. */
  get since(): number {
    return this.#subscribers.find(({ isDue }) => isDue)?.dueSince ?? Number.POSITIVE_INFINITY;
  }

  add(subscriber: Subscriber, now: number): void {
    subscriber.isDue = true;
    subscriber.dueSince = now;
    this.#subscribers.push(subscriber);
  }

  /** Has the time run out, with work left? */
  run(serve: (subscriber: Subscriber) => void, pacer: Pacer): boolean {
    const subscribers = this.#subscribers;
    for (let at = 0; at < subscribers.length; at++) {
      const subscriber = subscribers[at];
      if (!subscriber?.isDue) continue;
      serve(subscriber);
      if (!pacer.isExhausted(1)) continue;
      subscribers.splice(0, at + 1);
      if (subscribers.length > 0) return true;
    }
    subscribers.length = 0;
    this.bytes = 0;
    return false;
  }
}

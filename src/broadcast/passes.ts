import type { Pacer } from './pacer.js';
import type { Subscriber } from './subscriber.js';
import type { Topic } from './topics.js';

/** One run over the members of a topic, in as many slices as it needs. */
export class TopicPass {
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
    this.remaining = topic.members.values();
  }

  /** When the oldest pending message was published, in ms of the clock. */
  get since(): number {
    return this.topic.pending[0]?.at ?? Number.POSITIVE_INFINITY;
  }

  /** Begins the pass, unless an earlier slice has. Returns whether it has begun now. */
  begin(): boolean {
    if (this.#upTo !== undefined) return false;
    this.#upTo = this.topic.last;
    return true;
  }

  /** Ends the pass. Removes the delivered messages from the log and returns their size. The rest needs a new pass. */
  end(): number {
    return this.topic.remove(this.#upTo ?? this.topic.last);
  }
}

/** A subscriber whose outbox has got direct messages, from the one with this number on. */
interface Waiting {
  readonly subscriber: Subscriber;
  readonly number: number;
  readonly since: number;
}

/** Returns whether these messages still wait: nothing else has delivered them. */
const isWaiting = ({ subscriber, number }: Waiting): boolean => subscriber.directFrom === number;

/** Subscribers with messages that were published to their id alone, in the order of publication. */
export class DirectPass {
  /** Bytes of direct messages since the list was last empty. */
  bytes = 0;
  readonly #waiting: Waiting[] = [];
  /** Index of the next one. Those before it are done. */
  #next = 0;

  /** Whether no direct message waits for this pass. */
  get isEmpty(): boolean {
    return this.#waiting.length === 0;
  }

  /** When the oldest waiting direct message was published, in ms of the clock. */
  get since(): number {
    const waiting = this.#waiting;
    for (let next = waiting[this.#next]; next; next = waiting[++this.#next]) if (isWaiting(next)) return next.since;
    return Number.POSITIVE_INFINITY;
  }

  /** Adds a subscriber whose outbox has got its first direct message, with this number. */
  add(subscriber: Subscriber, number: number, since: number): void {
    subscriber.directFrom = number;
    this.#waiting.push({ subscriber, number, since });
  }

  /** Delivers to each subscriber in turn. Returns whether the time ran out, with work left. */
  run(pacer: Pacer): boolean {
    const waiting = this.#waiting;
    if (waiting.length === 0) return false;
    for (let next = waiting[this.#next]; next; next = waiting[this.#next]) {
      // A delivery may lead to another run.
      this.#next++;
      if (!isWaiting(next)) continue;
      next.subscriber.deliver();
      if (!pacer.isExhausted(1)) continue;
      waiting.splice(0, this.#next);
      this.#next = 0;
      if (waiting.length > 0) return true;
    }
    waiting.length = 0;
    this.#next = 0;
    this.bytes = 0;
    return false;
  }
}

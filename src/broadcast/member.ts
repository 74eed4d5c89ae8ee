import type { DeliveryContext } from './deliveryContext.js';
import type { Topic } from './topics.js';

/** How many topics of its own a member looks at in the time in which it asks one topic whether it is a member. */
const topicsPerQuestion = 8;

/**
 * A member of topics: in which it is, and which of them have messages that it has not got.
 *
 * It is the base of the subscriber and not a part of it, as fetching another object is a large part of a delivery's cost.
 * A list of topics would be two more objects, and most connections are in one namespace and one room.
 */
export abstract class Member {
  /** Number of the last message that was delivered, or whose audience this member is not in. */
  cursor: number;
  #first: Topic | undefined;
  #second: Topic | undefined;
  #more: Topic[] | undefined;

  constructor(
    /** What all members share. */
    protected readonly context: DeliveryContext,
  ) {
    this.cursor = context.last;
  }

  /** The topics it is in, in the order of joining. */
  get topics(): readonly Topic[] {
    const list = [this.#first, this.#second, ...(this.#more ?? [])];
    return list.filter((topic) => topic !== undefined);
  }

  /** Returns whether it is a member of this topic. */
  isIn(topic: Topic): boolean {
    return topic === this.#first || topic === this.#second || this.#isAmongMore(topic);
  }

  /** Adds a topic that it has become a member of. Called by `Topics`. */
  entered(topic: Topic): void {
    if (this.#more) this.#more.push(topic);
    else if (!this.#first) this.#first = topic;
    else if (!this.#second) this.#second = topic;
    else this.#more = [topic];
  }

  /** Removes a topic that it is no longer a member of. Called by `Topics`. */
  left(topic: Topic): void {
    const others = this.topics.filter((other) => other !== topic);
    this.leftAll();
    for (const other of others) this.entered(other);
  }

  /** Removes all topics. Called by `Topics`. */
  leftAll(): void {
    this.#first = undefined;
    this.#second = undefined;
    this.#more = undefined;
  }

  /**
   * Finds its topics with messages beyond the cursor. Returns the only one. If there are several, puts them into
   * `sources` of the context.
   */
  protected findSources(): Topic | undefined {
    const { cursor } = this;
    const { sources, pending } = this.context;
    if (this.#first && this.#first.last > cursor) sources.push(this.#first);
    if (this.#second && this.#second.last > cursor) sources.push(this.#second);
    const more = this.#more;
    if (more && pending.size * topicsPerQuestion < more.length) {
      // All members that are visited in a slice ask the same few topics, which are in the cache of the processor.
      for (const topic of pending) if (topic.last > cursor && this.#isAmongMore(topic)) sources.push(topic);
    } else if (more) {
      for (const topic of more) if (topic.last > cursor) sources.push(topic);
    }
    return sources.length === 1 ? sources.pop() : undefined;
  }

  #isAmongMore(topic: Topic): boolean {
    if (this.#more === undefined || topic === this.#first || topic === this.#second) return false;
    const members: ReadonlySet<Member> = topic.members;
    return members.has(this);
  }
}

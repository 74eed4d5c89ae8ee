import type { Seat, Topic } from './audience.js';
import { bytesOf } from './outbox.js';

/** One way through the members of a topic, over as many slices as it takes. */
export class Pass {
  /** Where a member finds what it is owed while no other topic has anything. */
  readonly alone: readonly Topic[];
  readonly rest: IterableIterator<Seat>;
  /** A member that is owed so much that it has not been given all in one slice. */
  unfinished: Seat | undefined;
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

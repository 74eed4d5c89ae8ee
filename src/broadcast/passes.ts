import { bytesOf } from './outbox.js';
import type { Tempo } from './pacer.js';
import type { Seat } from './subscriber.js';
import type { Topic } from './topics.js';

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

/** Those who are owed messages that were issued to them alone, in order of issue: a walk finds them without a topic. */
export class Due {
  /** Bytes that were issued to them since there was nobody the last time. */
  bytes = 0;
  readonly #seats: Seat[] = [];

  get isEmpty(): boolean {
    return this.#seats.length === 0;
  }

  /** Since when the first of them waits. */
  get since(): number {
    return this.#seats.find(({ isDue }) => isDue)?.dueSince ?? Number.POSITIVE_INFINITY;
  }

  add(seat: Seat, now: number): void {
    seat.isDue = true;
    seat.dueSince = now;
    this.#seats.push(seat);
  }

  /** Has the time run out, with work left? */
  walk(serve: (seat: Seat) => void, tempo: Tempo): boolean {
    const seats = this.#seats;
    for (let at = 0; at < seats.length; at++) {
      const seat = seats[at];
      if (!seat?.isDue) continue;
      serve(seat);
      if (!tempo.isUp(1)) continue;
      seats.splice(0, at + 1);
      if (seats.length > 0) return true;
    }
    seats.length = 0;
    this.bytes = 0;
    return false;
  }
}

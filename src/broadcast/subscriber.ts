import type { FrameSink } from '../protocol/frame.js';
import type { Broadcaster } from './broadcaster.js';
import { type Entry, Outbox } from './outbox.js';
import { makeDeliveryCounters, type Recipient, type Topic, type Topics } from './topics.js';

/** Of a seat that stands in no audience. */
const givenNowhere = makeDeliveryCounters();

/**
 * The place of one connection in the audience. What every visit needs stands right here: an object more that has to be
 * fetched is a good part of what a delivery costs.
 */
export class Subscriber {
  /** The socket takes no more for now: what is owed has to wait in the outbox. */
  isCongested = false;
  /** Everything issued up to this number has been served, or was not meant for it. */
  cursor: number;
  readonly topics: Topic[] = [];
  outbox: Outbox | undefined;
  /** Its outbox holds messages for it alone that have not been merged with the others. */
  isDue = false;
  /** Since when. */
  dueSince = 0;
  /** Where it is counted what it is given. */
  given = givenNowhere;

  constructor(
    readonly recipient: Recipient,
    public outlet: FrameSink,
    cursor: number,
  ) {
    this.cursor = cursor;
  }

  /** This waits until its socket takes more. */
  keep(entry: Entry): void {
    this.outbox ??= new Outbox();
    this.outbox.add(entry);
  }

  /** Writes these bytes, which are so many messages; false when there may be no more room. */
  write(bytes: Uint8Array, frames = 1): boolean {
    const { outlet, given } = this;
    if (outlet.writable) {
      given.frames += frames;
      given.bytes += bytes.length;
      given.tap?.(this.recipient, bytes, frames);
      if (outlet.write(bytes)) return true;
    }
    this.recipient.filled();
    return false;
  }
}

/** One connection's place in the audience: what it calls before it writes, joins, leaves or ends. */
export class Standing implements Place {
  readonly subscriber: Subscriber;
  #isRetired = false;

  constructor(
    recipient: Recipient & { readonly outlet: FrameSink },
    private readonly topics: Topics,
    private readonly broadcaster: Broadcaster,
  ) {
    this.subscriber = new Subscriber(recipient, recipient.outlet, broadcaster.last);
    topics.add(this.subscriber);
  }

  /** Bytes that wait in the outbox. */
  get owed(): number {
    return this.subscriber.outbox?.bytes ?? 0;
  }

  set isCongested(isCongested: boolean) {
    this.subscriber.isCongested = isCongested;
  }
  set outlet(outlet: FrameSink) {
    this.subscriber.outlet = outlet;
  }

  /** What it is owed comes before what is about to be written (BC3). */
  serve(): void {
    this.broadcaster.serve(this.subscriber);
  }

  write(bytes: Uint8Array): void {
    this.subscriber.write(bytes);
  }

  /** A direct frame while the socket takes no more. */
  hold(bytes: Uint8Array): void {
    this.broadcaster.hold(this.subscriber, bytes);
  }

  catchUp(): void {
    this.broadcaster.catchUp(this.subscriber);
  }

  enter(namespace: string, room: string): void {
    if (this.#isRetired) return;
    this.serve();
    this.topics.join(this.subscriber, namespace, room);
  }

  exit(namespace: string, room: string): void {
    this.serve();
    this.topics.leave(this.subscriber, namespace, room);
  }

  retire(): void {
    this.#isRetired = true;
    this.serve();
    this.topics.remove(this.subscriber);
    this.subscriber.outbox = undefined;
  }
}

/** The connection's place in the audience: what it calls before it writes, joins, leaves or ends. */
export interface Place {
  /** Bytes that wait in the outbox. */
  readonly owed: number;
  /** Is what it is owed to wait? */
  set isCongested(isCongested: boolean);
  /** Where it goes otherwise. */
  set outlet(outlet: FrameSink);
  serve(): void;
  write(bytes: Uint8Array): void;
  hold(bytes: Uint8Array): void;
  catchUp(): void;
  enter(namespace: string, room: string): void;
  exit(namespace: string, room: string): void;
  retire(): void;
}

/** A chart that handles deliveries itself decides about each. */
export const offeringTo = (chart: (bytes: Uint8Array) => void): FrameSink => ({
  writable: true,
  write: (bytes) => {
    chart(bytes);
    return true;
  },
});

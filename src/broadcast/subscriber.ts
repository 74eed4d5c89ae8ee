import type { FrameSink } from '../protocol/frame.js';
import type { DeliveryContext } from './deliveryContext.js';
import { bytesOf, cutToOneWrite, type Entry, Outbox, writeLimit } from './outbox.js';
import type { DeliveryCounters, Topic } from './topics.js';

/** The connection, as its subscriber needs it. */
export interface SubscriberHost {
  /** Id of the connection. Several connections may share one (HS11). */
  readonly id: string;
  /** The first outlet. */
  readonly outlet: FrameSink;
  /** Whether the socket takes more. The outbox does not count. */
  readonly hasRoom: boolean;
  /** Called after a write when the outlet may have no more room, or is closed. */
  filled(): void;
  /** Called after the outbox has grown, with the size and number of its new messages. */
  outboxGrew(bytes: number, messages: number): void;
}

const unlimited = Number.POSITIVE_INFINITY;

const byNumber = (a: Entry, b: Entry): number => a.number - b.number;

/**
 * One connection as a member of topics: the topics, the last message that it was given, and the messages that wait for
 * its socket.
 *
 * Invariants:
 * - A message of its topics with a number up to `cursor` was written, was moved to the outbox, or excludes it. A
 *   message with a higher number is still in `pending` of its topic, or in the outbox while `hasDirect` is true.
 * - Pending messages are delivered before anything else is written, and before a topic is joined or left. So each
 *   connection sees the order of the program (BC3), and membership counts as of the moment of publication (BC4).
 * - The outbox holds entries in the order of publication. While the connection is congested, everything goes there.
 *
 * State: current (nothing pending), behind (messages beyond `cursor`), congested (`isCongested`: messages wait in the
 * outbox), closed (in no topic, for good).
 *
 * Everything that a visit of the broadcaster reads is a field of this object, as fetching another object is a large
 * part of a delivery's cost.
 */
export class Subscriber {
  /** Takes the frames: the socket, its decorators, or the chart of the connection. Set by the connection. */
  outlet: FrameSink;
  /** Whether the connection is congested: messages wait in the outbox. Set by the connection. */
  isCongested = false;
  /** Number of the last message that was delivered, or whose audience this subscriber is not in. */
  cursor: number;
  /** The topics it is in, in the order of joining. Maintained by `Topics`. */
  readonly topics: Topic[] = [];
  /** Entries that wait for the socket or for the next pass. `undefined` while there are none. */
  outbox: Outbox | undefined;
  /** Whether the outbox holds direct messages that are not yet merged with those of the topics. */
  hasDirect = false;
  /** When the first of these was published, in ms of the server's clock. */
  directSince = 0;
  #isClosed = false;
  readonly #delivered: DeliveryCounters;

  constructor(
    /** The connection. */
    readonly host: SubscriberHost,
    private readonly context: DeliveryContext,
  ) {
    this.outlet = host.outlet;
    this.cursor = context.last;
    this.#delivered = context.topics.delivered;
  }

  /** Bytes that wait in the outbox. */
  get pendingBytes(): number {
    return this.outbox?.bytes ?? 0;
  }

  /** Writes all pending messages, or moves them to the outbox while the connection is congested (BC3, BC6). */
  deliver(): void {
    this.deliverFrom(this.topics, false);
  }

  /**
   * Delivers the pending messages of these topics, in as many writes as needed. Stops between writes when `mayStop` is
   * true and the slice is over. The cursor never passes a message that is not written yet: a write may call back into
   * this method, and a later pass may go on from the cursor.
   */
  deliverFrom(topics: readonly Topic[], mayStop: boolean): void {
    const { context } = this;
    let isFirst = true;
    while (this.cursor < context.last || this.hasDirect) {
      // A write may have called code that has published to any topic.
      const batch = this.#gather(isFirst ? topics : this.topics);
      if (this.isCongested) return this.#moveToOutbox(batch, isFirst);
      const rest = cutToOneWrite(batch);
      this.#advance(rest);
      if (batch.length > 0) this.#writeBatch(batch);
      if (rest.length === 0 || (mayStop && context.pacer.isExhaustedNow)) return;
      isFirst = false;
    }
  }

  /** Writes bytes that hold this number of messages. Returns false when the outlet may have no more room. */
  write(bytes: Uint8Array, messages = 1): boolean {
    const { outlet } = this;
    if (outlet.writable) {
      const delivered = this.#delivered;
      delivered.frames += messages;
      delivered.bytes += bytes.length;
      delivered.tap?.(this.host, bytes, messages);
      if (outlet.write(bytes)) return true;
    }
    this.host.filled();
    return false;
  }

  /** Queues a frame for this connection alone after all pending messages, while the connection is congested (BC3). */
  enqueueDirect(bytes: Uint8Array): void {
    this.addToOutbox({ number: this.context.last, bytes });
    this.host.outboxGrew(bytes.length, 1);
  }

  /** Adds an entry that waits for the socket, or for the next pass. */
  addToOutbox(entry: Entry): void {
    this.outbox ??= new Outbox();
    this.outbox.add(entry);
  }

  /** Writes pending messages in order until the socket is full again. Called when it takes more. */
  resume(): void {
    this.deliver();
    const { context, host, outbox } = this;
    // A socket that has reported that it is full also reports when it has drained.
    let isFull = false;
    while (outbox && !outbox.isEmpty && !isFull) {
      const oldest = outbox.takeOldest().map(({ bytes }) => bytes);
      isFull = !this.#writePaced(context.join(oldest), oldest.length) && !host.hasRoom;
    }
    if (outbox?.isEmpty) this.outbox = undefined;
  }

  /** Joins a namespace (`room` empty) or a room. Does nothing once closed. */
  join(namespace: string, room: string): void {
    if (this.#isClosed) return;
    this.deliver();
    this.context.topics.join(this, namespace, room);
  }

  /** Leaves a namespace (`room` empty) or a room. */
  leave(namespace: string, room: string): void {
    this.deliver();
    this.context.topics.leave(this, namespace, room);
  }

  /** Delivers pending messages, leaves every topic for good, and drops the outbox. */
  close(): void {
    this.#isClosed = true;
    this.deliver();
    this.context.topics.remove(this);
    this.outbox = undefined;
  }

  /** Collects pending messages in the order of publication: at least as many as fit into one write. */
  #gather(topics: readonly Topic[]): Entry[] {
    const { batch } = this.context;
    const { cursor } = this;
    let sources = 0;
    // Entries of one source need no sorting, so one write of them is enough.
    let room = topics.length === 1 && !this.hasDirect && !this.isCongested ? writeLimit : unlimited;
    if (this.hasDirect && this.outbox) {
      this.outbox.takeAfter(cursor, batch);
      if (batch.length > 0) sources++;
    }
    for (const topic of topics) {
      if (topic.last <= cursor) continue;
      const { pending } = topic;
      let from = pending.length;
      for (let entry = pending[from - 1]; entry && entry.number > cursor; entry = pending[from - 1]) from--;
      sources++;
      for (; from < pending.length; from++) {
        const entry = pending[from];
        if (!entry || entry.except === this) continue;
        if (entry.exceptId !== null && entry.exceptId === this.host.id) continue;
        batch.push(entry);
        room -= entry.bytes.length;
        if (room < 0 && batch.length > 1) break;
      }
    }
    if (sources > 1) batch.sort(byNumber);
    return batch;
  }

  /** Moves the cursor behind the entries about to be written. Puts direct entries of the rest back into the outbox. */
  #advance(rest: readonly Entry[]): void {
    const next = rest[0];
    this.cursor = next ? next.number - 1 : this.context.last;
    if (!next) this.hasDirect = false;
    else if (this.hasDirect) for (const entry of rest) if (entry.isDirect) this.outbox?.add(entry);
  }

  /** Writes the batch. Empties it first, as a write may call back into this method. */
  #writeBatch(batch: Entry[]): void {
    const bytes = this.context.writes.bytes(batch);
    const messages = batch.length;
    batch.length = 0;
    this.#delivered.deliveries += messages;
    this.#writePaced(bytes, messages);
  }

  #writePaced(bytes: Uint8Array, messages: number): boolean {
    this.context.pacer.wrote(bytes.length);
    return this.write(bytes, messages);
  }

  /** Moves the batch to the outbox. Only messages published during the congestion count against a slow consumer. */
  #moveToOutbox(batch: Entry[], isLag: boolean): void {
    this.cursor = this.context.last;
    this.hasDirect = false;
    if (batch.length === 0) return;
    const [bytes, messages] = [bytesOf(batch), batch.length];
    for (const entry of batch) this.addToOutbox(entry);
    batch.length = 0;
    this.#delivered.deliveries += messages;
    this.context.pacer.delivered(bytes);
    if (isLag) this.host.outboxGrew(bytes, messages);
  }
}

/** Returns a sink that passes each write to `take`, for a chart that handles deliveries itself. */
export const sinkTo = (take: (bytes: Uint8Array) => void): FrameSink => ({
  writable: true,
  write: (bytes) => {
    take(bytes);
    return true;
  },
});

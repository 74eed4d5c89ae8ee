import type { FrameSink } from '../protocol/frame.js';
import { compact } from '../protocol/size.js';
import type { DeliveryContext } from './deliveryContext.js';
import { Member } from './member.js';
import { bytesOf, cutToOneWrite, type Entry, Outbox, writeLimit } from './outbox.js';
import type { LogEntry, Topic } from './topics.js';

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
export class Subscriber extends Member {
  /** Takes the frames: the socket, its decorators, or the chart of the connection. Set by the connection. */
  outlet: FrameSink;
  /** Whether the connection is congested: messages wait in the outbox. Set by the connection. */
  isCongested = false;
  /**
   * Number of the first direct message in the outbox that is not yet merged with those of the topics. 0 if there is
   * none.
   */
  directFrom = 0;
  /** Entries that wait for the socket or for the next pass. `undefined` while there are none. */
  outbox: Outbox | undefined;
  #isClosed = false;

  constructor(
    /** The connection. */
    readonly host: SubscriberHost,
    context: DeliveryContext,
  ) {
    super(context);
    this.outlet = host.outlet;
  }

  /** Whether the outbox holds direct messages that are not yet merged with those of the topics. */
  get hasDirect(): boolean {
    return this.directFrom > 0;
  }

  /** Bytes that wait in the outbox. */
  get pendingBytes(): number {
    return this.outbox?.bytes ?? 0;
  }

  /** Writes all pending messages, or moves them to the outbox while the connection is congested (BC3, BC6). */
  deliver(): void {
    if (this.cursor < this.context.last || this.directFrom > 0) this.deliverFrom(undefined, false);
  }

  /**
   * Delivers the pending messages, in as many writes as needed. Stops between writes when `mayStop` is true and the slice
   * is over. The cursor never passes a message that is not written yet: a write may call back into this method, and a
   * later pass may go on from the cursor. `only` is the one topic with pending messages, if there is just one.
   */
  deliverFrom(only: Topic | undefined, mayStop: boolean): void {
    if (only && this.#deliverLog(only)) return;
    const { context } = this;
    let source = only;
    let isFirst = true;
    while (this.cursor < context.last || this.directFrom > 0) {
      // A write may have called code that has published to any topic.
      source ??= this.findSources();
      if (source && this.#deliverLog(source)) return;
      const batch = this.#gather(source);
      if (this.isCongested) return this.#moveToOutbox(batch, isFirst);
      const rest = cutToOneWrite(batch);
      this.#advance(rest);
      if (batch.length > 0) this.#writeBatch(batch);
      if (rest.length === 0 || (mayStop && context.pacer.isExhaustedNow)) return;
      source = undefined;
      isFirst = false;
    }
  }

  /** Writes bytes that hold this number of messages. Returns false when the outlet may have no more room. */
  write(bytes: Uint8Array, messages = 1): boolean {
    const { outlet } = this;
    if (outlet.writable) {
      const { delivered } = this.context.topics;
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
    const { context, host } = this;
    // A socket that has reported that it is full also reports when it has drained.
    let isFull = false;
    // A write may call code that puts another outbox in place of this one.
    while (this.outbox && !this.outbox.isEmpty && !isFull) {
      const oldest = this.outbox.takeOldest().map(({ bytes }) => bytes);
      isFull = !this.#writePaced(context.join(oldest), oldest.length) && !host.hasRoom;
    }
    if (this.outbox?.isEmpty) this.outbox = undefined;
  }

  /** Returns the name of a room as a string that all its members share, and that keeps no read buffer in memory. */
  nameOf(namespace: string, room: string): string {
    return this.context.topics.topic(namespace, room)?.room ?? compact(room);
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
  #gather(only: Topic | undefined): Entry[] {
    const { batch, sources } = this.context;
    const hasDirect = this.directFrom > 0;
    let count = 0;
    if (hasDirect && this.outbox) {
      this.outbox.takeAfter(this.cursor, batch);
      if (this.outbox.isEmpty) this.outbox = undefined;
      if (batch.length > 0) count++;
    }
    // Entries of one source need no sorting, so one write of them is enough.
    const limit = hasDirect || this.isCongested ? unlimited : writeLimit;
    if (only) this.#gatherFrom(only, limit);
    if (only) count++;
    for (let topic = sources.pop(); topic; topic = sources.pop()) {
      this.#gatherFrom(topic, unlimited);
      count++;
    }
    if (count > 1) batch.sort(byNumber);
    return batch;
  }

  /** Adds the pending messages of a topic to the batch: at least as many as fit into a write of this size. */
  #gatherFrom({ pending }: Topic, limit: number): void {
    const { batch } = this.context;
    const { cursor } = this;
    let room = limit;
    let from = pending.length;
    for (let entry = pending[from - 1]; entry && entry.number > cursor; entry = pending[from - 1]) from--;
    for (; from < pending.length; from++) {
      const entry = pending[from];
      if (!entry || this.#isExcludedFrom(entry)) continue;
      batch.push(entry);
      room -= entry.bytes.length;
      if (room < 0 && batch.length > 1) return;
    }
  }

  #isExcludedFrom({ except, exceptId }: LogEntry): boolean {
    return except === this || (exceptId !== null && exceptId === this.host.id);
  }

  /**
   * Delivers the log of the only topic with pending messages, if all of it is pending, goes to each member alike, and
   * fits into one write. Returns whether it has.
   */
  #deliverLog(topic: Topic): boolean {
    if (this.directFrom > 0 || this.isCongested) return false;
    const { pending } = topic;
    const entry = pending[0];
    const messages = pending.length;
    if (!entry || entry.number <= this.cursor) return false;
    if (messages > 1 && (topic.exclusions > 0 || topic.bytes > writeLimit)) return false;
    const { context } = this;
    this.cursor = context.last;
    if (topic.exclusions > 0 && this.#isExcludedFrom(entry)) return true;
    const bytes = messages === 1 ? entry.bytes : topic.joined(context.writes);
    context.topics.delivered.deliveries += messages;
    this.#writePaced(bytes, messages);
    return true;
  }

  /** Moves the cursor behind the entries about to be written. Puts direct entries of the rest back into the outbox. */
  #advance(rest: readonly Entry[]): void {
    const next = rest[0];
    this.cursor = next ? next.number - 1 : this.context.last;
    if (!next) this.directFrom = 0;
    else if (this.directFrom > 0) for (const entry of rest) if (entry.isDirect) this.addToOutbox(entry);
  }

  /** Writes the batch. Empties it first, as a write may call back into this method. */
  #writeBatch(batch: Entry[]): void {
    const bytes = this.context.writes.bytes(batch);
    const messages = batch.length;
    this.#emptyBatch();
    this.context.topics.delivered.deliveries += messages;
    this.#writePaced(bytes, messages);
  }

  #emptyBatch(): void {
    const { batch } = this.context;
    // To set the length would free the list, and the next delivery would allocate it again.
    for (let count = batch.length; count > 0; count--) batch.pop();
  }

  #writePaced(bytes: Uint8Array, messages: number): boolean {
    this.context.pacer.wrote(bytes.length);
    return this.write(bytes, messages);
  }

  /** Moves the batch to the outbox. Only messages published during the congestion count against a slow consumer. */
  #moveToOutbox(batch: Entry[], isLag: boolean): void {
    this.cursor = this.context.last;
    this.directFrom = 0;
    if (batch.length === 0) return;
    const [bytes, messages] = [bytesOf(batch), batch.length];
    for (const entry of batch) this.addToOutbox(entry);
    this.#emptyBatch();
    this.context.topics.delivered.deliveries += messages;
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

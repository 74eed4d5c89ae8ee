import { encode } from '../protocol/codec.js';
import { frame, joined } from '../protocol/frame.js';
import type { OutgoingMessage } from '../protocol/message.js';
import type { Deflater } from './deflater.js';
import { DeliveryContext } from './deliveryContext.js';
import type { Entry } from './outbox.js';
import { deliveryCost, Pacer } from './pacer.js';
import { DirectPass, TopicPass } from './passes.js';
import { Subscriber, type SubscriberHost } from './subscriber.js';
import type { Topic, Topics } from './topics.js';

/** The connections that a message excludes. */
export interface Skipped {
  /** One connection. */
  readonly except: Subscriber | null;
  /** All connections with this id. */
  readonly exceptId: string | null;
}

/** Excludes no connection. */
export const skipsNone: Skipped = { except: null, exceptId: null };

/** Cost of a visit that finds nothing pending. A visit that delivers costs 1. */
const idleVisit = 1 / 16;

/** Maximum size of an audience that is read ahead: what it reads stays in the cache of the processor. */
const maxReadAhead = 64;

const never = Number.POSITIVE_INFINITY;

/**
 * Reads what the visits of a small audience begin with. Returns whether a visit is needed. Members are seldom neighbours
 * in memory: here the processor fetches many at once, and between two writes it would fetch one after the other.
 */
const readAhead = ({ members, last }: Topic): boolean => {
  let behind = 0;
  let up = 0;
  for (const { cursor, outlet } of members) {
    if (cursor < last) behind++;
    if (outlet.writable) up++;
  }
  return behind > 0 || up < members.size;
};

/**
 * Delivers one message to many subscribers, in slices of background work.
 *
 * Invariants:
 * - Each message gets the next number. It stays in `pending` of its topic until a pass has visited every member, so
 *   each member of its audience gets it once (BC1, BC2). A message to one id goes to the outboxes of its subscribers
 *   instead.
 * - A topic with pending messages has exactly one pass, in `#passes` or in `#running`, and is in `pending` of the
 *   context. A subscriber with direct messages is in `#direct`.
 * - Publishing writes nothing (BC5). A delivery writes all that is pending for one subscriber as one buffer (BC6); a
 *   `Subscriber` says when else it delivers.
 * - `#topicBytes` is the sum of all `pending`. The pacer's `outstanding` is the sum of `outstanding` over all topics.
 *
 * State: idle (no pass, `#direct` empty) or awake (`wake` was called, and `run` has not yet returned false).
 */
export class Broadcaster {
  readonly #context: DeliveryContext;
  readonly #pacer: Pacer;
  /** Passes that wait for their turn, the next one first. */
  readonly #passes: TopicPass[] = [];
  /** Passes under way, the innermost last: a delivery may lead to another `run`. */
  readonly #running: TopicPass[] = [];
  readonly #direct = new DirectPass();
  readonly #flushes: { readonly upTo: number; readonly done: () => void }[] = [];
  #isDirectFirst = false;
  #topicBytes = 0;

  constructor(
    private readonly topics: Topics,
    private readonly now: () => number,
    /** Asks for a slice of background work (BC5). */
    private readonly wake: () => void,
    /** Called at the end of each slice. */
    private readonly onSliceEnd: () => void,
    /** Compresses messages for the clients that agreed to it, if the program wants that (CP2). */
    private readonly deflater?: Deflater,
  ) {
    this.#pacer = new Pacer(now);
    this.#context = new DeliveryContext(topics, this.#pacer, deflater?.join ?? joined);
  }

  /** Bytes of published messages that are not yet delivered to their whole audience. */
  get logBytes(): number {
    return this.#topicBytes + this.#direct.bytes;
  }

  /**
   * How far delivery is behind, in ms: the longer of the time that the oldest pending message has waited and the time
   * that the newest one will wait.
   */
  get lag(): number {
    const since = Math.min(this.#passes[0]?.since ?? never, this.#direct.since);
    return since === never ? 0 : Math.max(this.now() - since, this.#pacer.estimatedMs);
  }

  /** Adds a connection that is in no topic yet. It receives nothing that was published before (BC4). */
  subscribe(host: SubscriberHost): Subscriber {
    const subscriber = new Subscriber(host, this.#context);
    this.topics.add(subscriber);
    return subscriber;
  }

  /** Publishes one message (BC1): encodes and frames it once (BC7), and adds it to the log. Writes nothing yet. */
  publish(message: OutgoingMessage, skipped: Skipped, token = ''): void {
    const { namespace = '', room = '', to } = message;
    const topic = this.topics.topic(namespace, room);
    if (!topic || topic.members.size === 0) return;
    this.topics.delivered.broadcasts++;
    if (to !== undefined) this.#publishToId(to, topic, message, skipped, token);
    else this.#publishToTopic(topic, message, skipped, token);
  }

  /** Resolves when all messages published before are written to each subscriber, or are in its outbox (BC8). */
  flush(): Promise<void> {
    const upTo = this.#context.last;
    if (this.#isDone(upTo)) return Promise.resolve();
    return new Promise((done) => this.#flushes.push({ upTo, done }));
  }

  /**
   * Runs one slice, until this time of the clock. Returns whether there is more to do. Topics take turns, so a large
   * one delays no small one.
   */
  run(until: number): boolean {
    const pacer = this.#pacer;
    pacer.begin(until);
    this.#isDirectFirst = !this.#isDirectFirst;
    const hasMore = this.#isDirectFirst
      ? this.#direct.run(pacer) || this.#runTopics()
      : this.#runTopics() || this.#direct.run(pacer);
    if (!hasMore) this.#context.writes.clear();
    pacer.end(hasMore);
    this.#settleFlushes();
    this.onSliceEnd();
    return hasMore;
  }

  #publishToTopic(topic: Topic, message: OutgoingMessage, { except, exceptId }: Skipped, token: string): void {
    const bytes = this.#framed(message, token);
    if (topic.pending.length === 0) this.#beginPass(topic);
    this.#topicBytes += bytes.length;
    this.#setOutstanding(
      topic,
      topic.outstanding === 0
        ? deliveryCost(bytes.length, topic.members.size)
        : topic.outstanding + bytes.length * topic.members.size,
    );
    topic.append({ number: ++this.#context.last, bytes, except, exceptId, at: this.now() });
  }

  #publishToId(id: string, topic: Topic, message: OutgoingMessage, { except, exceptId }: Skipped, token: string): void {
    if (id === exceptId) return;
    let entry: Entry | undefined;
    for (const subscriber of this.topics.withId(id)) {
      if (subscriber === except || !subscriber.isIn(topic)) continue;
      entry ??= this.#directEntry(message, token);
      subscriber.addToOutbox(entry);
      if (subscriber.hasDirect) continue;
      this.#direct.add(subscriber, entry.number, this.now());
      this.wake();
    }
  }

  #directEntry(message: OutgoingMessage, token: string): Entry {
    const bytes = this.#framed(message, token);
    this.#direct.bytes += bytes.length;
    return { number: ++this.#context.last, bytes, isDirect: true };
  }

  #framed(message: OutgoingMessage, token: string): Uint8Array {
    const bytes = frame(encode(message, token));
    this.deflater?.offer(bytes);
    return bytes;
  }

  #setOutstanding(topic: Topic, outstanding: number): void {
    this.#pacer.outstanding += outstanding - topic.outstanding;
    topic.outstanding = outstanding;
  }

  #beginPass(topic: Topic): void {
    this.#passes.push(new TopicPass(topic));
    this.#context.pending.add(topic);
    this.wake();
  }

  /** Returns whether the time ran out, with work left. */
  #runTopics(): boolean {
    for (let pass = this.#passes.shift(); pass; pass = this.#passes.shift()) {
      this.#running.push(pass);
      const isUp = this.#runPass(pass);
      this.#running.pop();
      if (isUp) {
        this.#passes.push(pass);
        return true;
      }
      this.#endPass(pass);
      if (this.#passes.length > 0 && this.#pacer.isExhausted(1)) return true;
    }
    return false;
  }

  /** Returns whether the time ran out before the last member. */
  #runPass(pass: TopicPass): boolean {
    const { topic, unfinished } = pass;
    if (pass.begin() && topic.members.size <= maxReadAhead && !readAhead(topic)) return false;
    if (unfinished && topic.members.has(unfinished) && this.#visit(pass, unfinished)) return true;
    for (const subscriber of pass.remaining) if (this.#visit(pass, subscriber)) return true;
    return false;
  }

  /** Delivers to one member. Returns whether the time ran out. */
  #visit(pass: TopicPass, subscriber: Subscriber): boolean {
    const { topic } = pass;
    const { last } = topic;
    const isBehind = subscriber.cursor < last;
    if (isBehind) subscriber.deliverFrom(this.#context.pending.size === 1 ? topic : undefined, true);
    pass.unfinished = subscriber.cursor < last ? subscriber : undefined;
    return pass.unfinished !== undefined || this.#pacer.isExhausted(isBehind ? 1 : idleVisit);
  }

  #endPass(pass: TopicPass): void {
    const { topic } = pass;
    this.#topicBytes -= pass.end();
    this.#context.pending.delete(topic);
    const hasMore = topic.pending.length > 0;
    this.#setOutstanding(topic, hasMore ? deliveryCost(topic.bytes, topic.members.size) : 0);
    if (hasMore) this.#beginPass(topic);
  }

  #settleFlushes(): void {
    for (let next = this.#flushes[0]; next && this.#isDone(next.upTo); next = this.#flushes[0]) {
      this.#flushes.shift();
      next.done();
    }
  }

  #isDone(upTo: number): boolean {
    if (!this.#direct.isEmpty) return false;
    for (const { pending } of this.#context.pending) if ((pending[0]?.number ?? upTo + 1) <= upTo) return false;
    return true;
  }
}

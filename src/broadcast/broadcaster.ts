import { encode } from '../protocol/codec.js';
import { frame, joined } from '../protocol/frame.js';
import type { OutgoingMessage } from '../protocol/message.js';
import { bytesOf, cutToOneWrite, type Entry, WriteCache, writeLimit } from './outbox.js';
import { deliveryCost, Pacer } from './pacer.js';
import { DirectPass, TopicPass } from './passes.js';
import type { Subscriber } from './subscriber.js';
import type { Recipient, Topic, Topics } from './topics.js';

/** Whom an issue leaves out. */
export interface Skipped {
  readonly except: Recipient | null;
  readonly exceptId: string | null;
}

/** One that is owed nothing takes little time. */
const idleVisit = 1 / 16;

const forever = Number.POSITIVE_INFINITY;

const byNumber = (a: Entry, b: Entry): number => a.number - b.number;

/**
 * One message to many. Every issue gets a number and stands in the log of its topic until each member has been
 * served; a connection's cursor says how far that is. Serving a connection writes whatever it is owed as one buffer,
 * and comes before anything else is written to it and before it joins or leaves anything: so each connection sees
 * the order of the program, and a broadcast is as if it had happened at the moment of its issue.
 */
export class Broadcaster {
  #last = 0;
  readonly #passes: TopicPass[] = [];
  /** Those that are being walked: a delivery may lead to another walk. */
  readonly #underWay: TopicPass[] = [];
  readonly #due = new DirectPass();
  readonly #flushes: { readonly upTo: number; readonly done: () => void }[] = [];
  /** What `serve` gathers; one list for all, as serving never overlaps. */
  readonly #owed: Entry[] = [];
  #isDueFirst = false;
  #topicBytes = 0;
  readonly #writes = new WriteCache();
  readonly #pacer: Pacer;

  constructor(
    private readonly topics: Topics,
    private readonly now: () => number,
    /** Asks for a slice of background work (BC5). */
    private readonly wake: () => void,
    /** Told at the end of each slice. */
    private readonly onSliceEnd: () => void,
  ) {
    this.#pacer = new Pacer(now);
  }

  /** Bytes that were issued and that not everybody has been given. */
  get logBytes(): number {
    return this.#topicBytes + this.#due.bytes;
  }

  /**
   * How far the walk is behind, in milliseconds: so long has the oldest issue waited to be given to everybody, or so long
   * will the newest have to.
   */
  get lag(): number {
    const since = Math.min(this.#passes[0]?.since ?? forever, this.#due.since);
    return since === forever ? 0 : Math.max(this.now() - since, this.#pacer.estimatedMs);
  }

  /** The number of the newest issue. */
  get last(): number {
    return this.#last;
  }

  /** Issues one message (BC1): encodes and frames it (BC7), and notes it in the log. Nothing is written yet. */
  publish(message: OutgoingMessage, skipped: Skipped, token = ''): void {
    const { namespace = '', room = '', to } = message;
    const topic = this.topics.topic(namespace, room);
    if (!topic || topic.members.size === 0) return;
    this.topics.delivered.broadcasts++;
    if (to !== undefined) this.#issueTo(to, topic, message, skipped, token);
    else this.#issueToTopic(topic, message, skipped, token);
  }

  /** Writes what this connection is owed, or moves it to its outbox while it is congested (BC3, BC6). */
  serve(subscriber: Subscriber): void {
    this.#serve(subscriber, subscriber.topics, false);
  }

  /** A direct frame for a connection that has been served and is congested: it waits behind what is owed (BC3). */
  hold(subscriber: Subscriber, bytes: Uint8Array): void {
    subscriber.keep({ number: this.#last, bytes });
    subscriber.recipient.outboxGrew(bytes.length, 1);
  }

  /** The socket takes again: what it is owed goes out in order, as far as the socket wants it. */
  catchUp(subscriber: Subscriber): void {
    this.serve(subscriber);
    const { recipient, outbox } = subscriber;
    // A socket that has said it is full tells when it is not any more.
    let isFull = false;
    while (outbox && !outbox.isEmpty && !isFull) {
      const oldest = outbox.takeOldest().map(({ bytes }) => bytes);
      isFull = !this.#deliver(subscriber, joined(oldest), oldest.length) && !recipient.hasRoom;
    }
    if (outbox?.isEmpty) subscriber.outbox = undefined;
  }

  /** Resolves when the share of each recipient of all issued before is written, or in its outbox (BC8). */
  flush(): Promise<void> {
    const upTo = this.#last;
    if (this.#isDone(upTo)) return Promise.resolve();
    return new Promise((done) => this.#flushes.push({ upTo, done }));
  }

  /** One slice of the walk; is there more to do? Topics take turns, so that a huge one delays no small one. */
  run(until: number): boolean {
    this.#pacer.begin(until);
    this.#isDueFirst = !this.#isDueFirst;
    const walkDue = (): boolean => this.#due.run((subscriber) => this.serve(subscriber), this.#pacer);
    const hasMore = this.#isDueFirst ? walkDue() || this.#walkTopics() : this.#walkTopics() || walkDue();
    if (!hasMore) this.#writes.forget();
    this.#pacer.end(hasMore);
    this.#settleFlushes();
    this.onSliceEnd();
    return hasMore;
  }

  #issueToTopic(topic: Topic, message: OutgoingMessage, { except, exceptId }: Skipped, token: string): void {
    const bytes = frame(encode(message, token));
    const number = ++this.#last;
    if (topic.pending.length === 0) this.#beginPass(topic);
    topic.last = number;
    this.#topicBytes += bytes.length;
    this.#owe(
      topic,
      topic.owed === 0
        ? deliveryCost(bytes.length, topic.members.size)
        : topic.owed + bytes.length * topic.members.size,
    );
    topic.pending.push({ number, bytes, except, exceptId, at: this.now() });
  }

  #issueTo(id: string, topic: Topic, message: OutgoingMessage, { except, exceptId }: Skipped, token: string): void {
    if (id === exceptId) return;
    let entry: Entry | undefined;
    for (const subscriber of this.topics.withId(id)) {
      if (subscriber.recipient === except || !topic.members.has(subscriber)) continue;
      entry ??= this.#makeEntry(message, token);
      subscriber.keep(entry);
      if (subscriber.isDue) continue;
      this.#due.add(subscriber, this.now());
      this.wake();
    }
  }

  #makeEntry(message: OutgoingMessage, token: string): Entry {
    const bytes = frame(encode(message, token));
    this.#due.bytes += bytes.length;
    return { number: ++this.#last, bytes, isOwn: true };
  }

  #owe(topic: Topic, owed: number): void {
    this.#pacer.outstanding += owed - topic.owed;
    topic.owed = owed;
  }

  /**
   * Gives a connection what it is owed, in as many writes as that takes. The cursor goes no further than what has been
   * written, so that whatever a write leads to finds the rest in its place, and a walk may stop in between.
   */
  #serve(subscriber: Subscriber, topics: readonly Topic[], mayStop: boolean): void {
    let isFirst = true;
    while (subscriber.cursor < this.#last || subscriber.isDue) {
      // What a write has led to may have come to any of them.
      const owed = this.#gather(subscriber, isFirst ? topics : subscriber.topics);
      if (subscriber.isCongested) return this.#keep(subscriber, owed, isFirst);
      const rest = cutToOneWrite(owed);
      this.#advance(subscriber, rest);
      if (owed.length > 0) this.#write(subscriber, owed);
      if (rest.length === 0 || (mayStop && this.#pacer.isExhaustedNow)) return;
      isFirst = false;
    }
  }

  #advance(subscriber: Subscriber, rest: readonly Entry[]): void {
    const next = rest[0];
    subscriber.cursor = next ? next.number - 1 : this.#last;
    if (!next) subscriber.isDue = false;
    else if (subscriber.isDue) for (const entry of rest) if (entry.isOwn) subscriber.outbox?.add(entry);
  }

  #gather(subscriber: Subscriber, topics: readonly Topic[]): Entry[] {
    const owed = this.#owed;
    const { cursor, recipient } = subscriber;
    let sources = 0;
    // From one place alone, more than a write of it is gathered in vain.
    let room = topics.length === 1 && !subscriber.isDue && !subscriber.isCongested ? writeLimit : forever;
    if (subscriber.isDue && subscriber.outbox) {
      subscriber.outbox.takeAfter(cursor, owed);
      if (owed.length > 0) sources++;
    }
    for (const topic of topics) {
      if (topic.last <= cursor) continue;
      const { pending } = topic;
      let from = pending.length;
      for (let issue = pending[from - 1]; issue && issue.number > cursor; issue = pending[from - 1]) from--;
      sources++;
      for (; from < pending.length; from++) {
        const issue = pending[from];
        if (!issue || issue.except === recipient) continue;
        if (issue.exceptId !== null && issue.exceptId === recipient.id) continue;
        owed.push(issue);
        room -= issue.bytes.length;
        if (room < 0 && owed.length > 1) break;
      }
    }
    if (sources > 1) owed.sort(byNumber);
    return owed;
  }

  /** What was issued before the congestion began is no lag: the client had no chance to take it. */
  #keep(subscriber: Subscriber, owed: Entry[], isLag: boolean): void {
    subscriber.cursor = this.#last;
    subscriber.isDue = false;
    if (owed.length === 0) return;
    const [bytes, messages] = [bytesOf(owed), owed.length];
    for (const entry of owed) subscriber.keep(entry);
    owed.length = 0;
    subscriber.given.deliveries += messages;
    this.#pacer.delivered(bytes);
    if (isLag) subscriber.recipient.outboxGrew(bytes, messages);
  }

  /** The scratch list is empty again before the socket is touched, as a delivery may lead back to here. */
  #write(subscriber: Subscriber, owed: Entry[]): void {
    const bytes = this.#writes.bytes(owed);
    const messages = owed.length;
    owed.length = 0;
    subscriber.given.deliveries += messages;
    this.#deliver(subscriber, bytes, messages);
  }

  #deliver(subscriber: Subscriber, bytes: Uint8Array, messages: number): boolean {
    this.#pacer.wrote(bytes.length);
    return subscriber.write(bytes, messages);
  }

  #beginPass(topic: Topic): void {
    this.#passes.push(new TopicPass(topic));
    this.wake();
  }

  /** Has the time run out, with work left? */
  #walkTopics(): boolean {
    for (let pass = this.#passes.shift(); pass; pass = this.#passes.shift()) {
      this.#underWay.push(pass);
      const isUp = this.#walkTopic(pass);
      this.#underWay.pop();
      if (isUp) {
        this.#passes.push(pass);
        return true;
      }
      this.#endPass(pass);
      if (this.#passes.length > 0 && this.#pacer.isExhausted(1)) return true;
    }
    return false;
  }

  #walkTopic(pass: TopicPass): boolean {
    pass.begin();
    const { topic, unfinished } = pass;
    if (unfinished && topic.members.has(unfinished) && this.#visit(pass, unfinished)) return true;
    for (const subscriber of pass.rest) if (this.#visit(pass, subscriber)) return true;
    return false;
  }

  /** Gives a member what it is owed. Has the time run out? */
  #visit(pass: TopicPass, subscriber: Subscriber): boolean {
    const { last } = pass.topic;
    const isBehind = subscriber.cursor < last;
    const isAlone = this.#passes.length + this.#underWay.length === 1;
    if (isBehind) this.#serve(subscriber, isAlone ? pass.alone : subscriber.topics, true);
    pass.unfinished = subscriber.cursor < last ? subscriber : undefined;
    return pass.unfinished !== undefined || this.#pacer.isExhausted(isBehind ? 1 : idleVisit);
  }

  #endPass(pass: TopicPass): void {
    const { topic } = pass;
    this.#topicBytes -= pass.end();
    this.#owe(topic, topic.pending.length === 0 ? 0 : deliveryCost(bytesOf(topic.pending), topic.members.size));
    if (topic.pending.length > 0) this.#beginPass(topic);
  }

  #settleFlushes(): void {
    for (let next = this.#flushes[0]; next && this.#isDone(next.upTo); next = this.#flushes[0]) {
      this.#flushes.shift();
      next.done();
    }
  }

  #isDone(upTo: number): boolean {
    const passes = [...this.#underWay, ...this.#passes];
    return this.#due.isEmpty && passes.every((pass) => pass.hasGiven(upTo));
  }
}

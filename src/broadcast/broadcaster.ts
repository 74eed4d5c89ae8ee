import { encode } from '../protocol/codec.js';
import { frame, joined } from '../protocol/frame.js';
import type { OutgoingMessage } from '../protocol/message.js';
import { bytesOf, cutToOneWrite, type Entry, Writes, writeLimit } from './outbox.js';
import { effort, Tempo } from './pacer.js';
import { Due, Pass } from './passes.js';
import type { Seat } from './subscriber.js';
import type { Audience, Recipient, Topic } from './topics.js';

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
  readonly #passes: Pass[] = [];
  /** Those that are being walked: a delivery may lead to another walk. */
  readonly #underWay: Pass[] = [];
  readonly #due = new Due();
  readonly #flushes: { readonly upTo: number; readonly done: () => void }[] = [];
  /** What `serve` gathers; one list for all, as serving never overlaps. */
  readonly #owed: Entry[] = [];
  #isDueFirst = false;
  #topicBytes = 0;
  readonly #writes = new Writes();
  readonly #tempo: Tempo;

  constructor(
    private readonly audience: Audience,
    private readonly now: () => number,
    /** Asks for a slice of background work (BC5). */
    private readonly wake: () => void,
    /** Told at the end of each slice. */
    private readonly walked: () => void,
  ) {
    this.#tempo = new Tempo(now);
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
    return since === forever ? 0 : Math.max(this.now() - since, this.#tempo.rest);
  }

  /** The number of the newest issue. */
  get last(): number {
    return this.#last;
  }

  /** Issues one message (BC1): encodes and frames it (BC7), and notes it in the log. Nothing is written yet. */
  issue(message: OutgoingMessage, skipped: Skipped, token = ''): void {
    const { namespace = '', room = '', to } = message;
    const topic = this.audience.topic(namespace, room);
    if (!topic || topic.members.size === 0) return;
    this.audience.given.broadcasts++;
    if (to !== undefined) this.#issueTo(to, topic, message, skipped, token);
    else this.#issueToTopic(topic, message, skipped, token);
  }

  /** Writes what this connection is owed, or moves it to its outbox while it is congested (BC3, BC6). */
  serve(seat: Seat): void {
    this.#serve(seat, seat.topics, false);
  }

  /** A direct frame for a connection that has been served and is congested: it waits behind what is owed (BC3). */
  hold(seat: Seat, bytes: Uint8Array): void {
    seat.keep({ number: this.#last, bytes });
    seat.recipient.outboxGrew(bytes.length, 1);
  }

  /** The socket takes again: what it is owed goes out in order, as far as the socket wants it. */
  catchUp(seat: Seat): void {
    this.serve(seat);
    const { recipient, outbox } = seat;
    // A socket that has said it is full tells when it is not any more.
    let isFull = false;
    while (outbox && !outbox.isEmpty && !isFull) {
      const oldest = outbox.takeOldest().map(({ bytes }) => bytes);
      isFull = !this.#deliver(seat, joined(oldest), oldest.length) && !recipient.hasRoom;
    }
    if (outbox?.isEmpty) seat.outbox = undefined;
  }

  /** Resolves when the share of each recipient of all issued before is written, or in its outbox (BC8). */
  flush(): Promise<void> {
    const upTo = this.#last;
    if (this.#isDone(upTo)) return Promise.resolve();
    return new Promise((done) => this.#flushes.push({ upTo, done }));
  }

  /** One slice of the walk; is there more to do? Topics take turns, so that a huge one delays no small one. */
  walk(until: number): boolean {
    this.#tempo.begin(until);
    this.#isDueFirst = !this.#isDueFirst;
    const walkDue = (): boolean => this.#due.walk((seat) => this.serve(seat), this.#tempo);
    const hasMore = this.#isDueFirst ? walkDue() || this.#walkTopics() : this.#walkTopics() || walkDue();
    if (!hasMore) this.#writes.forget();
    this.#tempo.end(hasMore);
    this.#settleFlushes();
    this.walked();
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
      topic.owed === 0 ? effort(bytes.length, topic.members.size) : topic.owed + bytes.length * topic.members.size,
    );
    topic.pending.push({ number, bytes, except, exceptId, at: this.now() });
  }

  #issueTo(id: string, topic: Topic, message: OutgoingMessage, { except, exceptId }: Skipped, token: string): void {
    if (id === exceptId) return;
    let entry: Entry | undefined;
    for (const seat of this.audience.withId(id)) {
      if (seat.recipient === except || !topic.members.has(seat)) continue;
      entry ??= this.#makeEntry(message, token);
      seat.keep(entry);
      if (seat.isDue) continue;
      this.#due.add(seat, this.now());
      this.wake();
    }
  }

  #makeEntry(message: OutgoingMessage, token: string): Entry {
    const bytes = frame(encode(message, token));
    this.#due.bytes += bytes.length;
    return { number: ++this.#last, bytes, isOwn: true };
  }

  #owe(topic: Topic, owed: number): void {
    this.#tempo.owed += owed - topic.owed;
    topic.owed = owed;
  }

  /**
   * Gives a connection what it is owed, in as many writes as that takes. The cursor goes no further than what has been
   * written, so that whatever a write leads to finds the rest in its place, and a walk may stop in between.
   */
  #serve(seat: Seat, topics: readonly Topic[], mayStop: boolean): void {
    let isFirst = true;
    while (seat.cursor < this.#last || seat.isDue) {
      // What a write has led to may have come to any of them.
      const owed = this.#gather(seat, isFirst ? topics : seat.topics);
      if (seat.isCongested) return this.#keep(seat, owed, isFirst);
      const rest = cutToOneWrite(owed);
      this.#advance(seat, rest);
      if (owed.length > 0) this.#write(seat, owed);
      if (rest.length === 0 || (mayStop && this.#tempo.isUpNow)) return;
      isFirst = false;
    }
  }

  #advance(seat: Seat, rest: readonly Entry[]): void {
    const next = rest[0];
    seat.cursor = next ? next.number - 1 : this.#last;
    if (!next) seat.isDue = false;
    else if (seat.isDue) for (const entry of rest) if (entry.isOwn) seat.outbox?.add(entry);
  }

  #gather(seat: Seat, topics: readonly Topic[]): Entry[] {
    const owed = this.#owed;
    const { cursor, recipient } = seat;
    let sources = 0;
    // From one place alone, more than a write of it is gathered in vain.
    let room = topics.length === 1 && !seat.isDue && !seat.isCongested ? writeLimit : forever;
    if (seat.isDue && seat.outbox) {
      seat.outbox.takeAfter(cursor, owed);
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
  #keep(seat: Seat, owed: Entry[], isLag: boolean): void {
    seat.cursor = this.#last;
    seat.isDue = false;
    if (owed.length === 0) return;
    const [bytes, messages] = [bytesOf(owed), owed.length];
    for (const entry of owed) seat.keep(entry);
    owed.length = 0;
    seat.given.deliveries += messages;
    this.#tempo.gave(bytes);
    if (isLag) seat.recipient.outboxGrew(bytes, messages);
  }

  /** The scratch list is empty again before the socket is touched, as a delivery may lead back to here. */
  #write(seat: Seat, owed: Entry[]): void {
    const bytes = this.#writes.bytes(owed);
    const messages = owed.length;
    owed.length = 0;
    seat.given.deliveries += messages;
    this.#deliver(seat, bytes, messages);
  }

  #deliver(seat: Seat, bytes: Uint8Array, messages: number): boolean {
    this.#tempo.wrote(bytes.length);
    return seat.write(bytes, messages);
  }

  #beginPass(topic: Topic): void {
    this.#passes.push(new Pass(topic));
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
      if (this.#passes.length > 0 && this.#tempo.isUp(1)) return true;
    }
    return false;
  }

  #walkTopic(pass: Pass): boolean {
    pass.begin();
    const { topic, unfinished } = pass;
    if (unfinished && topic.members.has(unfinished) && this.#visit(pass, unfinished)) return true;
    for (const seat of pass.rest) if (this.#visit(pass, seat)) return true;
    return false;
  }

  /** Gives a member what it is owed. Has the time run out? */
  #visit(pass: Pass, seat: Seat): boolean {
    const { last } = pass.topic;
    const isBehind = seat.cursor < last;
    const isAlone = this.#passes.length + this.#underWay.length === 1;
    if (isBehind) this.#serve(seat, isAlone ? pass.alone : seat.topics, true);
    pass.unfinished = seat.cursor < last ? seat : undefined;
    return pass.unfinished !== undefined || this.#tempo.isUp(isBehind ? 1 : idleVisit);
  }

  #endPass(pass: Pass): void {
    const { topic } = pass;
    this.#topicBytes -= pass.end();
    this.#owe(topic, topic.pending.length === 0 ? 0 : effort(bytesOf(topic.pending), topic.members.size));
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

import type { Entry } from './outbox.js';
import type { Subscriber } from './subscriber.js';

/** What a broadcast needs to know of a connection. */
export interface Recipient {
  readonly id: string;
  /** Its socket would take more, whatever waits in the outbox. */
  readonly hasRoom: boolean;
  /** Told when its outlet may have no more room, or is gone. */
  filled(): void;
  /** Told what its outbox has come to hold. */
  outboxGrew(bytes: number, messages: number): void;
}

/** Told of each write to a recipient, just before it. */
export type DeliveryTap = (recipient: Recipient, bytes: Uint8Array, messages: number) => void;

/** What has been given out. */
export interface DeliveryCounters {
  /** Messages that were issued. */
  broadcasts: number;
  /** … as often as somebody was given one, if only into an outbox. */
  deliveries: number;
  /** Messages and bytes that were written, what is for one alone included. */
  frames: number;
  bytes: number;
  /** Whoever watches that, if anybody does. */
  tap: DeliveryTap | undefined;
}

export const makeDeliveryCounters = (): DeliveryCounters => ({
  broadcasts: 0,
  deliveries: 0,
  frames: 0,
  bytes: 0,
  tap: undefined,
});

/** A message in the log of a topic, with whom it leaves out. */
export interface LogEntry extends Entry {
  readonly except: Recipient | null;
  readonly exceptId: string | null;
  /** When it was issued. */
  readonly at: number;
}

/** A namespace, or a room of one: its members, and what they have not all been given yet. */
export class Topic {
  readonly members = new Set<Subscriber>();
  readonly pending: LogEntry[] = [];
  /** The number of the last message issued here. */
  last = 0;
  /** What it takes to give all of that to everybody. */
  owed = 0;
  /** Asks whose audience this topic was. */
  asked: Set<AskedMembers> | undefined;

  constructor(
    readonly namespace: string,
    readonly room: string,
  ) {}
}

/** Whom an ask was issued to, kept true while members come and go (AK6). */
export class AskedMembers {
  readonly #latecomers = new Set<Subscriber>();
  readonly #leavers: Set<Subscriber>;
  #present: number;

  constructor(
    readonly topic: Topic,
    /** Only these members, when the ask names an id. */
    readonly only: readonly Subscriber[] | undefined,
    readonly onDeserted: () => void,
  ) {
    this.#leavers = new Set(only);
    this.#present = only ? only.length : topic.members.size;
  }

  includes(subscriber: Subscriber): boolean {
    if (this.#leavers.has(subscriber)) return true;
    return !this.only && this.topic.members.has(subscriber) && !this.#latecomers.has(subscriber);
  }

  joined(subscriber: Subscriber): void {
    if (!this.only) this.#latecomers.add(subscriber);
  }

  left(subscriber: Subscriber): void {
    if (!this.only && !this.#latecomers.delete(subscriber)) this.#leavers.add(subscriber);
  }

  closed(): void {
    this.#present--;
    if (this.#present === 0) this.onDeserted();
  }
}

/** Who is where: namespace -> room -> members, and id -> connections. The only index of it. */
export class Topics {
  readonly delivered = makeDeliveryCounters();
  readonly #namespaces = new Map<string, Map<string, Topic>>();
  readonly #ids = new Map<string, Set<Subscriber>>();
  readonly #asked = new Set<AskedMembers>();

  /** The topic of a namespace (`room` empty) or room, if anybody is in it. */
  topic(namespace: string, room: string): Topic | undefined {
    return this.#namespaces.get(namespace)?.get(room);
  }

  /** The rooms of a namespace that have members. */
  roomNames(namespace: string): string[] {
    const topics = [...(this.#namespaces.get(namespace)?.values() ?? [])];
    return topics.filter(({ room, members }) => room !== '' && members.size > 0).map(({ room }) => room);
  }

  withId(id: string): Iterable<Subscriber> {
    return this.#ids.get(id) ?? [];
  }

  add(subscriber: Subscriber): void {
    const { id } = subscriber.recipient;
    const subscribers = this.#ids.get(id);
    subscriber.given = this.delivered;
    if (subscribers) subscribers.add(subscriber);
    else this.#ids.set(id, new Set([subscriber]));
  }

  /** The seat must have been served before: what was issued earlier is not for a newcomer (BC4). */
  join(subscriber: Subscriber, namespace: string, room: string): void {
    const topic = this.#topicFor(namespace, room);
    if (topic.members.has(subscriber)) return;
    if (topic.asked) for (const asked of topic.asked) asked.joined(subscriber);
    topic.members.add(subscriber);
    subscriber.topics.push(topic);
  }

  /** The seat must have been served before: what was issued earlier is still its due (BC4). */
  leave(subscriber: Subscriber, namespace: string, room: string): void {
    const topic = this.topic(namespace, room);
    const at = topic ? subscriber.topics.indexOf(topic) : -1;
    if (!topic || at === -1) return;
    subscriber.topics.splice(at, 1);
    this.#removeMember(topic, subscriber);
  }

  /** Leave everything at once, for good. */
  remove(subscriber: Subscriber): void {
    const subscribers = this.#ids.get(subscriber.recipient.id);
    if (!subscribers?.delete(subscriber)) return;
    if (subscribers.size === 0) this.#ids.delete(subscriber.recipient.id);
    const concerned = [...this.#asked].filter((asked) => asked.includes(subscriber));
    for (const topic of subscriber.topics.splice(0)) this.#removeMember(topic, subscriber);
    for (const asked of concerned) asked.closed();
  }

  addAsked(asked: AskedMembers): void {
    this.#asked.add(asked);
    asked.topic.asked ??= new Set();
    asked.topic.asked.add(asked);
  }

  removeAsked(asked: AskedMembers): void {
    if (!this.#asked.delete(asked)) return;
    const { topic } = asked;
    topic.asked?.delete(asked);
    if (topic.asked?.size === 0) topic.asked = undefined;
    this.#dropIfEmpty(topic);
  }

  #topicFor(namespace: string, room: string): Topic {
    let rooms = this.#namespaces.get(namespace);
    if (!rooms) {
      rooms = new Map();
      this.#namespaces.set(namespace, rooms);
    }
    let topic = rooms.get(room);
    if (!topic) {
      topic = new Topic(namespace, room);
      rooms.set(room, topic);
    }
    return topic;
  }

  #removeMember(topic: Topic, subscriber: Subscriber): void {
    topic.members.delete(subscriber);
    if (topic.asked) for (const asked of topic.asked) asked.left(subscriber);
    this.#dropIfEmpty(topic);
  }

  /** A topic that an ask still refers to stays, so that who rejoins it is known as a latecomer. */
  #dropIfEmpty(topic: Topic): void {
    if (topic.members.size > 0 || topic.asked) return;
    const rooms = this.#namespaces.get(topic.namespace);
    if (rooms?.get(topic.room) !== topic) return;
    rooms.delete(topic.room);
    if (rooms.size === 0) this.#namespaces.delete(topic.namespace);
  }
}

import type { Entry } from './outbox.js';
import type { Subscriber, SubscriberHost } from './subscriber.js';

/** Called just before each write to a connection. */
export type DeliveryTap = (host: SubscriberHost, bytes: Uint8Array, messages: number) => void;

/** Counts of what one server has published and delivered. */
export interface DeliveryCounters {
  /** Messages published to at least one member. */
  broadcasts: number;
  /** Deliveries of these messages, to a socket or to an outbox. */
  deliveries: number;
  /** Messages written, including those for one connection alone. */
  frames: number;
  /** Size of the written messages, in bytes. */
  bytes: number;
  /** Observer of each write; `undefined` while nothing observes. */
  tap: DeliveryTap | undefined;
}

/** Returns counters at 0. */
const makeDeliveryCounters = (): DeliveryCounters => ({
  broadcasts: 0,
  deliveries: 0,
  frames: 0,
  bytes: 0,
  tap: undefined,
});

/** A message in the log of a topic, with the connections that it excludes. */
export interface LogEntry extends Entry {
  /** The excluded connection. */
  readonly except: Subscriber | null;
  /** The id of the excluded connections. */
  readonly exceptId: string | null;
  /** When it was published, in ms of the clock. */
  readonly at: number;
}

/** A namespace, or one room of it: its members, and the messages that are not yet delivered to all of them. */
export class Topic {
  /** Its members, in the order of joining. */
  readonly members = new Set<Subscriber>();
  /** The log: messages in the order of publication, until a pass has visited every member. */
  readonly pending: LogEntry[] = [];
  /** Number of the last message published here. */
  last = 0;
  /** Cost of delivering the pending messages to all members, by `deliveryCost`. */
  outstanding = 0;
  /** Open asks of the members of this topic; `undefined` while there are none. */
  asked: Set<AskedMembers> | undefined;

  constructor(
    /** Its namespace. */
    readonly namespace: string,
    /** Its room; empty for the namespace itself. */
    readonly room: string,
  ) {}
}

/** The members of a topic that an ask was sent to. Members that join or leave later do not change it (AK6). */
export class AskedMembers {
  /** Members that have joined after the ask. */
  readonly #latecomers = new Set<Subscriber>();
  /** Asked members that have left the topic; with `only`, all asked members. */
  readonly #leavers: Set<Subscriber>;
  /** Asked members whose connection is not closed. */
  #present: number;

  constructor(
    /** The topic that was asked. */
    readonly topic: Topic,
    /** The asked members, when the ask names an id; `undefined` for all members. */
    readonly only: readonly Subscriber[] | undefined,
    /** Called when the last asked member has closed. */
    readonly onAllClosed: () => void,
  ) {
    this.#leavers = new Set(only);
    this.#present = only ? only.length : topic.members.size;
  }

  /** Returns whether this subscriber was asked, and so may answer. */
  includes(subscriber: Subscriber): boolean {
    if (this.#leavers.has(subscriber)) return true;
    return !this.only && this.topic.members.has(subscriber) && !this.#latecomers.has(subscriber);
  }

  /** Records a new member of the topic. */
  joined(subscriber: Subscriber): void {
    if (!this.only) this.#latecomers.add(subscriber);
  }

  /** Records that a member has left the topic. */
  left(subscriber: Subscriber): void {
    if (!this.only && !this.#latecomers.delete(subscriber)) this.#leavers.add(subscriber);
  }

  /** Records that an asked member has closed. */
  closed(): void {
    this.#present--;
    if (this.#present === 0) this.onAllClosed();
  }
}

/** The index of memberships: namespace -> room -> members, and id -> subscribers. */
export class Topics {
  /** Counters of what is published and delivered. */
  readonly delivered = makeDeliveryCounters();
  readonly #namespaces = new Map<string, Map<string, Topic>>();
  readonly #ids = new Map<string, Set<Subscriber>>();
  readonly #asked = new Set<AskedMembers>();

  /** Returns the topic of a namespace (`room` empty) or room; `undefined` while it has no members. */
  topic(namespace: string, room: string): Topic | undefined {
    return this.#namespaces.get(namespace)?.get(room);
  }

  /** Returns the names of the rooms of a namespace that have members. */
  roomNames(namespace: string): string[] {
    const topics = [...(this.#namespaces.get(namespace)?.values() ?? [])];
    return topics.filter(({ room, members }) => room !== '' && members.size > 0).map(({ room }) => room);
  }

  /** Returns the subscribers with this id, in the order of creation (HS11). */
  withId(id: string): Iterable<Subscriber> {
    return this.#ids.get(id) ?? [];
  }

  /** Adds a subscriber that is in no topic. */
  add(subscriber: Subscriber): void {
    const { id } = subscriber.host;
    const subscribers = this.#ids.get(id);
    if (subscribers) subscribers.add(subscriber);
    else this.#ids.set(id, new Set([subscriber]));
  }

  /** Adds a member. Its pending messages must be delivered: a new member receives nothing published earlier (BC4). */
  join(subscriber: Subscriber, namespace: string, room: string): void {
    const topic = this.#topicFor(namespace, room);
    if (topic.members.has(subscriber)) return;
    if (topic.asked) for (const asked of topic.asked) asked.joined(subscriber);
    topic.members.add(subscriber);
    subscriber.topics.push(topic);
  }

  /** Removes a member. Its pending messages must be delivered: it receives what was published earlier (BC4). */
  leave(subscriber: Subscriber, namespace: string, room: string): void {
    const topic = this.topic(namespace, room);
    const at = topic ? subscriber.topics.indexOf(topic) : -1;
    if (!topic || at === -1) return;
    subscriber.topics.splice(at, 1);
    this.#removeMember(topic, subscriber);
  }

  /** Removes a subscriber from all topics and from the index, for good. */
  remove(subscriber: Subscriber): void {
    const subscribers = this.#ids.get(subscriber.host.id);
    if (!subscribers?.delete(subscriber)) return;
    if (subscribers.size === 0) this.#ids.delete(subscriber.host.id);
    const concerned = [...this.#asked].filter((asked) => asked.includes(subscriber));
    for (const topic of subscriber.topics.splice(0)) this.#removeMember(topic, subscriber);
    for (const asked of concerned) asked.closed();
  }

  /** Adds an open ask. */
  addAsked(asked: AskedMembers): void {
    this.#asked.add(asked);
    asked.topic.asked ??= new Set();
    asked.topic.asked.add(asked);
  }

  /** Removes a settled ask. Does nothing the second time. */
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

  /** Removes a topic without members. A topic with an open ask stays, so that it knows who joined after the ask. */
  #dropIfEmpty(topic: Topic): void {
    if (topic.members.size > 0 || topic.asked) return;
    const rooms = this.#namespaces.get(topic.namespace);
    if (rooms?.get(topic.room) !== topic) return;
    rooms.delete(topic.room);
    if (rooms.size === 0) this.#namespaces.delete(topic.namespace);
  }
}

import type { Entry, WriteCache } from './outbox.js';
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
  /** Number of the last message published here. */
  last = 0;
  /** The log: messages in the order of publication, until a pass has visited every member. */
  readonly pending: LogEntry[] = [];
  /** Total size of the log, in bytes. */
  bytes = 0;
  /** How many messages of the log exclude a connection or an id. */
  exclusions = 0;
  /** Its members, in the order of joining. */
  readonly members = new Set<Subscriber>();
  /** Cost of delivering the pending messages to all members, by `deliveryCost`. */
  outstanding = 0;
  #joined: Uint8Array | undefined;
  /** Open asks of the members of this topic; `undefined` while there are none. */
  asked: Set<AskedMembers> | undefined;

  constructor(
    /** Its namespace. */
    readonly namespace: string,
    /** Its room; empty for the namespace itself. */
    readonly room: string,
  ) {}

  /** Appends a message to the log. */
  append(entry: LogEntry): void {
    this.pending.push(entry);
    this.last = entry.number;
    this.bytes += entry.bytes.length;
    if (isExcluding(entry)) this.exclusions++;
    this.#joined = undefined;
  }

  /** Removes the messages up to this number from the log. Returns their size, in bytes. */
  remove(upTo: number): number {
    const { pending } = this;
    let [count, bytes] = [0, 0];
    for (let entry = pending[0]; entry && entry.number <= upTo; entry = pending[count]) {
      count++;
      bytes += entry.bytes.length;
      if (isExcluding(entry)) this.exclusions--;
    }
    // To set the length would free the list, and the next message would allocate it again.
    if (count < pending.length) pending.splice(0, count);
    else while (count-- > 0) pending.pop();
    this.bytes -= bytes;
    this.#joined = undefined;
    return bytes;
  }

  /** Returns the whole log as one buffer, the same one for each member until the log changes (BC6). */
  joined(writes: WriteCache): Uint8Array {
    this.#joined ??= writes.bytes(this.pending);
    return this.#joined;
  }
}

const isExcluding = ({ except, exceptId }: LogEntry): boolean => except !== null || exceptId !== null;

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
  /** Most ids are those of one connection, which needs no set. */
  readonly #ids = new Map<string, Subscriber | Set<Subscriber>>();
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
    const found = this.#ids.get(id);
    if (found instanceof Set) return found;
    return found ? [found] : [];
  }

  /** Adds a subscriber that is in no topic. */
  add(subscriber: Subscriber): void {
    const { id } = subscriber.host;
    const found = this.#ids.get(id);
    if (found instanceof Set) found.add(subscriber);
    else this.#ids.set(id, found ? new Set([found, subscriber]) : subscriber);
  }

  /** Adds a member. Its pending messages must be delivered: a new member receives nothing published earlier (BC4). */
  join(subscriber: Subscriber, namespace: string, room: string): void {
    const topic = this.#topicFor(namespace, room);
    if (topic.members.has(subscriber)) return;
    if (topic.asked) for (const asked of topic.asked) asked.joined(subscriber);
    topic.members.add(subscriber);
    subscriber.entered(topic);
  }

  /** Removes a member. Its pending messages must be delivered: it receives what was published earlier (BC4). */
  leave(subscriber: Subscriber, namespace: string, room: string): void {
    const topic = this.topic(namespace, room);
    if (!topic?.members.has(subscriber)) return;
    subscriber.left(topic);
    this.#removeMember(topic, subscriber);
  }

  /** Removes a subscriber from all topics and from the index, for good. */
  remove(subscriber: Subscriber): void {
    if (!this.#forget(subscriber)) return;
    const concerned = [...this.#asked].filter((asked) => asked.includes(subscriber));
    for (const topic of subscriber.topics) this.#removeMember(topic, subscriber);
    subscriber.leftAll();
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

  /** Removes a subscriber from the index of ids. Returns whether it was there. */
  #forget(subscriber: Subscriber): boolean {
    const { id } = subscriber.host;
    const found = this.#ids.get(id);
    if (!(found instanceof Set)) return found === subscriber && this.#ids.delete(id);
    if (!found.delete(subscriber)) return false;
    if (found.size === 0) this.#ids.delete(id);
    return true;
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

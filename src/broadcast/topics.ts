import type { Entry } from './outbox.js';
import type { Seat } from './subscriber.js';

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
export type Witness = (recipient: Recipient, bytes: Uint8Array, messages: number) => void;

/** What has been given out. */
export interface GivenOut {
  /** Messages that were issued. */
  broadcasts: number;
  /** … as often as somebody was given one, if only into an outbox. */
  deliveries: number;
  /** Messages and bytes that were written, what is for one alone included. */
  frames: number;
  bytes: number;
  /** Whoever watches that, if anybody does. */
  witness: Witness | undefined;
}

export const makeGiven = (): GivenOut => ({ broadcasts: 0, deliveries: 0, frames: 0, bytes: 0, witness: undefined });

/** A message in the log of a topic, with whom it leaves out. */
export interface Issue extends Entry {
  readonly except: Recipient | null;
  readonly exceptId: string | null;
  /** When it was issued. */
  readonly at: number;
}

/** A namespace, or a room of one: its members, and what they have not all been given yet. */
export class Topic {
  readonly members = new Set<Seat>();
  readonly pending: Issue[] = [];
  /** The number of the last message issued here. */
  last = 0;
  /** What it takes to give all of that to everybody. */
  owed = 0;
  /** Asks whose audience this topic was. */
  rolls: Set<Roll> | undefined;

  constructor(
    readonly namespace: string,
    readonly room: string,
  ) {}
}

/** Whom an ask was issued to, kept true while members come and go (AK6). */
export class Roll {
  readonly #latecomers = new Set<Seat>();
  readonly #leavers: Set<Seat>;
  #present: number;

  constructor(
    readonly topic: Topic,
    /** Only these members, when the ask names an id. */
    readonly only: readonly Seat[] | undefined,
    readonly onDeserted: () => void,
  ) {
    this.#leavers = new Set(only);
    this.#present = only ? only.length : topic.members.size;
  }

  includes(seat: Seat): boolean {
    if (this.#leavers.has(seat)) return true;
    return !this.only && this.topic.members.has(seat) && !this.#latecomers.has(seat);
  }

  joined(seat: Seat): void {
    if (!this.only) this.#latecomers.add(seat);
  }

  left(seat: Seat): void {
    if (!this.only && !this.#latecomers.delete(seat)) this.#leavers.add(seat);
  }

  closed(): void {
    this.#present--;
    if (this.#present === 0) this.onDeserted();
  }
}

/** Who is where: namespace -> room -> members, and id -> connections. The only index of it. */
export class Audience {
  readonly given = makeGiven();
  readonly #namespaces = new Map<string, Map<string, Topic>>();
  readonly #ids = new Map<string, Set<Seat>>();
  readonly #rolls = new Set<Roll>();

  /** The topic of a namespace (`room` empty) or room, if anybody is in it. */
  topic(namespace: string, room: string): Topic | undefined {
    return this.#namespaces.get(namespace)?.get(room);
  }

  /** The rooms of a namespace that have members. */
  roomNames(namespace: string): string[] {
    const topics = [...(this.#namespaces.get(namespace)?.values() ?? [])];
    return topics.filter(({ room, members }) => room !== '' && members.size > 0).map(({ room }) => room);
  }

  withId(id: string): Iterable<Seat> {
    return this.#ids.get(id) ?? [];
  }

  arrive(seat: Seat): void {
    const { id } = seat.recipient;
    const seats = this.#ids.get(id);
    seat.given = this.given;
    if (seats) seats.add(seat);
    else this.#ids.set(id, new Set([seat]));
  }

  /** The seat must have been served before: what was issued earlier is not for a newcomer (BC4). */
  join(seat: Seat, namespace: string, room: string): void {
    const topic = this.#topicFor(namespace, room);
    if (topic.members.has(seat)) return;
    if (topic.rolls) for (const roll of topic.rolls) roll.joined(seat);
    topic.members.add(seat);
    seat.topics.push(topic);
  }

  /** The seat must have been served before: what was issued earlier is still its due (BC4). */
  leave(seat: Seat, namespace: string, room: string): void {
    const topic = this.topic(namespace, room);
    const at = topic ? seat.topics.indexOf(topic) : -1;
    if (!topic || at === -1) return;
    seat.topics.splice(at, 1);
    this.#removeMember(topic, seat);
  }

  /** Leave everything at once, for good. */
  depart(seat: Seat): void {
    const seats = this.#ids.get(seat.recipient.id);
    if (!seats?.delete(seat)) return;
    if (seats.size === 0) this.#ids.delete(seat.recipient.id);
    const concerned = [...this.#rolls].filter((roll) => roll.includes(seat));
    for (const topic of seat.topics.splice(0)) this.#removeMember(topic, seat);
    for (const roll of concerned) roll.closed();
  }

  openRoll(roll: Roll): void {
    this.#rolls.add(roll);
    roll.topic.rolls ??= new Set();
    roll.topic.rolls.add(roll);
  }

  closeRoll(roll: Roll): void {
    if (!this.#rolls.delete(roll)) return;
    const { topic } = roll;
    topic.rolls?.delete(roll);
    if (topic.rolls?.size === 0) topic.rolls = undefined;
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

  #removeMember(topic: Topic, seat: Seat): void {
    topic.members.delete(seat);
    if (topic.rolls) for (const roll of topic.rolls) roll.left(seat);
    this.#dropIfEmpty(topic);
  }

  /** A topic that an ask still refers to stays, so that who rejoins it is known as a latecomer. */
  #dropIfEmpty(topic: Topic): void {
    if (topic.members.size > 0 || topic.rolls) return;
    const rooms = this.#namespaces.get(topic.namespace);
    if (rooms?.get(topic.room) !== topic) return;
    rooms.delete(topic.room);
    if (rooms.size === 0) this.#namespaces.delete(topic.namespace);
  }
}

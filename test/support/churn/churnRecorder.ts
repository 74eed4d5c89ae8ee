import type { Conn, DisconnectReason, Events, NSConn, Reply } from '../../../src/index.js';
import { type IssueAddress, Ledger } from '../history/deliveryLog.js';

/** The namespace of the churn; as a topic it is 0, and its rooms are the numbers from 1 on. */
export const namespace = 'n';
export const roomName = (topic: number): string => (topic === 0 ? '' : `r${String(topic - 1).padStart(2, '0')}`);
const topicOf = (room: string): number => Number(room.slice(1)) + 1;

/** One connection, as the ledger knows it. */
export interface Guest {
  readonly number: number;
  readonly user: number;
  readonly conn: Conn;
  /** Its topics, by the ledger. */
  readonly topics: Set<number>;
  ns: NSConn | undefined;
  isClosed: boolean;
}

/** Told of what happens at a moment that the ledger knows exactly; it may say something itself. */
export interface Occasions {
  entered(guest: Guest, topic: number): void;
  left(guest: Guest, topic: number): void;
  /** A client asks for an answer with a number. */
  asked(guest: Guest): Reply;
  /** A client is about to read nothing for a while. */
  stalls(guest: Guest): void;
}

/**
 * Keeps the ledger of a server, by nothing but its handlers. A join is told in the very step that makes it, a leave of
 * a room likewise, and of a namespace no later than its rooms; a close by the server is logged by whoever calls it,
 * and one that the client or the network began when its first forced event runs: nothing is issued in between.
 */
export class ChurnHouse {
  readonly ledger = new Ledger();
  /** Who is in the namespace, and how many are in each topic. */
  readonly present: Guest[] = [];
  readonly sizes: number[];
  /** How connections have ended: code -> times. */
  readonly ends = new Map<number, number>();
  readonly flow = { congestions: 0, drains: 0, changesWhileCongested: 0 };
  readonly congested = new Set<Guest>();
  readonly #guests = new WeakMap<Conn, Guest>();
  /** Guests whom the server itself is moving: their clients have not asked, and get no answer. */
  readonly #moving = new Set<Guest>();

  constructor(
    readonly rooms: number,
    private readonly occasions: Occasions,
  ) {
    this.sizes = Array.from({ length: rooms + 1 }, () => 0);
  }

  /** For the options of the server. */
  readonly onConnect = (conn: Conn): void => {
    const address = new URL(conn.request.url ?? '/', 'http://loopback');
    const number = Number(address.searchParams.get('n'));
    const guest: Guest = {
      number,
      user: Number(conn.id.slice(1)),
      conn,
      topics: new Set(),
      ns: undefined,
      isClosed: false,
    };
    this.#guests.set(conn, guest);
    this.ledger.arrives(number, guest.user);
    conn.actor.subscribe({
      next: (snapshot) => this.#flows(guest, snapshot.hasTag('congested'), snapshot.hasTag('open')),
      error: () => {},
    });
  };

  readonly onDisconnect = (conn: Conn, { code }: DisconnectReason): void => {
    this.#gone(this.#of(conn));
    this.ends.set(code, (this.ends.get(code) ?? 0) + 1);
  };

  readonly handlers: Events = {
    _OnNamespaceConnected: (ns) => {
      const guest = this.#of(ns.conn);
      guest.ns = ns;
      this.present.push(guest);
      this.#joined(guest, 0);
      // This one answer goes out before its handler runs, all others after it.
      this.ledger.answers(guest.number);
      this.occasions.entered(guest, 0);
    },
    _OnNamespaceDisconnect: ({ conn }, { isForced }) => {
      const guest = this.#of(conn);
      if (isForced) return this.#gone(guest);
      for (const topic of [...guest.topics]) this.#leftTopic(guest, topic);
      this.#absent(guest);
      this.ledger.answers(guest.number);
    },
    _OnRoomJoined: ({ conn }, { room }) => {
      const guest = this.#of(conn);
      this.#joined(guest, topicOf(room));
      this.occasions.entered(guest, topicOf(room));
      if (!this.#moving.has(guest)) this.ledger.answers(guest.number);
    },
    _OnRoomLeave: ({ conn }) => {
      if (conn.isClosed) this.#gone(this.#of(conn));
    },
    _OnRoomLeft: ({ conn }, { room, isForced }) => {
      if (isForced) return;
      const guest = this.#of(conn);
      this.#leftTopic(guest, topicOf(room));
      this.occasions.left(guest, topicOf(room));
      if (!this.#moving.has(guest)) this.ledger.answers(guest.number);
    },
    said: ({ conn }) => this.occasions.asked(this.#of(conn)),
    stall: ({ conn }) => this.occasions.stalls(this.#of(conn)),
  };

  /** The server moves a guest: into this room when it is in few, out of another when it is in many. */
  async move(guest: Guest, topic: number): Promise<void> {
    const { ns } = guest;
    if (!ns || this.#moving.has(guest)) return;
    const [room, ...others] = ns.rooms();
    this.#moving.add(guest);
    try {
      if (room && others.length > 1) await room.leave();
      else await ns.joinRoom(roomName(topic));
    } catch (error) {
      if (!guest.conn.isClosed) throw error;
    } finally {
      this.#moving.delete(guest);
    }
  }

  /** The server closes this connection, here and now. */
  close(guest: Guest): void {
    const { conn } = guest;
    if (conn.isClosed) return;
    this.#closed(guest, conn.actor.getSnapshot().hasTag('congested') ? 'congested' : 'flowing');
    conn.close(4_000);
  }

  /** About so many connections an issue is for. */
  reach({ topic, to }: IssueAddress): number {
    return to === undefined ? (this.sizes[topic] ?? 0) : 1;
  }

  #flows(guest: Guest, isCongested: boolean, isOpen: boolean): void {
    const { congested, flow } = this;
    if (isCongested === congested.has(guest)) return;
    if (isCongested) flow.congestions++;
    else if (isOpen) flow.drains++;
    if (isCongested) congested.add(guest);
    else congested.delete(guest);
  }

  #of(conn: Conn): Guest {
    const guest = this.#guests.get(conn);
    if (!guest) throw new Error(`connection ${conn.id} is unknown`);
    return guest;
  }

  #joined(guest: Guest, topic: number): void {
    if (this.congested.has(guest)) this.flow.changesWhileCongested++;
    this.ledger.joins(guest.number, topic);
    guest.topics.add(topic);
    this.sizes[topic] = (this.sizes[topic] ?? 0) + 1;
  }

  #leftTopic(guest: Guest, topic: number): void {
    if (this.congested.has(guest)) this.flow.changesWhileCongested++;
    this.ledger.leaves(guest.number, topic);
    if (guest.topics.delete(topic)) this.sizes[topic] = (this.sizes[topic] ?? 0) - 1;
  }

  #gone(guest: Guest): void {
    if (!guest.isClosed) this.#closed(guest, 'gone');
  }

  #closed(guest: Guest, kind: 'flowing' | 'congested' | 'gone'): void {
    guest.isClosed = true;
    this.ledger.closes(guest.number, kind);
    for (const topic of guest.topics) this.sizes[topic] = (this.sizes[topic] ?? 0) - 1;
    guest.topics.clear();
    this.#absent(guest);
  }

  #absent(guest: Guest): void {
    guest.ns = undefined;
    const at = this.present.indexOf(guest);
    const last = this.present.pop();
    if (at !== -1 && last && last !== guest) this.present[at] = last;
    else if (at === -1 && last) this.present.push(last);
  }
}

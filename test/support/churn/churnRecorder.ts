import type { Conn, DisconnectReason, Events, NSConn, Reply } from '../../../src/index.js';
import { type BroadcastAddress, DeliveryLog } from '../history/deliveryLog.js';

/** The namespace of the churn; as a topic it is 0, and its rooms are the numbers from 1 on. */
export const namespace = 'n';
export const roomName = (topic: number): string => (topic === 0 ? '' : `r${String(topic - 1).padStart(2, '0')}`);
const topicOf = (room: string): number => Number(room.slice(1)) + 1;

/** One connection, as the log has it. */
export interface ChurnConnection {
  readonly number: number;
  readonly user: number;
  readonly conn: Conn;
  /** Its topics, by the log. */
  readonly topics: Set<number>;
  ns: NSConn | undefined;
  isClosed: boolean;
}

/** Called at moments whose place in the log is exact. It may broadcast and emit. */
export interface ChurnListener {
  onJoined(connection: ChurnConnection, topic: number): void;
  onLeft(connection: ChurnConnection, topic: number): void;
  /** Returns the reply, with a number, to a client's ask. */
  onAsk(connection: ChurnConnection): Reply;
  /** Called before a client stops reading for a while. */
  onStall(connection: ChurnConnection): void;
}

/**
 * Records the log of a server from its handlers alone. A join or a leave is logged in the step that makes it, a leave of
 * a namespace no later than of its rooms. The caller of `close` logs a close by the server. A close by the client or the
 * network is logged in its first forced event: no broadcast happens in between.
 */
export class ChurnRecorder {
  readonly log = new DeliveryLog();
  /** The connections in the namespace, and the number of members of each topic. */
  readonly members: ChurnConnection[] = [];
  readonly sizes: number[];
  /** Close code -> how many connections ended with it. */
  readonly ends = new Map<number, number>();
  readonly flow = { congestions: 0, drains: 0, changesWhileCongested: 0 };
  readonly congested = new Set<ChurnConnection>();
  readonly #connections = new WeakMap<Conn, ChurnConnection>();
  /** Connections that the server is moving. Their clients have not asked, so they get no reply. */
  readonly #moving = new Set<ChurnConnection>();

  constructor(
    readonly rooms: number,
    private readonly listener: ChurnListener,
  ) {
    this.sizes = Array.from({ length: rooms + 1 }, () => 0);
  }

  /** For the options of the server. */
  readonly onConnect = (conn: Conn): void => {
    const address = new URL(conn.request.url ?? '/', 'http://loopback');
    const number = Number(address.searchParams.get('n'));
    const connection: ChurnConnection = {
      number,
      user: Number(conn.id.slice(1)),
      conn,
      topics: new Set(),
      ns: undefined,
      isClosed: false,
    };
    this.#connections.set(conn, connection);
    this.log.addArrival(number, connection.user);
    conn.actor.subscribe({
      next: (snapshot) => this.#onFlow(connection, snapshot.hasTag('congested'), snapshot.hasTag('open')),
      error: () => {},
    });
  };

  readonly onDisconnect = (conn: Conn, { code }: DisconnectReason): void => {
    this.#onGone(this.#of(conn));
    this.ends.set(code, (this.ends.get(code) ?? 0) + 1);
  };

  readonly handlers: Events = {
    _OnNamespaceConnected: (ns) => {
      const connection = this.#of(ns.conn);
      connection.ns = ns;
      this.members.push(connection);
      this.#onJoined(connection, 0);
      // This reply is sent before its handler runs; all others after it.
      this.log.addReply(connection.number);
      this.listener.onJoined(connection, 0);
    },
    _OnNamespaceDisconnect: ({ conn }, { isForced }) => {
      const connection = this.#of(conn);
      if (isForced) return this.#onGone(connection);
      for (const topic of [...connection.topics]) this.#onLeft(connection, topic);
      this.#removeMember(connection);
      this.log.addReply(connection.number);
    },
    _OnRoomJoined: ({ conn }, { room }) => {
      const connection = this.#of(conn);
      this.#onJoined(connection, topicOf(room));
      this.listener.onJoined(connection, topicOf(room));
      if (!this.#moving.has(connection)) this.log.addReply(connection.number);
    },
    _OnRoomLeave: ({ conn }) => {
      if (conn.isClosed) this.#onGone(this.#of(conn));
    },
    _OnRoomLeft: ({ conn }, { room, isForced }) => {
      if (isForced) return;
      const connection = this.#of(conn);
      this.#onLeft(connection, topicOf(room));
      this.listener.onLeft(connection, topicOf(room));
      if (!this.#moving.has(connection)) this.log.addReply(connection.number);
    },
    ask: ({ conn }) => this.listener.onAsk(this.#of(conn)),
    stall: ({ conn }) => this.listener.onStall(this.#of(conn)),
  };

  /** Moves a connection: into this room, or out of another if it is in several. */
  async move(connection: ChurnConnection, topic: number): Promise<void> {
    const { ns } = connection;
    if (!ns || this.#moving.has(connection)) return;
    const [room, ...others] = ns.rooms();
    this.#moving.add(connection);
    try {
      if (room && others.length > 1) await room.leave();
      else await ns.joinRoom(roomName(topic));
    } catch (error) {
      if (!connection.conn.isClosed) throw error;
    } finally {
      this.#moving.delete(connection);
    }
  }

  /** Closes this connection at once. */
  close(connection: ChurnConnection): void {
    const { conn } = connection;
    if (conn.isClosed) return;
    this.#onClosed(connection, conn.actor.getSnapshot().hasTag('congested') ? 'congested' : 'flowing');
    conn.close(4_000);
  }

  /** Returns about how many connections a broadcast is for. */
  reach({ topic, to }: BroadcastAddress): number {
    return to === undefined ? (this.sizes[topic] ?? 0) : 1;
  }

  #onFlow(connection: ChurnConnection, isCongested: boolean, isOpen: boolean): void {
    const { congested, flow } = this;
    if (isCongested === congested.has(connection)) return;
    if (isCongested) flow.congestions++;
    else if (isOpen) flow.drains++;
    if (isCongested) congested.add(connection);
    else congested.delete(connection);
  }

  #of(conn: Conn): ChurnConnection {
    const connection = this.#connections.get(conn);
    if (!connection) throw new Error(`connection ${conn.id} is unknown`);
    return connection;
  }

  #onJoined(connection: ChurnConnection, topic: number): void {
    if (this.congested.has(connection)) this.flow.changesWhileCongested++;
    this.log.addJoin(connection.number, topic);
    connection.topics.add(topic);
    this.sizes[topic] = (this.sizes[topic] ?? 0) + 1;
  }

  #onLeft(connection: ChurnConnection, topic: number): void {
    if (this.congested.has(connection)) this.flow.changesWhileCongested++;
    this.log.addLeave(connection.number, topic);
    if (connection.topics.delete(topic)) this.sizes[topic] = (this.sizes[topic] ?? 0) - 1;
  }

  #onGone(connection: ChurnConnection): void {
    if (!connection.isClosed) this.#onClosed(connection, 'gone');
  }

  #onClosed(connection: ChurnConnection, kind: 'flowing' | 'congested' | 'gone'): void {
    connection.isClosed = true;
    this.log.addClose(connection.number, kind);
    for (const topic of connection.topics) this.sizes[topic] = (this.sizes[topic] ?? 0) - 1;
    connection.topics.clear();
    this.#removeMember(connection);
  }

  #removeMember(connection: ChurnConnection): void {
    connection.ns = undefined;
    const at = this.members.indexOf(connection);
    const last = this.members.pop();
    if (at !== -1 && last && last !== connection) this.members[at] = last;
    else if (at === -1 && last) this.members.push(last);
  }
}

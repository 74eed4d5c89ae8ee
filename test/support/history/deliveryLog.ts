/** Rows of five numbers in one typed array. */
class Rows {
  #cells = new Int32Array(1_024);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  push(a: number, b: number, c: number, d: number, e: number): void {
    if (this.#length + 5 > this.#cells.length) {
      const wider = new Int32Array(this.#cells.length * 2);
      wider.set(this.#cells);
      this.#cells = wider;
    }
    const at = this.#length;
    this.#cells[at] = a;
    this.#cells[at + 1] = b;
    this.#cells[at + 2] = c;
    this.#cells[at + 3] = d;
    this.#cells[at + 4] = e;
    this.#length = at + 5;
  }

  at(index: number): number {
    if (index >= this.#length) throw new RangeError(`no cell ${index}`);
    return this.#cells[index] ?? 0;
  }
}

/** No connection or user. */
export const none = -1;

/** The address of a broadcast, all by number. */
export interface BroadcastAddress {
  /** The namespace, or a room of it. */
  readonly topic: number;
  /** Only the connections of this user. */
  readonly to?: number;
  /** Not this connection. */
  readonly except?: number;
  /** No connection of this user. */
  readonly exceptUser?: number;
}

/** The state of a connection when the server closed it: flowing, congested, or its client gone. */
export type CloseKind = 'flowing' | 'congested' | 'gone';
const closeKinds: readonly CloseKind[] = ['flowing', 'congested', 'gone'];

/** One thing that the server has done. */
export type LogEvent =
  | { readonly event: 'arrival'; readonly connection: number; readonly user: number }
  | { readonly event: 'join' | 'leave'; readonly connection: number; readonly topic: number }
  | { readonly event: 'close'; readonly connection: number; readonly kind: CloseKind }
  | { readonly event: 'broadcast'; readonly number: number; readonly address: BroadcastAddress }
  | { readonly event: 'emit'; readonly number: number; readonly connection: number; readonly topic: number }
  | { readonly event: 'reply'; readonly number: number; readonly connection: number };

const arrival = 0;
const join = 1;
const leave = 2;
const close = 3;
const broadcast = 4;
const emit = 5;
const reply = 6;
const width = 5;

/** The number of the first reply to a connection. Numbers below are broadcasts and emits. */
export const firstReply = 2 ** 31;

/**
 * The log of a run: arrivals, joins, leaves, closes, broadcasts, emits and replies, in program order. It names
 * connections, users and topics by number and does not use the server.
 */
export class DeliveryLog {
  readonly #rows = new Rows();
  #last = 0;
  readonly counts = {
    arrivals: 0,
    joins: 0,
    leaves: 0,
    flowing: 0,
    congested: 0,
    gone: 0,
    broadcasts: 0,
    emits: 0,
    replies: 0,
  };
  readonly addressed = { to: 0, except: 0, exceptUser: 0, rooms: 0 };

  /** The number of the newest broadcast or emit. */
  get last(): number {
    return this.#last;
  }

  addArrival(connection: number, user: number): void {
    this.counts.arrivals++;
    this.#rows.push(arrival, connection, user, 0, 0);
  }

  addJoin(connection: number, topic: number): void {
    this.counts.joins++;
    this.#rows.push(join, connection, topic, 0, 0);
  }

  addLeave(connection: number, topic: number): void {
    this.counts.leaves++;
    this.#rows.push(leave, connection, topic, 0, 0);
  }

  addClose(connection: number, kind: CloseKind): void {
    this.counts[kind]++;
    this.#rows.push(close, connection, closeKinds.indexOf(kind), 0, 0);
  }

  /** Adds a broadcast and returns its number, which its body has to contain. */
  addBroadcast({ topic, to = none, except = none, exceptUser = none }: BroadcastAddress): number {
    this.counts.broadcasts++;
    if (topic !== 0) this.addressed.rooms++;
    if (to !== none) this.addressed.to++;
    if (except !== none) this.addressed.except++;
    if (exceptUser !== none) this.addressed.exceptUser++;
    this.#rows.push(broadcast, topic, to, except, exceptUser);
    return ++this.#last;
  }

  /** Adds an emit to one connection, expected if it is in that topic. Returns its number, which its body has to contain. */
  addEmit(connection: number, topic: number): number {
    this.counts.emits++;
    this.#rows.push(emit, connection, topic, 0, 0);
    return ++this.#last;
  }

  /** Adds a reply. The client counts its replies as well, and so knows the number. */
  addReply(connection: number): void {
    this.counts.replies++;
    this.#rows.push(reply, connection, 0, 0, 0);
  }

  /** Yields every event from the beginning. */
  *events(): Generator<LogEvent> {
    const replies = new Map<number, number>();
    let last = 0;
    for (let row = 0; row < this.#rows.length; row += width) {
      const connection = this.#rows.at(row + 1);
      const second = this.#rows.at(row + 2);
      switch (this.#rows.at(row)) {
        case arrival:
          yield { event: 'arrival', connection, user: second };
          break;
        case join:
          yield { event: 'join', connection, topic: second };
          break;
        case leave:
          yield { event: 'leave', connection, topic: second };
          break;
        case close:
          yield { event: 'close', connection, kind: closeKinds[second] ?? 'gone' };
          break;
        case broadcast:
          yield {
            event: 'broadcast',
            number: ++last,
            address: {
              topic: connection,
              to: second,
              except: this.#rows.at(row + 3),
              exceptUser: this.#rows.at(row + 4),
            },
          };
          break;
        case emit:
          yield { event: 'emit', number: ++last, connection, topic: second };
          break;
        default: {
          const number = replies.get(connection) ?? firstReply;
          replies.set(connection, number + 1);
          yield { event: 'reply', number, connection };
        }
      }
    }
  }
}

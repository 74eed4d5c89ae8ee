/** Rows of five numbers, as compact as they can be kept. */
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
    if (index >= this.#length) throw new RangeError(`there is no cell ${index}`);
    return this.#cells[index] ?? 0;
  }
}

/** Nobody in particular. */
export const nobody = -1;

/** Whom an issue is for, all by number. */
export interface IssueAddress {
  /** The namespace, or a room of it. */
  readonly topic: number;
  /** Only the connections of this user. */
  readonly to?: number;
  /** Not this connection. */
  readonly except?: number;
  /** No connection of this user. */
  readonly exceptUser?: number;
}

/** How the server came to close a connection: while it could write to it, or not, or because the client had gone. */
export type CloseKind = 'flowing' | 'congested' | 'gone';
const closeKinds: readonly CloseKind[] = ['flowing', 'congested', 'gone'];

/** What the server has done, in the order in which it was done. */
export type Deed =
  | { readonly deed: 'arrival'; readonly connection: number; readonly user: number }
  | { readonly deed: 'join' | 'leave'; readonly connection: number; readonly topic: number }
  | { readonly deed: 'close'; readonly connection: number; readonly kind: CloseKind }
  | { readonly deed: 'issue'; readonly number: number; readonly address: IssueAddress }
  | { readonly deed: 'emit'; readonly number: number; readonly connection: number; readonly topic: number }
  | { readonly deed: 'answer'; readonly number: number; readonly connection: number };

const arrival = 0;
const join = 1;
const leave = 2;
const close = 3;
const issue = 4;
const emit = 5;
const answer = 6;
const width = 5;

/** The first answer to a connection has this number, the next one more: below are the numbers of issues and emits. */
export const firstAnswer = 2 ** 31;

/**
 * The server's book of a run: arrivals, joins, leaves, closes, and everything that was said, in program order. Whoever
 * keeps it names connections, users and topics by numbers; it knows nothing of the server that it is about.
 */
export class Ledger {
  readonly #rows = new Rows();
  #last = 0;
  readonly counts = {
    arrivals: 0,
    joins: 0,
    leaves: 0,
    flowing: 0,
    congested: 0,
    gone: 0,
    issues: 0,
    emits: 0,
    answers: 0,
  };
  readonly addressed = { to: 0, except: 0, exceptUser: 0, rooms: 0 };

  /** The number of the newest issue or emit. */
  get last(): number {
    return this.#last;
  }

  arrives(connection: number, user: number): void {
    this.counts.arrivals++;
    this.#rows.push(arrival, connection, user, 0, 0);
  }

  joins(connection: number, topic: number): void {
    this.counts.joins++;
    this.#rows.push(join, connection, topic, 0, 0);
  }

  leaves(connection: number, topic: number): void {
    this.counts.leaves++;
    this.#rows.push(leave, connection, topic, 0, 0);
  }

  closes(connection: number, kind: CloseKind): void {
    this.counts[kind]++;
    this.#rows.push(close, connection, closeKinds.indexOf(kind), 0, 0);
  }

  /** A message to many; its number has to be in its body. */
  issues({ topic, to = nobody, except = nobody, exceptUser = nobody }: IssueAddress): number {
    this.counts.issues++;
    if (topic !== 0) this.addressed.rooms++;
    if (to !== nobody) this.addressed.to++;
    if (except !== nobody) this.addressed.except++;
    if (exceptUser !== nobody) this.addressed.exceptUser++;
    this.#rows.push(issue, topic, to, except, exceptUser);
    return ++this.#last;
  }

  /** A message to one connection alone, due if it is in that topic; its number has to be in its body. */
  emits(connection: number, topic: number): number {
    this.counts.emits++;
    this.#rows.push(emit, connection, topic, 0, 0);
    return ++this.#last;
  }

  /** A client has been answered; the client counts its answers too, and so knows this one's number. */
  answers(connection: number): void {
    this.counts.answers++;
    this.#rows.push(answer, connection, 0, 0, 0);
  }

  /** Everything, from the beginning. */
  *deeds(): Generator<Deed> {
    const answers = new Map<number, number>();
    let last = 0;
    for (let row = 0; row < this.#rows.length; row += width) {
      const connection = this.#rows.at(row + 1);
      const second = this.#rows.at(row + 2);
      switch (this.#rows.at(row)) {
        case arrival:
          yield { deed: 'arrival', connection, user: second };
          break;
        case join:
          yield { deed: 'join', connection, topic: second };
          break;
        case leave:
          yield { deed: 'leave', connection, topic: second };
          break;
        case close:
          yield { deed: 'close', connection, kind: closeKinds[second] ?? 'gone' };
          break;
        case issue:
          yield {
            deed: 'issue',
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
          yield { deed: 'emit', number: ++last, connection, topic: second };
          break;
        default: {
          const number = answers.get(connection) ?? firstAnswer;
          answers.set(connection, number + 1);
          yield { deed: 'answer', number, connection };
        }
      }
    }
  }
}

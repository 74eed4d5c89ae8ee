import { type CloseKind, type Deed, type IssueAddress, type Ledger, nobody } from './deliveryLog.js';
import { type Broken, diagnose, type Fault, type FaultKind } from './diagnosis.js';

/** How a client's line stood at the end: still open, given up by the client or the network, or ended by the server. */
export type LineEnd = 'open' | 'left' | 'ended';

/** What one client saw: numbers of issues, emits and answers, in order. */
export interface Sighting {
  readonly numbers: Uint32Array;
  readonly end: LineEnd;
}

export interface Verdict {
  /** What was issued, times whom it was for. */
  readonly due: number;
  readonly delivered: number;
  /** What those who left before their end came have not seen. */
  readonly cutOff: number;
  /** Connections of whom nothing may be missing, and others. */
  readonly whole: number;
  readonly partial: number;
  readonly faults: readonly Fault[];
  readonly byKind: Readonly<Record<FaultKind, number>>;
}

const noFaults = (): Record<FaultKind, number> => ({
  duplicate: 0,
  reorder: 0,
  hole: 0,
  stranger: 0,
  'after-leave': 0,
  'silent tail': 0,
});

/** Who is where, as the ledger tells it: nothing but sets of numbers. */
class Places {
  readonly #topics = new Map<number, Set<number>>();
  readonly #users = new Map<number, number>();
  readonly #closed = new Set<number>();
  readonly closes = new Map<number, CloseKind>();

  take(deed: Deed): void {
    if (deed.deed === 'arrival') this.#users.set(deed.connection, deed.user);
    else if (deed.deed === 'join' && !this.#closed.has(deed.connection)) this.#in(deed.topic).add(deed.connection);
    else if (deed.deed === 'leave') this.#in(deed.topic).delete(deed.connection);
    else if (deed.deed === 'close' && !this.#closed.has(deed.connection)) this.#close(deed.connection, deed.kind);
  }

  has(connection: number, topic: number): boolean {
    return this.#in(topic).has(connection);
  }

  isClosed(connection: number): boolean {
    return this.#closed.has(connection);
  }

  audience({ topic, to = nobody, except = nobody, exceptUser = nobody }: IssueAddress): Iterable<number> {
    const members = this.#in(topic);
    if (to === nobody && except === nobody && exceptUser === nobody) return members;
    return [...members].filter((connection) => {
      const user = this.#users.get(connection);
      return (to === nobody || user === to) && connection !== except && (exceptUser === nobody || user !== exceptUser);
    });
  }

  /** Would this be for the connection, if only it were there? */
  fits(connection: number, { to = nobody, except = nobody, exceptUser = nobody }: IssueAddress): boolean {
    const user = this.#users.get(connection);
    return (to === nobody || to === user) && connection !== except && (exceptUser === nobody || exceptUser !== user);
  }

  #in(topic: number): Set<number> {
    const members = this.#topics.get(topic) ?? new Set();
    this.#topics.set(topic, members);
    return members;
  }

  #close(connection: number, kind: CloseKind): void {
    this.#closed.add(connection);
    this.closes.set(connection, kind);
    for (const members of this.#topics.values()) members.delete(connection);
  }
}

/** Plays the ledger from the beginning, and says of each number whom it is for at that moment (BC1, BC4). */
const replay = (ledger: Ledger, isFor: (connection: number, number: number) => void): Places => {
  const places = new Places();
  for (const deed of ledger.deeds()) {
    if (deed.deed === 'issue') for (const connection of places.audience(deed.address)) isFor(connection, deed.number);
    else if (deed.deed === 'emit' && places.has(deed.connection, deed.topic)) isFor(deed.connection, deed.number);
    else if (deed.deed === 'answer' && !places.isClosed(deed.connection)) isFor(deed.connection, deed.number);
    else places.take(deed);
  }
  return places;
};

/** A second look at the connections that have not seen what they should: all that was due to each, and whatever else it saw. */
const lookAgain = (ledger: Ledger, seen: readonly Sighting[], suspects: ReadonlySet<number>): Map<number, Broken> => {
  const broken = new Map<number, Broken>();
  for (const connection of suspects) {
    const numbers = seen[connection]?.numbers ?? new Uint32Array();
    broken.set(connection, { connection, due: [], seen: numbers, isMissedStay: () => false });
  }
  const places = replay(ledger, (connection, number) => broken.get(connection)?.due.push(number));
  const stays = new Map<number, Set<number>>();
  const issues = new Map<number, (connection: number) => boolean>();
  for (const deed of ledger.deeds()) {
    if (deed.deed === 'join' && suspects.has(deed.connection)) {
      const topics = stays.get(deed.connection) ?? new Set();
      stays.set(deed.connection, topics.add(deed.topic));
    }
    const wasEverIn = (connection: number, topic: number): boolean => stays.get(connection)?.has(topic) ?? false;
    if (deed.deed === 'issue') {
      const { address } = deed;
      issues.set(deed.number, (one) => wasEverIn(one, address.topic) && places.fits(one, address));
    }
    if (deed.deed === 'emit') issues.set(deed.number, (one) => deed.connection === one && wasEverIn(one, deed.topic));
  }
  for (const one of broken.values()) one.isMissedStay = (number) => issues.get(number)?.(one.connection) ?? false;
  return broken;
};

/**
 * Proves a whole run (BC1–BC4): each connection, by number, has seen exactly what was for it, in order, once. Of one
 * that its client or the network has given up, or that was closed while it could not be written to, the tail may be
 * missing, and nothing else.
 */
export const judge = (ledger: Ledger, seen: readonly Sighting[]): Verdict => {
  const next = new Uint32Array(seen.length);
  const missing = new Uint32Array(seen.length);
  const suspects = new Set<number>();
  let due = 0;
  const places = replay(ledger, (connection, number) => {
    due++;
    const numbers = seen[connection]?.numbers;
    const at = next[connection];
    if (numbers === undefined || at === undefined) suspects.add(connection);
    else if (at >= numbers.length) missing[connection] = (missing[connection] ?? 0) + 1;
    else if (numbers[at] === number) next[connection] = at + 1;
    else suspects.add(connection);
  });
  let delivered = 0;
  let cutOff = 0;
  let whole = 0;
  for (const [connection, { numbers, end }] of seen.entries()) {
    const mayLackTail = end === 'left' || (end === 'ended' && places.closes.get(connection) === 'congested');
    if (!mayLackTail) whole++;
    delivered += numbers.length;
    const lacks = missing[connection] ?? 0;
    cutOff += lacks;
    if ((next[connection] ?? 0) < numbers.length || (lacks > 0 && !mayLackTail)) suspects.add(connection);
  }
  const faults = suspects.size === 0 ? [] : [...lookAgain(ledger, seen, suspects).values()].map(diagnose);
  const byKind = noFaults();
  for (const { kind } of faults) byKind[kind]++;
  return { due, delivered, cutOff, whole, partial: seen.length - whole, faults, byKind };
};

import { type BroadcastAddress, type CloseKind, type DeliveryLog, type LogEvent, none } from './deliveryLog.js';
import { diagnose, type FailedConnection, type Fault, type FaultKind } from './diagnosis.js';

/** How a connection ended: still open, ended by the client or the network, or ended by the server. */
export type ConnectionEnd = 'open' | 'left' | 'ended';

/** What one client received: numbers of broadcasts, emits and replies, in order. */
export interface ClientRecord {
  readonly numbers: Uint32Array;
  readonly end: ConnectionEnd;
}

export interface Verdict {
  /** Expected deliveries: each message times its audience. */
  readonly expected: number;
  readonly delivered: number;
  /** Deliveries missing from tails that may be missing. */
  readonly cutOff: number;
  /** Connections that must miss nothing, and others. */
  readonly whole: number;
  readonly partial: number;
  readonly faults: readonly Fault[];
  readonly byKind: Readonly<Record<FaultKind, number>>;
}

const noFaults = (): Record<FaultKind, number> => ({
  duplicate: 0,
  reorder: 0,
  gap: 0,
  unexpected: 0,
  'after-leave': 0,
  'missing tail': 0,
});

/** The members of each topic, replayed from the log. */
class Memberships {
  readonly #topics = new Map<number, Set<number>>();
  readonly #users = new Map<number, number>();
  readonly #closed = new Set<number>();
  readonly closes = new Map<number, CloseKind>();

  take(event: LogEvent): void {
    if (event.event === 'arrival') this.#users.set(event.connection, event.user);
    else if (event.event === 'join' && !this.#closed.has(event.connection)) this.#in(event.topic).add(event.connection);
    else if (event.event === 'leave') this.#in(event.topic).delete(event.connection);
    else if (event.event === 'close' && !this.#closed.has(event.connection)) this.#close(event.connection, event.kind);
  }

  has(connection: number, topic: number): boolean {
    return this.#in(topic).has(connection);
  }

  isClosed(connection: number): boolean {
    return this.#closed.has(connection);
  }

  audience({ topic, to = none, except = none, exceptUser = none }: BroadcastAddress): Iterable<number> {
    const members = this.#in(topic);
    if (to === none && except === none && exceptUser === none) return members;
    return [...members].filter((connection) => {
      const user = this.#users.get(connection);
      return (to === none || user === to) && connection !== except && (exceptUser === none || user !== exceptUser);
    });
  }

  /** Whether this would be for the connection if it were in the topic. */
  fits(connection: number, { to = none, except = none, exceptUser = none }: BroadcastAddress): boolean {
    const user = this.#users.get(connection);
    return (to === none || to === user) && connection !== except && (exceptUser === none || exceptUser !== user);
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

/** Replays the log and calls `isFor` for each number and connection of its audience at that moment (BC1, BC4). */
const replay = (log: DeliveryLog, isFor: (connection: number, number: number) => void): Memberships => {
  const memberships = new Memberships();
  for (const event of log.events()) {
    if (event.event === 'broadcast')
      for (const connection of memberships.audience(event.address)) isFor(connection, event.number);
    else if (event.event === 'emit' && memberships.has(event.connection, event.topic))
      isFor(event.connection, event.number);
    else if (event.event === 'reply' && !memberships.isClosed(event.connection)) isFor(event.connection, event.number);
    else memberships.take(event);
  }
  return memberships;
};

/** Replays the log again for connections with faults, and collects all that was for each. */
const collectFailures = (
  log: DeliveryLog,
  records: readonly ClientRecord[],
  suspects: ReadonlySet<number>,
): Map<number, FailedConnection> => {
  const failed = new Map<number, FailedConnection>();
  for (const connection of suspects) {
    const numbers = records[connection]?.numbers ?? new Uint32Array();
    failed.set(connection, { connection, expected: [], received: numbers, isMissedStay: () => false });
  }
  const memberships = replay(log, (connection, number) => failed.get(connection)?.expected.push(number));
  const stays = new Map<number, Set<number>>();
  const recipients = new Map<number, (connection: number) => boolean>();
  for (const event of log.events()) {
    if (event.event === 'join' && suspects.has(event.connection)) {
      const topics = stays.get(event.connection) ?? new Set();
      stays.set(event.connection, topics.add(event.topic));
    }
    const wasEverMember = (connection: number, topic: number): boolean => stays.get(connection)?.has(topic) ?? false;
    if (event.event === 'broadcast') {
      const { address } = event;
      recipients.set(event.number, (one) => wasEverMember(one, address.topic) && memberships.fits(one, address));
    }
    if (event.event === 'emit')
      recipients.set(event.number, (one) => event.connection === one && wasEverMember(one, event.topic));
  }
  for (const one of failed.values()) one.isMissedStay = (number) => recipients.get(number)?.(one.connection) ?? false;
  return failed;
};

/**
 * Verifies a whole run (BC1–BC4): each connection, by number, has received exactly what was for it, in order, once. Only
 * the tail may be missing, and only of a connection that the client or the network ended or that was closed congested.
 */
export const verifyDelivery = (log: DeliveryLog, records: readonly ClientRecord[]): Verdict => {
  const next = new Uint32Array(records.length);
  const missing = new Uint32Array(records.length);
  const suspects = new Set<number>();
  let expected = 0;
  const memberships = replay(log, (connection, number) => {
    expected++;
    const numbers = records[connection]?.numbers;
    const at = next[connection];
    if (numbers === undefined || at === undefined) suspects.add(connection);
    else if (at >= numbers.length) missing[connection] = (missing[connection] ?? 0) + 1;
    else if (numbers[at] === number) next[connection] = at + 1;
    else suspects.add(connection);
  });
  let delivered = 0;
  let cutOff = 0;
  let whole = 0;
  for (const [connection, { numbers, end }] of records.entries()) {
    const mayLackTail = end === 'left' || (end === 'ended' && memberships.closes.get(connection) === 'congested');
    if (!mayLackTail) whole++;
    delivered += numbers.length;
    const lacks = missing[connection] ?? 0;
    cutOff += lacks;
    if ((next[connection] ?? 0) < numbers.length || (lacks > 0 && !mayLackTail)) suspects.add(connection);
  }
  const faults = suspects.size === 0 ? [] : [...collectFailures(log, records, suspects).values()].map(diagnose);
  const byKind = noFaults();
  for (const { kind } of faults) byKind[kind]++;
  return { expected, delivered, cutOff, whole, partial: records.length - whole, faults, byKind };
};

import type { AnyMachineSnapshot } from 'xstate';
import type { Conn } from '../actors/api/conn.js';
import type { Server } from '../server/server.js';
import type { ActorNames } from './actorNames.js';

/** A search for connections. An empty field matches every connection. */
export interface Query {
  /** Part of a connection's id. For places, part of the name of a namespace or room. */
  readonly text: string;
  /** The namespace that a connection must be in; `null` for any. */
  readonly namespace: string | null;
  /** The room of that namespace that a connection must be in. */
  readonly room: string;
  /** The id of the state that a connection must be in. */
  readonly state: string;
  /** Whether to find namespaces and rooms too. Counting their members takes most of the time. */
  readonly withPlaces: boolean;
}

/** The result of a search. */
export interface Found {
  /** The newest matches, the newest first. */
  readonly connections: readonly {
    /** The reference to its actor. */
    readonly actor: string;
    /** Its id. */
    readonly id: string;
    /** The ids of its innermost states. */
    readonly states: readonly string[];
    /** Bytes that wait to be sent to it. */
    readonly pressure: number;
  }[];
  /** Number of all matches. */
  readonly total: number;
  /** Namespaces and rooms whose names contain the text, with the number of their members. */
  readonly places: readonly { readonly namespace: string; readonly room: string; readonly members: number }[];
}

const maxConnections = 50;
const maxPlaces = 8;

const snapshotOf = ({ actor }: Conn): AnyMachineSnapshot => actor.getSnapshot();

/** Returns the namespaces and rooms whose names match. */
const findPlaces = (server: Server, matches: (name: string) => boolean): Found['places'] => {
  const { namespaces } = server.watching;
  const places = namespaces.filter(matches).map((namespace) => ({ namespace, room: '' }));
  const rooms = namespaces.flatMap((namespace) => {
    const names = server.roomNames(namespace).filter(matches).slice(0, maxPlaces);
    return names.map((room) => ({ namespace, room }));
  });
  return [...places.slice(0, maxPlaces), ...rooms.slice(0, maxPlaces)].map((place) => ({
    ...place,
    members: server.watching.memberCount(place.namespace, place.room),
  }));
};

const candidates = (server: Server, { namespace, room }: Query): Iterable<Conn> =>
  namespace === null ? server.watching.conns() : server.members(namespace, room).map(({ conn }) => conn);

/** Visits every connection once. Returns the newest 50 matches and the number of all (IN14). */
export const search = (server: Server, names: ActorNames, query: Query): Found => {
  const { text, namespace, state, withPlaces } = query;
  const part = text.toLowerCase();
  const hasText = (name: string): boolean => part === '' || name.toLowerCase().includes(part);
  const matches = (conn: Conn): boolean =>
    hasText(conn.id) && (state === '' || snapshotOf(conn)._nodes.some(({ id }) => id === state));
  let total = 0;
  /** A ring: each match beyond the maximum replaces the oldest. */
  const newest: Conn[] = [];
  for (const conn of candidates(server, query)) if (matches(conn)) newest[total++ % maxConnections] = conn;
  const oldest = total % maxConnections;
  const inOrder = [...newest.slice(oldest), ...newest.slice(0, oldest)];
  return {
    connections: inOrder.reverse().map((conn) => rowOf(conn, names)),
    total,
    places: withPlaces && namespace === null && state === '' ? findPlaces(server, hasText) : [],
  };
};

const rowOf = (conn: Conn, names: ActorNames): Found['connections'][number] => ({
  actor: names.referenceTo(conn.actor.id),
  id: conn.id,
  states: snapshotOf(conn)
    ._nodes.filter(({ type }) => type === 'atomic' || type === 'final')
    .map(({ id }) => id),
  pressure: conn.pressure,
});

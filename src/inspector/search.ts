import type { AnyMachineSnapshot } from 'xstate';
import type { Conn } from '../actors/api/handles.js';
import type { Server } from '../server/server.js';
import type { ActorNames } from './actorNames.js';

/** What is looked for; what is empty does not matter. */
export interface Query {
  /** Part of an id, of a room's name or of a namespace's. */
  readonly text: string;
  /** Only those who are in this namespace, and in this room of it. */
  readonly namespace: string | null;
  readonly room: string;
  /** Only those who are in this state of their chart. */
  readonly state: string;
  /** Are rooms and namespaces meant as well? Counting their members takes longer than all the rest. */
  readonly withPlaces: boolean;
}

export interface Found {
  readonly connections: readonly {
    readonly actor: string;
    readonly id: string;
    /** The innermost states that it is in. */
    readonly states: readonly string[];
    readonly pressure: number;
  }[];
  /** How many there are in all. */
  readonly total: number;
  readonly places: readonly { readonly namespace: string; readonly room: string; readonly members: number }[];
}

const mostConnections = 50;
const mostPlaces = 8;

const snapshotOf = ({ actor }: Conn): AnyMachineSnapshot => actor.getSnapshot();

/** Namespaces and rooms by a part of their name. */
const findPlaces = (server: Server, has: (name: string) => boolean): Found['places'] => {
  const { namespaces } = server.watching;
  const places = namespaces.filter(has).map((namespace) => ({ namespace, room: '' }));
  const rooms = namespaces.flatMap((namespace) => {
    const names = server.roomNames(namespace).filter(has).slice(0, mostPlaces);
    return names.map((room) => ({ namespace, room }));
  });
  return [...places.slice(0, mostPlaces), ...rooms.slice(0, mostPlaces)].map((place) => ({
    ...place,
    members: server.watching.memberCount(place.namespace, place.room),
  }));
};

const candidates = (server: Server, { namespace, room }: Query): Iterable<Conn> =>
  namespace === null ? server.watching.conns() : server.members(namespace, room).map(({ conn }) => conn);

/** Looks through all connections, once, and tells of the newest few that are meant. */
export const search = (server: Server, names: ActorNames, query: Query): Found => {
  const { text, namespace, state, withPlaces } = query;
  const part = text.toLowerCase();
  const has = (name: string): boolean => part === '' || name.toLowerCase().includes(part);
  const isMeant = (conn: Conn): boolean =>
    has(conn.id) && (state === '' || snapshotOf(conn)._nodes.some(({ id }) => id === state));
  let total = 0;
  /** The newest, one in the place of the other. */
  const newest: Conn[] = [];
  for (const conn of candidates(server, query)) if (isMeant(conn)) newest[total++ % mostConnections] = conn;
  const oldest = total % mostConnections;
  const inOrder = [...newest.slice(oldest), ...newest.slice(0, oldest)];
  return {
    connections: inOrder.reverse().map((conn) => rowOf(conn, names)),
    total,
    places: withPlaces && namespace === null && state === '' ? findPlaces(server, has) : [],
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

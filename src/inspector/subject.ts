import type { AnyMachineSnapshot, AnyStateMachine, AnyStateNode } from 'xstate';
import type { Conn } from '../actors/handles.js';
import { statesOf } from './chart.js';
import { Trail, type TrailStep } from './trail.js';

/** Charts whose state is known by whether the connection is a member. */
export interface MemberCharts {
  readonly namespace: AnyStateMachine;
  readonly room: AnyStateMachine;
}

/** How a connection that somebody follows stands. */
export interface SubjectView {
  readonly actor: string;
  readonly id: string;
  readonly isOver: boolean;
  readonly states: readonly string[];
  /** Unix time in milliseconds since when it is followed. */
  readonly since: number;
  readonly pressure: number;
  readonly reconnects: number;
  readonly namespaces: readonly {
    readonly name: string;
    readonly rooms: readonly string[];
    /** How many rooms are left out. */
    readonly more: number;
  }[];
  /** The states of a namespace, and of a room, that it is in. */
  readonly member: { readonly namespace: readonly string[]; readonly room: readonly string[] };
  readonly steps: readonly TrailStep[];
  readonly stepCount: number;
}

const mostRooms = 40;

/** The states that somebody is in who has come in and is not about to leave: the ids, from the outermost. */
const statesOfMembers = (machine: AnyStateMachine): string[] => {
  const within = (node: AnyStateNode): AnyStateNode[] => [node, ...Object.values(node.states).flatMap(within)];
  const found = within(machine.root).find(({ tags }) => tags.includes('member') && tags.includes('settled'));
  const ids: string[] = [];
  for (let node = found; node; node = node.parent) ids.unshift(node.id);
  return ids;
};

/** A connection that somebody follows. */
export class Subject {
  readonly trail: Trail;
  readonly #member: SubjectView['member'];
  readonly #since: number;
  /** How many follow it. */
  followers = 0;

  constructor(
    readonly conn: Conn,
    private readonly namespaces: readonly string[],
    charts: MemberCharts,
    wallClock: () => number,
  ) {
    this.trail = new Trail(wallClock);
    this.#member = { namespace: statesOfMembers(charts.namespace), room: statesOfMembers(charts.room) };
    this.#since = wallClock();
  }

  view(): SubjectView {
    const { conn, trail } = this;
    const snapshot: AnyMachineSnapshot = conn.actor.getSnapshot();
    return {
      actor: conn.actor.id,
      id: conn.id,
      isOver: snapshot.status !== 'active',
      states: statesOf(snapshot),
      since: this.#since,
      pressure: conn.pressure,
      reconnects: conn.reconnectTries,
      namespaces: this.namespaces.flatMap((name) => {
        const rooms = conn.namespace(name)?.rooms();
        if (!rooms) return [];
        const more = Math.max(0, rooms.length - mostRooms);
        return { name, rooms: rooms.slice(0, mostRooms).map((room) => room.name), more };
      }),
      member: this.#member,
      steps: trail.steps,
      stepCount: trail.count,
    };
  }
}

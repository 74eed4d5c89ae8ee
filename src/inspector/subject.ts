import type { AnyMachineSnapshot } from 'xstate';
import type { Conn } from '../actors/handles.js';
import type { Standpoint } from '../actors/watching.js';
import { statesOf } from './chart.js';
import { Trail, type TrailStep } from './trail.js';

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
  /** Each namespace and room that it is in, or about to enter or leave, with the states of its chart. */
  readonly namespaces: readonly {
    readonly name: string;
    readonly states: readonly string[];
    readonly rooms: readonly { readonly name: string; readonly states: readonly string[] }[];
    /** How many rooms are left out. */
    readonly more: number;
  }[];
  readonly steps: readonly TrailStep[];
  readonly stepCount: number;
}

const mostRooms = 40;

/** A connection that somebody follows. */
export class Subject {
  readonly trail: Trail;
  readonly #since: number;
  /** How many follow it. */
  followers = 0;

  constructor(
    readonly conn: Conn,
    private readonly standpointsOf: (conn: Conn) => readonly Standpoint[],
    wallClock: () => number,
  ) {
    this.trail = new Trail(wallClock);
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
      namespaces: this.#namespaces(),
      steps: trail.steps,
      stepCount: trail.count,
    };
  }

  #namespaces(): SubjectView['namespaces'] {
    const all = this.standpointsOf(this.conn);
    return all
      .filter(({ room }) => room === '')
      .map(({ namespace, value }) => {
        const rooms = all.filter((one) => one.namespace === namespace && one.room !== '');
        return {
          name: namespace,
          states: statesOf(value),
          rooms: rooms.slice(0, mostRooms).map((one) => ({ name: one.room, states: statesOf(one.value) })),
          more: Math.max(0, rooms.length - mostRooms),
        };
      });
  }
}

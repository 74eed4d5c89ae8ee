import type { AnyActorRef, AnyMachineSnapshot, EventObject } from 'xstate';
import type { Conn } from '../actors/api/handles.js';
import type { ConnectionUsage, Introspection } from '../actors/supervisor/introspection.js';
import type { DeliverEvent, FrameEvent } from '../actors/telemetry/inspection.js';
import type { RecordedStep } from '../actors/telemetry/recorder.js';
import { bytesIn } from '../protocol/message.js';
import { statesOf } from './draw/chart.js';
import { StepHistory, type TrailStep } from './stepHistory.js';

/** How a connection that somebody follows stands. */
export interface FollowedView {
  readonly id: string;
  readonly isOver: boolean;
  readonly states: readonly string[];
  /** Unix time in milliseconds since when it is followed. */
  readonly since: number;
  readonly pressure: number;
  /** What has gone over its line since it came, and what waits. */
  readonly account: ConnectionUsage;
  /** What it has said, and was given, since it is followed. */
  readonly counts: Counts;
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
  /** Its steps before it was followed, if they were recorded. */
  readonly before: readonly RecordedStep[];
}

/** Messages and their bytes; those of what it was given are with the headers of their frames. */
interface Counts {
  readonly framesIn: number;
  readonly bytesIn: number;
  readonly framesOut: number;
  readonly bytesOut: number;
  /** So many writes they took. */
  readonly writes: number;
}

const mostRooms = 40;

const isFrame = (event: EventObject): event is FrameEvent => event.type === 'FRAME';
const isDelivery = (event: EventObject): event is DeliverEvent => event.type === 'DELIVER';

/** A connection that somebody follows. */
export class FollowedConnection {
  readonly #trail: StepHistory;
  readonly #since: number;
  readonly #before: readonly RecordedStep[];
  readonly #counts = { framesIn: 0, bytesIn: 0, framesOut: 0, bytesOut: 0, writes: 0 };
  /** Nobody follows it any more. */
  readonly end: () => void;
  /** How many follow it. */
  followers = 0;

  constructor(
    readonly conn: Conn,
    private readonly watching: Introspection,
    wallClock: () => number,
  ) {
    this.#trail = new StepHistory(wallClock);
    this.#since = wallClock();
    this.#before = watching.pathOf(conn);
    const isIt = (actor: AnyActorRef): boolean => actor === conn.actor;
    this.end = watching.subscribe({
      wantsPassed: isIt,
      passed: (_, event) => this.#count(event),
      stepped: (actor, event, before, after) => {
        if (!isIt(actor)) return;
        this.#trail.note(event, before, after);
        // What waits until it is let in counts when it is taken.
        if (before.hasTag('open')) this.#count(event);
      },
    });
  }

  view(): FollowedView {
    const { conn } = this;
    const snapshot: AnyMachineSnapshot = conn.actor.getSnapshot();
    return {
      id: conn.id,
      isOver: snapshot.status !== 'active',
      states: statesOf(snapshot),
      since: this.#since,
      pressure: conn.pressure,
      account: this.watching.usageOf(conn),
      counts: this.#counts,
      reconnects: conn.reconnectTries,
      namespaces: this.#namespaces(),
      steps: this.#trail.steps,
      stepCount: this.#trail.count,
      before: this.#before,
    };
  }

  #count(event: EventObject): void {
    const counts = this.#counts;
    if (isFrame(event)) {
      counts.framesIn++;
      counts.bytesIn += bytesIn(event.data);
    } else if (isDelivery(event)) {
      counts.writes++;
      counts.framesOut += event.messages ?? 1;
      counts.bytesOut += event.bytes.length;
    }
  }

  #namespaces(): FollowedView['namespaces'] {
    const all = this.watching.membershipsOf(this.conn);
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

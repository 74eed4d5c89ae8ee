import type { AnyActorRef, AnyMachineSnapshot, EventObject } from 'xstate';
import type { Conn } from '../actors/api/conn.js';
import type { ConnectionUsage, Introspection } from '../actors/supervisor/introspection.js';
import type { DeliverEvent, FrameEvent, SessionEvent } from '../actors/telemetry/inspection.js';
import type { RecordedStep } from '../actors/telemetry/recorder.js';
import { bytesIn } from '../protocol/size.js';
import { statesOf } from './draw/chart.js';
import { MessageHistory, type NotedMessage } from './messageHistory.js';
import { type HistoryStep, StepHistory } from './stepHistory.js';

/** A snapshot of a followed connection. */
export interface FollowedView {
  /** The connection's id. */
  readonly id: string;
  /** Whether its actor has ended. */
  readonly isOver: boolean;
  /** The ids of its active states. */
  readonly states: readonly string[];
  /** Unix time at which a page began to follow it, in ms. */
  readonly since: number;
  /** Bytes that wait to be sent to it. */
  readonly pressure: number;
  /** Bytes of its socket since it connected, and the length of its inbox and pending asks. */
  readonly usage: ConnectionUsage;
  /** What it has sent and received since a page follows it. */
  readonly counts: TrafficCounts;
  /** Its frames of the session layer since a page follows it, which `counts` leaves out. */
  readonly session: {
    /** Number of them. */
    readonly frames: number;
    /** The last ones by direction and verb, such as `in hello`, oldest first. */
    readonly last: readonly string[];
  };
  /** The names of its last messages since a page follows it, oldest first. */
  readonly messages: readonly NotedMessage[];
  /** How many attempts its client needed to reconnect. */
  readonly reconnects: number;
  /** Each namespace that it is in, enters or leaves, with its rooms and the states of their charts. */
  readonly namespaces: readonly {
    readonly name: string;
    readonly states: readonly string[];
    readonly rooms: readonly { readonly name: string; readonly states: readonly string[] }[];
    /** Number of further rooms, which are left out. */
    readonly more: number;
  }[];
  /** Its last steps since a page follows it, oldest first. */
  readonly steps: readonly HistoryStep[];
  /** Number of all its steps since a page follows it. */
  readonly stepCount: number;
  /** Its steps before that, from the recorder; empty without one. */
  readonly before: readonly RecordedStep[];
}

/** Numbers of messages and their bytes. Bytes out include the headers of the frames. */
interface TrafficCounts {
  readonly framesIn: number;
  readonly bytesIn: number;
  readonly framesOut: number;
  readonly bytesOut: number;
  /** Number of writes that carried the frames out. */
  readonly writes: number;
}

/** Maximum number of frames of the session layer that are kept. */
const maxSessionFrames = 12;

const maxRooms = 40;

const isFrame = (event: EventObject): event is FrameEvent => event.type === 'FRAME';
const isDelivery = (event: EventObject): event is DeliverEvent => event.type === 'DELIVER';
const isSession = (event: EventObject): event is SessionEvent => event.type === 'SESSION';

/** A connection that at least one page follows. */
export class FollowedConnection {
  readonly #history: StepHistory;
  readonly #messages: MessageHistory;
  readonly #since: number;
  readonly #before: readonly RecordedStep[];
  readonly #counts = { framesIn: 0, bytesIn: 0, framesOut: 0, bytesOut: 0, writes: 0 };
  readonly #session: { frames: number; readonly last: string[] } = { frames: 0, last: [] };
  /** Stops observing the connection. */
  readonly end: () => void;
  /** Number of pages that follow it. */
  followers = 0;

  constructor(
    /** The followed connection. */
    readonly conn: Conn,
    private readonly watching: Introspection,
    wallClock: () => number,
  ) {
    this.#history = new StepHistory(wallClock);
    this.#messages = new MessageHistory(watching.nativeMode, wallClock);
    this.#since = wallClock();
    this.#before = watching.pathOf(conn);
    const isFollowed = (actor: AnyActorRef): boolean => actor === conn.actor;
    this.end = watching.subscribe({
      wantsPassed: isFollowed,
      passed: (_, event) => this.#count(event),
      stepped: (actor, event, before, after) => {
        if (!isFollowed(actor)) return;
        this.#history.note(event, before, after);
        // A frame that waits until the connection is open counts later, when the connection takes it.
        if (before.hasTag('open')) this.#count(event);
      },
    });
  }

  /** Returns a snapshot of the connection. */
  view(): FollowedView {
    const { conn } = this;
    const snapshot: AnyMachineSnapshot = conn.actor.getSnapshot();
    return {
      id: conn.id,
      isOver: snapshot.status !== 'active',
      states: statesOf(snapshot),
      since: this.#since,
      pressure: conn.pressure,
      usage: this.watching.usageOf(conn),
      counts: this.#counts,
      session: this.#session,
      messages: this.#messages.messages,
      reconnects: conn.reconnectTries,
      namespaces: this.#namespaces(),
      steps: this.#history.steps,
      stepCount: this.#history.count,
      before: this.#before,
    };
  }

  #count(event: EventObject): void {
    const counts = this.#counts;
    if (isFrame(event)) {
      counts.framesIn++;
      counts.bytesIn += bytesIn(event.data);
      this.#messages.received(event.data);
    } else if (isDelivery(event)) {
      counts.writes++;
      counts.framesOut += event.messages ?? 1;
      counts.bytesOut += event.bytes.length;
      this.#messages.sent(event.bytes);
    } else if (isSession(event)) {
      const { last } = this.#session;
      this.#session.frames++;
      last.push(`${event.direction} ${event.verb}`);
      if (last.length > maxSessionFrames) last.shift();
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
          rooms: rooms.slice(0, maxRooms).map((one) => ({ name: one.room, states: statesOf(one.value) })),
          more: Math.max(0, rooms.length - maxRooms),
        };
      });
  }
}

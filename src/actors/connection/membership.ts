import { ErrBadNamespace, ErrBadRoom } from '../../protocol/errors.js';
import type { AskOptions } from '../api/asks.js';
import type { NSConn } from '../api/nsConn.js';
import type { Room } from '../api/room.js';
import type { MachineState, Step as MachineStep, SteppedMachine } from '../charts/steppedMachine.js';
import type { InboxTurn } from '../inbox/inbox.js';
import { SmallMap } from './smallMap.js';

/** The charts of memberships. */
export interface MembershipMachines {
  /** The chart of a namespace. */
  readonly namespace: SteppedMachine;
  /** The chart of a room. */
  readonly room: SteppedMachine;
}

/** A call of this side that is under way. */
export interface PendingCall {
  /** The chart's event that began it. */
  readonly event: string;
  /** Settles with the call. */
  readonly promise: Promise<void>;
  /** Resolves the promise. */
  readonly resolve: (value: void) => void;
  /** Rejects the promise. */
  readonly reject: (error: unknown) => void;
  /** The turn in which it began, or which waits for it. Its later steps run inside that turn while it lasts. */
  turn: InboxTurn;
  /** The job that follows the peer's answer, while it waits for its turn. */
  next: (() => void | Promise<void>) | undefined;
  /** The caller's timeout and signal. */
  readonly options: AskOptions;
}

/** A caller of `waitConnect`. */
export interface Waiter {
  /** The namespace that it waits for. */
  readonly namespace: string;
  /** Resolves its promise. */
  readonly resolve: (nsConn: NSConn) => void;
  /** Rejects its promise. */
  readonly reject: (error: unknown) => void;
}

/** Creates a promise and the two functions that settle it. */
export const withResolvers = <T>(): {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
  readonly reject: (error: unknown) => void;
} => {
  let resolve: (value: T) => void = () => {};
  let reject: (error: unknown) => void = () => {};
  const promise = new Promise<T>((onValue, onError) => {
    resolve = onValue;
    reject = onError;
  });
  return { promise, resolve, reject };
};

/** Creates the record of a call that begins in this turn. */
export const makePendingCall = (event: string, turn: InboxTurn, options: AskOptions): PendingCall => ({
  event,
  ...withResolvers<void>(),
  turn,
  next: undefined,
  options,
});

/** Receives the namespaces that a connection has entered. */
export interface EntryListener {
  /** Called when a namespace has been entered. */
  connected(membership: NamespaceMembership): void;
}

/** A connection's membership of a namespace or of a room: the state of its chart, and the call that is under way. */
export abstract class Membership {
  /** The namespace: the membership itself, or the one to which the room belongs. */
  abstract readonly namespace: NamespaceMembership;
  /** The name of the room; empty for the namespace itself. */
  abstract readonly room: string;
  /** The state of its chart. */
  abstract readonly value: MachineState;
  /** The error for a step that the chart itself refuses. */
  abstract readonly refusal: Error;

  /** Whether the connection is a member. */
  abstract readonly isMember: boolean;

  /** Steps the chart and stores its new state. */
  abstract advance(type: string): MachineStep;
  /** Calls the listener for a namespace. Does nothing for a room. */
  abstract announceEntry(listener: EntryListener): void;

  /** Whether a call may begin: nothing is under way, and the namespace has not ended. */
  get isSettled(): boolean {
    return !this.namespace.isOver && this.value.hasTag('settled');
  }
  /** The call of this side that is under way. */
  get pendingCall(): PendingCall | undefined {
    return this.namespace.calls?.get(this.room);
  }
  /** Records a call. */
  beginCall(call: PendingCall): void {
    this.namespace.calls ??= new Map();
    this.namespace.calls.set(this.room, call);
  }
  /** Removes the call, if it is still the one under way. */
  endCall(call: PendingCall): void {
    const { calls } = this.namespace;
    if (calls?.get(this.room) !== call) return;
    calls.delete(this.room);
    if (calls.size === 0) this.namespace.calls = undefined;
  }
}

/**
 * A connection's membership of one namespace. It also stores the states of the rooms by their names: states are shared
 * values, and a `RoomMembership` exists only while its room is stepped. So a further room costs one entry of a map.
 */
export class NamespaceMembership extends Membership {
  /** The state of its chart. */
  value: MachineState;
  /** Whether the connection is a member. It is looked up for each frame. */
  isMember: boolean;
  /** Whether this side waits for the client to connect it. */
  isArriving: boolean;
  /** The states of the rooms, in the order in which they were joined. */
  readonly rooms = new SmallMap<MachineState>();
  #handles: Map<string, Room> | undefined;
  /** Calls by the name of the room; the namespace itself under `''`. Undefined while there is none. */
  calls: Map<string, PendingCall> | undefined;

  constructor(
    /** The handle of the namespace. */
    readonly nsConn: NSConn,
    /** The charts that are stepped. */
    readonly machines: MembershipMachines,
  ) {
    super();
    this.value = machines.namespace.initial;
    this.isMember = this.value.hasTag('member');
    this.isArriving = this.value.hasTag('arriving');
  }

  /** The membership itself. */
  get namespace(): NamespaceMembership {
    return this;
  }
  /** Always empty: it is no room. */
  get room(): string {
    return '';
  }
  /** Always `ErrBadNamespace`. */
  get refusal(): Error {
    return ErrBadNamespace;
  }
  /** Whether it has ended. Its last handlers may still run. */
  get isOver(): boolean {
    return this.value.status === 'done';
  }
  /** Whether it has ended, or has never begun. */
  get isVacant(): boolean {
    return this.isOver || this.value === this.machines.namespace.initial;
  }

  /** Steps the chart of namespaces and stores its new state. Its guards may decide by the connection (SV19). */
  advance(type: string): MachineStep {
    const { namespace, conn } = this.nsConn;
    const event = { type, namespace, conn };
    const step = this.machines.namespace.step(this.value, event);
    this.value = step.value;
    this.isMember = step.value.hasTag('member');
    this.isArriving = step.value.hasTag('arriving');
    return step;
  }
  /** Calls the listener. */
  announceEntry(listener: EntryListener): void {
    listener.connected(this);
  }

  /** Returns whether the connection is in this room. */
  hasJoined(room: string): boolean {
    return this.rooms.get(room)?.hasTag('member') ?? false;
  }
  /** Returns whether a call is under way for this room, or for the namespace (NS10). */
  isBusy(room: string): boolean {
    return this.calls !== undefined && (this.calls.has(room) || this.calls.has(this.room));
  }
  /** Returns the handle of a room: the same one as long as the room is joined. */
  handle(room: string, make: (nsConn: NSConn, room: string) => Room): Room {
    this.#handles ??= new Map();
    const handle = this.#handles.get(room) ?? make(this.nsConn, room);
    this.#handles.set(room, handle);
    return handle;
  }

  /** Stores the state of a room. Removes a room whose chart is at its start or has ended. */
  keep(room: string, value: MachineState): void {
    if (value.status === 'done' || value === this.machines.room.initial) {
      this.rooms.delete(room);
      this.#handles?.delete(room);
      return;
    }
    // Rooms are in the order in which they were joined, not in which joining began (NS7).
    if (value.hasTag('member') && !this.hasJoined(room)) this.rooms.delete(room);
    this.rooms.set(room, value);
  }
}

/** A connection's membership of one room: a view of the state that its namespace stores, made for a step. */
export class RoomMembership extends Membership {
  constructor(
    readonly namespace: NamespaceMembership,
    readonly room: string,
  ) {
    super();
  }

  /** Whether the room is joined. */
  get isMember(): boolean {
    return this.namespace.hasJoined(this.room);
  }
  /** The stored state of the room; the initial one if there is none. */
  get value(): MachineState {
    return this.namespace.rooms.get(this.room) ?? this.namespace.machines.room.initial;
  }
  /** Always `ErrBadRoom`. */
  get refusal(): Error {
    return ErrBadRoom;
  }
  /** Steps the chart of rooms and stores its new state. */
  advance(type: string): MachineStep {
    const step = this.namespace.machines.room.step(this.value, { type });
    this.namespace.keep(this.room, step.value);
    return step;
  }
  /** Does nothing. */
  announceEntry(): void {}
}

import type { NamespaceOwner } from '../../machines/namespace.js';
import type { AskOptions } from '../api/asks.js';
import type { NSConn, Room } from '../api/handles.js';
import type { MachineState, SteppedMachine } from '../runtime/steppedMachine.js';
import type { InboxTurn } from './inbox.js';

/** The charts that memberships are stepped with. */
export interface MembershipMachines {
  readonly namespace: SteppedMachine;
  readonly room: SteppedMachine;
}

/** A call of this side that is under way. */
export interface PendingCall {
  readonly event: string;
  readonly promise: Promise<void>;
  readonly resolve: (value: void) => void;
  readonly reject: (error: unknown) => void;
  /** The turn it began in, or that has come to wait for it; its later steps run inside that turn while it lasts. */
  turn: InboxTurn;
  /** What the peer's answer leads to, while it waits for its turn. */
  next: (() => void | Promise<void>) | undefined;
  readonly options: AskOptions;
}

/** A promise, and the two ways to settle it. */
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

export const makePendingCall = (event: string, turn: InboxTurn, options: AskOptions): PendingCall => ({
  event,
  ...withResolvers<void>(),
  turn,
  next: undefined,
  options,
});

/** One namespace of a connection and its rooms: their present states, and the calls that are under way. */
export class Membership {
  value: MachineState;
  /** The states of the rooms, in the order in which they were joined. */
  readonly rooms = new Map<string, MachineState>();
  #handles: Map<string, Room> | undefined;
  /** By room; `''` is the namespace itself. */
  #pendingCalls: Map<string, PendingCall> | undefined;

  constructor(
    readonly nsConn: NSConn,
    private readonly charts: MembershipMachines,
  ) {
    this.value = charts.namespace.initial;
  }

  /** Has it ended, though its last handlers may still run? */
  get isOver(): boolean {
    return this.value.status === 'done';
  }

  /** Has it ended, or never begun? */
  get isVacant(): boolean {
    return this.isOver || this.value === this.charts.namespace.initial;
  }

  isMember(room: string): boolean {
    const value = room === '' ? this.value : this.rooms.get(room);
    return value?.hasTag('member') ?? false;
  }

  machineOf(room: string): SteppedMachine {
    return room === '' ? this.charts.namespace : this.charts.room;
  }

  valueOf(room: string): MachineState {
    return room === '' ? this.value : (this.rooms.get(room) ?? this.charts.room.initial);
  }

  /** What a chart is told; that of a namespace may decide by whose it is (SV19). */
  event(room: string, type: string): { readonly type: string } & Partial<NamespaceOwner> {
    return room === '' ? { type, namespace: this.nsConn.namespace, conn: this.nsConn.conn } : { type };
  }

  /** A room that is not joined, or not any more, takes no place. */
  keep(room: string, value: MachineState): void {
    if (room === '') {
      this.value = value;
    } else if (value.status === 'done' || value === this.charts.room.initial) {
      this.rooms.delete(room);
      this.#handles?.delete(room);
    } else {
      // From the moment of joining it stands in the order of joining, whenever it was begun.
      if (value.hasTag('member') && !this.rooms.get(room)?.hasTag('member')) this.rooms.delete(room);
      this.rooms.set(room, value);
    }
  }

  /** The handle of a room; the same one for as long as it is joined. */
  handle(room: string, make: (nsConn: NSConn, room: string) => Room): Room {
    this.#handles ??= new Map();
    const handle = this.#handles.get(room) ?? make(this.nsConn, room);
    this.#handles.set(room, handle);
    return handle;
  }

  pendingCall(room: string): PendingCall | undefined {
    return this.#pendingCalls?.get(room);
  }

  isBusy(room: string): boolean {
    return this.#pendingCalls !== undefined && (this.#pendingCalls.has(room) || this.#pendingCalls.has(''));
  }

  begin(room: string, procedure: PendingCall): void {
    this.#pendingCalls ??= new Map();
    this.#pendingCalls.set(room, procedure);
  }

  end(room: string, procedure: PendingCall): void {
    if (this.#pendingCalls?.get(room) !== procedure) return;
    this.#pendingCalls.delete(room);
    if (this.#pendingCalls.size === 0) this.#pendingCalls = undefined;
  }
}

import type { NamespaceOwner } from '../../machines/namespace.js';
import type { AskOptions } from '../api/asks.js';
import type { NSConn, Room } from '../api/handles.js';
import type { Chart, Value } from '../runtime/steppedMachine.js';
import type { LaneTurn } from './inbox.js';

/** The charts that memberships are stepped with. */
export interface MembershipCharts {
  readonly namespace: Chart;
  readonly room: Chart;
}

/** A call of this side that is under way. */
export interface Procedure {
  readonly event: string;
  readonly promise: Promise<void>;
  readonly resolve: (value: void) => void;
  readonly reject: (error: unknown) => void;
  /** The turn it began in, or that has come to wait for it; its later steps run inside that turn while it lasts. */
  turn: LaneTurn;
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

export const makeProcedure = (event: string, turn: LaneTurn, options: AskOptions): Procedure => ({
  event,
  ...withResolvers<void>(),
  turn,
  next: undefined,
  options,
});

/** One namespace of a connection and its rooms: their present states, and the calls that are under way. */
export class Membership {
  value: Value;
  /** The states of the rooms, in the order in which they were joined. */
  readonly rooms = new Map<string, Value>();
  #handles: Map<string, Room> | undefined;
  /** By room; `''` is the namespace itself. */
  #procedures: Map<string, Procedure> | undefined;

  constructor(
    readonly nsConn: NSConn,
    private readonly charts: MembershipCharts,
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

  chartOf(room: string): Chart {
    return room === '' ? this.charts.namespace : this.charts.room;
  }

  valueOf(room: string): Value {
    return room === '' ? this.value : (this.rooms.get(room) ?? this.charts.room.initial);
  }

  /** What a chart is told; that of a namespace may decide by whose it is (SV19). */
  event(room: string, type: string): { readonly type: string } & Partial<NamespaceOwner> {
    return room === '' ? { type, namespace: this.nsConn.namespace, conn: this.nsConn.conn } : { type };
  }

  /** A room that is not joined, or not any more, takes no place. */
  keep(room: string, value: Value): void {
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

  procedure(room: string): Procedure | undefined {
    return this.#procedures?.get(room);
  }

  isBusy(room: string): boolean {
    return this.#procedures !== undefined && (this.#procedures.has(room) || this.#procedures.has(''));
  }

  begin(room: string, procedure: Procedure): void {
    this.#procedures ??= new Map();
    this.#procedures.set(room, procedure);
  }

  end(room: string, procedure: Procedure): void {
    if (this.#procedures?.get(room) !== procedure) return;
    this.#procedures.delete(room);
    if (this.#procedures.size === 0) this.#procedures = undefined;
  }
}

import { encode } from '../protocol/codec.js';
import { ErrBadNamespace, ErrBadRoom, ErrWrite } from '../protocol/errors.js';
import { OnNamespaceConnect, OnNamespaceDisconnect, OnRoomJoin, OnRoomLeave, OnRoomLeft } from '../protocol/message.js';
import type { MembershipPort, NSConn, Room } from './handles.js';
import type { Answer, AskOptions } from './line/asks.js';
import type { Membership } from './membership.js';
import type { LifecycleFlags, MembershipHost } from './membershipHost.js';
import type { JoinOptions, Listener } from './options.js';

/** The default of how long the server has to answer, in ms. */
export const entryTimeout = 10_000;

/** Runs a job in a turn, and resolves as the job does. */
export type RunTurn = <T>(job: () => T | Promise<T>) => T | Promise<T>;

/** A namespace or room as its handle sees it. */
export abstract class Place<Handle extends NSConn | Room> implements MembershipPort {
  /** The handle. */
  readonly handle: Handle;
  /** The rooms of a namespace, in the order in which they were joined. */
  readonly rooms = new Map<string, Membership<Room>>();
  /** The handlers added by `on`, by event. */
  readonly listeners = new Map<string, Set<Listener>>();

  constructor(
    protected readonly host: MembershipHost,
    /** The namespace. */
    readonly namespace: string,
    /** The room, or `''`. */
    readonly room: string,
    makeHandle: (port: MembershipPort) => Handle,
    /** The namespace of a room. */
    protected readonly parent?: Membership<NSConn>,
  ) {
    this.handle = makeHandle(this);
  }

  /** This membership, as others know it. */
  abstract readonly self: Membership;
  abstract readonly isIn: boolean;
  abstract readonly isKept: boolean;
  abstract ensureRoom(name: string): Membership<Room>;
  abstract leave(isAll: boolean, options: AskOptions): Promise<void>;

  /** Emits an event to it. */
  emit(event: string, data: unknown): boolean {
    return this.host.emit(this.self, event, data);
  }
  /** Asks the server in it. */
  ask(event: string, data: unknown, options: AskOptions): Promise<unknown> {
    return this.host.ask(this.self, event, data, options);
  }
  /** Adds a handler. Returns a function that removes it. */
  listen(event: string, listener: Listener): () => void {
    const added = this.listeners.get(event) ?? new Set();
    this.listeners.set(event, added.add(listener));
    return () => {
      added.delete(listener);
      if (added.size === 0 && this.listeners.get(event) === added) this.listeners.delete(event);
    };
  }
  /** Returns the handles of the rooms that are kept. */
  keptRooms(): Room[] {
    return [...this.rooms.values()].filter(({ isKept }) => isKept).map(({ handle }) => handle);
  }
  /** Leaves every room, one after the other. */
  async leaveRooms(options: AskOptions): Promise<void> {
    for (const room of [...this.rooms.values()]) if (room.isKept) await room.leave(true, options);
  }
  /** Joins a room. */
  async join(name: string, { on = {}, ...options }: JoinOptions): Promise<Room> {
    if (!this.isKept) throw this.host.isOver ? ErrWrite : ErrBadNamespace;
    if (typeof name !== 'string' || name === '') throw ErrBadRoom;
    const room = this.ensureRoom(name);
    for (const [event, listener] of Object.entries(on)) if (listener) room.listen(event, listener);
    return room.wish(options);
  }

  /** The event of entering it. */
  protected get entryEvent(): string {
    return this.parent ? OnRoomJoin : OnNamespaceConnect;
  }
  /** The event of its end. */
  protected get endEvent(): string {
    return this.parent ? OnRoomLeave : OnNamespaceDisconnect;
  }

  /** Returns what runs a job in a turn of its own, or within the turn that runs. */
  protected turn(isNested: boolean): RunTurn {
    return isNested ? (job) => job() : (job) => this.host.turns.push(job);
  }

  /** Sends a lifecycle ask. Returns its token. */
  protected request(event: string, options: AskOptions, settled: (answer: Answer) => void): string {
    const token = this.host.asks.open(settled, options);
    this.host.write(encode({ namespace: this.namespace, room: this.room, event }, token));
    return token;
  }

  /** Tells the server that the client is not in, whatever it answers or has answered. */
  protected retract(): void {
    this.request(this.endEvent, { timeout: entryTimeout }, () => {});
  }

  /** Tells that the room is left. */
  async tellLeft(flags: LifecycleFlags): Promise<void> {
    await this.tell(OnRoomLeave, flags);
    await this.tell(OnRoomLeft, flags);
  }

  /** Runs the handlers of an event that cannot refuse. */
  protected async tell(event: string, flags: LifecycleFlags): Promise<void> {
    const thrown = await this.host.fire(this.self, event, flags);
    if (thrown) this.host.report(thrown.error, event, this.self);
  }
}

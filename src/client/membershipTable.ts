import { encode } from '../protocol/codec.js';
import { ErrBadNamespace, ErrBadRoom } from '../protocol/errors.js';
import { type Body, OnNamespaceDisconnect, OnRoomLeave, OnRoomLeft } from '../protocol/message.js';
import type { NSConn, Room } from './handles.js';
import type { Answer, AskOptions, Asks } from './line/asks.js';
import { entryTimeout, Membership, NamespaceMembership, settle } from './membership.js';
import type { Turns } from './turns.js';

/** Flags of a lifecycle event. */
export interface LifecycleFlags {
  /** Whether this client began the step. */
  readonly isLocal?: boolean;
  /** Whether no handler can refuse it. */
  readonly isForced?: boolean;
}

/** An error that a handler threw. */
export interface Thrown {
  /** The error. */
  readonly error: unknown;
}

/** What memberships need of their client. */
export interface MembershipHost {
  /** The pending asks. */
  readonly asks: Asks;
  /** The turns of the client. */
  readonly turns: Turns;
  /** Returns the handle of a namespace. */
  makeNamespace(namespace: string): NSConn;
  /** Returns the handle of a room. */
  makeRoom(nsConn: NSConn, room: string): Room;
  /** Returns whether the program has declared a namespace. */
  declares(namespace: string): boolean;
  /** Writes a frame to the present line. */
  write(payload: Body): void;
  /** Runs the handlers of a lifecycle event. Never rejects. */
  fire(membership: Membership, event: string, flags: LifecycleFlags): Promise<Thrown | undefined>;
  /** Tells the program an error of a lifecycle event that cannot refuse. */
  onFault(membership: Membership, event: string, error: unknown): void;
  /** A namespace or room is entered: frames that waited for it may go. */
  onEntered(): void;
  /** A namespace or room is gone: frames that waited for it will not go. `refusal` is set when nobody waits for it. */
  onGone(membership: Membership, refusal?: Thrown): void;
}

/** The namespaces and rooms that a client knows, and what is done to one of them. */
export class MembershipTable {
  readonly #namespaces = new Map<string, NamespaceMembership>();

  constructor(private readonly host: MembershipHost) {}

  /** Returns a namespace that is known. */
  namespace(name: string): NamespaceMembership | undefined {
    return this.#namespaces.get(name);
  }
  /** Returns all namespaces that are known. */
  namespaces(): NamespaceMembership[] {
    return [...this.#namespaces.values()];
  }

  /** Returns a namespace. */
  ensure(namespace: string): NamespaceMembership {
    const known = this.#namespaces.get(namespace);
    if (known) return known;
    const made = new NamespaceMembership(namespace, '', this.host.makeNamespace(namespace));
    this.#namespaces.set(namespace, made);
    return made;
  }

  /** Returns a room. */
  ensureRoom(ns: NamespaceMembership, room: string): Membership<Room> {
    const known = ns.rooms.get(room);
    if (known) return known;
    const made = new Membership(ns.namespace, room, this.host.makeRoom(ns.handle, room));
    ns.rooms.set(room, made);
    return made;
  }

  /** Puts a membership out as its line is lost. Returns whether the client was in it. */
  putOut(membership: Membership): boolean {
    const { presence, isWished } = membership;
    membership.presence = 'out';
    membership.attempt = undefined;
    membership.token = '';
    membership.awaitsServer ||= presence === 'in' && !isWished;
    if (presence === 'leaving' && !isWished) this.remove(membership);
    settle(membership.leavers);
    return presence === 'in' || presence === 'leaving';
  }

  /** Removes all rooms of a namespace, and returns those in which the client was. */
  emptied(ns: NamespaceMembership): Membership<Room>[] {
    const rooms = [...ns.rooms.values()];
    const inside = rooms.filter(({ presence }) => presence === 'in' || presence === 'leaving');
    for (const room of rooms) this.remove(room);
    return inside;
  }

  /** Ends a membership, its rooms and the wish for it. */
  remove(membership: Membership, refusal?: Thrown): void {
    const isAwaited = membership.entrants.size > 0;
    membership.presence = 'out';
    membership.isWished = false;
    membership.awaitsServer = false;
    membership.attempt = undefined;
    membership.token = '';
    if (membership instanceof NamespaceMembership) {
      for (const room of [...membership.rooms.values()]) this.remove(room, refusal);
    } else {
      this.#namespaces.get(membership.namespace)?.rooms.delete(membership.room);
    }
    const left = membership.room === '' ? ErrBadNamespace : ErrBadRoom;
    settle(membership.entrants, { error: refusal ? refusal.error : left });
    this.host.onGone(membership, isAwaited ? undefined : refusal);
  }

  /** Tells the server that the client is not in, whatever it answers or has answered. */
  retract(membership: Membership): void {
    const event = membership.room === '' ? OnNamespaceDisconnect : OnRoomLeave;
    this.ask(membership, event, { timeout: entryTimeout }, () => {});
  }

  /** Sends a lifecycle ask. */
  ask({ namespace, room }: Membership, event: string, options: AskOptions, settled: (answer: Answer) => void): string {
    const token = this.host.asks.open(settled, options);
    this.host.write(encode({ namespace, room, event }, token));
    return token;
  }

  /** Tells that a room is left. */
  async tellLeft(room: Membership<Room>, flags: LifecycleFlags): Promise<void> {
    await this.tell(room, OnRoomLeave, flags);
    await this.tell(room, OnRoomLeft, flags);
  }

  /** Runs the handlers of an event that cannot refuse. */
  async tell(membership: Membership, event: string, flags: LifecycleFlags): Promise<void> {
    const thrown = await this.host.fire(membership, event, flags);
    if (thrown) this.host.onFault(membership, event, thrown.error);
  }
}

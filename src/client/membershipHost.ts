import type { Body } from '../protocol/message.js';
import type { Client } from './handles.js';
import type { AskOptions, Asks } from './line/asks.js';
import type { Turns } from './line/turns.js';
import type { Membership } from './membership.js';

/** Flags of a lifecycle event. */
export interface LifecycleFlags {
  /** Whether this client began the step. */
  readonly isLocal?: boolean;
  /** Whether no handler can refuse it. */
  readonly isForced?: boolean;
}

/** An error that a handler threw, or a refusal. */
export interface Thrown {
  /** The error. */
  readonly error: unknown;
}

/** What memberships need of their client. */
export interface MembershipHost {
  /** The handle of the client. */
  readonly client: Client;
  /** The pending asks. */
  readonly asks: Asks;
  /** The turns of the client. */
  readonly turns: Turns;
  /** The present line, once its greeting is over. Steps of an earlier line change nothing. */
  readonly line: object | undefined;
  /** Whether the client is closing or closed. */
  readonly isOver: boolean;
  /** Emits an event, or keeps it. Returns false if neither is possible. */
  emit(to: Membership, event: string, data: unknown): boolean;
  /** Sends an ask, or keeps it, and resolves with its answer. */
  ask(to: Membership, event: string, data: unknown, options: AskOptions): Promise<unknown>;
  /** Writes a frame to the present line. */
  write(payload: Body): void;
  /** Runs the handlers of a lifecycle event. Never rejects. */
  fire(membership: Membership, event: string, flags: LifecycleFlags): Promise<Thrown | undefined>;
  /** Tells the program an error. */
  report(error: unknown, during: string, membership?: Membership): void;
  /** A namespace or room is entered: frames that waited for it may go. */
  onEntered(): void;
  /** A namespace or room is gone: frames that waited for it will not go. `refusal` is set if it was entered before. */
  onGone(membership: Membership, refusal: Thrown | undefined): void;
}

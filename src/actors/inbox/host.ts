import type { Frame } from '../../protocol/codec.js';
import type { Body } from '../../protocol/message.js';
import type { TickCounter, TickQuota } from '../runtime/clock.js';

/** Work that is no frame: the next step of a procedure that this side began. */
export type Job = () => void | Promise<void>;

/** The connection, as its inbox needs it. */
export interface InboxHost {
  /** Returns the frame of the message, from `start` to `end` of `data`, whose turn has come. Counts a message that is none, and returns `undefined`. */
  decode(data: Body, isText: boolean, start: number, end: number): Frame | undefined;
  /** Handles a frame, or runs a job. The turn lasts until a returned promise settles. */
  runAsProducer(work: Frame | Job): void | Promise<void>;
  /** Returns whether this frame waits for a procedure that this side began (NS6, NS10). */
  mustWait(frame: Frame): boolean;
  /** Whether the present turn waits for an answer of the client, so that reading must go on. */
  readonly awaitsPeer: boolean;
  /** Whether `server.ask` waits for an answer of the client. */
  readonly isAsked: boolean;
  /** Whether any ask of this client is pending. */
  readonly hasPendingAsks: boolean;
  /** Whether the throttle pauses this client (BC10). */
  readonly isPaused: boolean;
  /** Pauses the socket, or reads it again. */
  inboxFilled(isFull: boolean): void;
  /** Closes the connection: the inbox is flooded while a turn waits for the client. */
  inboxFlooded(): void;
  /** Calls `resume` once the inbox may go on: it has used up its quota of the tick, or is paused. */
  inboxParked(): void;
  /** Called when a promise of a turn has settled, before anything else follows from that. */
  turnSettled(): void;
  /** Handles the error of a turn. Only a chart can make a turn throw. */
  turnFailed(error: unknown): void;
}

/** What the inboxes of a server share. */
export interface InboxShared {
  /** Counts ticks. */
  readonly ticks: Pick<TickCounter, 'current'>;
  /** The quota of all inboxes together. Frames that are handled in slices do not count (LM9). */
  readonly allFrames: TickQuota;
}

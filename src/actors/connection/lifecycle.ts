import type { AnyActorRef, AnyMachineSnapshot } from 'xstate';
import type { ConnectionContext } from '../../machines/connection.js';
import { type CloseReasonName, closeReasons } from '../../protocol/errors.js';
import { handlesItself } from '../runtime/mailbox.js';
import { type CloseCause, isCloseCause, type Stage } from '../telemetry/counters.js';
import type { Socket } from '../transport/socket.js';

/** A state of the connection's chart, as the hot path reads it. Computed once per state. */
export interface StateFlags {
  /** Whether the handshake is under way. */
  readonly isAcknowledging: boolean;
  /** Whether the server has accepted the connection, and it is not closed. */
  readonly isAgreed: boolean;
  /** Whether the connection is open. */
  readonly isOpen: boolean;
  /** Whether the connection is open and its socket is full. */
  readonly isCongested: boolean;
  /** Whether the chart handles frames itself in this state. */
  readonly ownsFrames: boolean;
  /** Whether the chart handles deliveries itself in this state. */
  readonly ownsDeliveries: boolean;
}

/** The flags before the chart runs. */
export const initialFlags: StateFlags = {
  isAcknowledging: true,
  isAgreed: false,
  isOpen: false,
  isCongested: false,
  ownsFrames: false,
  ownsDeliveries: false,
};
/** The flags after the chart has failed. */
export const failedFlags: StateFlags = { ...initialFlags, isAcknowledging: false };

/** The flags by active states. Memoised snapshots share these lists. */
const flagsByNodes = new WeakMap<AnyMachineSnapshot['_nodes'], StateFlags>();

/** Returns the flags of a state. Equal flags are one object. */
export const flagsOf = (snapshot: AnyMachineSnapshot): StateFlags => {
  if (snapshot.status !== 'active') return failedFlags;
  const ready = flagsByNodes.get(snapshot._nodes);
  if (ready) return ready;
  const isOpen = snapshot.hasTag('open');
  const flags = shared({
    isAcknowledging: snapshot.hasTag('acknowledging'),
    isAgreed: isOpen || snapshot.hasTag('agreed'),
    isOpen,
    isCongested: isOpen && snapshot.hasTag('congested'),
    ownsFrames: isOpen && handlesItself(snapshot, 'FRAME'),
    ownsDeliveries: isOpen && handlesItself(snapshot, 'DELIVER'),
  });
  flagsByNodes.set(snapshot._nodes, flags);
  return flags;
};

const known: StateFlags[] = [failedFlags];

/** Returns an equal object that is known already: connections share the few different flags. */
const shared = (flags: StateFlags): StateFlags => {
  const same = known.find((one) => areEqual(one, flags));
  if (!same) known.push(flags);
  return same ?? flags;
};

const areEqual = (one: StateFlags, other: StateFlags): boolean =>
  one.isAcknowledging === other.isAcknowledging &&
  one.isAgreed === other.isAgreed &&
  one.isOpen === other.isOpen &&
  one.isCongested === other.isCongested &&
  one.ownsFrames === other.ownsFrames &&
  one.ownsDeliveries === other.ownsDeliveries;

/** Returns the stage that a connection with these flags counts as in the metrics. */
export const stageOf = ({ isAcknowledging, isOpen, isCongested }: StateFlags): Stage => {
  if (isAcknowledging) return 'acknowledging';
  if (!isOpen) return 'closing';
  return isCongested ? 'congested' : 'flowing';
};

/** Why a connection ends. */
export interface EndReason {
  /** The close code; `noCloseFrame` when no close frame is exchanged. */
  readonly code: number;
  /** The close text. */
  readonly text: string;
  /** The cause that the end counts as in the metrics. */
  readonly cause: CloseCause;
}

/** The code for a socket that closed without a close frame. No close frame carries it. */
const noCloseFrame = 1006;

const reasonNamed = (cause: CloseReasonName): EndReason => {
  const { code, text } = closeReasons[cause];
  return { code, text, cause };
};

/** Returns why a connection ends whose socket has closed. A line that is lost brings no text of its own (SV6). */
export const closedSocket = (code: number, text: string, cause: CloseReasonName | undefined): EndReason =>
  code === noCloseFrame
    ? { code, text: text || closeReasons.lost.text, cause: cause ?? 'connectionLost' }
    : { code, text, cause: cause ?? 'client' };

/** How the server ends a connection: the chart, the socket and the inbox each do their part. */
export interface End {
  /** Code, text and cause, unless the caller gives others. */
  readonly reason: EndReason;
  /** The event that the chart gets. `none`: its actor has stopped, so the connection is torn down without it. */
  readonly chart: 'CLOSE' | 'SOCKET.CLOSED' | 'none';
  /** `chart`: its actions close the socket. `close`: sends a close frame. `destroy`: ends the socket without one. */
  readonly socket: 'chart' | 'close' | 'destroy';
  /** `goOn`: the present turn goes on. `drain`: the end waits for the turn. `abandon`: nothing waits for the turn. */
  readonly inbox: 'goOn' | 'drain' | 'abandon';
}

/**
 * The ways in which the server ends a connection.
 * - `close`: a close frame, at once (SV5)
 * - `crash`: a close frame, after the actor of the connection has failed or was stopped from outside (SV1)
 * - `timeout`: no close frame, as the client is unreachable (LM3)
 * - `kill`: no close frame, as the time of a drain is over (DR1)
 * - `drain`: a close frame, after the present turn (DR1)
 */
export type EndKind = 'close' | 'crash' | 'timeout' | 'kill' | 'drain';

/** What each kind of end does. */
export const ends: Readonly<Record<EndKind, End>> = {
  close: { reason: reasonNamed('normal'), chart: 'CLOSE', socket: 'chart', inbox: 'goOn' },
  crash: { reason: reasonNamed('failed'), chart: 'none', socket: 'close', inbox: 'goOn' },
  timeout: { reason: reasonNamed('pingTimeout'), chart: 'SOCKET.CLOSED', socket: 'destroy', inbox: 'goOn' },
  kill: { reason: reasonNamed('lost'), chart: 'SOCKET.CLOSED', socket: 'destroy', inbox: 'abandon' },
  drain: { reason: reasonNamed('draining'), chart: 'CLOSE', socket: 'chart', inbox: 'drain' },
};

/** How a connection has ended, as its chart records it. */
export type CloseRecord = Pick<ConnectionContext, 'reason' | 'wasAccepted'>;

/** The record of a connection whose chart has not taken any event. */
export const initialRecord: CloseRecord = { reason: reasonNamed('failed'), wasAccepted: false };

/** Returns the cause of an end that the program asks for. */
export const programCause = (code: number, text: string): CloseCause =>
  code === closeReasons.normal.code && text === closeReasons.normal.text ? 'normal' : 'program';

/**
 * Returns the cause that an end counts as in the metrics. An end by the program before acceptance is a refusal.
 * The chart of a program may record no cause, or an unknown one: such an end counts as the program's (IN9).
 */
export const closeCause = ({ reason, wasAccepted }: CloseRecord): CloseCause => {
  if (!reason) return 'failed';
  const { code, cause = '' } = reason;
  if (isCloseCause(cause) && cause !== 'program' && cause !== 'normal') return cause;
  if (code === noCloseFrame) return 'connectionLost';
  if (!wasAccepted) return 'refused';
  return cause === 'normal' ? 'normal' : 'program';
};

/** Returns the reason that `onDisconnect` receives. A chart that failed without a recorded reason ends with 1011. */
export const disconnectReason = ({ reason, wasAccepted }: CloseRecord, actor: AnyActorRef) => {
  const hasFailed = actor.getSnapshot().status === 'error';
  const { code, text } = reason ?? (hasFailed ? closeReasons.failed : closeReasons.lost);
  return { code, text, wasAccepted };
};

/** Receives the changes of state and the end of connections. The supervisor's registry implements it. */
export interface ConnectionListener<Member> {
  /** Called before the chart's new state takes effect. */
  onState(member: Member, from: StateFlags, to: StateFlags, record: CloseRecord): void;
  /** Called when the queue of the socket is empty: the client is alive. */
  onDrained(member: Member): void;
  /** Called when the connection is closed and has left every topic. */
  onClosing(member: Member, last: StateFlags): void;
  /** Called when only the last handlers of the connection are left to run. It calls `finish` then or later. */
  onEnded(member: Member): void;
  /** Called when the last handler of the connection has settled. */
  onFinished(member: Member): void;
  /** Called with the socket of a failed connection after its close frame: the connection does not destroy it. */
  onDetached(socket: Socket): void;
}

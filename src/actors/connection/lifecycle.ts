import type { AnyActorRef, AnyMachineSnapshot } from 'xstate';
import type { ConnectionContext } from '../../machines/connection.js';
import { closeReasons } from '../../protocol/errors.js';
import { handlesItself } from '../runtime/mailbox.js';
import type { CloseCause, Stage } from '../telemetry/counters.js';
import { reasonNames } from '../telemetry/counters.js';
import type { Socket } from '../transport/socket.js';

/** What a state of the connection's chart means to the hot path; read off once per state. */
export interface StateFlags {
  readonly isAcknowledging: boolean;
  /** The server agrees to it. */
  readonly isAgreed: boolean;
  readonly isOpen: boolean;
  readonly isCongested: boolean;
  /** The chart itself handles frames, or deliveries. */
  readonly ownsFrames: boolean;
  readonly ownsDeliveries: boolean;
}

/** What has ended a connection, as its chart records it. */
export type CloseRecord = Pick<ConnectionContext, 'reason' | 'wasAccepted'>;

/** Before the chart runs. */
export const initialFlags: StateFlags = {
  isAcknowledging: true,
  isAgreed: false,
  isOpen: false,
  isCongested: false,
  ownsFrames: false,
  ownsDeliveries: false,
};
/** When the chart has failed. */
export const failedFlags: StateFlags = { ...initialFlags, isAcknowledging: false };

/** Reads a state of the chart. */
export const flagsOf = (snapshot: AnyMachineSnapshot): StateFlags => {
  const isOpen = snapshot.status === 'active' && snapshot.hasTag('open');
  return shared({
    isAcknowledging: snapshot.status === 'active' && snapshot.hasTag('acknowledging'),
    isAgreed: isOpen || (snapshot.status === 'active' && snapshot.hasTag('agreed')),
    isOpen,
    isCongested: isOpen && snapshot.hasTag('congested'),
    ownsFrames: isOpen && handlesItself(snapshot, 'FRAME'),
    ownsDeliveries: isOpen && handlesItself(snapshot, 'DELIVER'),
  });
};

const views: StateFlags[] = [];

/** There are few different views: all connections share them. */
const shared = (view: StateFlags): StateFlags => {
  const known = views.find((one) => areAlike(one, view));
  if (!known) views.push(view);
  return known ?? view;
};

const areAlike = (one: StateFlags, other: StateFlags): boolean =>
  one.isAcknowledging === other.isAcknowledging &&
  one.isAgreed === other.isAgreed &&
  one.isOpen === other.isOpen &&
  one.isCongested === other.isCongested &&
  one.ownsFrames === other.ownsFrames &&
  one.ownsDeliveries === other.ownsDeliveries;

/** What a connection has ended with. Of a chart that has failed the reason is that, when it has given no other. */
export const reasonOf = ({ reason, wasAccepted }: CloseRecord, actor: AnyActorRef) => {
  const hasFailed = actor.getSnapshot().status === 'error';
  const { code, text } = reason ?? (hasFailed ? closeReasons.failed : { code: 1006, text: '' });
  return { code, text, wasAccepted };
};

export const stageOf = ({ isAcknowledging, isOpen, isCongested }: StateFlags): Stage => {
  if (isAcknowledging) return 'acknowledging';
  if (!isOpen) return 'closing';
  return isCongested ? 'congested' : 'flowing';
};

const keyOf = (code: number, text: string): string => `${code} ${text}`;
const causes = new Map<string, CloseCause>(
  reasonNames.map((name) => [keyOf(closeReasons[name].code, closeReasons[name].text), name]),
);

/** No close frame has this code: the line is gone. */
const noFrame = 1006;

/** Whose words a connection ends with. */
export type Author = 'client' | 'program' | 'server';

/** What somebody wants a connection to end with. */
export interface Words {
  readonly code: number;
  readonly text: string;
  readonly author: Author;
}

/** Whose words these are: what its chart ends a connection for by itself is ours. */
export const authorOf = ({ reason }: CloseRecord, said: Words | undefined): Author =>
  reason && said?.code === reason.code && said.text === reason.text ? said.author : 'server';

/** Words of ours that clients and programs use are not ours then, and there are no more causes than these. */
export const causeOf = ({ reason, wasAccepted }: CloseRecord, author: Author): CloseCause => {
  if (!reason) return 'failed';
  const cause = causes.get(keyOf(reason.code, reason.text));
  if (reason.code === noFrame) return cause ?? 'connectionLost';
  if (author === 'client') return 'client';
  const isOurs = cause !== undefined && (author === 'server' || (wasAccepted && cause === 'normal'));
  if (isOurs) return cause;
  return wasAccepted ? 'program' : 'refused';
};

/** The books in which a connection stands. */
export interface ConnectionListener<Member> {
  /** Its chart has come from one state to another; if it is over, whose words has it ended with? */
  onState(member: Member, from: StateFlags, to: StateFlags, ending: CloseRecord, author: Author): void;
  /** Its socket's queue is empty again: a sign of life. */
  onDrained(member: Member): void;
  /** It is in no audience and in no count any more. */
  onClosing(member: Member, last: StateFlags): void;
  /** Its last handler has run. */
  onFinished(member: Member): void;
  /** This socket has been told goodbye, and nobody looks after it any more. */
  onDetached(socket: Socket): void;
}

import type { AnyActorRef, AnyMachineSnapshot } from 'xstate';
import type { ConnectionContext } from '../../machines/connection.js';
import { closeReasons } from '../../protocol/errors.js';
import { owns } from '../runtime/mailbox.js';
import type { CloseCause, Stage } from '../telemetry/counters.js';
import { reasonNames } from '../telemetry/counters.js';
import type { Socket } from '../transport/socket.js';

/** What a state of the connection's chart means to the hot path; read off once per state. */
export interface View {
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
export type Ending = Pick<ConnectionContext, 'reason' | 'wasAccepted'>;

/** Before the chart runs. */
export const unborn: View = {
  isAcknowledging: true,
  isAgreed: false,
  isOpen: false,
  isCongested: false,
  ownsFrames: false,
  ownsDeliveries: false,
};
/** When the chart has failed. */
export const dead: View = { ...unborn, isAcknowledging: false };

/** Reads a state of the chart. */
export const viewOf = (snapshot: AnyMachineSnapshot): View => {
  const isOpen = snapshot.status === 'active' && snapshot.hasTag('open');
  return shared({
    isAcknowledging: snapshot.status === 'active' && snapshot.hasTag('acknowledging'),
    isAgreed: isOpen || (snapshot.status === 'active' && snapshot.hasTag('agreed')),
    isOpen,
    isCongested: isOpen && snapshot.hasTag('congested'),
    ownsFrames: isOpen && owns(snapshot, 'FRAME'),
    ownsDeliveries: isOpen && owns(snapshot, 'DELIVER'),
  });
};

const views: View[] = [];

/** There are few different views: all connections share them. */
const shared = (view: View): View => {
  const known = views.find((one) => areAlike(one, view));
  if (!known) views.push(view);
  return known ?? view;
};

const areAlike = (one: View, other: View): boolean =>
  one.isAcknowledging === other.isAcknowledging &&
  one.isAgreed === other.isAgreed &&
  one.isOpen === other.isOpen &&
  one.isCongested === other.isCongested &&
  one.ownsFrames === other.ownsFrames &&
  one.ownsDeliveries === other.ownsDeliveries;

/** What a connection has ended with. Of a chart that has failed the reason is that, when it has given no other. */
export const reasonOf = ({ reason, wasAccepted }: Ending, actor: AnyActorRef) => {
  const hasFailed = actor.getSnapshot().status === 'error';
  const { code, text } = reason ?? (hasFailed ? closeReasons.failed : { code: 1006, text: '' });
  return { code, text, wasAccepted };
};

export const stageOf = ({ isAcknowledging, isOpen, isCongested }: View): Stage => {
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
export const authorOf = ({ reason }: Ending, said: Words | undefined): Author =>
  reason && said?.code === reason.code && said.text === reason.text ? said.author : 'server';

/** Words of ours that clients and programs use are not ours then, and there are no more causes than these. */
export const causeOf = ({ reason, wasAccepted }: Ending, author: Author): CloseCause => {
  if (!reason) return 'failed';
  const cause = causes.get(keyOf(reason.code, reason.text));
  if (reason.code === noFrame) return cause ?? 'lineLost';
  if (author === 'client') return 'goodbye';
  const isOurs = cause !== undefined && (author === 'server' || (wasAccepted && cause === 'normal'));
  if (isOurs) return cause;
  return wasAccepted ? 'program' : 'refused';
};

/** The books in which a connection stands. */
export interface Books<Member> {
  /** Its chart has come from one state to another; if it is over, whose words has it ended with? */
  moved(member: Member, from: View, to: View, ending: Ending, author: Author): void;
  /** Its socket's queue is empty again: a sign of life. */
  tookAll(member: Member): void;
  /** It is in no audience and in no count any more. */
  retired(member: Member, last: View): void;
  /** Its last handler has run. */
  departed(member: Member): void;
  /** This socket has been told goodbye, and nobody looks after it any more. */
  seeOff(socket: Socket): void;
}

import type { AnyActorRef, AnyMachineSnapshot } from 'xstate';
import type { ConnectionContext } from '../machines/connection.js';
import { closeReasons } from '../protocol/errors.js';

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

type Node = AnyMachineSnapshot['_nodes'][number];

/** The hot events that a state handles itself: asked once per state of a machine. */
const owned = new WeakMap<Node, ReadonlySet<string>>();
const hotEvents = ['FRAME', 'DELIVER', 'BROADCAST', 'COUNT'] as const;

const ownedBy = (node: Node): ReadonlySet<string> => {
  const known = owned.get(node);
  if (known) return known;
  const handles = (type: string) => (event: string) => event === type || event === '*' || event === `${type}.*`;
  const own = new Set<string>(hotEvents.filter((type) => node.ownEvents.some(handles(type))));
  owned.set(node, own);
  return own;
};

/** Does the chart handle this event itself, where it is now? */
export const owns = (snapshot: AnyMachineSnapshot, type: (typeof hotEvents)[number]): boolean => {
  if (snapshot.status !== 'active') return false;
  for (const node of snapshot._nodes) if (ownedBy(node).has(type)) return true;
  return false;
};

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

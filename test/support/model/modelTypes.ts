import type { ConnectOutcome, Instructions, ModelMessage, Visitor } from './program.js';
import { expandBody, keyOf, systemEvents, type Wire } from './wire.js';

export interface PendingStep {
  readonly kind: 'connect' | 'disconnect' | 'join' | 'leave';
}

interface PausedHandler {
  readonly wire: Wire;
  readonly instructions: Instructions;
}

export interface ModelConnection {
  readonly index: number;
  readonly id: string;
  readonly outcome: ConnectOutcome;
  state: 'waiting' | 'unacknowledged' | 'open' | 'closed';
  /** Namespaces and their rooms, in the order in which they were joined. */
  readonly memberships: Map<string, Set<string>>;
  readonly early: Wire[];
  readonly lines: string[];
  /** Whether the tail of its frames may be missing. */
  isCut: boolean;
  isBusy: boolean;
  paused: PausedHandler | undefined;
  readonly jobs: (() => void)[];
  readonly frames: Wire[];
  readonly pendingSteps: Map<string, PendingStep>;
  /** The forced events that are still to come. */
  readonly endEvents: string[];
  /** Whether answers waited for their turn when it ended. The model does not predict what follows them. */
  hadJobs: boolean;
}

export interface ModelAsk {
  /** The connections that may still answer. */
  readonly who: Set<number>;
  answered(isAgreed: boolean): void;
}

export interface PendingDo {
  readonly id: number;
  readonly visitor: Visitor;
  /** The context of the visit that has not settled. */
  visiting: CallContext | undefined;
  /** The connections still to visit; undefined before it begins. */
  rest: ModelConnection[] | undefined;
}

/** The connection and namespace that a script runs for. */
export interface CallContext {
  readonly self: ModelConnection | undefined;
  readonly namespace: string;
  /** Whether a lifecycle handler runs. It closes other connections only. */
  readonly isHook: boolean;
  /** Whether the code has an NSConn of its own. */
  readonly hasHandle?: boolean;
}

export const endEventOf = (event: string, namespace: string, room: string): string =>
  JSON.stringify([event, namespace, room]);

export const isMember = ({ memberships }: ModelConnection, namespace: string, room: string): boolean => {
  const rooms = memberships.get(namespace);
  return rooms !== undefined && (room === '' || rooms.has(room));
};

export const isWithin = (key: string, namespace: string): boolean => {
  const [of] = JSON.parse(key);
  return of === namespace;
};

/** Whether a frame has to wait for a pending step of its namespace or room. */
export const isBlocked = ({ pendingSteps }: ModelConnection, { namespace, room, event }: Wire): boolean => {
  const ofNamespace = pendingSteps.get(keyOf(namespace, ''));
  if (ofNamespace?.kind === 'connect') return true;
  return systemEvents.has(event) && (ofNamespace !== undefined || pendingSteps.has(keyOf(namespace, room)));
};

export const wireOf = ({ namespace, room, body, isBinary }: ModelMessage, wait: string): Wire => ({
  wait,
  namespace,
  room,
  event: 'note',
  isError: false,
  body: expandBody(body),
  isBinary,
});

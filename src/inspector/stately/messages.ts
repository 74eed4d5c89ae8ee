import type { AnyActorRef, AnyStateMachine, InspectionEvent } from 'xstate';
import { systemClock } from '../../actors/runtime/clock.js';
import { isMachine } from '../../server/machineContract.js';
import { describeMachine } from '../draw/chart.js';
import { type PlainState, plainDefinition } from './definition.js';

/** The version of Stately's inspection protocol. */
const version = '0.7.2';

/** The fields of every message. */
interface StatelyBase {
  /** The session id of the root actor. */
  readonly rootId: string;
  /** The session id of the actor that the message is about. */
  readonly sessionId: string;
  /** Unix time in ms, as text. */
  readonly createdAt: string;
  /** Always null; receivers assign their own ids. */
  readonly id: null;
  /** The version of the protocol. */
  readonly _version: string;
}

/** The part of a snapshot that may leave the process. */
interface PlainSnapshot {
  /** The status of the actor. */
  readonly status: string;
  /** The value of its state. */
  readonly value?: unknown;
}

/** The part of an event that may leave the process. */
interface PlainEvent {
  /** The type of the event. */
  readonly type: string;
  /** The close code, if the event ends a connection. */
  readonly code?: number;
  /** The close text, if the event ends a connection. */
  readonly text?: string;
  /** The actor that the event is about, if any. */
  readonly actorId?: string;
}

/** A message in the protocol of Stately's receivers and hosted inspector (IN6). */
export type StatelyMessage =
  | (StatelyBase & {
      readonly type: '@xstate.actor';
      readonly name: string;
      readonly parentId: string | undefined;
      readonly definition: string;
      readonly snapshot: PlainSnapshot;
    })
  | (StatelyBase & {
      readonly type: '@xstate.event';
      readonly event: PlainEvent;
      readonly sourceId: undefined;
    })
  | (StatelyBase & {
      readonly type: '@xstate.snapshot';
      readonly event: PlainEvent;
      readonly snapshot: PlainSnapshot;
    });

/** Returns the chart that an actor runs, as JSON; for an actor without a chart, its id. */
const definitionOf = (actor: AnyActorRef): string => {
  const logic: unknown = 'logic' in actor ? actor.logic : undefined;
  return JSON.stringify(isMachine(logic) ? definitionFor(logic) : { id: actor.id });
};

/** Definitions by machine: many actors run the same one. */
const definitions = new WeakMap<AnyStateMachine, PlainState>();
const definitionFor = (machine: AnyStateMachine): PlainState => {
  const known = definitions.get(machine) ?? plainDefinition(describeMachine(machine));
  definitions.set(machine, known);
  return known;
};

const isText = (value: unknown): value is string => typeof value === 'string';

/** Returns the part of an event that may leave the process: no messages of clients, sockets, handles or functions. */
const plainEvent = (event: { readonly type: string; readonly [key: string]: unknown }): PlainEvent => {
  const { type, code, text, actorId } = event;
  return {
    type,
    // A text without a code is not the reason of a close: it may be a client's.
    ...(typeof code === 'number' ? { code, ...(isText(text) ? { text } : {}) } : {}),
    ...(isText(actorId) ? { actorId } : {}),
  };
};

/** Returns the part of a snapshot that may leave the process. A context may hold secrets of the program. */
const plainSnapshot = ({ status, value }: { readonly status: string; readonly value?: unknown }): PlainSnapshot => ({
  status,
  value,
});

/** Returns whether a reference is an actor. XState's inspection only passes actors, but its type is wider. */
const isActor = (ref: InspectionEvent['actorRef']): ref is AnyActorRef => '_parent' in ref && 'sessionId' in ref;

/**
 * Converts an event of XState's inspection to Stately's protocol (IN6). Returns `undefined` for a type of event that
 * the protocol does not have. Messages of clients and contexts are left out.
 *
 * @example
 * server.inspect((inspected) => {
 *   const message = toStately(inspected);
 *   if (message) socket.send(JSON.stringify(message));
 * });
 */
export const toStately = (
  inspected: InspectionEvent,
  now: () => number = () => systemClock.wallNow(),
): StatelyMessage | undefined => {
  const { actorRef } = inspected;
  if (!isActor(actorRef)) return undefined;
  const base: StatelyBase = {
    rootId: inspected.rootId,
    sessionId: actorRef.sessionId,
    createdAt: String(now()),
    id: null,
    _version: version,
  };
  switch (inspected.type) {
    case '@xstate.actor':
      return {
        ...base,
        type: inspected.type,
        name: actorRef.id,
        parentId: actorRef._parent?.sessionId,
        definition: definitionOf(actorRef),
        snapshot: plainSnapshot(actorRef.getSnapshot()),
      };
    case '@xstate.event':
      return { ...base, type: inspected.type, event: plainEvent(inspected.event), sourceId: undefined };
    case '@xstate.snapshot':
      return {
        ...base,
        type: inspected.type,
        event: plainEvent(inspected.event),
        snapshot: plainSnapshot(inspected.snapshot),
      };
    default:
      return undefined;
  }
};

import type { AnyActorRef, AnyStateMachine, InspectionEvent } from 'xstate';
import { systemClock } from '../../actors/runtime/clock.js';
import { isMachine } from '../../server/machineContract.js';
import { describeMachine } from '../draw/chart.js';
import { type PlainState, plainDefinition } from './definition.js';

/** The words of Stately's inspection protocol of this version. */
const version = '0.7.2';

interface StatelyBase {
  readonly rootId: string;
  readonly sessionId: string;
  readonly createdAt: string;
  readonly id: null;
  readonly _version: string;
}

/** A state as it may leave the process: plain data. */
interface PlainSnapshot {
  readonly status: string;
  readonly value?: unknown;
}

/** An event without what is in it but what says why. */
interface PlainEvent {
  readonly type: string;
  readonly code?: number;
  readonly text?: string;
  readonly actorId?: string;
}

/** What Stately's receivers and its hosted inspector understand (IN6). */
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

/** The chart that an actor runs, as it can be drawn, or at least its name. */
const definitionOf = (actor: AnyActorRef): string => {
  const logic: unknown = 'logic' in actor ? actor.logic : undefined;
  return JSON.stringify(isMachine(logic) ? definitionFor(logic) : { id: actor.id });
};

/** Many actors run the same machine. */
const definitions = new WeakMap<AnyStateMachine, PlainState>();
const definitionFor = (machine: AnyStateMachine): PlainState => {
  const known = definitions.get(machine) ?? plainDefinition(describeMachine(machine));
  definitions.set(machine, known);
  return known;
};

const isText = (value: unknown): value is string => typeof value === 'string';

/** What clients say, sockets, handles and functions stay here. */
const plainEvent = (event: { readonly type: string; readonly [key: string]: unknown }): PlainEvent => {
  const { type, code, text, actorId } = event;
  return {
    type,
    // Without a code a text is not about the end of a connection.
    ...(typeof code === 'number' ? { code, ...(isText(text) ? { text } : {}) } : {}),
    ...(isText(actorId) ? { actorId } : {}),
  };
};

/** Contexts stay: a program's own chart may keep there what is nobody's business. */
const plainSnapshot = ({ status, value }: { readonly status: string; readonly value?: unknown }): PlainSnapshot => ({
  status,
  value,
});

/** Whatever runs in a system of xstate is one; the type of its inspection is wider. */
const isActor = (ref: InspectionEvent['actorRef']): ref is AnyActorRef => '_parent' in ref && 'sessionId' in ref;

/** An event of xstate's inspection in Stately's protocol; `undefined` for what that does not know. */
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

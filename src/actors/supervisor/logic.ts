import type { AnyActorRef, AnyMachineSnapshot, AnyStateMachine, EventObject } from 'xstate';
import { type SupervisorEvent, supervisorMachine } from '../../machines/supervisor.js';
import { ErrWrite } from '../../protocol/errors.js';
import type { Machines } from '../context.js';
import { mergeImplementations } from '../runtime/implementations.js';
import { handlesItself } from '../runtime/mailbox.js';
import type { Arrival } from '../transport/socket.js';
import type { DoRequest, Visitor } from './doQueue.js';

type Machine = Machines['supervisor'];

/** What the actions of the root's chart do. */
export interface SupervisorEffects {
  admit(arrival: Arrival): void;
  hold(arrival: Arrival): void;
  refuse(arrival: Arrival): void;
  admitHeld(): void;
  refuseHeld(): void;
  onStopped(actorId: string): void;
  onCrashed(actorId: string, error: unknown): void;
  publish(event: Extract<SupervisorEvent, { type: 'BROADCAST' }>): void;
  count(event: Extract<SupervisorEvent, { type: 'COUNT' }>): void;
  queueVisit(request: DoRequest): void;
  beginVisit(): void;
  beginDrain(): void;
  /** The root was stopped from outside; its children are to be stopped by this. */
  stopped(stopChild: (actor: AnyActorRef) => void): void;
  failed(error: unknown): void;
}

/** The charts know of no sockets and handles: what an event carries of them is typed here. */
const withArrival = (event: SupervisorEvent, then: (arrival: Arrival) => void): void => {
  if (event.type === 'CONNECT') then(event.arrival as Arrival);
};

const toVisiting = ({ visit, done = () => {} }: Extract<SupervisorEvent, { type: 'DO' }>): DoRequest => ({
  visit: visit as Visitor,
  done,
});

const translate = (event: EventObject & { readonly actorId?: string; readonly error?: unknown }): SupervisorEvent => {
  const { type, actorId, error } = event;
  if (actorId !== undefined && type.startsWith('xstate.done.actor.')) return { type: 'CONNECTION.CLOSED', actorId };
  if (actorId !== undefined && type.startsWith('xstate.error.actor.')) {
    return { type: 'CONNECTION.FAILED', actorId, error };
  }
  // Whatever else there is goes to the machine as it is: a program's own chart may know it.
  return event as SupervisorEvent;
};

/** A hot event that the chart would have taken when it came, and does not any more, is done as at the door. */
const isLate = (snapshot: AnyMachineSnapshot, event: EventObject, effects: SupervisorEffects): boolean => {
  // Whoever sends to the root actor promises its messages.
  const message = event as SupervisorEvent;
  if ((message.type !== 'BROADCAST' && message.type !== 'COUNT') || handlesItself(snapshot, message.type)) return false;
  if (message.type === 'BROADCAST') effects.publish(message);
  else effects.count(message);
  return true;
};

const wireRoot = (machine: Machine, effects: SupervisorEffects): Machine => {
  const implementations: Parameters<Machine['provide']>[0] = {
    actions: {
      admit: ({ event }) => withArrival(event, (arrival) => effects.admit(arrival)),
      hold: ({ event }) => withArrival(event, (arrival) => effects.hold(arrival)),
      refuse: ({ event }) => withArrival(event, (arrival) => effects.refuse(arrival)),
      admitHeld: () => effects.admitHeld(),
      refuseHeld: () => effects.refuseHeld(),
      publish: ({ event }) => event.type === 'BROADCAST' && effects.publish(event),
      count: ({ event }) => event.type === 'COUNT' && effects.count(event),
      queueVisit: ({ event }) => event.type === 'DO' && effects.queueVisit(toVisiting(event)),
      beginVisit: () => effects.beginVisit(),
      refuseVisit: ({ event }) => event.type === 'DO' && toVisiting(event).done(ErrWrite),
      removeStopped: ({ event }) => event.type === 'CONNECTION.CLOSED' && effects.onStopped(event.actorId),
      removeCrashed: ({ event }) => event.type === 'CONNECTION.FAILED' && effects.onCrashed(event.actorId, event.error),
      beginDrain: () => effects.beginDrain(),
    },
  };
  return machine.provide(
    mergeImplementations(machine, supervisorMachine, implementations, (error) => effects.failed(error)),
  );
};

/**
 * The logic of the root actor: its chart, wired. What xstate tells of each child has a type of its own, and every type
 * that a machine has seen is remembered for ever: so it is told to ours in a fixed vocabulary. A throw leaves the root as
 * it was.
 */
export const supervisorLogic = (chart: Machine, effects: SupervisorEffects): Machine => {
  const machine = wireRoot(chart, effects);
  const transition: AnyStateMachine['transition'] = (snapshot, event, scope) => {
    if (event.type === 'xstate.stop') effects.stopped((actor) => scope.stopChild(actor));
    try {
      if (isLate(snapshot, event, effects)) return snapshot;
      return machine.transition(snapshot, translate(event), scope);
    } catch (error) {
      effects.failed(error);
      return snapshot;
    }
  };
  return Object.create(machine, { transition: { value: transition } });
};

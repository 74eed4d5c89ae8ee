import type { AnyActorRef, AnyMachineSnapshot, AnyStateMachine, EventObject } from 'xstate';
import { type SupervisorEvent, supervisorMachine } from '../../machines/supervisor.js';
import { ErrWrite } from '../../protocol/errors.js';
import type { Machines } from '../context.js';
import { honouring } from '../runtime/implementations.js';
import { owns } from '../runtime/mailbox.js';
import type { Arrival } from '../transport/socket.js';
import type { Visit, Visiting } from './doQueue.js';

type Machine = Machines['supervisor'];

/** What the actions of the root's chart do. */
export interface RootDeeds {
  admit(arrival: Arrival): void;
  hold(arrival: Arrival): void;
  refuse(arrival: Arrival): void;
  admitHeld(): void;
  refuseHeld(): void;
  forget(actorId: string): void;
  bury(actorId: string, error: unknown): void;
  issue(event: Extract<SupervisorEvent, { type: 'BROADCAST' }>): void;
  count(event: Extract<SupervisorEvent, { type: 'COUNT' }>): void;
  queueVisit(visiting: Visiting): void;
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

const toVisiting = ({ visit, done = () => {} }: Extract<SupervisorEvent, { type: 'DO' }>): Visiting => ({
  visit: visit as Visit,
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
const isLate = (snapshot: AnyMachineSnapshot, event: EventObject, deeds: RootDeeds): boolean => {
  // Whoever sends to the root actor promises its messages.
  const message = event as SupervisorEvent;
  if ((message.type !== 'BROADCAST' && message.type !== 'COUNT') || owns(snapshot, message.type)) return false;
  if (message.type === 'BROADCAST') deeds.issue(message);
  else deeds.count(message);
  return true;
};

const wireRoot = (machine: Machine, deeds: RootDeeds): Machine => {
  const implementations: Parameters<Machine['provide']>[0] = {
    actions: {
      admit: ({ event }) => withArrival(event, (arrival) => deeds.admit(arrival)),
      hold: ({ event }) => withArrival(event, (arrival) => deeds.hold(arrival)),
      refuse: ({ event }) => withArrival(event, (arrival) => deeds.refuse(arrival)),
      admitHeld: () => deeds.admitHeld(),
      refuseHeld: () => deeds.refuseHeld(),
      issue: ({ event }) => event.type === 'BROADCAST' && deeds.issue(event),
      count: ({ event }) => event.type === 'COUNT' && deeds.count(event),
      queueVisit: ({ event }) => event.type === 'DO' && deeds.queueVisit(toVisiting(event)),
      beginVisit: () => deeds.beginVisit(),
      refuseVisit: ({ event }) => event.type === 'DO' && toVisiting(event).done(ErrWrite),
      forget: ({ event }) => event.type === 'CONNECTION.CLOSED' && deeds.forget(event.actorId),
      bury: ({ event }) => event.type === 'CONNECTION.FAILED' && deeds.bury(event.actorId, event.error),
      beginDrain: () => deeds.beginDrain(),
    },
  };
  return machine.provide(honouring(machine, supervisorMachine, implementations, (error) => deeds.failed(error)));
};

/**
 * The logic of the root actor: its chart, wired. What xstate tells of each child has a type of its own, and every type
 * that a machine has seen is remembered for ever: so it is told to ours in a fixed vocabulary. A throw leaves the root as
 * it was.
 */
export const rootLogic = (chart: Machine, deeds: RootDeeds): Machine => {
  const machine = wireRoot(chart, deeds);
  const transition: AnyStateMachine['transition'] = (snapshot, event, scope) => {
    if (event.type === 'xstate.stop') deeds.stopped((actor) => scope.stopChild(actor));
    try {
      if (isLate(snapshot, event, deeds)) return snapshot;
      return machine.transition(snapshot, translate(event), scope);
    } catch (error) {
      deeds.failed(error);
      return snapshot;
    }
  };
  return Object.create(machine, { transition: { value: transition } });
};

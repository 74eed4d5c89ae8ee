import type { AnyActorRef, AnyMachineSnapshot, EventObject } from 'xstate';
import { type SupervisorEvent, supervisorMachine } from '../../machines/supervisor.js';
import { ErrWrite } from '../../protocol/errors.js';
import { mergeImplementations, withTransition } from '../charts/implementations.js';
import { memoised } from '../charts/memoised.js';
import type { Machines } from '../context.js';
import { handlesItself } from '../runtime/mailbox.js';
import type { Arrival } from '../transport/socket.js';
import type { DoRequest, Visitor } from './doQueue.js';
import type { HotMessage, RootParts } from './root.js';

type Machine = Machines['supervisor'];

/** The root actor, as its logic needs it. */
export interface RootTasks {
  /** Publishes the messages of a BROADCAST, or replies to a COUNT once the mailboxes are empty. */
  perform(message: HotMessage): void;
  /** Ends everything after the actor was stopped from outside. `stopChild` stops a child actor. */
  onStopped(stopChild: (actor: AnyActorRef) => void): void;
  /** Reports an error of the chart. */
  report(error: unknown): void;
}

/** Returns an event as a BROADCAST or COUNT, if it is one. */
export const hotMessageOf = (event: EventObject): HotMessage | undefined =>
  // Charts do not import handles. The types of these two events are those that the root actor accepts.
  event.type === 'BROADCAST' || event.type === 'COUNT' ? (event as HotMessage) : undefined;

const withArrival = (event: SupervisorEvent, use: (arrival: Arrival) => void): void => {
  // Charts do not import sockets, so the arrival of a CONNECT is typed here.
  if (event.type === 'CONNECT') use(event.arrival as Arrival);
};

const toDoRequest = ({ visit, done = () => {} }: Extract<SupervisorEvent, { type: 'DO' }>): DoRequest => ({
  // Charts do not import handles, so a visitor is typed here.
  visit: visit as Visitor,
  done,
});

const translate = (event: EventObject & { readonly actorId?: string; readonly error?: unknown }): SupervisorEvent => {
  const { type, actorId, error } = event;
  if (actorId !== undefined && type.startsWith('xstate.done.actor.')) return { type: 'CONNECTION.CLOSED', actorId };
  if (actorId !== undefined && type.startsWith('xstate.error.actor.')) {
    return { type: 'CONNECTION.FAILED', actorId, error };
  }
  // Any other event goes to the machine as it is: a chart of the program may handle it.
  return event as SupervisorEvent;
};

/** Handles a hot event that the chart handled itself when it was sent, and no longer does. */
const isLate = (snapshot: AnyMachineSnapshot, event: EventObject, root: RootTasks): boolean => {
  const message = hotMessageOf(event);
  if (!message || handlesItself(snapshot, message.type)) return false;
  root.perform(message);
  return true;
};

const wireRoot = (machine: Machine, root: RootTasks, parts: RootParts): Machine => {
  const { arrivals, registry, doQueue, drain, context } = parts;
  const perform = (event: EventObject, type: HotMessage['type']): void => {
    const message = hotMessageOf(event);
    if (message?.type === type) root.perform(message);
  };
  const implementations: Parameters<Machine['provide']>[0] = {
    actions: {
      admit: ({ event, self }) => withArrival(event, (arrival) => registry.admit(arrival, self)),
      hold: ({ event }) => withArrival(event, (arrival) => arrivals.hold(arrival)),
      refuse: ({ event }) => withArrival(event, (arrival) => arrivals.refuse(arrival)),
      admitHeld: ({ self }) => arrivals.admitHeld((arrival) => registry.admit(arrival, self)),
      refuseHeld: () => arrivals.refuseHeld(),
      publish: ({ event }) => perform(event, 'BROADCAST'),
      count: ({ event }) => perform(event, 'COUNT'),
      queueVisit: ({ event }) => event.type === 'DO' && doQueue.queue(toDoRequest(event)),
      beginVisit: ({ self }) => doQueue.begin(registry.registered, () => self.send({ type: 'VISITED' })),
      refuseVisit: ({ event }) =>
        event.type === 'DO' && context.mailboxes.defer(() => doQueue.settle(toDoRequest(event), ErrWrite)),
      removeStopped: ({ event }) => event.type === 'CONNECTION.CLOSED' && registry.onStopped(event.actorId),
      removeCrashed: ({ event }) =>
        event.type === 'CONNECTION.FAILED' && registry.onCrashed(event.actorId, event.error),
      beginDrain: () => context.mailboxes.defer(() => drain.begin()),
    },
  };
  return machine.provide(
    mergeImplementations(machine, supervisorMachine, implementations, (error) => root.report(error)),
  );
};

/**
 * Returns the logic of the root actor: its chart, wired to the parts. XState gives the end of each child an event type
 * of its own and keeps every type that a machine has seen, so those events are translated to a fixed set. An error of
 * the chart is reported and leaves the root as it was.
 */
export const supervisorLogic = (chart: Machine, root: RootTasks, parts: RootParts): Machine => {
  const wired = wireRoot(chart, root, parts);
  const machine = parts.context.fastPaths.memo ? memoised(wired) : wired;
  return withTransition(machine, (snapshot, event, scope) => {
    if (event.type === 'xstate.stop') root.onStopped((actor) => scope.stopChild(actor));
    try {
      if (isLate(snapshot, event, root)) return snapshot;
      return machine.transition(snapshot, translate(event), scope);
    } catch (error) {
      root.report(error);
      return snapshot;
    }
  });
};

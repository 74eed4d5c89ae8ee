import { produce } from 'immer';
import { type AnyActorRef, type AnyStateMachine, assign, type EventObject } from 'xstate';
import { type ConnectionEvent, connectionMachine } from '../../machines/connection.js';
import { acknowledge } from '../../protocol/codec.js';
import type { Body } from '../../protocol/message.js';
import { mergeImplementations, withTransition } from '../charts/implementations.js';
import { memoised } from '../charts/memoised.js';
import type { TakenEvents } from '../charts/takenEvents.js';
import type { ServerContext } from '../context.js';
import type { Connection } from './connection.js';
import { flagsOf } from './lifecycle.js';

type ConnectionOf = (actor: AnyActorRef) => Connection;
type Machine = typeof connectionMachine;
/** What the actor of a connection runs. */
export type ConnectionLogic = Machine;

const sizeOf = (event: ConnectionEvent): number => (event.type === 'FRAME' ? event.data.length : 1);
const dataOf = (event: ConnectionEvent): Body => (event.type === 'FRAME' ? event.data : acknowledge);
/** The text that a client gets from `refuse` without one. */
const refusalText = 'refused';

type Implementations = Parameters<Machine['provide']>[0];

/** Opens a connection that both sides agreed to: sends `A<id>` first (HS2), then what was buffered (HS3, HS4). */
const accept = (connection: Connection, { mailboxes, nativeMode }: ServerContext): void => {
  const handshake = connection.takeHandshake();
  if (nativeMode === 'only') connection.memberships.enterNatively();
  handshake?.sendAccept();
  mailboxes.defer(() => handshake?.complete());
};

/** Returns the chart of a server's connections with its named actions implemented. Made once per server. */
export const connectionLogic = (context: ServerContext, of: ConnectionOf, frames: TakenEvents): ConnectionLogic => {
  const { limits, counters, mailboxes, callbacks } = context;
  const machine = context.machines.connection;
  const implementations: Implementations = {
    actions: {
      // Code of the program runs outside of the chart's mailbox.
      runOnConnect: ({ self }) => mailboxes.defer(() => of(self).handshake?.runOnConnect()),
      countEarly: assign(({ context, event }) =>
        produce(context, (draft) => {
          draft.early.frames += 1;
          draft.early.bytes += sizeOf(event);
        }),
      ),
      bufferEarly: ({ self, event }) => of(self).handshake?.bufferFrame(dataOf(event)),
      sendAccept: ({ self }) => accept(of(self), context),
      sendRefusal: ({ self, context }) => of(self).handshake?.sendRefusal(context.reason?.text ?? ''),
      receive: ({ self, event }) => frames.receive(event, () => of(self).dispatcher.receive(dataOf(event))),
      refuse: ({ self, event }, params) =>
        frames.refuse(event, () => of(self).dispatcher.refuse(dataOf(event), params?.text ?? refusalText)),
      deliver: ({ self, event }) => event.type === 'DELIVER' && of(self).writeRaw(event.bytes),
      countCongestion: () => {
        counters.congestions++;
      },
      countEviction: () => {
        counters.evictions++;
      },
      teardown: ({ self }) => of(self).teardown(),
      sendClose: ({ self, context }) => of(self).sendClose(context.reason?.code ?? 1000, context.reason?.text ?? ''),
      destroySocket: ({ self }) => of(self).socket.destroy(),
    },
    guards: {
      fitsEarly: ({ context: { early }, event }) =>
        early.frames < limits.earlyFrames && early.bytes + sizeOf(event) <= limits.earlyBytes,
    },
    delays: {
      ackTimeout: limits.ackTimeout,
      connectTimeout: limits.connectTimeout,
      slowConsumerTimeout: limits.slowConsumerTimeout,
      closeTimeout: limits.closeTimeout,
    },
  };
  const report = (error: unknown): void => callbacks.report(error, { during: 'chart' });
  const provided = machine.provide(mergeImplementations(machine, connectionMachine, implementations, report));
  return context.fastPaths.memo ? memoised(provided) : provided;
};

/**
 * Handles a frame or delivery as if it had bypassed the chart: the chart handled such events when it was sent, and no
 * longer does. Returns whether the event was one.
 */
const isLate = (event: EventObject, connection: Connection, { mailboxes }: ServerContext): boolean => {
  const { isOpen, ownsFrames, ownsDeliveries } = connection.flags;
  if (!isOpen) return false;
  // The senders of a connection's actor promise its events.
  const hot = event as ConnectionEvent;
  if (hot.type === 'FRAME' && !ownsFrames) mailboxes.defer(() => connection.dispatcher.receive(hot.data));
  else if (hot.type === 'DELIVER' && !ownsDeliveries) connection.writeRaw(hot.bytes);
  else return false;
  return true;
};

/** Returns whether an event carries a frame. A program may send a FRAME without one. */
const isFrame = (event: EventObject): event is EventObject & { readonly data: Body } =>
  event.type === 'FRAME' && 'data' in event && (typeof event.data === 'string' || event.data instanceof Uint8Array);

/**
 * Returns the logic that runs: it passes each new state to the connection, and turns a throw into an error of this one
 * actor (SV1).
 */
export const guardedLogic = (
  machine: ConnectionLogic,
  context: ServerContext,
  of: ConnectionOf,
  frames: TakenEvents,
): ConnectionLogic => {
  const transition: AnyStateMachine['transition'] = (snapshot, event, scope) => {
    try {
      const connection = of(scope.self);
      if (isLate(event, connection, context)) return snapshot;
      const { isOpen } = connection.flags;
      if (isFrame(event)) frames.begin(event);
      // A chart of the program may have events of its own, which the type does not know.
      const next = machine.transition(snapshot, event as ConnectionEvent, scope);
      if (isOpen && isFrame(event) && !frames.isSettled(event)) connection.dispatcher.drop(event.data);
      if (next !== snapshot) connection.onSnapshot(flagsOf(next), next.context);
      return next;
    } catch (error) {
      for (const child of Object.values<AnyActorRef>(snapshot.children)) scope.stopChild(child);
      return { ...snapshot, status: 'error', error, children: {} };
    }
  };
  return withTransition(machine, transition);
};

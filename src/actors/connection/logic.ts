import { produce } from 'immer';
import { type AnyActorRef, type AnyStateMachine, assign, type EventObject } from 'xstate';
import type { Limits } from '../../limits.js';
import { type ConnectionEvent, connectionMachine } from '../../machines/connection.js';
import { acknowledge } from '../../protocol/codec.js';
import { mergeImplementations } from '../runtime/implementations.js';
import type { Connection } from './connection.js';
import { flagsOf } from './lifecycle.js';

type ConnectionOf = (actor: AnyActorRef) => Connection;
type Machine = typeof connectionMachine;
/** What a connection's actor runs. */
export type ConnectionLogic = Machine;

const sizeOf = (event: ConnectionEvent): number => (event.type === 'FRAME' ? event.data.length : 1);
const dataOf = (event: ConnectionEvent): string | Uint8Array => (event.type === 'FRAME' ? event.data : acknowledge);

type Implementations = Parameters<Machine['provide']>[0];

/** The connection's chart with its named actions wired to what they do; made once per server. */
export const connectionLogic = (
  machine: Machine,
  of: ConnectionOf,
  limits: Limits,
  report: (error: unknown) => void,
): Machine => {
  const implementations: Implementations = {
    actions: {
      runOnConnect: ({ self }) => {
        const connection = of(self);
        connection.context.mailboxes.defer(() => connection.handshake?.runOnConnect());
      },
      countEarly: assign(({ context, event }) =>
        produce(context, (draft) => {
          draft.early.frames += 1;
          draft.early.bytes += sizeOf(event);
        }),
      ),
      bufferEarly: ({ self, event }) => of(self).handshake?.bufferFrame(dataOf(event)),
      sendAccept: ({ self }) => of(self).sendAccept(),
      sendRefusal: ({ self, context }) => of(self).handshake?.sendRefusal(context.reason?.text ?? ''),
      receive: ({ self, event }) => of(self).receive(dataOf(event)),
      deliver: ({ self, event }) => event.type === 'DELIVER' && of(self).writeRaw(event.bytes),
      countCongestion: ({ self }) => of(self).countCongestion(),
      countEviction: ({ self }) => {
        of(self).context.counters.evictions++;
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
  return machine.provide(mergeImplementations(machine, connectionMachine, implementations, report));
};

/** A frame or delivery that the chart would have taken when it came, and does not any more, goes on past it. */
const isLate = (event: EventObject, connection: Connection): boolean => {
  const { isOpen, ownsFrames, ownsDeliveries } = connection.flags;
  if (!isOpen) return false;
  // Whoever sends to a connection's actor promises its events.
  const hot = event as ConnectionEvent;
  if (hot.type === 'FRAME' && !ownsFrames) connection.receive(hot.data);
  else if (hot.type === 'DELIVER' && !ownsDeliveries) connection.writeRaw(hot.bytes);
  else return false;
  return true;
};

/**
 * The logic that runs: the wired machine, with each new state shown to its connection, and a throw turned into an
 * error of this one actor (SV1).
 */
export const guardedLogic = (machine: Machine, of: ConnectionOf): Machine => {
  const transition: AnyStateMachine['transition'] = (snapshot, event, scope) => {
    try {
      const connection = of(scope.self);
      if (isLate(event, connection)) return snapshot;
      // Events of a program's own chart come this way too; the machine that knows them takes them.
      const next = machine.transition(snapshot, event as ConnectionEvent, scope);
      if (next !== snapshot) connection.onSnapshot(flagsOf(next), next.context);
      return next;
    } catch (error) {
      for (const child of Object.values<AnyActorRef>(snapshot.children)) scope.stopChild(child);
      return { ...snapshot, status: 'error', error, children: {} };
    }
  };
  return Object.create(machine, { transition: { value: transition } });
};

import { encodeEmptyReply, encodeErrorReply, errorFrom, type Frame } from '../../protocol/codec.js';
import { ErrWrite } from '../../protocol/errors.js';
import { OnRoomLeave, ReceivedMessage } from '../../protocol/message.js';
import type { Answer } from '../api/asks.js';
import { dropped } from '../api/compose.js';
import { closeCauseOf, closesWith, nothing, type Outcome } from '../api/handlers.js';
import type { RequestedAction } from '../charts/steppedMachine.js';
import type { ServerContext } from '../context.js';
import { noTurn } from '../inbox/inbox.js';
import type { Connection } from './connection.js';
import {
  type EntryListener,
  type Membership,
  type NamespaceMembership,
  type PendingCall,
  RoomMembership,
} from './membership.js';

/** Receives the results of steps. */
export interface MembershipListener extends EntryListener {
  /** Called when neither side waits for a step of a namespace or room any more. */
  settled(): void;
  /** Called when a namespace has ended, or was never entered. */
  vacated(membership: NamespaceMembership): void;
}

/** What a step belongs to. */
interface StepContext {
  /** The peer's ask that the step answers. */
  readonly asked?: Frame;
  /** The call of this side that it belongs to. */
  readonly call?: PendingCall;
  /** The `isLocal` of the messages of its lifecycle events. */
  readonly isLocal: boolean;
  /** Whether no handler can refuse it. */
  readonly isForced: boolean;
  /** The error for the peer or the caller, if the step fails. */
  readonly error?: unknown;
}

/** A step of a membership's chart, and what it belongs to. */
export interface Step extends StepContext {
  /** The membership whose chart is stepped. */
  readonly membership: Membership;
}

type Pending = void | Promise<void>;

/** Runs `each` for one item after another. Returns a promise only if one of them does. */
export const inOrder = <T>(items: Iterable<T>, each: (item: T) => Pending): Pending => {
  const rest = items[Symbol.iterator]();
  const go = (): Pending => {
    for (let next = rest.next(); !next.done; next = rest.next()) {
      const pending = each(next.value);
      if (pending) return pending.then(go);
    }
    return undefined;
  };
  return go();
};

const when = (outcome: Outcome | Promise<Outcome>, then: (outcome: Outcome) => Pending): Pending =>
  outcome instanceof Promise ? outcome.then(then) : then(outcome);

const failureOf = (answer: Answer): unknown =>
  'failure' in answer ? (answer.failure ?? ErrWrite) : errorFrom(answer.frame);

/** Returns the parameters of an action. A chart of the program may leave them out. */
const paramsOf = ({ params }: RequestedAction): { readonly event: string; readonly isLocal: boolean } => {
  // The setup of the chart types them so.
  const { event = '', isLocal = false } = (params ?? {}) as { readonly event?: string; readonly isLocal?: boolean };
  return { event, isLocal };
};

/** Steps the charts of namespaces and rooms, and runs the actions that they ask for, one after the other. */
export class Transitions {
  constructor(
    private readonly connection: Connection,
    private readonly context: Pick<ServerContext, 'callbacks' | 'told'>,
    private readonly listener: MembershipListener,
  ) {}

  /**
   * Takes a step and runs its actions. Returns a promise only if one of them does.
   *
   * @throws what the chart throws, or rejects with it. The call to which the step belongs then rejects with `ErrWrite`
   */
  take(step: Step, event: string): Pending {
    const failed = (error: unknown): never => {
      this.#endCall(step, step.call, ({ reject }) => reject(ErrWrite));
      throw error;
    };
    try {
      const pending = this.#advance(step, event);
      return pending ? pending.catch(failed) : undefined;
    } catch (error) {
      return failed(error);
    }
  }

  /** Takes a step like `take`, but reports what the chart throws, so that the steps after it are taken too. */
  attempt(step: Step, event: string): Pending {
    const failed = (error: unknown): void =>
      this.context.callbacks.report(error, { during: 'chart', connection: this.connection.id });
    try {
      const pending = this.take(step, event);
      return pending ? pending.catch(failed) : undefined;
    } catch (error) {
      return failed(error);
    }
  }

  #advance(step: Step, event: string): Pending {
    const { value, actions } = step.membership.advance(event);
    const settled = (): void => {
      const { namespace } = step.membership;
      if (namespace.isVacant) this.listener.vacated(namespace);
      if (value.hasTag('settled')) this.listener.settled();
    };
    const done = inOrder(actions, (action) => this.#run(step, action));
    return done ? done.then(settled) : settled();
  }

  #run(step: Step, action: RequestedAction): Pending {
    const { membership, asked, call } = step;
    const { nsConn } = membership.namespace;
    const { subscriber, peerAsks } = this.connection;
    switch (action.type) {
      case 'runVetoHandler':
        return this.#runVetoHandler(step, action);
      case 'runNotifyHandler':
        return this.#runNotifyHandler(step, action);
      case 'askPeer':
        return this.#askPeer(step, paramsOf(action).event);
      case 'retract':
        return peerAsks.askPeer(nsConn.namespace, membership.room, OnRoomLeave, {}, () => {});
      case 'enter':
        subscriber.join(nsConn.namespace, membership.room);
        return membership.announceEntry(this.listener);
      case 'exit':
        return subscriber.leave(nsConn.namespace, membership.room);
      case 'leaveRooms':
        return this.#leaveRooms(step);
      case 'endRooms':
        return this.#eachRoom(step, 'ENDED');
      case 'report':
        return this.context.callbacks.failed(step.error, OnRoomLeave, nsConn);
      case 'answer':
        return asked && this.connection.send(encodeEmptyReply(asked.wait));
      case 'answerRefusal':
        return asked && this.#refuse(asked, step.error ?? membership.refusal);
      case 'settle':
        return this.#endCall(step, call, ({ resolve }) => resolve());
      case 'fail':
        return this.#endCall(step, call ?? membership.pendingCall, ({ reject }) =>
          reject(step.error ?? membership.refusal),
        );
      default:
        return undefined;
    }
  }

  #endCall({ membership }: Step, call: PendingCall | undefined, settle: (call: PendingCall) => void): void {
    if (!call) return;
    membership.endCall(call);
    settle(call);
    this.connection.inbox.drain();
  }

  #leaveRooms(step: Step): Pending {
    const emptied = (): Pending => this.take({ ...step, membership: step.membership.namespace }, 'EMPTIED');
    const left = this.#eachRoom(step, 'EXPELLED');
    return left ? left.then(emptied) : emptied();
  }

  #eachRoom({ membership: { namespace }, isLocal }: Step, event: string): Pending {
    const context: StepContext = { isLocal, isForced: true, error: ErrWrite };
    return inOrder([...namespace.rooms.keys()], (room) =>
      this.attempt({ ...context, membership: new RoomMembership(namespace, room) }, event),
    );
  }

  #runVetoHandler(step: Step, action: RequestedAction): Pending {
    return when(this.#runHandler(step, action), (outcome) => {
      if (outcome.kind === 'error') {
        this.#judgeVeto(step, outcome.error, action);
        this.#closeFor(outcome.error);
        return this.take({ ...step, error: outcome.error }, 'REFUSED');
      }
      if (outcome.kind === 'stopped' && !step.isForced) return this.take({ ...step, error: dropped }, 'REFUSED');
      // A connection that its handler has closed enters nothing (SV5).
      if (this.connection.isClosed && !step.isForced) return this.take({ ...step, error: ErrWrite }, 'REFUSED');
      return this.take(step, 'ALLOWED');
    });
  }

  /** Counts the error of a veto handler if it is a refusal, and reports it if the client is not told its text. */
  #judgeVeto({ isForced, asked, membership }: Step, error: unknown, action: RequestedAction): void {
    const { callbacks, told } = this.context;
    if (isForced || callbacks.refuses(error) || !asked || told(error) === error) return;
    callbacks.failed(error, paramsOf(action).event, membership.namespace.nsConn);
  }

  #refuse(asked: Frame, error: unknown): void {
    this.connection.send(encodeErrorReply(asked, this.context.told(error)));
  }

  #runNotifyHandler(step: Step, action: RequestedAction): Pending {
    return when(this.#runHandler(step, action), (outcome) => {
      if (outcome.kind !== 'error') return;
      this.context.callbacks.failed(outcome.error, paramsOf(action).event, step.membership.namespace.nsConn);
      this.#closeFor(outcome.error);
    });
  }

  /** Runs the handler of a lifecycle event. Most programs have few, so its message is made only if there is one. */
  #runHandler(step: Step, action: RequestedAction): Outcome | Promise<Outcome> {
    const { callbacks } = this.context;
    const { nsConn } = step.membership.namespace;
    return callbacks.hasHandler(nsConn, paramsOf(action).event)
      ? callbacks.lifecycle(nsConn, messageOf(step, action))
      : nothing;
  }

  /** Closes the connection if the error of a handler asks for it. The frames of this turn are sent first (AK10). */
  #closeFor(error: unknown): void {
    const asked = closesWith(error);
    if (asked) this.connection.inbox.runNext(() => this.connection.close(asked.code, asked.text, closeCauseOf(asked)));
  }

  /** Asks the peer. Its answer is the next turn, or is part of the turn that began the call (RM7). */
  #askPeer(step: Step, event: string): void {
    const { inbox, peerAsks } = this.connection;
    const { membership, call } = step;
    const { namespace } = membership.namespace.nsConn;
    peerAsks.askPeer(namespace, membership.room, event, call?.options ?? {}, (answer) => {
      const error = failureOf(answer);
      const proceed = (): Pending =>
        error === undefined ? this.take(step, 'AGREED') : this.take({ ...step, error }, 'DECLINED');
      if (call) this.#proceedWith(call, proceed);
      else inbox.runNext(proceed);
    });
  }

  #proceedWith(call: PendingCall, proceed: () => Pending): void {
    const { inbox } = this.connection;
    if (call.turn !== noTurn && inbox.turn === call.turn) return inbox.runInTurn(proceed);
    call.next = () => {
      call.next = undefined;
      return proceed();
    };
    return inbox.runNext(call.next);
  }
}

/** Returns the message that the handler of a lifecycle event gets. */
const messageOf = ({ membership, asked, isForced, isLocal }: Step, action: RequestedAction): ReceivedMessage => {
  const { event, isLocal: isOurs } = paramsOf(action);
  const message = new ReceivedMessage(membership.namespace.nsConn.namespace, membership.room, event, asked?.body);
  message.isForced = isForced;
  message.isLocal = isOurs || isLocal;
  return message;
};

import type { Subscriber } from '../../broadcast/subscriber.js';
import { encodeEmptyReply, encodeErrorReply, errorFrom, type Frame } from '../../protocol/codec.js';
import { ErrBadNamespace, ErrBadRoom, ErrWrite } from '../../protocol/errors.js';
import { type Body, OnRoomLeave, ReceivedMessage } from '../../protocol/message.js';
import type { Answer } from '../api/asks.js';
import type { Callbacks } from '../api/callbacks.js';
import { closesWith, type Outcome } from '../api/handlers.js';
import type { MachineState, RequestedAction } from '../runtime/steppedMachine.js';
import type { PeerAsks } from './asks.js';
import { type Inbox, noTurn } from './inbox.js';
import type { Membership, PendingCall } from './membership.js';

/** What the actions of a step work on. */
export interface StepHost {
  readonly isClosed: boolean;
  readonly inbox: Inbox;
  readonly peerAsks: PeerAsks;
  send(payload: Body): void;
  close(code: number, text: string): void;
  readonly subscriber: Subscriber;
}

/** Told what steps have led to. */
export interface MembershipListener {
  /** Neither side waits for anything in this namespace or room any more. */
  settled(): void;
  /** The namespace has been connected. */
  connected(membership: Membership): void;
  /** The namespace has ended, or has not come about. */
  vacated(membership: Membership): void;
}

/** The circumstances of a step. */
export interface StepContext {
  /** The peer's ask that the step answers. */
  readonly asked?: Frame;
  /** The call of this side that it belongs to. */
  readonly call?: PendingCall;
  readonly isLocal: boolean;
  readonly isForced: boolean;
  readonly error?: unknown;
}

type Pending = void | Promise<void>;

/** Runs `each` for one item after another; there is a promise only where one of them needs it. */
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

/** What is said where the chart itself refuses. */
const refusalOf = (room: string): Error => (room === '' ? ErrBadNamespace : ErrBadRoom);

/** Parameters of the charts' actions are written in the charts; a chart of the program's own may leave them out. */
const paramsOf = ({ params }: RequestedAction): { readonly event: string; readonly isLocal: boolean } => {
  const { event = '', isLocal = false } = (params ?? {}) as { readonly event?: string; readonly isLocal?: boolean };
  return { event, isLocal };
};

/** Steps the charts of namespaces and rooms, and runs the actions that they ask for, one after the other. */
export class Transitions {
  constructor(
    private readonly host: StepHost,
    private readonly callbacks: Callbacks,
    private readonly listener: MembershipListener,
  ) {}

  /** Rejects, or throws, when a chart does: then the call that it belongs to fails too. */
  step(membership: Membership, room: string, type: string, about: StepContext): Pending {
    const failed = (error: unknown): never => {
      this.#end(membership, room, about.call, ({ reject }) => reject(ErrWrite));
      throw error;
    };
    try {
      const pending = this.#take(membership, room, type, about);
      return pending ? pending.catch(failed) : undefined;
    } catch (error) {
      return failed(error);
    }
  }

  #take(membership: Membership, room: string, type: string, about: StepContext): Pending {
    const { value, actions } = membership.machineOf(room).step(membership.valueOf(room), membership.event(room, type));
    membership.keep(room, value);
    const done = inOrder(actions, (action) => this.#run(action, membership, room, about));
    return done ? done.then(() => this.#settled(membership, value)) : this.#settled(membership, value);
  }

  #settled(membership: Membership, value: MachineState): void {
    if (membership.isVacant) this.listener.vacated(membership);
    if (value.hasTag('settled')) this.listener.settled();
  }

  #run(action: RequestedAction, membership: Membership, room: string, about: StepContext): Pending {
    const { namespace } = membership.nsConn;
    switch (action.type) {
      case 'runVetoHandler':
        return this.#consult(action, membership, room, about);
      case 'runNotifyHandler':
        return this.#tell(action, membership, room, about);
      case 'askPeer':
        return this.#askPeer(paramsOf(action).event, membership, room, about);
      case 'retract':
        return this.host.peerAsks.askPeer(namespace, room, OnRoomLeave, {}, () => {});
      case 'enter':
        this.host.subscriber.join(namespace, room);
        return room === '' ? this.listener.connected(membership) : undefined;
      case 'exit':
        return this.host.subscriber.leave(namespace, room);
      case 'leaveRooms':
        return this.#leaveRooms(membership, about);
      case 'endRooms':
        return this.#eachRoom(membership, 'ENDED', about);
      case 'report':
        return this.callbacks.failed(about.error, OnRoomLeave, membership.nsConn);
      case 'answer':
        return about.asked && this.host.send(encodeEmptyReply(about.asked.wait));
      case 'answerRefusal':
        return about.asked && this.host.send(encodeErrorReply(about.asked, about.error ?? refusalOf(room)));
      case 'settle':
        return this.#end(membership, room, about.call, (procedure) => procedure.resolve());
      case 'fail': {
        const error = about.error ?? refusalOf(room);
        const procedure = about.call ?? membership.pendingCall(room);
        return this.#end(membership, room, procedure, ({ reject }) => reject(error));
      }
      default:
        return undefined;
    }
  }

  #end(membership: Membership, room: string, ended: PendingCall | undefined, end: (ended: PendingCall) => void): void {
    if (!ended) return;
    membership.end(room, ended);
    end(ended);
    this.host.inbox.drain();
  }

  #leaveRooms(membership: Membership, about: StepContext): Pending {
    const emptied = (): Pending => this.step(membership, '', 'EMPTIED', about);
    const left = this.#eachRoom(membership, 'EXPELLED', about);
    return left ? left.then(emptied) : emptied();
  }

  #eachRoom(membership: Membership, type: string, { isLocal }: StepContext): Pending {
    const about = { isLocal, isForced: true, error: ErrWrite };
    return inOrder([...membership.rooms.keys()], (room) => this.attempt(membership, room, type, about));
  }

  /** A step that must not keep those after it from being taken. */
  attempt(membership: Membership, room: string, type: string, about: StepContext): Pending {
    const failed = (error: unknown): void =>
      this.callbacks.report(error, { during: 'chart', connection: membership.nsConn.conn.id });
    try {
      const pending = this.step(membership, room, type, about);
      return pending ? pending.catch(failed) : undefined;
    } catch (error) {
      return failed(error);
    }
  }

  #consult(action: RequestedAction, membership: Membership, room: string, about: StepContext): Pending {
    const message = this.#message(action, membership, room, about);
    return when(this.callbacks.lifecycle(membership.nsConn, message), (outcome) => {
      if (outcome.kind === 'error') {
        this.#closeFor(outcome.error);
        return this.step(membership, room, 'REFUSED', { ...about, error: outcome.error });
      }
      // A handler that has closed the connection has not let it in anywhere (SV5).
      const isVoid = this.host.isClosed && !about.isForced;
      return this.step(
        membership,
        room,
        isVoid ? 'REFUSED' : 'ALLOWED',
        isVoid ? { ...about, error: ErrWrite } : about,
      );
    });
  }

  #tell(action: RequestedAction, membership: Membership, room: string, about: StepContext): Pending {
    const message = this.#message(action, membership, room, about);
    return when(this.callbacks.lifecycle(membership.nsConn, message), (outcome) => {
      if (outcome.kind !== 'error') return;
      this.callbacks.failed(outcome.error, message.event, membership.nsConn);
      this.#closeFor(outcome.error);
    });
  }

  /** A handler of any event may ask for the end of the connection; what is due in this turn comes first (AK10). */
  #closeFor(error: unknown): void {
    const asked = closesWith(error);
    if (asked) this.host.inbox.runNext(() => this.host.close(asked.code, asked.text));
  }

  #message(action: RequestedAction, membership: Membership, room: string, about: StepContext): ReceivedMessage {
    const { event, isLocal } = paramsOf(action);
    const message = new ReceivedMessage(membership.nsConn.namespace, room, event, about.asked?.body);
    message.isForced = about.isForced;
    message.isLocal = isLocal || about.isLocal;
    return message;
  }

  /** The peer's answer is the next turn, or runs inside the turn that began the procedure (RM7). */
  #askPeer(event: string, membership: Membership, room: string, about: StepContext): void {
    const { inbox, peerAsks } = this.host;
    const { call } = about;
    peerAsks.askPeer(membership.nsConn.namespace, room, event, call?.options ?? {}, (answer) => {
      const error = failureOf(answer);
      const go = (): Pending =>
        error === undefined
          ? this.step(membership, room, 'AGREED', about)
          : this.step(membership, room, 'DECLINED', { ...about, error });
      if (call) this.#proceed(call, go);
      else inbox.runNext(go);
    });
  }

  #proceed(procedure: PendingCall, go: () => Pending): void {
    const { inbox } = this.host;
    if (procedure.turn !== noTurn && inbox.turn === procedure.turn) return inbox.runInTurn(go);
    procedure.next = () => {
      procedure.next = undefined;
      return go();
    };
    return inbox.runNext(procedure.next);
  }
}

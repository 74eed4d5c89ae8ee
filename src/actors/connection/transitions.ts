import type { Place } from '../../broadcast/subscriber.js';
import { encodeEmptyReply, encodeErrorReply, errorFrom, type Frame } from '../../protocol/codec.js';
import { ErrBadNamespace, ErrBadRoom, ErrWrite } from '../../protocol/errors.js';
import { type Body, OnRoomLeave, ReceivedMessage } from '../../protocol/message.js';
import type { Answer } from '../api/asks.js';
import type { Hooks } from '../api/callbacks.js';
import { closesWith, type Outcome } from '../api/handlers.js';
import type { Asked, Value } from '../runtime/steppedMachine.js';
import type { Questions } from './asks.js';
import { type Lane, noTurn } from './inbox.js';
import type { Membership, Procedure } from './membership.js';

/** What the actions of a step work on. */
export interface StepHost {
  readonly isClosed: boolean;
  readonly lane: Lane;
  readonly questions: Questions;
  send(payload: Body): void;
  close(code: number, text: string): void;
  readonly place: Place;
}

/** Told what steps have led to. */
export interface StepWitness {
  /** Neither side waits for anything in this namespace or room any more. */
  settled(): void;
  /** The namespace has been connected. */
  connected(membership: Membership): void;
  /** The namespace has ended, or has not come about. */
  vacated(membership: Membership): void;
}

/** The circumstances of a step. */
export interface Circumstances {
  /** The peer's ask that the step answers. */
  readonly asked?: Frame;
  /** The call of this side that it belongs to. */
  readonly procedure?: Procedure;
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
const paramsOf = ({ params }: Asked): { readonly event: string; readonly isLocal: boolean } => {
  const { event = '', isLocal = false } = (params ?? {}) as { readonly event?: string; readonly isLocal?: boolean };
  return { event, isLocal };
};

/** Steps the charts of namespaces and rooms, and runs the actions that they ask for, one after the other. */
export class Steps {
  constructor(
    private readonly host: StepHost,
    private readonly hooks: Hooks,
    private readonly witness: StepWitness,
  ) {}

  /** Rejects, or throws, when a chart does: then the call that it belongs to fails too. */
  step(membership: Membership, room: string, type: string, about: Circumstances): Pending {
    const failed = (error: unknown): never => {
      this.#end(membership, room, about.procedure, ({ reject }) => reject(ErrWrite));
      throw error;
    };
    try {
      const pending = this.#take(membership, room, type, about);
      return pending ? pending.catch(failed) : undefined;
    } catch (error) {
      return failed(error);
    }
  }

  #take(membership: Membership, room: string, type: string, about: Circumstances): Pending {
    const { value, actions } = membership.chartOf(room).step(membership.valueOf(room), membership.event(room, type));
    membership.keep(room, value);
    const done = inOrder(actions, (action) => this.#run(action, membership, room, about));
    return done ? done.then(() => this.#settled(membership, value)) : this.#settled(membership, value);
  }

  #settled(membership: Membership, value: Value): void {
    if (membership.isVacant) this.witness.vacated(membership);
    if (value.hasTag('settled')) this.witness.settled();
  }

  #run(action: Asked, membership: Membership, room: string, about: Circumstances): Pending {
    const { namespace } = membership.nsConn;
    switch (action.type) {
      case 'consult':
        return this.#consult(action, membership, room, about);
      case 'tell':
        return this.#tell(action, membership, room, about);
      case 'askPeer':
        return this.#askPeer(paramsOf(action).event, membership, room, about);
      case 'retract':
        return this.host.questions.askPeer(namespace, room, OnRoomLeave, {}, () => {});
      case 'enter':
        this.host.place.enter(namespace, room);
        return room === '' ? this.witness.connected(membership) : undefined;
      case 'exit':
        return this.host.place.exit(namespace, room);
      case 'leaveRooms':
        return this.#leaveRooms(membership, about);
      case 'endRooms':
        return this.#eachRoom(membership, 'ENDED', about);
      case 'report':
        return this.hooks.failed(about.error, OnRoomLeave, membership.nsConn);
      case 'answer':
        return about.asked && this.host.send(encodeEmptyReply(about.asked.wait));
      case 'answerRefusal':
        return about.asked && this.host.send(encodeErrorReply(about.asked, about.error ?? refusalOf(room)));
      case 'settle':
        return this.#end(membership, room, about.procedure, (procedure) => procedure.resolve());
      case 'fail': {
        const error = about.error ?? refusalOf(room);
        const procedure = about.procedure ?? membership.procedure(room);
        return this.#end(membership, room, procedure, ({ reject }) => reject(error));
      }
      default:
        return undefined;
    }
  }

  #end(membership: Membership, room: string, ended: Procedure | undefined, end: (ended: Procedure) => void): void {
    if (!ended) return;
    membership.end(room, ended);
    end(ended);
    this.host.lane.go();
  }

  #leaveRooms(membership: Membership, about: Circumstances): Pending {
    const emptied = (): Pending => this.step(membership, '', 'EMPTIED', about);
    const left = this.#eachRoom(membership, 'EXPELLED', about);
    return left ? left.then(emptied) : emptied();
  }

  #eachRoom(membership: Membership, type: string, { isLocal }: Circumstances): Pending {
    const about = { isLocal, isForced: true, error: ErrWrite };
    return inOrder([...membership.rooms.keys()], (room) => this.attempt(membership, room, type, about));
  }

  /** A step that must not keep those after it from being taken. */
  attempt(membership: Membership, room: string, type: string, about: Circumstances): Pending {
    const failed = (error: unknown): void =>
      this.hooks.report(error, { during: 'chart', connection: membership.nsConn.conn.id });
    try {
      const pending = this.step(membership, room, type, about);
      return pending ? pending.catch(failed) : undefined;
    } catch (error) {
      return failed(error);
    }
  }

  #consult(action: Asked, membership: Membership, room: string, about: Circumstances): Pending {
    const message = this.#message(action, membership, room, about);
    return when(this.hooks.lifecycle(membership.nsConn, message), (outcome) => {
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

  #tell(action: Asked, membership: Membership, room: string, about: Circumstances): Pending {
    const message = this.#message(action, membership, room, about);
    return when(this.hooks.lifecycle(membership.nsConn, message), (outcome) => {
      if (outcome.kind !== 'error') return;
      this.hooks.failed(outcome.error, message.event, membership.nsConn);
      this.#closeFor(outcome.error);
    });
  }

  /** A handler of any event may ask for the end of the connection; what is due in this turn comes first (AK10). */
  #closeFor(error: unknown): void {
    const asked = closesWith(error);
    if (asked) this.host.lane.next(() => this.host.close(asked.code, asked.text));
  }

  #message(action: Asked, membership: Membership, room: string, about: Circumstances): ReceivedMessage {
    const { event, isLocal } = paramsOf(action);
    const message = new ReceivedMessage(membership.nsConn.namespace, room, event, about.asked?.body);
    message.isForced = about.isForced;
    message.isLocal = isLocal || about.isLocal;
    return message;
  }

  /** The peer's answer is the next turn, or runs inside the turn that began the procedure (RM7). */
  #askPeer(event: string, membership: Membership, room: string, about: Circumstances): void {
    const { lane, questions } = this.host;
    const { procedure } = about;
    questions.askPeer(membership.nsConn.namespace, room, event, procedure?.options ?? {}, (answer) => {
      const error = failureOf(answer);
      const go = (): Pending =>
        error === undefined
          ? this.step(membership, room, 'AGREED', about)
          : this.step(membership, room, 'DECLINED', { ...about, error });
      if (procedure) this.#proceed(procedure, go);
      else lane.next(go);
    });
  }

  #proceed(procedure: Procedure, go: () => Pending): void {
    const { lane } = this.host;
    if (procedure.turn !== noTurn && lane.turn === procedure.turn) return lane.join(go);
    procedure.next = () => {
      procedure.next = undefined;
      return go();
    };
    return lane.next(procedure.next);
  }
}

import { decode, encodeErrorReply, encodeReply, type Frame, messageFrom, type NativeMode } from '../protocol/codec.js';
import { CloseError, ErrBadNamespace, ErrBadRoom } from '../protocol/errors.js';
import {
  type Body,
  isSystemEvent,
  OnAnyEvent,
  OnNamespaceConnect,
  OnNamespaceDisconnect,
  OnRoomJoin,
  OnRoomLeave,
  OnRoomLeft,
} from '../protocol/message.js';
import { isAnswer } from '../protocol/token.js';
import type { Counters } from './counters.js';
import type { Handler, Handlers, Outcome } from './handlers.js';
import type { NSConn } from './handles.js';
import { Lane, type LaneHost, type LaneLimits } from './lane.js';
import type { Memberships } from './memberships.js';

/** What the reception needs of its connection. */
export interface ReceptionHost {
  readonly id: string;
  readonly isClosed: boolean;
  readonly memberships: Memberships;
  /** Does something of this side wait for this very client? */
  readonly awaitsPeer: boolean;
  /** Hand an answer to whom it may concern; false when nobody waits for it. */
  settleAsk(answer: Frame): boolean;
  run(handler: Handler, ns: NSConn, frame: Frame): Outcome | Promise<Outcome>;
  report(error: unknown, frame: Frame): void;
  answer(payload: Body): void;
  close(code: number, text: string): void;
  laneFilled(isFull: boolean): void;
  laneFlooded(): void;
}

/** Where every frame of an open connection goes: an answer to its ask at once, all else to its turn in the lane. */
export class Reception implements LaneHost {
  readonly lane: Lane;

  constructor(
    private readonly host: ReceptionHost,
    private readonly handlers: Handlers,
    private readonly mode: NativeMode,
    private readonly counters: Counters,
    limits: LaneLimits,
  ) {
    this.lane = new Lane(this, limits);
  }

  get awaitsPeer(): boolean {
    return this.lane.turn > 0 && this.host.awaitsPeer;
  }

  /** One websocket message has come. */
  take(data: string | Uint8Array): void {
    if (data.length === 0) return;
    this.counters.framesIn++;
    const frame = decode(data, this.mode);
    if (!frame) {
      this.counters.invalidFrames++;
    } else if (isAnswer(frame.wait)) {
      if (!this.host.settleAsk(frame)) this.counters.strayAnswers++;
    } else {
      this.lane.push(frame);
    }
  }

  /** What this side has begun with a namespace or room is settled before the client's own wishes about it (NS6). */
  isHeld({ namespace, room, event, isNative }: Frame): boolean {
    if (isNative) return false;
    const { memberships } = this.host;
    return memberships.isArriving(namespace) || (isSystemEvent(event) && memberships.isBusy(namespace, room));
  }

  work(frame: Frame): void | Promise<void> {
    if (this.host.isClosed) return undefined;
    const { memberships } = this.host;
    switch (frame.event) {
      case OnNamespaceConnect:
        return this.#isAsk(frame) ? memberships.askedNamespace('ASKED.CONNECT', frame) : this.#ignore();
      case OnNamespaceDisconnect:
        return this.#isAsk(frame) ? memberships.askedNamespace('ASKED.DISCONNECT', frame) : this.#ignore();
      case OnRoomJoin:
        return this.#isAsk(frame) ? memberships.askedRoom('ASKED.JOIN', frame) : this.#ignore();
      case OnRoomLeave:
      case OnRoomLeft:
        return this.#isAsk(frame) ? memberships.askedRoom('ASKED.LEAVE', frame) : this.#ignore();
      default:
        return isSystemEvent(frame.event) || frame.event === OnAnyEvent ? this.#ignore() : this.#handle(frame);
    }
  }

  laneFilled(isFull: boolean): void {
    this.host.laneFilled(isFull);
  }

  laneFlooded(): void {
    this.host.laneFlooded();
  }

  /** Lifecycle frames are asks, or nothing. */
  #isAsk({ wait, isNoOp }: Frame): boolean {
    return wait !== '' && !isNoOp;
  }

  #ignore(): void {
    this.counters.ignoredEvents++;
  }

  #handle(frame: Frame): void | Promise<void> {
    const { memberships } = this.host;
    const ns = memberships.nsConn(frame.namespace);
    if (!ns) return this.#refuse(frame, ErrBadNamespace);
    if (frame.room !== '' && !memberships.isMember(frame.namespace, frame.room)) return this.#refuse(frame, ErrBadRoom);
    const handler = this.handlers.find(frame.namespace, frame.event);
    if (!handler) {
      this.counters.unhandledEvents++;
      return undefined;
    }
    const outcome = this.host.run(handler, ns, frame);
    if (outcome instanceof Promise) return outcome.then((late) => this.#respond(frame, late));
    return this.#respond(frame, outcome);
  }

  /** An ask is told that it came to nothing; a plain event is dropped and counted. */
  #refuse(frame: Frame, error: Error): void {
    if (frame.wait === '') this.#ignore();
    else this.host.answer(encodeErrorReply(frame, error));
  }

  #respond(frame: Frame, outcome: Outcome): void {
    if (outcome.kind === 'nothing') return;
    const mayAnswer = frame.wait !== '' || this.host.memberships.isMember(frame.namespace, frame.room);
    if (outcome.kind === 'reply') {
      if (mayAnswer) this.host.answer(encodeReply(frame, outcome.body));
      return;
    }
    this.host.report(outcome.error, frame);
    if (mayAnswer && !frame.isNative) this.host.answer(encodeErrorReply(frame, outcome.error));
    if (outcome.error instanceof CloseError) this.host.close(outcome.error.code, outcome.error.text);
  }
}

/** Runs a handler on what a frame says. */
export const handlerCall = (handler: Handler, ns: NSConn, frame: Frame) => (): unknown =>
  handler(ns, messageFrom(frame));

import type { Speaker } from '../../broadcast/throttle.js';
import { decode, encodeErrorReply, encodeReply, type Frame } from '../../protocol/codec.js';
import { closeReasons, ErrBadNamespace, ErrBadRoom } from '../../protocol/errors.js';
import {
  type Body,
  bytesIn,
  isSystemEvent,
  OnAnyEvent,
  OnNamespaceConnect,
  OnNamespaceDisconnect,
  OnRoomJoin,
  OnRoomLeave,
  OnRoomLeft,
} from '../../protocol/message.js';
import { isAnswer } from '../../protocol/token.js';
import { closesWith, type Outcome } from '../api/handlers.js';
import type { NSConn } from '../api/handles.js';
import type { House } from '../context.js';
import type { Socket } from '../transport/socket.js';
import type { Questions } from './asks.js';
import { type Job, Lane, type LaneHost } from './inbox.js';
import type { Author } from './lifecycle.js';
import type { Memberships } from './memberships.js';

/** What the reception needs of its connection. */
export interface ReceptionHost {
  readonly isClosed: boolean;
  readonly memberships: Memberships;
  readonly questions: Questions;
  send(payload: Body): void;
  /** Closes it; the words are the program's unless somebody else is named. */
  close(code: number, text: string, author?: Author): void;
  readonly socket: Socket;
  laneFailed(error: unknown): void;
}

/** Where every frame of an open connection goes: an answer to its ask at once, all else to its turn in the lane. */
export class Reception implements LaneHost, Speaker {
  readonly lane: Lane;
  spokeIn = 0;

  constructor(
    private readonly host: ReceptionHost,
    private readonly house: House,
  ) {
    this.lane = new Lane(this, house.limits);
  }

  get awaitsPeer(): boolean {
    return this.host.questions.awaitsPeer;
  }
  get isAsked(): boolean {
    return this.host.questions.isAsked;
  }

  /** One websocket message has come. */
  take(data: string | Uint8Array): void {
    if (data.length === 0) return;
    const { counters, nativeMode } = this.house;
    counters.framesIn++;
    counters.bytesIn += bytesIn(data);
    const frame = decode(data, nativeMode);
    if (!frame) {
      counters.invalidFrames++;
    } else if (isAnswer(frame.wait)) {
      if (!this.host.questions.settle(frame)) counters.strayAnswers++;
    } else {
      this.lane.push(frame, data.length);
    }
  }

  /** What this side has begun with a namespace or room is settled before the client's own wishes about it (NS6). */
  isHeld({ namespace, room, event, isNative }: Frame): boolean {
    if (isNative) return false;
    const { memberships } = this.host;
    return memberships.isArriving(namespace) || (isSystemEvent(event) && memberships.isBusy(namespace, room));
  }

  work(frame: Frame): void | Promise<void> {
    return this.attend(() => this.#work(frame));
  }

  /** Whatever is broadcast meanwhile is this client's doing (BC10). */
  attend(job: Job): void | Promise<void> {
    const { brake } = this.house;
    const outer = brake.enter(this);
    try {
      const work = job();
      return work && brake.follow(this, work);
    } finally {
      brake.leave(outer);
    }
  }

  laneFilled(isFull: boolean): void {
    const { fullLanes } = this.house;
    if (isFull) fullLanes.add(this.lane);
    else fullLanes.delete(this.lane);
    this.host.socket.isReading = !isFull;
  }

  get beat(): number {
    return this.house.pulse.beat;
  }
  get owesAnswers(): boolean {
    return this.host.questions.arePending;
  }
  get isHeldBack(): boolean {
    return this.house.brake.stops(this);
  }
  laneRests(): void {
    const { brake, backlog, counters } = this.house;
    if (!brake.stops(this)) return backlog.add(this.lane);
    counters.heldBack++;
    return brake.hold(this.lane);
  }

  laneFlooded(): void {
    this.host.close(closeReasons.floodedLane.code, closeReasons.floodedLane.text, 'server');
  }
  laneFailed(error: unknown): void {
    this.host.laneFailed(error);
  }

  #work(frame: Frame): void | Promise<void> {
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

  /** Lifecycle frames are asks, or nothing. */
  #isAsk({ wait, isNoOp }: Frame): boolean {
    return wait !== '' && !isNoOp;
  }

  #ignore(): void {
    this.house.counters.ignoredEvents++;
  }

  #handle(frame: Frame): void | Promise<void> {
    const { memberships } = this.host;
    const ns = memberships.nsConn(frame.namespace);
    if (!ns) return this.#refuse(frame, ErrBadNamespace);
    if (frame.room !== '' && !memberships.isMember(frame.namespace, frame.room)) return this.#refuse(frame, ErrBadRoom);
    const handler = this.house.handlers.find(frame.namespace, frame.event);
    if (!handler) {
      this.house.counters.unhandledEvents++;
      return undefined;
    }
    const outcome = this.house.hooks.handle(handler, ns, frame);
    if (outcome instanceof Promise) return outcome.then((late) => this.#respond(ns, frame, late));
    return this.#respond(ns, frame, outcome);
  }

  /** An ask is told that it came to nothing; a plain event is dropped and counted. */
  #refuse(frame: Frame, error: Error): void {
    if (frame.wait === '') this.#ignore();
    else this.host.send(encodeErrorReply(frame, error));
  }

  #respond(ns: NSConn, frame: Frame, outcome: Outcome): void {
    if (outcome.kind === 'nothing') return;
    const mayAnswer = frame.wait !== '' || this.host.memberships.isMember(frame.namespace, frame.room);
    if (outcome.kind === 'reply') {
      if (mayAnswer) this.host.send(encodeReply(frame, outcome.body));
      return;
    }
    this.house.hooks.failed(outcome.error, frame.event, ns);
    if (mayAnswer && !frame.isNative) this.host.send(encodeErrorReply(frame, outcome.error));
    const close = closesWith(outcome.error);
    if (close) this.host.close(close.code, close.text);
  }
}

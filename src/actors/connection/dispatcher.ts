import type { Producer } from '../../broadcast/throttle.js';
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
import type { ServerContext } from '../context.js';
import type { Socket } from '../transport/socket.js';
import type { PeerAsks } from './asks.js';
import { Inbox, type InboxHost, type Job } from './inbox.js';
import type { Author } from './lifecycle.js';
import type { Memberships } from './memberships.js';

/** What the reception needs of its connection. */
export interface DispatcherHost {
  readonly isClosed: boolean;
  readonly memberships: Memberships;
  readonly peerAsks: PeerAsks;
  send(payload: Body): void;
  /** Closes it; the words are the program's unless somebody else is named. */
  close(code: number, text: string, author?: Author): void;
  readonly socket: Socket;
  turnFailed(error: unknown): void;
}

/** Where every frame of an open connection goes: an answer to its ask at once, all else to its turn in the lane. */
export class Dispatcher implements InboxHost, Producer {
  readonly inbox: Inbox;
  producedIn = 0;

  constructor(
    private readonly host: DispatcherHost,
    private readonly context: ServerContext,
  ) {
    this.inbox = new Inbox(this, context.limits);
  }

  get awaitsPeer(): boolean {
    return this.host.peerAsks.awaitsPeer;
  }
  get isAsked(): boolean {
    return this.host.peerAsks.isAsked;
  }

  /** One websocket message has come. */
  receive(data: string | Uint8Array): void {
    if (data.length === 0) return;
    const { counters, nativeMode } = this.context;
    counters.framesIn++;
    counters.bytesIn += bytesIn(data);
    const frame = decode(data, nativeMode);
    if (!frame) {
      counters.invalidFrames++;
    } else if (isAnswer(frame.wait)) {
      if (!this.host.peerAsks.settle(frame)) counters.strayAnswers++;
    } else {
      this.inbox.enqueue(frame, data.length);
    }
  }

  /** What this side has begun with a namespace or room is settled before the client's own wishes about it (NS6). */
  mustWait({ namespace, room, event, isNative }: Frame): boolean {
    if (isNative) return false;
    const { memberships } = this.host;
    return memberships.isArriving(namespace) || (isSystemEvent(event) && memberships.isBusy(namespace, room));
  }

  work(frame: Frame): void | Promise<void> {
    return this.runAsProducer(() => this.#work(frame));
  }

  /** Whatever is broadcast meanwhile is this client's doing (BC10). */
  runAsProducer(job: Job): void | Promise<void> {
    const { throttle } = this.context;
    const outer = throttle.enter(this);
    try {
      const work = job();
      return work && throttle.follow(this, work);
    } finally {
      throttle.leave(outer);
    }
  }

  inboxFilled(isFull: boolean): void {
    const { fullInboxes } = this.context;
    if (isFull) fullInboxes.add(this.inbox);
    else fullInboxes.delete(this.inbox);
    this.host.socket.isReading = !isFull;
  }

  get tick(): number {
    return this.context.ticks.current;
  }
  get hasPendingAsks(): boolean {
    return this.host.peerAsks.arePending;
  }
  get isPaused(): boolean {
    return this.context.throttle.isPaused(this);
  }
  inboxParked(): void {
    const { throttle, runQueue, counters } = this.context;
    if (!throttle.isPaused(this)) return runQueue.add(this.inbox);
    counters.throttled++;
    return throttle.park(this.inbox);
  }

  inboxFlooded(): void {
    this.host.close(closeReasons.floodedInbox.code, closeReasons.floodedInbox.text, 'server');
  }
  turnFailed(error: unknown): void {
    this.host.turnFailed(error);
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
    this.context.counters.ignoredEvents++;
  }

  #handle(frame: Frame): void | Promise<void> {
    const { memberships } = this.host;
    const ns = memberships.nsConn(frame.namespace);
    if (!ns) return this.#refuse(frame, ErrBadNamespace);
    if (frame.room !== '' && !memberships.isMember(frame.namespace, frame.room)) return this.#refuse(frame, ErrBadRoom);
    const handler = this.context.handlers.find(frame.namespace, frame.event);
    if (!handler) {
      this.context.counters.unhandledEvents++;
      return undefined;
    }
    const outcome = this.context.callbacks.handle(handler, ns, frame);
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
    this.context.callbacks.failed(outcome.error, frame.event, ns);
    if (mayAnswer && !frame.isNative) this.host.send(encodeErrorReply(frame, outcome.error));
    const close = closesWith(outcome.error);
    if (close) this.host.close(close.code, close.text);
  }
}

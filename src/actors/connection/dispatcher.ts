import type { Producer } from '../../broadcast/throttle.js';
import { encodeErrorReply, type Frame } from '../../protocol/codec.js';
import { closeReasons } from '../../protocol/errors.js';
import {
  type Body,
  isSystemEvent,
  OnAnyEvent,
  OnNamespaceConnect,
  OnNamespaceDisconnect,
  OnRoomJoin,
  OnRoomLeave,
  OnRoomLeft,
} from '../../protocol/message.js';
import { bytesIn } from '../../protocol/size.js';
import { isAnswer, mayBeAnswer } from '../../protocol/token.js';
import type { ServerContext } from '../context.js';
import type { InboxHost, Job } from '../inbox/host.js';
import { Inbox } from '../inbox/inbox.js';
import { type Garbage, GarbageMeter } from '../transport/garbage.js';
import type { TextListener } from '../transport/socket.js';
import type { Connection } from './connection.js';
import { runEvent } from './events.js';

/**
 * Routes the frames of an open connection. An answer settles its ask at once. Every other frame takes its turn in the
 * inbox, and then goes to a membership or a handler.
 */
export class Dispatcher implements InboxHost, Producer, TextListener {
  /** The frames that wait for their turn. */
  readonly inbox: Inbox;
  /** The throttle's epoch in which a handler of this client last broadcast; 0 for never (BC10). */
  producedIn = 0;
  /** The asks of the server before this connection, which it was not sent. */
  readonly #askedBefore: number;
  #garbage: GarbageMeter | undefined;

  constructor(
    private readonly connection: Connection,
    private readonly context: ServerContext,
  ) {
    this.inbox = new Inbox(this, context.limits, context);
    this.#askedBefore = context.asks.issued;
  }

  /** Routes one WebSocket message that bypasses the chart, and shows it to observers. */
  take(data: Body, isText?: boolean): void {
    this.context.inspection.received(this.connection.actor, data, isText);
    this.receive(data, isText);
  }

  /** Takes a text message as `take` does, unless the chart is to handle it. Returns whether the next may come. */
  takeText(bytes: Uint8Array, start: number, end: number): boolean {
    const { connection, context } = this;
    const { isOpen, ownsFrames } = connection.flags;
    if (!isOpen || ownsFrames || start === end || context.inspection.seesPassed) {
      connection.socketOnMessage(bytes.subarray(start, end), true);
      return true;
    }
    context.counters.framesIn++;
    context.counters.bytesIn += end - start;
    return this.#takeAnswer(bytes, true, start, end) || this.inbox.enqueue(bytes, true, start, end);
  }
  /** Begins a slice, in which so many frames may be handled. */
  beginSlice(frames: number): void {
    this.inbox.beginSlice(frames);
  }
  /** Ends a slice. */
  endSlice(): void {
    this.inbox.endSlice();
  }

  /** Routes one WebSocket message. Drops and counts an empty one. One that is no frame counts when its turn comes. */
  receive(data: Body, isText = false): void {
    if (!this.#hasCounted(data) || this.#takeAnswer(data, isText)) return;
    this.inbox.enqueue(data, isText);
  }

  /**
   * Answers a WebSocket message with an error, as the chart refuses it. An answer settles its ask nevertheless: no ask of
   * this side hangs (SV23).
   */
  refuse(data: Body, text: string): void {
    if (!this.#hasCounted(data) || this.#takeAnswer(data, false)) return;
    const frame = this.decode(data, false);
    if (!frame) return;
    this.context.counters.chartRefusals++;
    const mayAnswer = frame.wait !== '' || this.connection.memberships.isMember(frame.namespace, frame.room);
    if (mayAnswer && !frame.isNative) this.connection.send(encodeErrorReply(frame, new Error(text)));
  }

  /** Counts a WebSocket message that the chart keeps to itself (SV23). */
  drop(data: Body): void {
    this.#count(data);
    this.context.counters.chartDrops++;
  }

  /** Returns the frame of a message. Counts a message that is none, and returns `undefined`. */
  decode(data: Body, isText: boolean, start = 0, end = data.length): Frame | undefined {
    return this.context.decoder.decode(data, isText, start, end) ?? this.#discard('invalidFrames');
  }

  /**
   * Settles the ask of an answer, which waits for no turn (AK7). Returns whether the message is done with: it is an answer,
   * or no frame.
   */
  #takeAnswer(data: Body, isText: boolean, start = 0, end = data.length): boolean {
    if (!mayBeAnswer(data, start) || this.context.nativeMode === 'only') return false;
    const frame = this.decode(data, isText, start, end);
    if (!frame) return true;
    if (!isAnswer(frame.wait)) return false;
    if (!this.connection.peerAsks.settle(frame)) this.#discard('strayAnswers');
    return true;
  }

  /** Counts a message. Returns whether it is more than an empty one. */
  #hasCounted(data: Body): boolean {
    if (data.length > 0) this.#count(data);
    else this.#discard('emptyFrames');
    return data.length > 0;
  }

  #count(data: Body): void {
    const { counters } = this.context;
    counters.framesIn++;
    counters.bytesIn += bytesIn(data);
  }

  /** Runs a turn, or a part of it. Broadcasts made in it count as produced by this client (BC10). */
  runAsProducer(work: Frame | Job): void | Promise<void> {
    const { throttle, callbacks } = this.context;
    const outer = throttle.enter(this);
    try {
      const pending = typeof work === 'function' ? work() : this.#dispatch(work);
      return pending && throttle.follow(this, pending);
    } finally {
      throttle.leave(outer);
      // What a job does is no part of the next handler's time.
      if (typeof work === 'function') callbacks.timeAnew();
    }
  }

  /** Notes that a turn has ended long after its call. */
  turnSettled(): void {
    this.context.callbacks.timeAnew();
  }

  /** Returns whether a frame waits for a call of this side on its namespace or room (NS6, NS10). */
  mustWait({ namespace, room, event, isNative }: Frame): boolean {
    if (isNative) return false;
    const { memberships } = this.connection;
    return memberships.isArriving(namespace) || (isSystemEvent(event) && memberships.isBusy(namespace, room));
  }

  /** Whether the present turn waits for an answer of this client. */
  get awaitsPeer(): boolean {
    return this.connection.peerAsks.awaitsPeer;
  }
  /** Whether `server.ask` waits for an answer of this client. */
  get isAsked(): boolean {
    return this.connection.peerAsks.isAsked;
  }
  /** Whether any ask of this client is pending. */
  get hasPendingAsks(): boolean {
    return this.connection.peerAsks.arePending;
  }
  /** Whether the throttle pauses this client (BC10). */
  get isPaused(): boolean {
    return this.context.throttle.isPaused(this);
  }

  /** Pauses the socket, or reads it again (BP3). */
  inboxFilled(isFull: boolean): void {
    const { fullInboxes } = this.context;
    if (isFull) fullInboxes.add(this.inbox);
    else fullInboxes.delete(this.inbox);
    this.connection.socket.isReading = !isFull;
  }
  /** Closes the connection with 1008 (BP3). */
  inboxFlooded(): void {
    this.connection.close(closeReasons.floodedInbox.code, closeReasons.floodedInbox.text, 'floodedInbox');
  }
  /** Resumes the inbox in a slice of background work, or when the throttle releases it (LM9, BC10). */
  inboxParked(): void {
    const { throttle, runQueue, counters } = this.context;
    if (!throttle.isPaused(this)) return runQueue.add(this.inbox);
    counters.throttled++;
    return throttle.park(this.inbox);
  }
  /** Closes the connection: its chart has failed (SV1). */
  turnFailed(error: unknown): void {
    const { code, text } = closeReasons.failed;
    this.connection.reportFailure(error);
    this.connection.close(code, text, 'failed');
  }

  #dispatch(frame: Frame): void | Promise<void> {
    if (this.connection.isClosed) return undefined;
    const { event } = frame;
    if (!isSystemEvent(event) && event !== OnAnyEvent) return runEvent(this.connection, this.context, frame);
    return this.#dispatchSystem(frame);
  }

  #dispatchSystem(frame: Frame): void | Promise<void> {
    const { memberships } = this.connection;
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
        return this.#ignore();
    }
  }

  /** Counts a message that no client sends on purpose. Closes the connection with 1008 when there are too many (LM10). */
  #discard(kind: Garbage): undefined {
    const { counters, limits, clock, asks } = this.context;
    counters[kind]++;
    this.#garbage ??= new GarbageMeter(limits, clock);
    if (!this.#garbage.note(kind, asks.issued - this.#askedBefore)) return undefined;
    const { code, text } = closeReasons.garbage;
    this.connection.close(code, text, 'garbage');
    return undefined;
  }

  /** A lifecycle frame without a wait token is ignored. */
  #isAsk({ wait, isNoOp }: Frame): boolean {
    return wait !== '' && !isNoOp;
  }

  #ignore(): void {
    this.context.counters.ignoredEvents++;
  }
}

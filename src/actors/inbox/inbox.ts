import type { Limits } from '../../limits.js';
import type { Frame } from '../../protocol/codec.js';
import type { Body } from '../../protocol/message.js';
import type { Runnable } from '../runtime/background.js';
import { soon } from '../runtime/soon.js';
import { Allowance, type Intake } from './allowance.js';
import { boundsOf, type InboxLimits, type PeerWait } from './bounds.js';
import type { InboxHost, InboxShared, Job } from './host.js';
import { WaitingFrames } from './waitingFrames.js';

/** The number of a turn, unique within its inbox. */
export type InboxTurn = number;
/** The turn of an idle inbox: none is under way. */
export const noTurn: InboxTurn = 0;

/** Number of frames that a resumed inbox may handle in one slice. */
const framesPerSlice = 16;

/**
 * The received messages of one connection that wait for their turn. Turns run one at a time, in order (SV7). Jobs go
 * before the messages that wait (RM7). A message is decoded when its turn comes. A frame whose handler returns no
 * promise costs no allocation here.
 */
export class Inbox implements Runnable {
  /** The turn under way, and the promises of it that have not settled. */
  #turn: InboxTurn = noTurn;
  #unsettled = 0;
  #lastTurn: InboxTurn = noTurn;
  #intake: Intake = 'open';
  /** Whether the socket is paused. */
  #isFull = false;
  /** The next frame, once it is decoded, with its size. */
  #next: Frame | undefined;
  #nextSize = 0;
  /** The messages behind it. Made with the first that waits. */
  #waiting: WaitingFrames | undefined;
  /** Their bytes, with those of the next frame. */
  #bytes = 0;
  #jobs: Job[] | undefined;
  readonly #allowance: Allowance;

  constructor(
    private readonly host: InboxHost,
    private readonly limits: InboxLimits & Pick<Limits, 'framesPerTick'>,
    shared: InboxShared,
  ) {
    this.#allowance = new Allowance(shared, limits.framesPerTick);
  }

  /** The turn that is under way; `noTurn` when the inbox is idle. */
  get turn(): InboxTurn {
    return this.#turn;
  }

  /** The number of frames and jobs that wait for a turn. */
  get length(): number {
    return (this.#jobs?.length ?? 0) + this.#queued();
  }

  /**
   * Handles a message, from `start` to `end` of `data`, in a turn of its own: at once if the inbox is idle. Bytes are not
   * kept past this call. They are valid UTF-8 if `isText` is true. Returns whether the next message may come.
   */
  enqueue(data: Body, isText: boolean, start = 0, end = data.length): boolean {
    if (this.#isStopped()) return true;
    if (!this.#handledAtOnce(data, isText, start, end)) {
      this.#waiting ??= new WaitingFrames();
      this.#waiting.push(data, isText, start, end);
      this.#bytes += end - start;
      this.drain();
    }
    return !this.#isSated();
  }

  /** Begins a slice of background work, in which so many frames may be handled. First come those that wait (LM9). */
  beginSlice(frames: number): void {
    if (this.#intake === 'parked' && !this.host.isPaused) this.#intake = 'open';
    this.#allowance.beginSlice(frames);
    this.drain();
  }

  /** Ends the slice. */
  endSlice(): void {
    this.#allowance.endSlice();
  }

  /** Runs a job in the next turn. */
  runNext(job: Job): void {
    this.#jobs ??= [];
    this.#jobs.push(job);
    this.drain();
  }

  /** Runs a job at once as part of the present turn, which lasts until the job has settled. */
  runInTurn(job: Job): void {
    this.#run(job);
  }

  /** Moves a job that waits for a turn into the present one (RM7). */
  absorb(job: Job): void {
    const at = this.#jobs?.indexOf(job) ?? -1;
    if (at === -1) return;
    this.#jobs?.splice(at, 1);
    this.runInTurn(job);
  }

  /** Handles a few waiting frames. Parks the inbox again if more are left (LM9). */
  resume(): void {
    if (this.#intake === 'parked') this.#intake = 'open';
    try {
      this.beginSlice(framesPerSlice);
    } finally {
      this.endSlice();
    }
  }

  /** Runs turns while there is work that need not wait. Then checks the bounds. */
  drain(): void {
    while (this.#isIdle()) {
      const job = this.#jobs?.shift();
      if (job) {
        this.#takeTurn(job);
        continue;
      }
      if (this.#queued() === 0 || this.#intake === 'parked') break;
      if (!this.#next && this.#allowance.isUsedUp) {
        this.#park();
        break;
      }
      this.#next ??= this.#decodeNext();
      const next = this.#next;
      if (!next) continue;
      if (this.host.mustWait(next)) break;
      if (!this.#mayGoOn()) {
        this.#park();
        break;
      }
      this.#next = undefined;
      this.#bytes -= this.#nextSize;
      this.#nextSize = 0;
      this.#takeTurn(next);
    }
    if (this.#waiting?.length === 0) this.#waiting.clear();
    this.checkBounds();
  }

  /** Pauses the socket when the inbox is full, and reads it again below half (BP3). */
  checkBounds(): void {
    const wait = this.#peerWait();
    const fill = boundsOf(this.#queued(), this.#bytes, wait, this.limits);
    if (fill === 'flooded') return this.host.inboxFlooded();
    const isFull =
      fill === 'full' || (this.#isFull && fill === 'halfFull') || (wait === 'none' && this.#isHeldByThrottle());
    if (isFull === this.#isFull) return undefined;
    this.#isFull = isFull;
    return this.host.inboxFilled(isFull);
  }

  /** Drops waiting and later frames. Jobs go on. */
  stop(): void {
    if (this.#intake !== 'finished') this.#intake = 'stopped';
    this.#next = undefined;
    this.#nextSize = 0;
    this.#waiting?.clear();
    this.#bytes = 0;
  }

  /** Stops, and runs the last job after the present turn, never within this call. Only the first call counts. */
  finish(last: Job): void {
    if (this.#intake === 'finished') return;
    this.stop();
    this.#intake = 'finished';
    soon(() => this.runNext(last));
  }

  /** Ends the present turn without waiting for its promises. */
  abandon(): void {
    this.#turn = noTurn;
    this.#unsettled = 0;
    this.drain();
  }

  #isIdle(): boolean {
    return this.#turn === noTurn;
  }

  /** The number of frames that wait. */
  #queued(): number {
    return (this.#next ? 1 : 0) + (this.#waiting?.length ?? 0);
  }

  /** Whether further frames would only wait here. An answer may be among them, if one is awaited. */
  #isSated(): boolean {
    const { host } = this;
    if (!this.#isIdle() || !(this.#intake === 'parked' || this.#allowance.isUsedUp)) return false;
    return !(host.hasPendingAsks || host.isAsked);
  }

  #isStopped(): boolean {
    return this.#intake === 'stopped' || this.#intake === 'finished';
  }

  #peerWait(): PeerWait {
    if (this.#awaitsPeer()) return 'turn';
    return this.host.isAsked ? 'serverAsk' : 'none';
  }

  /** In an idle inbox that is not parked, a frame waits because a procedure waits for the client. */
  #awaitsPeer(): boolean {
    return this.#isIdle() ? this.#queued() > 0 && this.#intake !== 'parked' : this.host.awaitsPeer;
  }

  #isHeldByThrottle(): boolean {
    return this.#intake === 'parked' && this.host.isPaused && !this.host.hasPendingAsks;
  }

  /** Spends one frame of the tick's quota, if frames may be handled now. */
  #mayGoOn(): boolean {
    if (this.#intake === 'parked' || this.host.isPaused) return false;
    if (this.#allowance.isUsedUp) return false;
    this.#allowance.spend();
    return true;
  }

  /** Handles a message if the inbox is idle and may go on. Returns whether it was handled. */
  #handledAtOnce(data: Body, isText: boolean, start: number, end: number): boolean {
    if (!this.#isIdle() || this.#queued() > 0 || this.#intake !== 'open' || this.#allowance.isUsedUp) return false;
    const frame = this.host.decode(data, isText, start, end);
    if (frame && (this.host.mustWait(frame) || this.host.isPaused)) return false;
    this.#allowance.spend();
    if (!frame) return true;
    this.#takeTurn(frame);
    if (this.length > 0) this.drain();
    return true;
  }

  /** Decodes the message whose turn has come. One that is no frame has had its turn. */
  #decodeNext(): Frame | undefined {
    const data = this.#waiting?.shift();
    if (data === undefined) return undefined;
    const size = data.length;
    const frame = this.host.decode(data, this.#waiting?.isText ?? false, 0, size);
    if (this.#isStopped()) return undefined;
    if (frame) {
      this.#nextSize = size;
      return frame;
    }
    this.#bytes -= size;
    this.#allowance.spend();
    return undefined;
  }

  #park(): void {
    if (this.#intake !== 'open') return;
    this.#intake = 'parked';
    this.host.inboxParked();
  }

  #takeTurn(work: Frame | Job): void {
    this.#turn = ++this.#lastTurn;
    this.#unsettled = 0;
    this.#run(work);
    this.#endIfSettled();
  }

  #run(work: Frame | Job): void {
    try {
      const pending = this.host.runAsProducer(work);
      if (pending) this.#await(pending);
    } catch (error) {
      this.host.turnFailed(error);
    }
  }

  #endIfSettled(): void {
    if (this.#unsettled === 0) this.#turn = noTurn;
  }

  #await(pending: Promise<void>): void {
    const turn = this.#turn;
    const settled = (): void => {
      this.host.turnSettled();
      if (this.#turn !== turn) return;
      this.#unsettled--;
      this.#endIfSettled();
      this.drain();
    };
    this.#unsettled++;
    pending.then(settled, (error: unknown) => {
      this.host.turnFailed(error);
      settled();
    });
  }
}

import type { Limits } from '../../limits.js';
import type { Frame } from '../../protocol/codec.js';
import type { Body } from '../../protocol/message.js';
import type { Runnable } from '../runtime/background.js';
import { TickQuota } from '../runtime/clock.js';
import { soon } from '../runtime/soon.js';
import { boundsOf, type InboxLimits, type PeerWait } from './bounds.js';
import type { InboxHost, InboxShared, Job } from './host.js';
import { WaitingFrames } from './waitingFrames.js';

/** The number of a turn, unique within its inbox. */
export type InboxTurn = number;
/** The turn of an idle inbox: none is under way. */
export const noTurn: InboxTurn = 0;

/**
 * What becomes of frames. The other half of an inbox's state is its turn: jobs run in every one of these states.
 * - `open`: frames take turns
 * - `parked`: frames wait until the inbox is resumed
 * - `stopped`: frames are dropped
 * - `finished`: frames are dropped, and the last job is scheduled
 */
type Intake = 'open' | 'parked' | 'stopped' | 'finished';

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
  /** Whether this is a slice of background work, whose time is bounded otherwise. */
  #isInSlice = false;
  readonly #quota: TickQuota;

  constructor(
    private readonly host: InboxHost,
    private readonly limits: InboxLimits & Pick<Limits, 'framesPerTick'>,
    private readonly shared: InboxShared,
  ) {
    this.#quota = new TickQuota(shared.ticks, limits.framesPerTick);
  }

  /** The turn that is under way; `noTurn` when the inbox is idle. */
  get turn(): InboxTurn {
    return this.#turn;
  }

  /** The number of frames and jobs that wait for a turn. */
  get length(): number {
    return (this.#jobs?.length ?? 0) + this.#queued;
  }

  /**
   * Handles a message in a turn of its own, at once if the inbox is idle. Bytes are not kept past this call. They are
   * valid UTF-8 if `isText` is true.
   */
  enqueue(data: Body, isText: boolean): void {
    if (this.#isStopped) return;
    if (this.#isIdle && this.#queued === 0 && this.#intake === 'open' && !this.#isUsedUp) {
      const frame = this.host.decode(data, isText);
      if (!frame) return this.#spendOne();
      if (!this.host.mustWait(frame) && this.#mayGoOn()) {
        this.#takeTurn(frame);
        if (this.length > 0) this.drain();
        return;
      }
    }
    this.#waiting ??= new WaitingFrames();
    this.#waiting.push(data, isText);
    this.#bytes += data.length;
    this.drain();
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
    this.#quota.grant(framesPerSlice);
    this.#isInSlice = true;
    try {
      this.drain();
    } finally {
      this.#isInSlice = false;
    }
  }

  /** Runs turns while there is work that need not wait. Then checks the bounds. */
  drain(): void {
    while (this.#isIdle) {
      const job = this.#jobs?.shift();
      if (job) {
        this.#takeTurn(job);
        continue;
      }
      if (this.#queued === 0 || this.#intake === 'parked') break;
      if (!this.#next && this.#isUsedUp) {
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
      this.#dropNext();
      this.#takeTurn(next);
    }
    if (this.#waiting?.length === 0) this.#waiting.clear();
    this.checkBounds();
  }

  /** Pauses the socket when the inbox is full, and reads it again below half (BP3). */
  checkBounds(): void {
    const wait = this.#peerWait;
    const fill = boundsOf(this.#queued, this.#bytes, wait, this.limits);
    if (fill === 'flooded') return this.host.inboxFlooded();
    const isFull =
      fill === 'full' || (this.#isFull && fill === 'halfFull') || (wait === 'none' && this.#isHeldByThrottle);
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

  get #isIdle(): boolean {
    return this.#turn === noTurn;
  }

  /** The number of frames that wait. */
  get #queued(): number {
    return (this.#next ? 1 : 0) + (this.#waiting?.length ?? 0);
  }

  get #isUsedUp(): boolean {
    return this.#quota.isUsedUp || (!this.#isInSlice && this.shared.allFrames.isUsedUp);
  }

  get #isStopped(): boolean {
    return this.#intake === 'stopped' || this.#intake === 'finished';
  }

  get #peerWait(): PeerWait {
    if (this.#awaitsPeer) return 'turn';
    return this.host.isAsked ? 'serverAsk' : 'none';
  }

  /** In an idle inbox that is not parked, a frame waits because a procedure waits for the client. */
  get #awaitsPeer(): boolean {
    return this.#isIdle ? this.#queued > 0 && this.#intake !== 'parked' : this.host.awaitsPeer;
  }

  get #isHeldByThrottle(): boolean {
    return this.#intake === 'parked' && this.host.isPaused && !this.host.hasPendingAsks;
  }

  /** Spends one frame of the tick's quota, if frames may be handled now. */
  #mayGoOn(): boolean {
    if (this.#intake === 'parked' || this.host.isPaused) return false;
    if (this.#isUsedUp) return false;
    this.#spendOne();
    return true;
  }

  #spendOne(): void {
    this.#quota.spend(1);
    if (!this.#isInSlice) this.shared.allFrames.spend(1);
  }

  /** Decodes the message whose turn has come. One that is no frame has had its turn. */
  #decodeNext(): Frame | undefined {
    const data = this.#waiting?.shift();
    if (data === undefined) return undefined;
    const size = data.length;
    const frame = this.host.decode(data, this.#waiting?.isText ?? false);
    if (this.#isStopped) return undefined;
    if (frame) {
      this.#nextSize = size;
      return frame;
    }
    this.#bytes -= size;
    this.#spendOne();
    return undefined;
  }

  #dropNext(): void {
    this.#next = undefined;
    this.#bytes -= this.#nextSize;
    this.#nextSize = 0;
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

import type { Limits } from '../../limits.js';
import type { Frame } from '../../protocol/codec.js';
import type { Runnable } from '../runtime/background.js';

export type Job = () => void | Promise<void>;

/** The number of a turn; no two turns of a lane share one. */
export type InboxTurn = number;
/** No turn is under way. */
export const noTurn: InboxTurn = 0;

export interface InboxHost {
  /** One turn's work. A promise keeps the lane busy until it settles. */
  work(frame: Frame): void | Promise<void>;
  /** Must this frame wait for something that this side has begun? */
  mustWait(frame: Frame): boolean;
  /** Part of a turn that is no frame: the next step of what this side has begun. */
  runAsProducer(job: Job): void | Promise<void>;
  /** Does the present turn wait for the client, so that reading has to go on? */
  readonly awaitsPeer: boolean;
  /** Is the client among those whom the server has asked? The present turn may wait for that. */
  readonly isAsked: boolean;
  /** The lane is full, or has room again. */
  inboxFilled(isFull: boolean): void;
  /** Far too much was sent while a turn waits for the client. */
  inboxFlooded(): void;
  /** The number of this turn of the event loop. */
  readonly tick: number;
  /** Does this side wait for an answer of the client's, whether a turn does or not? */
  readonly hasPendingAsks: boolean;
  /** Has this client to wait until its broadcasts are given out? */
  readonly isPaused: boolean;
  /** The lane has had its share of this turn of the event loop, or is held back: it waits until it is resumed. */
  inboxParked(): void;
  /** A turn has thrown, which only a chart can make it do. */
  turnFailed(error: unknown): void;
}

/** How much more may be kept while a turn waits for an answer of this very client. */
const patience = 4;
/** Turns of a lane in its part of a slice. */
const shareOfSlice = 16;

/**
 * One connection's turns, one at a time, in order. Jobs – the next step of a procedure that this side began – go before
 * the frames that wait.
 */
export class Inbox implements Runnable {
  #turn: InboxTurn = noTurn;
  #lastTurn: InboxTurn = noTurn;
  /** What the present turn waits for. */
  #running = 0;
  #waiting: { readonly frame: Frame; readonly size: number }[] = [];
  #jobs: Job[] = [];
  #bytes = 0;
  #isFull = false;
  /** Its share of one turn of the event loop: of which turn, and what is left of it. */
  #tick = -1;
  #share = 0;
  /** Frames wait for nothing but to be resumed. */
  #isParked = false;
  #isStopped = false;
  #isFinished = false;

  constructor(
    private readonly host: InboxHost,
    private readonly limits: Pick<Limits, 'inboxMessages' | 'inboxBytes' | 'framesPerTick'>,
  ) {}

  /** The turn that is under way; 0 when the lane is idle. */
  get turn(): InboxTurn {
    return this.#turn;
  }

  /** What waits for a turn. */
  get length(): number {
    return this.#jobs.length + this.#waiting.length;
  }

  /** A frame takes its turn; `size` is what it has cost to keep it. */
  enqueue(frame: Frame, size: number): void {
    if (this.#isStopped) return;
    if (this.#turn === noTurn && this.#waiting.length === 0 && !this.host.mustWait(frame) && this.#hasShare()) {
      this.#work(frame);
      if (this.#jobs.length + this.#waiting.length > 0) this.drain();
      return;
    }
    this.#waiting.push({ frame, size });
    this.#bytes += size;
    this.drain();
  }

  /** A job takes the next turn. */
  runNext(job: Job): void {
    this.#jobs.push(job);
    this.drain();
  }

  /** A job is part of the present turn, which does not end before it. */
  runInTurn(job: Job): void {
    try {
      const work = this.host.runAsProducer(job);
      if (work) this.#await(work);
    } catch (error) {
      this.host.turnFailed(error);
    }
  }

  /** A job that waits for its turn becomes part of the present one, which waits for it. */
  absorb(job: Job): void {
    const at = this.#jobs.indexOf(job);
    if (at === -1) return;
    this.#jobs.splice(at, 1);
    this.runInTurn(job);
  }

  /** A little of what is left. */
  resume(): void {
    this.#isParked = false;
    this.#tick = this.host.tick;
    this.#share = shareOfSlice;
    this.drain();
  }

  /** Go on, if what the lane waited for has come. */
  drain(): void {
    while (this.#turn === noTurn) {
      const job = this.#jobs.shift();
      if (job) {
        this.#begin();
        this.runInTurn(job);
        this.#endIfDone();
        continue;
      }
      const next = this.#waiting[0];
      if (!next || this.host.mustWait(next.frame)) break;
      if (!this.#hasShare()) {
        this.#park();
        break;
      }
      this.#waiting.shift();
      this.#bytes -= next.size;
      this.#work(next.frame);
    }
    this.checkBounds();
  }

  /** Look at the bounds again. */
  checkBounds(): void {
    const { inboxMessages: messages, inboxBytes: bytes } = this.limits;
    const isPatient = this.#awaitsPeer || this.host.isAsked;
    const factor = isPatient ? patience : 1;
    const isFull = this.#waiting.length >= messages * factor || this.#bytes >= bytes * factor;
    if (isFull && this.#awaitsPeer) return this.host.inboxFlooded();
    const isHalfFull = this.#waiting.length * 2 > messages || this.#bytes * 2 > bytes;
    const isHeldBack = this.#isParked && this.host.isPaused && !this.host.hasPendingAsks;
    const shouldStop = isFull || ((isHeldBack || (this.#isFull && isHalfFull)) && !isPatient);
    if (shouldStop === this.#isFull) return undefined;
    this.#isFull = shouldStop;
    return this.host.inboxFilled(shouldStop);
  }

  /** No more frames: what waits is dropped, and jobs alone are taken. */
  stop(): void {
    this.#isStopped = true;
    this.#isParked = false;
    this.#waiting = [];
    this.#bytes = 0;
  }

  /** This last job runs when the present turn is over, and never within its caller's own. */
  finish(last: Job): void {
    if (this.#isFinished) return;
    this.#isFinished = true;
    this.stop();
    queueMicrotask(() => this.runNext(last));
  }

  /** The present turn is not waited for any longer. */
  abandon(): void {
    this.#turn = noTurn;
    this.#running = 0;
    this.drain();
  }

  /** A frame that is held waits for the client as well: nothing but a rest holds back any other. */
  get #awaitsPeer(): boolean {
    return this.#turn === noTurn ? this.#waiting.length > 0 && !this.#isParked : this.host.awaitsPeer;
  }

  #hasShare(): boolean {
    if (this.#isParked || this.host.isPaused) return false;
    const { tick } = this.host;
    if (tick !== this.#tick) {
      this.#tick = tick;
      this.#share = this.limits.framesPerTick;
    }
    return this.#share-- > 0;
  }

  #park(): void {
    if (this.#isParked) return;
    this.#isParked = true;
    this.host.inboxParked();
  }

  #work(frame: Frame): void {
    this.#begin();
    try {
      const work = this.host.work(frame);
      if (work) this.#await(work);
    } catch (error) {
      this.host.turnFailed(error);
    }
    this.#endIfDone();
  }

  #begin(): void {
    this.#turn = ++this.#lastTurn;
    this.#running = 0;
  }

  #endIfDone(): void {
    if (this.#running === 0) this.#turn = noTurn;
  }

  #await(work: Promise<void>): void {
    const turn = this.#turn;
    const settled = (): void => {
      if (this.#turn !== turn) return;
      this.#running--;
      this.#endIfDone();
      this.drain();
    };
    this.#running++;
    work.then(settled, (error: unknown) => {
      this.host.turnFailed(error);
      settled();
    });
  }
}

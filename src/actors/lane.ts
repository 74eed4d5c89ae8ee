import type { Frame } from '../protocol/codec.js';

type Job = () => void | Promise<void>;

/** The number of a turn; no two turns of a lane share one. */
export type LaneTurn = number;
/** No turn is under way. */
export const noTurn: LaneTurn = 0;

export interface LaneLimits {
  readonly messages: number;
  readonly bytes: number;
}

export interface LaneHost {
  /** One turn's work. A promise keeps the lane busy until it settles; it never rejects. */
  work(frame: Frame): void | Promise<void>;
  /** Must this frame wait for something that this side has begun? */
  isHeld(frame: Frame): boolean;
  /** Does the present turn wait for the client, so that reading has to go on? */
  readonly awaitsPeer: boolean;
  /** The lane is full, or has room again. */
  laneFilled(isFull: boolean): void;
  /** Far too much was sent while a turn waits for the client. */
  laneFlooded(): void;
}

/** How much more may be kept while a turn waits for an answer of this very client. */
const patience = 4;

/**
 * One connection's turns, one at a time, in order. Jobs – the next step of a procedure that this side began – go before
 * the frames that wait.
 */
export class Lane {
  #turn: LaneTurn = noTurn;
  #lastTurn: LaneTurn = noTurn;
  #frames: Frame[] = [];
  #jobs: Job[] = [];
  #bytes = 0;
  #isFull = false;
  #isFinished = false;

  constructor(
    private readonly host: LaneHost,
    private readonly limits: LaneLimits,
  ) {}

  /** The turn that is under way; 0 when the lane is idle. */
  get turn(): LaneTurn {
    return this.#turn;
  }

  /** A frame takes its turn. */
  push(frame: Frame): void {
    if (this.#isFinished) return;
    if (this.#turn === noTurn && this.#frames.length === 0 && !this.host.isHeld(frame)) {
      this.#work(frame);
      if (this.#jobs.length > 0) this.go();
      return;
    }
    this.#frames.push(frame);
    this.#bytes += frame.body.length;
    this.review();
  }

  /** A job takes the next turn. */
  next(job: Job): void {
    this.#jobs.push(job);
    this.go();
  }

  /** Go on, if what the lane waited for has come. */
  go(): void {
    while (this.#turn === noTurn) {
      const job = this.#jobs.shift();
      if (job) {
        this.#begin();
        this.#end(job());
        continue;
      }
      const frame = this.#frames[0];
      if (!frame || this.host.isHeld(frame)) break;
      this.#frames.shift();
      this.#bytes -= frame.body.length;
      this.#work(frame);
    }
    this.review();
  }

  /** Look at the bounds again. */
  review(): void {
    const { messages, bytes } = this.limits;
    const factor = this.#awaitsPeer ? patience : 1;
    const isFull = this.#frames.length >= messages * factor || this.#bytes >= bytes * factor;
    if (isFull && factor > 1) return this.host.laneFlooded();
    const isHalfFull = this.#frames.length * 2 > messages || this.#bytes * 2 > bytes;
    const shouldStop = isFull || (this.#isFull && isHalfFull && factor === 1);
    if (shouldStop === this.#isFull) return undefined;
    this.#isFull = shouldStop;
    return this.host.laneFilled(shouldStop);
  }

  /** No more frames: this last job runs when the present turn is over, and never within its caller's own. */
  finish(last: Job): void {
    if (this.#isFinished) return;
    this.#isFinished = true;
    this.#frames = [];
    this.#bytes = 0;
    queueMicrotask(() => this.next(last));
  }

  /** The present turn is not waited for any longer. */
  abandon(): void {
    this.#turn = noTurn;
    this.go();
  }

  /** A frame that is held waits for the client as well: nothing else holds one back. */
  get #awaitsPeer(): boolean {
    return this.#turn === noTurn ? this.#frames.length > 0 : this.host.awaitsPeer;
  }

  #work(frame: Frame): void {
    this.#begin();
    this.#end(this.host.work(frame));
  }

  #begin(): void {
    this.#turn = ++this.#lastTurn;
  }

  #end(work: void | Promise<void>): void {
    const turn = this.#turn;
    if (!work) {
      this.#turn = noTurn;
      return;
    }
    const settled = (): void => {
      if (this.#turn !== turn) return;
      this.#turn = noTurn;
      this.go();
    };
    work.then(settled, settled);
  }
}

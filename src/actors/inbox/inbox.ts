import type { Limits } from '../../limits.js';
import type { Frame } from '../../protocol/codec.js';
import type { Runnable } from '../runtime/background.js';
import { type TickCounter, TickQuota } from '../runtime/clock.js';
import { soon } from '../runtime/soon.js';

/** Work that is no frame: the next step of a procedure that this side began. */
export type Job = () => void | Promise<void>;

/** The number of a turn, unique within its inbox. */
export type InboxTurn = number;
/** The turn of an idle inbox: none is under way. */
export const noTurn: InboxTurn = 0;

/** What waits for an answer of this client: nothing, the present turn, or `server.ask`. */
export type PeerWait = 'none' | 'turn' | 'serverAsk';

/** How full an inbox is. */
export type Fill = 'free' | 'halfFull' | 'full' | 'flooded';

/** The bounds of an inbox. */
type InboxLimits = Pick<Limits, 'inboxMessages' | 'inboxBytes'>;

/**
 * What becomes of frames. The other half of an inbox's state is its turn: jobs run in every one of these states.
 * - `open`: frames take turns
 * - `parked`: frames wait until the inbox is resumed
 * - `stopped`: frames are dropped
 * - `finished`: frames are dropped, and the last job is scheduled
 */
type Intake = 'open' | 'parked' | 'stopped' | 'finished';

/** The connection, as its inbox needs it. */
export interface InboxHost {
  /** Handles a frame, or runs a job. The turn lasts until a returned promise settles. */
  runAsProducer(work: Frame | Job): void | Promise<void>;
  /** Returns whether this frame waits for a procedure that this side began (NS6, NS10). */
  mustWait(frame: Frame): boolean;
  /** Whether the present turn waits for an answer of the client, so that reading must go on. */
  readonly awaitsPeer: boolean;
  /** Whether `server.ask` waits for an answer of the client. */
  readonly isAsked: boolean;
  /** Whether any ask of this client is pending. */
  readonly hasPendingAsks: boolean;
  /** Whether the throttle pauses this client (BC10). */
  readonly isPaused: boolean;
  /** Pauses the socket, or reads it again. */
  inboxFilled(isFull: boolean): void;
  /** Closes the connection: the inbox is flooded while a turn waits for the client. */
  inboxFlooded(): void;
  /** Calls `resume` once the inbox may go on: it has used up its quota of the tick, or is paused. */
  inboxParked(): void;
  /** Handles the error of a turn. Only a chart can make a turn throw. */
  turnFailed(error: unknown): void;
}

/** Factor of the bounds while an answer of the client is awaited. */
const awaitFactor = 4;
/** Number of frames that a resumed inbox may handle in one slice. */
const framesPerSlice = 16;

/**
 * Returns how full an inbox is with `queued` frames of `bytes` bytes (BP3). While an answer of the client is awaited,
 * the bounds are four times as wide and there is no half: reading goes on until they are reached. Beyond them the inbox
 * is flooded if a turn waits, since the answer may be stuck behind the frames.
 */
export const boundsOf = (queued: number, bytes: number, wait: PeerWait, limits: InboxLimits): Fill => {
  const { inboxMessages, inboxBytes } = limits;
  const factor = wait === 'none' ? 1 : awaitFactor;
  if (queued >= inboxMessages * factor || bytes >= inboxBytes * factor) return wait === 'turn' ? 'flooded' : 'full';
  if (wait === 'none' && (queued * 2 > inboxMessages || bytes * 2 > inboxBytes)) return 'halfFull';
  return 'free';
};

/**
 * The received frames of one connection that wait for their turn. Turns run one at a time, in order (SV7). Jobs go
 * before the frames that wait (RM7). A frame whose handler returns no promise costs no allocation here.
 */
export class Inbox implements Runnable {
  /** The turn under way, and the promises of it that have not settled. */
  #turn: InboxTurn = noTurn;
  #unsettled = 0;
  #lastTurn: InboxTurn = noTurn;
  #intake: Intake = 'open';
  /** Whether the socket is paused. */
  #isFull = false;
  #frames: { readonly frame: Frame; readonly size: number }[] = [];
  #bytes = 0;
  #jobs: Job[] = [];
  readonly #quota: TickQuota;

  constructor(
    private readonly host: InboxHost,
    private readonly limits: InboxLimits & Pick<Limits, 'framesPerTick'>,
    ticks: Pick<TickCounter, 'current'>,
  ) {
    this.#quota = new TickQuota(ticks, limits.framesPerTick);
  }

  /** The turn that is under way; `noTurn` when the inbox is idle. */
  get turn(): InboxTurn {
    return this.#turn;
  }

  /** The number of frames and jobs that wait for a turn. */
  get length(): number {
    return this.#jobs.length + this.#frames.length;
  }

  /** Handles a frame in a turn of its own, at once if the inbox is idle; `size` counts towards `inboxBytes`. */
  enqueue(frame: Frame, size: number): void {
    if (this.#isStopped) return;
    if (this.#isIdle && this.#frames.length === 0 && !this.host.mustWait(frame) && this.#mayGoOn()) {
      this.#takeTurn(frame);
      if (this.length > 0) this.drain();
      return;
    }
    this.#frames.push({ frame, size });
    this.#bytes += size;
    this.drain();
  }

  /** Runs a job in the next turn. */
  runNext(job: Job): void {
    this.#jobs.push(job);
    this.drain();
  }

  /** Runs a job at once as part of the present turn, which lasts until the job has settled. */
  runInTurn(job: Job): void {
    this.#run(job);
  }

  /** Moves a job that waits for a turn into the present one (RM7). */
  absorb(job: Job): void {
    const at = this.#jobs.indexOf(job);
    if (at === -1) return;
    this.#jobs.splice(at, 1);
    this.runInTurn(job);
  }

  /** Handles a few waiting frames. Parks the inbox again if more are left (LM9). */
  resume(): void {
    if (this.#intake === 'parked') this.#intake = 'open';
    this.#quota.grant(framesPerSlice);
    this.drain();
  }

  /** Runs turns while there is work that need not wait. Then checks the bounds. */
  drain(): void {
    while (this.#isIdle) {
      const job = this.#jobs.shift();
      if (job) {
        this.#takeTurn(job);
        continue;
      }
      const next = this.#frames[0];
      if (!next || this.host.mustWait(next.frame)) break;
      if (!this.#mayGoOn()) {
        this.#park();
        break;
      }
      this.#frames.shift();
      this.#bytes -= next.size;
      this.#takeTurn(next.frame);
    }
    this.checkBounds();
  }

  /** Pauses the socket when the inbox is full, and reads it again below half (BP3). */
  checkBounds(): void {
    const wait = this.#peerWait;
    const fill = boundsOf(this.#frames.length, this.#bytes, wait, this.limits);
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
    this.#frames = [];
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

  get #isStopped(): boolean {
    return this.#intake === 'stopped' || this.#intake === 'finished';
  }

  get #peerWait(): PeerWait {
    if (this.#awaitsPeer) return 'turn';
    return this.host.isAsked ? 'serverAsk' : 'none';
  }

  /** In an idle inbox that is not parked, a frame waits because a procedure waits for the client. */
  get #awaitsPeer(): boolean {
    return this.#isIdle ? this.#frames.length > 0 && this.#intake !== 'parked' : this.host.awaitsPeer;
  }

  get #isHeldByThrottle(): boolean {
    return this.#intake === 'parked' && this.host.isPaused && !this.host.hasPendingAsks;
  }

  /** Spends one frame of the tick's quota, if frames may be handled now. */
  #mayGoOn(): boolean {
    if (this.#intake === 'parked' || this.host.isPaused) return false;
    return this.#quota.spend(1) >= 0;
  }

  #park(): void {
    if (this.#intake === 'parked') return;
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

import { emptyAnswer, encode, type Frame } from '../../protocol/codec.js';
import { ErrWrite } from '../../protocol/errors.js';
import type { Body } from '../../protocol/message.js';
import { type Answer, type AskOptions, type AskTarget, assertTimeout, waitAtMost } from '../api/asks.js';
import type { ServerContext } from '../context.js';
import { type Inbox, type InboxTurn, noTurn } from './inbox.js';

/** What questions need of their connection. */
export interface PeerAsksHost {
  readonly isClosed: boolean;
  readonly inbox: Inbox;
  send(payload: Body): void;
}

/** What this side asks one client, and its answers; knows which turn waits for one. */
export class PeerAsks implements AskTarget {
  /** The turn that last asked, and how many of its answers are still to come. */
  #turn: InboxTurn = noTurn;
  #open = 0;

  constructor(
    private readonly host: PeerAsksHost,
    private readonly connection: object,
    private readonly context: ServerContext,
  ) {}

  /** Does the present turn wait for this very client (BP3)? */
  get awaitsPeer(): boolean {
    return this.#open > 0 && this.#turn === this.host.inbox.turn;
  }

  /** Is this client among those whom the server has asked? */
  get isAsked(): boolean {
    for (const inquiry of this.context.audienceAsks) if (inquiry.mayAnswer(this.connection)) return true;
    return false;
  }

  /** Is anything that this client was asked still open? */
  get arePending(): boolean {
    return this.count > 0;
  }

  /** How many have still to be answered. */
  get count(): number {
    return this.context.asks.countOf(this);
  }

  /** Notes an ask and returns its token. */
  open(options: AskOptions, answered: (answer: Answer) => void): string {
    const { inbox } = this.host;
    const { turn } = inbox;
    const token = this.context.asks.open(this, options, (answer) => {
      if (this.#turn === turn) this.#open--;
      answered(answer);
      inbox.checkBounds();
    });
    this.#open = this.#turn === turn ? this.#open + 1 : 1;
    this.#turn = turn;
    inbox.checkBounds();
    return token;
  }

  /** Sends a lifecycle event as an ask. */
  askPeer(ns: string, room: string, event: string, options: AskOptions, answered: (answer: Answer) => void): void {
    if (this.host.isClosed) return answered({ failure: ErrWrite });
    if (this.context.nativeMode === 'only') return answered({ frame: emptyAnswer });
    try {
      const token = this.open(options, answered);
      return this.host.send(encode({ namespace: ns, room, event }, token));
    } catch (failure) {
      return answered({ failure });
    }
  }

  mayAnswer(connection: object): boolean {
    return connection === this.connection;
  }

  settle(answer: Frame): boolean {
    return this.context.asks.settle(this.connection, answer);
  }

  /** No answer will come any more (AK4). */
  failAll(): void {
    this.context.asks.failAll(this);
  }

  /** Calls `giveUp` when a caller wants to wait no longer; returns how to call that off. */
  limit(options: AskOptions, giveUp: (error: unknown) => void): () => void {
    if (options.timeout !== undefined) assertTimeout(options.timeout, 'a call');
    return waitAtMost(options, this.context.deadlines, giveUp);
  }

  /** Waits for what somebody else has begun. */
  waitFor<T>(options: AskOptions, pending: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const callOff = this.limit(options, reject);
      pending.finally(callOff).then(resolve, reject);
    });
  }
}

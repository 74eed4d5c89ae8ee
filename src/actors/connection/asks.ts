import { emptyAnswer, encode, type Frame } from '../../protocol/codec.js';
import { ErrWrite } from '../../protocol/errors.js';
import { type Answer, type AskOptions, type AskTarget, assertTimeout, waitAtMost } from '../api/asks.js';
import type { ServerContext } from '../context.js';
import { type InboxTurn, noTurn } from '../inbox/inbox.js';
import type { Connection } from './connection.js';

/** The asks of one client, and the turn of its inbox that waits for an answer. */
export class PeerAsks implements AskTarget {
  /** The turn that has asked last, and the number of its answers that are still to come. */
  #turn: InboxTurn = noTurn;
  #open = 0;

  constructor(
    private readonly connection: Connection,
    private readonly context: ServerContext,
  ) {}

  /** Whether the present turn waits for an answer of this client (BP3). */
  get awaitsPeer(): boolean {
    return this.#open > 0 && this.#turn === this.connection.inbox.turn;
  }

  /** Whether `server.ask` waits for an answer of this client, among others. */
  get isAsked(): boolean {
    for (const asked of this.context.audienceAsks) if (asked.mayAnswer(this.connection)) return true;
    return false;
  }

  /** Whether any ask of this client waits for its answer. */
  get arePending(): boolean {
    return this.count > 0;
  }

  /** The number of asks that wait for their answer. */
  get count(): number {
    return this.context.asks.countOf(this);
  }

  /** Registers an ask, and returns its token. @throws {TooManyAsks} when too many are open (AK9) */
  open(options: AskOptions, answered: (answer: Answer) => void): string {
    const { inbox } = this.connection;
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

  /** Sends a lifecycle event as an ask. Native clients agree to everything (HS10). */
  askPeer(ns: string, room: string, event: string, options: AskOptions, answered: (answer: Answer) => void): void {
    if (this.connection.isClosed) return answered({ failure: ErrWrite });
    if (this.context.nativeMode === 'only') return answered({ frame: emptyAnswer });
    try {
      const token = this.open(options, answered);
      return this.connection.send(encode({ namespace: ns, room, event }, token));
    } catch (failure) {
      return answered({ failure });
    }
  }

  /** Returns whether this connection may answer. */
  mayAnswer(connection: object): boolean {
    return connection === this.connection;
  }

  /** Settles the ask with the token of this answer. Returns whether there was one. */
  settle(answer: Frame): boolean {
    return this.context.asks.settle(this.connection, answer);
  }

  /** Rejects every ask: the connection has ended (AK4). */
  failAll(): void {
    this.context.asks.failAll(this);
  }

  /**
   * Calls `giveUp` when the caller's timeout or signal ends the wait. Returns a function that cancels this.
   *
   * @throws {RangeError} when the timeout is not a positive number of ms
   */
  limit(options: AskOptions, giveUp: (error: unknown) => void): () => void {
    if (options.timeout !== undefined) assertTimeout(options.timeout, 'a call');
    return waitAtMost(options, this.context.deadlines, giveUp);
  }

  /** Waits for a promise, for as long as the caller's options allow. */
  waitFor<T>(options: AskOptions, pending: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const cancel = this.limit(options, reject);
      pending.finally(cancel).then(resolve, reject);
    });
  }
}

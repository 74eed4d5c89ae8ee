import { encode, type Frame } from '../protocol/codec.js';
import { AskTimeout, ErrWrite } from '../protocol/errors.js';
import type { Body } from '../protocol/message.js';
import type { Answer, AskOptions, Respondents } from './asks.js';
import type { House } from './house.js';
import { type Lane, type LaneTurn, noTurn } from './lane.js';

/** What questions need of their connection. */
export interface QuestionsHost {
  readonly isClosed: boolean;
  readonly lane: Lane;
  send(payload: Body): void;
}

/** What this side asks one client, and its answers; knows which turn waits for one. */
export class Questions implements Respondents {
  /** The turn that last asked, and how many of its answers are still to come. */
  #turn: LaneTurn = noTurn;
  #open = 0;

  constructor(
    private readonly host: QuestionsHost,
    private readonly connection: object,
    private readonly house: House,
  ) {}

  /** Does the present turn wait for this very client (BP3)? */
  get awaitsPeer(): boolean {
    return this.#open > 0 && this.#turn === this.host.lane.turn;
  }

  /** Is this client among those whom the server has asked? */
  get isAsked(): boolean {
    for (const inquiry of this.house.inquiries) if (inquiry.mayAnswer(this.connection)) return true;
    return false;
  }

  /** Notes an ask and returns its token. */
  open(options: AskOptions, answered: (answer: Answer) => void): string {
    const { lane } = this.host;
    const { turn } = lane;
    const token = this.house.asks.open(this, options, (answer) => {
      if (this.#turn === turn) this.#open--;
      answered(answer);
      lane.review();
    });
    this.#open = this.#turn === turn ? this.#open + 1 : 1;
    this.#turn = turn;
    lane.review();
    return token;
  }

  /** Sends a lifecycle event as an ask. */
  askPeer(ns: string, room: string, event: string, options: AskOptions, answered: (answer: Answer) => void): void {
    if (this.host.isClosed) return answered({ failure: ErrWrite });
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
    return this.house.asks.settle(this.connection, answer);
  }

  /** No answer will come any more (AK4). */
  failAll(): void {
    this.house.asks.failAll(this);
  }

  /** Arms a deadline; returns how to cancel it. */
  expire(ms: number | undefined, expire: (error: unknown) => void): () => void {
    const { sweeper, limits } = this.house;
    const timeout = ms ?? limits.asks.timeout;
    const deadline = sweeper.after(timeout, () => expire(new AskTimeout(timeout)));
    return () => deadline.cancel();
  }
}

import type { Limits } from '../../limits.js';
import type { Frame } from '../../protocol/codec.js';
import { AskTimeout, ErrWrite } from '../../protocol/errors.js';
import { TokenMaker } from '../../protocol/token.js';
import type { Deadlines } from '../runtime/deadlines.js';
import type { Random } from '../runtime/random.js';

export interface AskOptions {
  /** Milliseconds until the ask rejects with `AskTimeout`. */
  readonly timeout?: number;
  /** Gives the ask up; it rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** An answer, or why there is none. */
export type Answer = { readonly frame: Frame } | { readonly failure: unknown };

/** Who may answer: a connection, or an audience that can tell. */
export interface AskTarget {
  mayAnswer(connection: object): boolean;
}

interface Pending {
  readonly token: string;
  readonly from: AskTarget;
  readonly answered: (answer: Answer) => void;
  readonly callOff: () => void;
}

/** Throws unless this is a time that can be waited. */
export const assertTimeout = (timeout: number, what: string): void => {
  if (timeout > 0 && Number.isFinite(timeout)) return;
  throw new RangeError(`${what} takes a timeout in milliseconds above 0, got ${String(timeout)}`);
};

/**
 * Calls `giveUp`, later, when the time is up or the signal says so; returns how to call that off (AK4). Without a timeout
 * there is no end but the signal's.
 */
export const waitAtMost = (
  { timeout, signal }: AskOptions,
  deadlines: Deadlines,
  giveUp: (error: unknown) => void,
): (() => void) => {
  const deadline = timeout === undefined ? undefined : deadlines.after(timeout, () => giveUp(new AskTimeout(timeout)));
  const onAbort = (): void => giveUp(signal?.reason);
  if (signal?.aborted) queueMicrotask(onAbort);
  else signal?.addEventListener('abort', onAbort, { once: true });
  return () => {
    deadline?.cancel();
    signal?.removeEventListener('abort', onAbort);
  };
};

/** Asks of clients, by what has come of them. */
const makeAskTally = () => ({ open: 0, answered: 0, timedOut: 0, failed: 0, refused: 0 });
export type AskTally = ReturnType<typeof makeAskTally>;

/** Too many asks are pending; one more is refused. */
export class TooManyAsks extends Error {
  override readonly name = 'TooManyAsks';
  constructor(readonly limit: number) {
    super(`${limit} asks are pending already`);
  }
}

/** Pending asks: each is settled once, by an answer of its audience, its timeout, its signal, or the end. */
export class PendingAsks {
  readonly tally = makeAskTally();
  readonly #tokens: TokenMaker;
  readonly #pending = new Map<string, Pending>();
  /** The tokens by who was asked, for the cap and for the end of a connection. */
  readonly #byRespondents = new Map<AskTarget, Set<string>>();

  constructor(
    private readonly deadlines: Deadlines,
    private readonly limits: Pick<Limits, 'askTimeout' | 'asks'>,
    random: Pick<Random, 'fill'>,
  ) {
    this.#tokens = new TokenMaker((pool) => random.fill(pool));
  }

  get size(): number {
    return this.#pending.size;
  }

  /** Was this token made here? */
  isOurs(token: string): boolean {
    return token.endsWith(`-${this.#tokens.nodeId}`);
  }
  isPending(token: string): boolean {
    return this.#pending.has(token);
  }

  /**
   * Notes an ask and returns its token, a new one unless it was given. `answered` is called exactly once, never from
   * within this call.
   */
  open(from: AskTarget, options: AskOptions, answered: (answer: Answer) => void, given?: string): string {
    const { timeout = this.limits.askTimeout, signal } = options;
    assertTimeout(timeout, 'ask');
    signal?.throwIfAborted();
    const tokens = this.#byRespondents.get(from) ?? new Set<string>();
    if (tokens.size >= this.limits.asks) {
      this.tally.refused++;
      throw new TooManyAsks(this.limits.asks);
    }
    const token = given ?? this.#tokens.make();
    const callOff = waitAtMost({ ...options, timeout }, this.deadlines, (error) =>
      this.fail(token, error, signal?.aborted ? 'failed' : 'timedOut'),
    );
    this.#pending.set(token, { token, from, answered, callOff });
    this.#byRespondents.set(from, tokens.add(token));
    this.tally.open++;
    return token;
  }

  /** How many of these have still to be answered. */
  countOf(from: AskTarget): number {
    return this.#byRespondents.get(from)?.size ?? 0;
  }

  /** An answer came from this connection; false when nothing of that name waits for it (AK2). */
  settle(connection: object, frame: Frame): boolean {
    const pending = this.#pending.get(frame.wait);
    if (!pending?.from.mayAnswer(connection)) return false;
    this.answer(frame.wait, frame);
    return true;
  }

  /** This is the answer, whoever gave it. */
  answer(token: string, frame: Frame): void {
    const pending = this.#pending.get(token);
    if (!pending) return;
    this.#close(pending);
    this.tally.answered++;
    pending.answered({ frame });
  }

  fail(token: string, failure: unknown, how: 'failed' | 'timedOut' = 'failed'): void {
    const pending = this.#pending.get(token);
    if (!pending) return;
    this.#close(pending);
    this.tally[how]++;
    pending.answered({ failure });
  }

  /** Nobody of these will answer any more (AK4). */
  failAll(from: AskTarget): void {
    for (const token of [...(this.#byRespondents.get(from) ?? [])]) this.fail(token, ErrWrite);
  }

  #close({ token, from, callOff }: Pending): void {
    callOff();
    this.tally.open--;
    this.#pending.delete(token);
    const tokens = this.#byRespondents.get(from);
    tokens?.delete(token);
    if (tokens?.size === 0) this.#byRespondents.delete(from);
  }
}

import type { Limits } from '../../limits.js';
import type { Frame } from '../../protocol/codec.js';
import { AskTimeout, ErrWrite } from '../../protocol/errors.js';
import { TokenMaker } from '../../protocol/token.js';
import type { Deadlines } from '../runtime/deadlines.js';
import type { Random } from '../runtime/random.js';

/** How long a caller waits for the client. */
export interface AskOptions {
  /** Maximum time until the call rejects with `AskTimeout`, in ms. Default of asks: 10,000 (`askTimeout`). */
  readonly timeout?: number;
  /** Ends the call early: it rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** The frame of an answer, or the reason why there is none. */
export type Answer = { readonly frame: Frame } | { readonly failure: unknown };

/** The connection or the audience that an ask is for. */
export interface AskTarget {
  /** Returns whether this connection may answer (AK2, AK6). */
  mayAnswer(connection: object): boolean;
}

interface Pending {
  readonly token: string;
  readonly from: AskTarget;
  readonly answered: (answer: Answer) => void;
  readonly cancel: () => void;
}

/**
 * Checks a timeout.
 *
 * @throws {RangeError} when it is not a finite number above 0
 */
export const assertTimeout = (timeout: number, what: string): void => {
  if (timeout > 0 && Number.isFinite(timeout)) return;
  throw new RangeError(`${what} takes a timeout in milliseconds above 0, got ${String(timeout)}`);
};

/**
 * Calls `giveUp` once the timeout has passed or the signal is aborted, never within this call (AK4). Without a timeout
 * only the signal ends the wait. Returns a function that cancels both.
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

/** Returns the tally of asks at zero, by outcome. */
const makeAskTally = () => ({ open: 0, answered: 0, timedOut: 0, failed: 0, refused: 0 });
/** The number of asks that are pending, and of those that have ended, by outcome. */
export type AskTally = ReturnType<typeof makeAskTally>;

/** Error of an ask that was refused: `limits.asks` are pending already (AK9). */
export class TooManyAsks extends Error {
  /** Always 'TooManyAsks'. */
  override readonly name = 'TooManyAsks';
  constructor(
    /** The limit that was reached. */
    readonly limit: number,
  ) {
    super(`${limit} asks are pending already`);
  }
}

/** The pending asks of a server. Each ends once: by an answer, its timeout, its signal, or the end of its target. */
export class PendingAsks {
  /** The asks so far, by their outcome. */
  readonly tally = makeAskTally();
  readonly #tokens: TokenMaker;
  readonly #pending = new Map<string, Pending>();
  /** The tokens by target: to bound their number, and to fail them when a connection ends. */
  readonly #byTarget = new Map<AskTarget, Set<string>>();

  constructor(
    private readonly deadlines: Deadlines,
    private readonly limits: Pick<Limits, 'askTimeout' | 'asks'>,
    random: Pick<Random, 'fill'>,
  ) {
    this.#tokens = new TokenMaker((pool) => random.fill(pool));
  }

  /** The number of pending asks. */
  get size(): number {
    return this.#pending.size;
  }

  /** The number of asks so far, pending or ended, those of other servers included. */
  get issued(): number {
    const { open, answered, timedOut, failed } = this.tally;
    return open + answered + timedOut + failed;
  }

  /** Returns whether this server made a token. */
  isOurs(token: string): boolean {
    return token.endsWith(`-${this.#tokens.nodeId}`);
  }
  /** Returns whether the ask of a token is pending. */
  isPending(token: string): boolean {
    return this.#pending.has(token);
  }

  /**
   * Registers an ask and returns its token: `given`, or a new one. Calls `answered` exactly once, and never within this
   * call.
   *
   * @throws {RangeError} when the timeout is not a finite number above 0
   * @throws {TooManyAsks} when `limits.asks` asks of this target are pending (AK9)
   * @throws the reason of a signal that is aborted already
   */
  open(from: AskTarget, options: AskOptions, answered: (answer: Answer) => void, given?: string): string {
    const { timeout = this.limits.askTimeout, signal } = options;
    assertTimeout(timeout, 'ask');
    signal?.throwIfAborted();
    const tokens = this.#byTarget.get(from) ?? new Set<string>();
    if (tokens.size >= this.limits.asks) {
      this.tally.refused++;
      throw new TooManyAsks(this.limits.asks);
    }
    const token = given ?? this.#tokens.make();
    const cancel = waitAtMost({ ...options, timeout }, this.deadlines, (error) =>
      this.fail(token, error, signal?.aborted ? 'failed' : 'timedOut'),
    );
    this.#pending.set(token, { token, from, answered, cancel });
    this.#byTarget.set(from, tokens.add(token));
    this.tally.open++;
    return token;
  }

  /** Returns how many asks of a target are pending. */
  countOf(from: AskTarget): number {
    return this.#byTarget.get(from)?.size ?? 0;
  }

  /** Settles an ask with an answer of a connection. Returns false if no ask of that token waits for it (AK2). */
  settle(connection: object, frame: Frame): boolean {
    const pending = this.#pending.get(frame.wait);
    if (!pending?.from.mayAnswer(connection)) return false;
    this.answer(frame.wait, frame);
    return true;
  }

  /** Settles an ask with an answer, no matter which connection it comes from. */
  answer(token: string, frame: Frame): void {
    const pending = this.#pending.get(token);
    if (!pending) return;
    this.#close(pending);
    this.tally.answered++;
    pending.answered({ frame });
  }

  /** Ends an ask without an answer. */
  fail(token: string, failure: unknown, how: 'failed' | 'timedOut' = 'failed'): void {
    const pending = this.#pending.get(token);
    if (!pending) return;
    this.#close(pending);
    this.tally[how]++;
    pending.answered({ failure });
  }

  /** Fails the pending asks of a target that has closed with `ErrWrite` (AK4). */
  failAll(from: AskTarget): void {
    for (const token of [...(this.#byTarget.get(from) ?? [])]) this.fail(token, ErrWrite);
  }

  #close({ token, from, cancel }: Pending): void {
    cancel();
    this.tally.open--;
    this.#pending.delete(token);
    const tokens = this.#byTarget.get(from);
    tokens?.delete(token);
    if (tokens?.size === 0) this.#byTarget.delete(from);
  }
}

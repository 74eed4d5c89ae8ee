import type { Frame } from '../../protocol/codec.js';
import { AskTimeout } from '../../protocol/errors.js';
import type { ClientParts } from './parts.js';

/** How long a caller waits. */
export interface AskOptions {
  /** Maximum time until the call rejects with `AskTimeout`, in ms. Default 10,000. */
  readonly timeout?: number;
  /** Ends the call early: it rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** How an ask ended: the frame of its answer, or why there is none. */
export type Answer = { readonly frame: Frame } | { readonly failure: unknown };

interface Pending {
  readonly settled: (answer: Answer) => void;
  readonly cancel: () => void;
}

/**
 * Checks a timeout.
 * @throws {RangeError} when it is not a finite number above 0.
 */
export const assertTimeout = (timeout: number): void => {
  if (timeout > 0 && Number.isFinite(timeout)) return;
  throw new RangeError(`a timeout is a number of ms above 0, got ${String(timeout)}`);
};

/** The largest delay of a timer, in ms. */
const maxDelay = 2_147_483_647;

/** The pending asks of a client. Each ends once: by an answer, its timeout, its signal, or the end of the line. */
export class Asks {
  readonly #pending = new Map<string, Pending>();
  readonly #prefix: string;
  #made = 0;

  constructor(private readonly parts: ClientParts) {
    const digits = (): string => parts.random().toString(36).slice(2, 8).padEnd(6, '0');
    this.#prefix = `$${digits()}${digits()}`;
  }

  /** The number of pending asks. */
  get size(): number {
    return this.#pending.size;
  }

  /**
   * Calls `giveUp` when the time has passed or the signal is aborted, never within this call. Returns a function that
   * cancels both.
   *
   * @throws {RangeError} when the timeout is not a finite number above 0
   */
  limit({ timeout, signal }: AskOptions, giveUp: (error: unknown) => void): () => void {
    if (timeout !== undefined) assertTimeout(timeout);
    const { clock } = this.parts;
    const timer =
      timeout === undefined
        ? undefined
        : clock.setTimeout(() => giveUp(new AskTimeout(timeout)), Math.min(timeout, maxDelay));
    const onAbort = (): void => giveUp(signal?.reason);
    if (signal?.aborted) queueMicrotask(onAbort);
    else signal?.addEventListener('abort', onAbort);
    return () => {
      clock.clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
    };
  }

  /**
   * Registers an ask and returns its token, which is never used twice (CL10). Calls `settled` once.
   *
   * @throws {RangeError} when the timeout is not a finite number above 0
   */
  open(settled: (answer: Answer) => void, options: AskOptions = {}): string {
    const token = this.#prefix + (this.#made++).toString(36);
    const cancel = this.limit(options, (failure) => this.end(token, { failure }));
    this.#pending.set(token, { settled, cancel });
    return token;
  }

  /** Returns whether this client made a token. A Go server may broadcast an ask of another client with its token. */
  owns(token: string): boolean {
    return token.startsWith(this.#prefix);
  }

  /** Ends an ask. Returns false if it is not pending. */
  end(token: string, answer: Answer): boolean {
    const pending = this.#pending.get(token);
    if (!pending) return false;
    this.#pending.delete(token);
    pending.cancel();
    pending.settled(answer);
    return true;
  }

  /** Ends the asks whose token `isMeant` accepts. */
  failAll(failure: unknown, isMeant: (token: string) => boolean): void {
    for (const token of [...this.#pending.keys()]) if (isMeant(token)) this.end(token, { failure });
  }
}

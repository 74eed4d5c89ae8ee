import type { Limits } from '../../limits.js';
import { type CloseReasonName, closeReasons } from '../../protocol/errors.js';
import type { Clock } from '../runtime/clock.js';
import type { Deadline, Deadlines } from '../runtime/deadlines.js';
import type { Identity } from '../transport/socket.js';

/** The connection of a user. */
export interface CredentialsHost {
  /** Closes it, once its token has expired and no other one has come. */
  close(code: number, text: string, cause: CloseReasonName): void;
}

const { tokenExpired } = closeReasons;

/** Maximum wait that is not split, in ms. */
const shortest = 250;

/**
 * Returns a wait of at most `ms`, of few different lengths: each length of a deadline costs a queue of its own, and
 * tokens expire at all kinds of times.
 */
const partOf = (ms: number): number => {
  let part = shortest;
  while (part * 2 <= ms && part < 2 ** 30) part *= 2;
  return part;
};

/** What credentials work with. */
export interface CredentialsParts {
  /** The source of time. */
  readonly clock: Pick<Clock, 'now'>;
  /** All deadlines, behind one timer. */
  readonly deadlines: Deadlines;
  /** The time between the expiry of a token and the end of its connection. */
  readonly limits: Pick<Limits, 'authGrace'>;
}

/** The user of one connection, and the deadline of its token (SS9). */
export class Credentials {
  #identity: Identity;
  #deadline: Deadline | undefined;

  constructor(
    identity: Identity,
    private readonly parts: CredentialsParts,
    private readonly host: CredentialsHost,
  ) {
    this.#identity = identity;
    this.#arm();
  }

  /** What `authenticate` returned last. */
  get user(): unknown {
    return this.#identity.user;
  }
  /** The time until the token expires, in whole ms; `undefined` if it does not. */
  get ttl(): number | undefined {
    const { due } = this.#identity;
    return Number.isFinite(due) ? Math.max(0, Math.round(due - this.parts.clock.now())) : undefined;
  }

  /** Replaces the user and the deadline. */
  renew(identity: Identity): void {
    this.#identity = identity;
    this.#arm();
  }

  /** Cancels the deadline for good. */
  cancel(): void {
    this.#deadline?.cancel();
  }

  #arm(): void {
    this.#deadline?.cancel();
    const left = this.#identity.due + this.parts.limits.authGrace - this.parts.clock.now();
    if (left === Number.POSITIVE_INFINITY) return;
    this.#deadline = this.parts.deadlines.after(partOf(left), () => {
      if (this.#identity.due + this.parts.limits.authGrace > this.parts.clock.now()) this.#arm();
      else this.host.close(tokenExpired.code, tokenExpired.text, 'tokenExpired');
    });
  }
}

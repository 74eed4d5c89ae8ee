import type { Clock } from '../runtime/clock.js';
import { isThenable } from '../runtime/guard.js';
import type { Identity, UpgradeRequest } from '../transport/socket.js';
import { type RefusedClient, refusalBy, refusalByFailure } from './refusal.js';

/** What `authenticate` receives. */
export interface AuthenticationAttempt {
  /** The token of the client's first frame, or of its `auth`. `undefined` for a client that sends none. */
  readonly token: string | undefined;
  /** The request that is, or was, upgraded. */
  readonly request: UpgradeRequest;
}

/** The hooks that say who a client is, as the options of the server document them. */
export interface AuthenticationHooks {
  /** Returns the user, or throws. */
  readonly authenticate?: ((attempt: AuthenticationAttempt) => unknown) | undefined;
  /** Returns whether two users are the same. */
  readonly sameUser?: ((one: unknown, other: unknown) => unknown) | undefined;
}

/** The outcome of `authenticate`. */
export type Authentication = { readonly kind: 'identified'; readonly identity: Identity } | RefusedClient;

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;

/** The earliest `expiresAt`, in ms since 1970: a day of 1973. A number below it is one of seconds. */
const earliest = 100_000_000_000;

/** Returns the error for an `expiresAt` whose ms are no time. */
const expiryError = (expiresAt: unknown, ms: unknown): TypeError | RangeError => {
  const takes = '"expiresAt" of authenticate takes a Date or the ms since 1970';
  if (typeof ms !== 'number' || Number.isNaN(ms)) {
    return new TypeError(`${takes}, got ${expiresAt instanceof Date ? 'an invalid Date' : String(expiresAt)}`);
  }
  const got = expiresAt instanceof Date ? `a Date of ${ms} ms` : String(ms);
  return new RangeError(`${takes}, got ${got}: these are seconds, as in "exp" of a JWT. Multiply them by 1,000`);
};

/** Returns whether two users are equal primitives, or have an equal `id`. */
const haveSameId = (one: unknown, other: unknown): boolean => {
  if (!isObject(one) || !isObject(other)) return Object.is(one, other);
  return 'id' in one && 'id' in other && one.id !== undefined && one.id !== null && one.id === other.id;
};

/** Says who clients are: runs `authenticate` and compares users (SS9). */
export class Authenticator {
  constructor(
    private readonly authenticate: NonNullable<AuthenticationHooks['authenticate']>,
    private readonly sameUser: NonNullable<AuthenticationHooks['sameUser']> = haveSameId,
    private readonly clock: Pick<Clock, 'now' | 'wallNow'>,
    /** Whether clients are told the text of every error (SV26). */
    private readonly exposesErrors = true,
  ) {}

  /**
   * Runs `authenticate`. Returns the user or the refusal, which the caller counts, or a promise of that if `authenticate`
   * returned one. Never throws or rejects.
   */
  run(token: string | undefined, request: UpgradeRequest): Authentication | Promise<Authentication> {
    const identified = (returned: unknown): Authentication => this.#identify(returned);
    const refused = (error: unknown): RefusedClient => refusalBy('authenticate', error, this.exposesErrors);
    try {
      const returned: unknown = this.authenticate({ token, request });
      return isThenable(returned) ? Promise.resolve(returned).then(identified).catch(refused) : identified(returned);
    } catch (error) {
      return refused(error);
    }
  }

  /** Returns whether the users of an old and of a new token are the same. Rethrows what `sameUser` throws. */
  isSame(one: unknown, other: unknown): boolean {
    // A promise is no yes.
    return this.sameUser(one, other) === true;
  }

  #identify(returned: unknown): Authentication {
    if (!isObject(returned) || !Object.hasOwn(returned, 'user') || !Object.hasOwn(returned, 'expiresAt')) {
      return { kind: 'identified', identity: { user: returned, due: Number.POSITIVE_INFINITY } };
    }
    const { user, expiresAt }: { user?: unknown; expiresAt?: unknown } = returned;
    const expiry = expiresAt instanceof Date ? expiresAt.getTime() : expiresAt;
    if (typeof expiry === 'number' && expiry >= earliest) {
      const { clock } = this;
      return { kind: 'identified', identity: { user, due: clock.now() + expiry - clock.wallNow() } };
    }
    const error = expiryError(expiresAt, expiry);
    return refusalByFailure('internal error', error, { subject: 'expiresAt', text: error.message });
  }
}

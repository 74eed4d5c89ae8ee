import { compact } from '../../protocol/size.js';
import type { MiddlewareHost } from '../api/middleware.js';

/** Maximum number of keys of one generation. Beyond it the oldest keys are forgotten. */
export const maxKeys = 100_000;

/** A bucket of one connection. */
interface Bucket {
  /** When it is full again. */
  fullAt: number;
}

/**
 * Token buckets, each known by the time at which it is full again. The bucket of a connection ends with the connection.
 * Buckets of keys stand in two generations: one that was not used for as long as it takes to fill is full, and goes with
 * its generation, all at once.
 */
export class TokenBuckets {
  readonly #ofConnections = new WeakMap<object, Bucket>();
  #young = new Map<unknown, number>();
  #old = new Map<unknown, number>();
  #isAging = false;

  constructor(
    /** Time in which one token comes, in ms. */
    private readonly interval: number,
    /** Time in which an empty bucket is full again, in ms. */
    private readonly span: number,
    private readonly host: Pick<MiddlewareHost, 'now' | 'after'>,
  ) {}

  /** The number of keys that have a bucket. */
  get keys(): number {
    return this.#young.size + this.#old.size;
  }

  /** Takes a token of a connection. Returns false if its bucket is empty. */
  takeOf(connection: object): boolean {
    const bucket = this.#ofConnections.get(connection);
    const fullAt = this.#take(bucket?.fullAt);
    if (fullAt === undefined) return false;
    if (bucket) bucket.fullAt = fullAt;
    else this.#ofConnections.set(connection, { fullAt });
    return true;
  }

  /** Takes a token of a key. Returns false if its bucket is empty. */
  takeBy(key: unknown): boolean {
    const fullAt = this.#take(this.#young.get(key) ?? this.#old.get(key));
    if (fullAt === undefined) return false;
    if (this.#young.size >= maxKeys && !this.#young.has(key)) this.#age();
    this.#old.delete(key);
    // A key that is a part of a message would keep the message.
    this.#young.set(typeof key === 'string' && !this.#young.has(key) ? compact(key) : key, fullAt);
    this.#keepAging();
    return true;
  }

  /** Returns when a bucket is full again after one more token is taken, or `undefined` if it has none. */
  #take(fullAt = Number.NEGATIVE_INFINITY): number | undefined {
    const now = this.host.now();
    const next = Math.max(now, fullAt) + this.interval;
    // A bucket of one token may be short of it by a rounding error.
    return next - now > this.span + this.interval / 1_000 ? undefined : next;
  }

  #age(): void {
    this.#old = this.#young;
    this.#young = new Map();
  }

  /** Ends a generation after each span, as long as there is one. */
  #keepAging(): void {
    if (this.#isAging) return;
    this.#isAging = true;
    this.host.after(this.span, () => {
      this.#isAging = false;
      this.#age();
      if (this.keys > 0) this.#keepAging();
    });
  }
}

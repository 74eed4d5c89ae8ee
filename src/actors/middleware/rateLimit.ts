import type { DataMessage } from '../../contract/sides.js';
import { Refusal } from '../../protocol/errors.js';
import { isSystemEvent, type Message } from '../../protocol/message.js';
import { RuleBroken } from '../api/handlers.js';
import { MiddlewareFactory, type MiddlewareFunction, type MiddlewareHost } from '../api/middleware.js';
import type { NSConn } from '../api/nsConn.js';
import type { EventBodies } from '../api/vocabulary.js';
import { TokenBuckets } from './tokenBuckets.js';

/** Options of `rateLimit`. `User` is what `authenticate` returns. */
export interface RateLimitOptions<User = unknown> {
  /** Number of messages that are allowed in each `per`, on average. */
  readonly events: number;
  /** Time for that number, in ms. */
  readonly per: number;
  /** Number of messages that may come at once. Default: `events`. */
  readonly burst?: number;
  /**
   * What is done about a message beyond the limit (MW7). `'refuse'`: the client receives the error `too many messages`.
   * `'drop'`: nothing is sent, but an ask is answered `dropped`. `'close'`: the connection is closed with 1008. Default
   * `'refuse'`.
   */
  readonly exceed?: 'refuse' | 'drop' | 'close';
  /**
   * Names of the only events that count, lifecycle events included unless they are local or forced. Default: every
   * event, and no lifecycle event.
   */
  readonly only?: readonly string[];
  /**
   * Returns what shares one limit, such as the id of a user: a text of at most 255 characters, or a number. Default, and
   * for `undefined`: each connection has a limit of its own.
   */
  key?(ns: NSConn<EventBodies, User>, message: Message | DataMessage): string | number | undefined;
}

const known: ReadonlySet<string> = new Set(['events', 'per', 'burst', 'exceed', 'only', 'key']);
const exceeds: readonly unknown[] = ['refuse', 'drop', 'close'];
/** Maximum of a count, and of a time in ms. */
const most = 2 ** 31 - 1;
/** Maximum length of a key, in characters. */
const maxKey = 255;

const refused = new Refusal('too many messages');
const closing = new RuleBroken('rateLimited');

const wrong = (option: string, takes: string, value: unknown): TypeError =>
  new TypeError(`option "${option}" of rateLimit takes ${takes}, got ${String(value)}`);

const isCount = (value: unknown): value is number =>
  typeof value === 'number' && Number.isInteger(value) && value > 0 && value <= most;

const isListOfNames = (value: unknown): boolean =>
  Array.isArray(value) && value.length > 0 && value.every((name) => typeof name === 'string' && name !== '');

/** Throws unless the options are right. */
const check = (options: RateLimitOptions<never>): void => {
  if (typeof options !== 'object' || options === null) {
    throw new TypeError(`rateLimit takes { events, per, burst?, exceed?, only?, key? }, got ${String(options)}`);
  }
  for (const name of Object.keys(options)) {
    if (!known.has(name))
      throw new TypeError(`option "${name}" of rateLimit is unknown; known are ${[...known].join(', ')}`);
  }
  const { events, per, burst = events, exceed = 'refuse', only, key } = options;
  if (!isCount(events)) throw wrong('events', 'a whole number above 0', events);
  if (!(typeof per === 'number' && per > 0 && per <= most)) throw wrong('per', 'milliseconds above 0', per);
  if (!isCount(burst)) throw wrong('burst', 'a whole number above 0', burst);
  if ((burst * per) / events > most) {
    throw new RangeError(
      `rateLimit fills a bucket in at most ${most} ms, got ${(burst * per) / events} (burst * per / events)`,
    );
  }
  if (!exceeds.includes(exceed)) throw wrong('exceed', "'refuse', 'drop' or 'close'", exceed);
  if (only !== undefined && !isListOfNames(only)) throw wrong('only', 'a list of names of events', only);
  if (key !== undefined && typeof key !== 'function') throw wrong('key', 'a function (ns, message)', key);
};

const isKey = (key: unknown): boolean =>
  (typeof key === 'string' && key.length <= maxKey) || (typeof key === 'number' && !Number.isNaN(key));

const checkedKey = (key: unknown): unknown => {
  if (key === undefined || key === null) return undefined;
  if (isKey(key)) return key;
  const got = typeof key === 'string' ? `${key.length} characters` : typeof key === 'number' ? 'NaN' : typeof key;
  throw new TypeError(`the key of a rateLimit is a text of at most ${maxKey} characters, or a number, got ${got}`);
};

/**
 * Returns middleware that limits how many messages a client sends, by a token bucket for each connection or key (MW6,
 * MW7). Each list in which it stands has buckets of its own.
 * @throws {TypeError} when an option is unknown or wrong.
 * @throws {RangeError} when an empty bucket takes more than 2^31 - 1 ms to fill.
 * @example
 * new Server({ namespaces, use: [rateLimit({ events: 20, per: 1_000, burst: 40 })] });
 */
export const rateLimit = <User = unknown>(options: RateLimitOptions<User>): MiddlewareFactory<User> => {
  // The check calls nothing of them.
  check(options as RateLimitOptions<never>);
  const isLifecycle = options.only?.some(isSystemEvent) ?? false;
  return new MiddlewareFactory<User>(isLifecycle, (host) => limiter(options, host));
};

const limiter = <User>(
  { events, per, burst = events, exceed = 'refuse', only, key }: RateLimitOptions<User>,
  host: MiddlewareHost,
): MiddlewareFunction => {
  const buckets = new TokenBuckets(per / events, (burst * per) / events, host);
  const counted = only && new Set(only);
  const exceeded = {
    refuse: () => {
      host.counters.rateRefused++;
      throw refused;
    },
    drop: () => void host.counters.rateDropped++,
    close: () => {
      host.counters.rateClosed++;
      throw closing;
    },
  }[exceed];
  return (ns, message, next) => {
    if (counted && !counted.has(message.event)) return next();
    // The client did not ask for it. It is a step of the server, or follows from an end.
    if (message.isForced || message.isLocal) return next();
    // The server has users of this type: the type of the option `use` checks that.
    const its = key && checkedKey(key(ns as NSConn<EventBodies, User>, message));
    const isAllowed = its === undefined ? buckets.takeOf(ns.conn) : buckets.takeBy(its);
    return isAllowed ? next() : exceeded();
  };
};

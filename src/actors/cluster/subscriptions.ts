import type { ExchangeSession } from '../../exchange/exchange.js';

interface Subscription<Target> {
  readonly channel: string;
  readonly target: Target;
  /** The number of holders. */
  count: number;
  /** Whether the broker has confirmed or refused it in this session. */
  isSettled: boolean;
  /** Whether the broker has refused it in this session. */
  isRefused: boolean;
  /** Called once it is settled. */
  waiting: (() => void)[];
}

/** What subscriptions report, and ask for. */
export interface SubscriptionsHost<Target> {
  /** Returns whether a session is of no use without this channel. */
  isRequired(target: Target): boolean;
  /** Reports that the broker refused a channel that is not required. */
  refused(error: unknown): void;
  /** Resolves when the broker confirms. Rejects when it takes too long (EX15). */
  inTime(confirmed: Promise<void>, session: ExchangeSession): Promise<void>;
  /** Reports that the session did not do what it was asked. */
  failed(error: unknown, session: ExchangeSession): void;
  /** Reports an error that no caller waits for. */
  report(error: unknown): void;
}

/**
 * The channels that this server subscribes to, and the target of each. Channels held at the same time are subscribed
 * to together. A new session is asked for all of them (EX3).
 */
export class Subscriptions<Target> {
  readonly #held = new Map<string, Subscription<Target>>();
  /** Channels that are held, but that the session was not asked for yet. */
  readonly #unasked = new Set<string>();
  #session: ExchangeSession | undefined;
  /** Whether the session has settled every channel that was held when it began. */
  #isUp = false;
  #isScheduled = false;

  constructor(private readonly host: SubscriptionsHost<Target>) {}

  /** Returns the target of a channel; `undefined` when the channel is not held. */
  targetOf(channel: string): Target | undefined {
    return this.#held.get(channel)?.target;
  }

  /** Returns whether the broker has confirmed the channel in this session. */
  isSubscribed(channel: string): boolean {
    const { isSettled = false, isRefused = false } = this.#held.get(channel) ?? {};
    return isSettled && !isRefused;
  }

  /**
   * Subscribes to a channel, or adds a holder to it. Calls `settled` once the broker has confirmed or refused it, and
   * at once while no session is up.
   */
  hold(channel: string, target: Target, settled: () => void): void {
    const known = this.#held.get(channel);
    const subscription = known ?? { channel, target, count: 0, isSettled: false, isRefused: false, waiting: [] };
    subscription.count++;
    if (!known) {
      this.#held.set(channel, subscription);
      this.#unasked.add(channel);
    }
    if (this.#isUp && !subscription.isSettled) subscription.waiting.push(settled);
    else settled();
    this.#schedule();
  }

  /** Removes a holder of a channel, and unsubscribes after the last one. Returns whether it was the last one. */
  release(channel: string): boolean {
    const subscription = this.#held.get(channel);
    if (!subscription || --subscription.count > 0) return false;
    this.#held.delete(channel);
    if (this.#unasked.delete(channel)) return true;
    try {
      this.#session?.unsubscribe([channel]);
    } catch (error) {
      this.host.report(error);
    }
    return true;
  }

  /** Subscribes a new session to all channels. Resolves when all are settled, those held meanwhile included. */
  async begin(session: ExchangeSession): Promise<void> {
    this.#unasked.clear();
    for (const [channel, subscription] of this.#held) {
      subscription.isSettled = false;
      this.#unasked.add(channel);
    }
    this.#session = session;
    while (this.#unasked.size > 0 && this.#session === session) await this.#subscribe(session);
    if (this.#session === session) this.#isUp = true;
  }

  /** Forgets the session. Every holder that waits goes on without it. */
  end(): void {
    this.#session = undefined;
    this.#isUp = false;
    for (const subscription of this.#held.values()) {
      subscription.isSettled = false;
      for (const settled of subscription.waiting.splice(0)) settled();
    }
  }

  #schedule(): void {
    if (this.#isScheduled || !this.#isUp || this.#unasked.size === 0) return;
    this.#isScheduled = true;
    queueMicrotask(() => {
      this.#isScheduled = false;
      const session = this.#session;
      if (!session) return;
      const confirmed = this.#subscribe(session);
      this.host.inTime(confirmed, session).catch((error: unknown) => this.host.failed(error, session));
    });
  }

  async #subscribe(session: ExchangeSession): Promise<void> {
    const asked = Array.from(this.#unasked, (channel) => this.#held.get(channel)).filter((one) => one !== undefined);
    this.#unasked.clear();
    if (asked.length === 0) return;
    try {
      await session.subscribe(asked.map(({ channel }) => channel));
      for (const subscription of asked) this.#settle(session, subscription);
    } catch (error) {
      // A session that answers has refused some of them. A session that does not answer is lost.
      await session.ping();
      for (const subscription of asked) {
        await this.#subscribeAlone(session, subscription, asked.length === 1 ? error : undefined);
      }
    }
  }

  async #subscribeAlone(session: ExchangeSession, subscription: Subscription<Target>, refusal: unknown): Promise<void> {
    const isHeld = this.#held.get(subscription.channel) === subscription;
    try {
      if (refusal !== undefined) throw refusal;
      if (isHeld) await session.subscribe([subscription.channel]);
    } catch (error) {
      if (this.host.isRequired(subscription.target)) throw error;
      this.host.refused(error);
      return this.#settle(session, subscription, true);
    }
    this.#settle(session, subscription);
  }

  /** Marks a channel as confirmed or refused, and calls its waiting holders. */
  #settle(session: ExchangeSession, subscription: Subscription<Target>, isRefused = false): void {
    if (this.#session !== session) return;
    subscription.isSettled = true;
    subscription.isRefused = isRefused;
    for (const settled of subscription.waiting.splice(0)) settled();
  }
}

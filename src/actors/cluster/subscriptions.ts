import type { ExchangeUplink } from '../../exchange/exchange.js';

interface Subscription<Target> {
  readonly channel: string;
  readonly target: Target;
  /** The number of holders. */
  count: number;
  /** Whether the broker has confirmed or refused it in this uplink. */
  isSettled: boolean;
  /** Whether the broker has refused it in this uplink. */
  isRefused: boolean;
  /** Called once it is settled. */
  waiting: (() => void)[];
}

/** What subscriptions report, and ask for. */
export interface SubscriptionsHost<Target> {
  /** Returns whether an uplink is of no use without this channel. */
  isRequired(target: Target): boolean;
  /** Reports that the broker refused a channel that is not required. */
  refused(error: unknown): void;
  /** Resolves when the broker confirms. Rejects when it takes too long (EX15). */
  inTime(confirmed: Promise<void>, uplink: ExchangeUplink): Promise<void>;
  /** Reports that the uplink did not do what it was asked. */
  failed(error: unknown, uplink: ExchangeUplink): void;
  /** Reports an error that no caller waits for. */
  report(error: unknown): void;
}

/**
 * The channels that this server subscribes to, and the target of each. Channels held at the same time are subscribed
 * to together. A new uplink is asked for all of them (EX3).
 */
export class Subscriptions<Target> {
  readonly #held = new Map<string, Subscription<Target>>();
  /** Channels that are held, but that the uplink was not asked for yet. */
  readonly #unasked = new Set<string>();
  #uplink: ExchangeUplink | undefined;
  /** Whether the uplink has settled every channel that was held when it began. */
  #isUp = false;
  #isScheduled = false;

  constructor(private readonly host: SubscriptionsHost<Target>) {}

  /** Returns the target of a channel; `undefined` when the channel is not held. */
  targetOf(channel: string): Target | undefined {
    return this.#held.get(channel)?.target;
  }

  /** Returns whether the broker has confirmed the channel in this uplink. */
  isSubscribed(channel: string): boolean {
    const { isSettled = false, isRefused = false } = this.#held.get(channel) ?? {};
    return isSettled && !isRefused;
  }

  /**
   * Subscribes to a channel, or adds a holder to it. Calls `settled` once the broker has confirmed or refused it, and
   * at once while no uplink is up.
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
      this.#uplink?.unsubscribe([channel]);
    } catch (error) {
      this.host.report(error);
    }
    return true;
  }

  /** Subscribes a new uplink to all channels. Resolves when all are settled, those held meanwhile included. */
  async begin(uplink: ExchangeUplink): Promise<void> {
    this.#unasked.clear();
    for (const [channel, subscription] of this.#held) {
      subscription.isSettled = false;
      this.#unasked.add(channel);
    }
    this.#uplink = uplink;
    while (this.#unasked.size > 0 && this.#uplink === uplink) await this.#subscribe(uplink);
    if (this.#uplink === uplink) this.#isUp = true;
  }

  /** Forgets the uplink. Every holder that waits goes on without it. */
  end(): void {
    this.#uplink = undefined;
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
      const uplink = this.#uplink;
      if (!uplink) return;
      const confirmed = this.#subscribe(uplink);
      this.host.inTime(confirmed, uplink).catch((error: unknown) => this.host.failed(error, uplink));
    });
  }

  async #subscribe(uplink: ExchangeUplink): Promise<void> {
    const asked = Array.from(this.#unasked, (channel) => this.#held.get(channel)).filter((one) => one !== undefined);
    this.#unasked.clear();
    if (asked.length === 0) return;
    try {
      await uplink.subscribe(asked.map(({ channel }) => channel));
      for (const subscription of asked) this.#settle(uplink, subscription);
    } catch (error) {
      // An uplink that answers has refused some of them. An uplink that does not answer is lost.
      await uplink.ping();
      for (const subscription of asked) {
        await this.#subscribeAlone(uplink, subscription, asked.length === 1 ? error : undefined);
      }
    }
  }

  async #subscribeAlone(uplink: ExchangeUplink, subscription: Subscription<Target>, refusal: unknown): Promise<void> {
    const isHeld = this.#held.get(subscription.channel) === subscription;
    try {
      if (refusal !== undefined) throw refusal;
      if (isHeld) await uplink.subscribe([subscription.channel]);
    } catch (error) {
      if (this.host.isRequired(subscription.target)) throw error;
      this.host.refused(error);
      return this.#settle(uplink, subscription, true);
    }
    this.#settle(uplink, subscription);
  }

  /** Marks a channel as confirmed or refused, and calls its waiting holders. */
  #settle(uplink: ExchangeUplink, subscription: Subscription<Target>, isRefused = false): void {
    if (this.#uplink !== uplink) return;
    subscription.isSettled = true;
    subscription.isRefused = isRefused;
    for (const settled of subscription.waiting.splice(0)) settled();
  }
}

import type { ChannelKind, ExchangeListener, ExchangeUplink, StackExchange } from '../../../src/exchange/exchange.js';
import { redisNames } from '../../../src/exchange/naming.js';
import { deferred } from '../async/promises.js';

/** Where commands are held: before the broker takes them, or after that and before it confirms them. */
export type HoldPoint = 'taking' | 'confirming';

/** A command of an uplink to the broker. */
interface Command {
  readonly uplink: MemoryUplink;
  take(): void;
  readonly confirmed: ReturnType<typeof deferred>;
}

const prefix = 'memory';

/** Returns a broker in this process, whose steps a test can hold. */
export const memoryBroker = (): MemoryBroker => new MemoryBroker();

export class MemoryBroker {
  readonly #uplinks = new Set<MemoryUplink>();
  readonly #held = new Set<HoldPoint>();
  /** Commands not taken yet, and commands not confirmed yet, in the order of the calls. */
  #arrived: Command[] = [];
  #taken: Command[] = [];
  #isRunning = true;
  readonly #failures: unknown[] = [];
  /** All publications that it has taken. */
  readonly published: { readonly channel: string; readonly payload: Uint8Array }[] = [];
  /** How many connects were attempted. */
  connects = 0;

  /** Returns an exchange to this broker. */
  exchange(): StackExchange {
    return {
      name: 'memory',
      channelOf: (kind: ChannelKind, name: string) => redisNames(prefix)(kind, name),
      connect: async (listener) => {
        this.connects++;
        if (this.#failures.length > 0) throw this.#failures.shift();
        if (!this.#isRunning) throw new Error('memory: the broker is stopped');
        const uplink = new MemoryUplink(this, listener);
        this.#uplinks.add(uplink);
        return uplink;
      },
    };
  }

  get uplinks(): number {
    return this.#uplinks.size;
  }

  /** The subscribed channels, sorted. */
  get subscriptions(): string[] {
    return [...new Set([...this.#uplinks].flatMap(({ channels }) => [...channels]))].sort();
  }

  /** How many commands are not confirmed yet. */
  get waiting(): number {
    return this.#arrived.length + this.#taken.length;
  }

  stop(): void {
    this.#isRunning = false;
    this.lose();
  }

  start(): void {
    this.#isRunning = true;
  }

  /** Makes the next connect reject with this error. */
  failConnect(error: unknown = new Error('memory: refused')): void {
    this.#failures.push(error);
  }

  /** Holds publishes, subscribes and pings at this point. Returns a function that releases them. */
  hold(where: HoldPoint): () => void {
    this.#held.add(where);
    return () => {
      this.#held.delete(where);
      this.#work();
    };
  }

  /**
   * Loses all uplinks, or this many of the oldest. With `taken`, the broker takes their commands first, so that
   * subscribers receive them. It confirms none.
   */
  lose({ taken = false, count = this.#uplinks.size, error = new Error('memory: lost') as unknown } = {}): void {
    const lost = new Set([...this.#uplinks].slice(0, count));
    const isLost = ({ uplink }: Command): boolean => lost.has(uplink);
    const under = [...this.#taken.filter(isLost), ...this.#arrived.filter(isLost)];
    if (taken) for (const command of this.#arrived.filter(isLost)) command.take();
    this.#forget(lost);
    for (const { confirmed } of under) confirmed.jam(error);
    for (const uplink of lost) uplink.lose(error);
  }

  /** Drops what is published for this uplink, counted from the oldest. Returns a function that ends it. */
  deafen(uplink: number): () => void {
    const deaf = [...this.#uplinks][uplink];
    if (deaf) deaf.isDeaf = true;
    return () => {
      if (deaf) deaf.isDeaf = false;
    };
  }

  /** @internal Takes and confirms a command in the order of the calls, never synchronously. */
  ask(uplink: MemoryUplink, take: () => void): Promise<void> {
    const confirmed = deferred();
    this.#arrived.push({ uplink, take, confirmed });
    queueMicrotask(() => this.#work());
    return confirmed.promise;
  }

  /** @internal */
  deliver(channel: string, payload: Uint8Array): void {
    this.published.push({ channel, payload });
    for (const uplink of this.#uplinks) uplink.deliver(channel, payload);
  }

  /** @internal */
  leave(uplink: MemoryUplink): void {
    const under = [...this.#taken, ...this.#arrived].filter((command) => command.uplink === uplink);
    this.#forget(new Set([uplink]));
    for (const { confirmed } of under) confirmed.jam(new Error('memory: the uplink has ended'));
  }

  #forget(gone: ReadonlySet<MemoryUplink>): void {
    const stays = ({ uplink }: Command): boolean => !gone.has(uplink);
    this.#arrived = this.#arrived.filter(stays);
    this.#taken = this.#taken.filter(stays);
    for (const uplink of gone) this.#uplinks.delete(uplink);
  }

  #work(): void {
    while (!this.#held.has('taking')) {
      const command = this.#arrived.shift();
      if (command === undefined) break;
      this.#taken.push(command);
      command.take();
    }
    while (!this.#held.has('confirming')) {
      const command = this.#taken.shift();
      if (command === undefined) break;
      command.confirmed.open();
    }
  }
}

class MemoryUplink implements ExchangeUplink {
  readonly channels = new Set<string>();
  isDeaf = false;
  readonly #broker: MemoryBroker;
  readonly #listener: ExchangeListener;
  #isOver = false;
  #isClosed = false;

  constructor(broker: MemoryBroker, listener: ExchangeListener) {
    this.#broker = broker;
    this.#listener = listener;
  }

  subscribe(channels: readonly string[]): Promise<void> {
    return this.#ask(() => {
      for (const channel of channels) this.channels.add(channel);
    });
  }

  unsubscribe(channels: readonly string[]): void {
    this.#ask(() => {
      for (const channel of channels) this.channels.delete(channel);
    }).catch(() => {});
  }

  publish(channel: string, payload: Uint8Array): Promise<void> {
    const sent = payload.slice();
    return this.#ask(() => this.#broker.deliver(channel, sent));
  }

  ping(): Promise<void> {
    return this.#ask(() => {});
  }

  close(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#isClosed = true;
    this.#broker.leave(this);
  }

  deliver(channel: string, payload: Uint8Array): void {
    if (this.isDeaf || !this.channels.has(channel)) return;
    queueMicrotask(() => {
      if (!this.#isClosed) this.#listener.received(channel, payload.slice());
    });
  }

  /** Reports the loss after what has been delivered. */
  lose(error: unknown): void {
    this.#isOver = true;
    queueMicrotask(() => {
      if (this.#isClosed) return;
      this.#isClosed = true;
      this.#listener.lost(error);
    });
  }

  #ask(take: () => void): Promise<void> {
    if (this.#isOver) return Promise.reject(new Error('memory: the uplink has ended'));
    return this.#broker.ask(this, take);
  }
}

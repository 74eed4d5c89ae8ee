import type { ChannelKind, ExchangeListener, ExchangeSession, StackExchange } from '../../../src/exchange/exchange.js';
import { redisNames } from '../../../src/exchange/naming.js';
import { gate } from '../async/promises.js';

/** Where commands are held: before the broker has taken them, or after that, before it says so. */
export type Hold = 'taking' | 'confirming';

/** What a session asks of the broker. */
interface Command {
  readonly session: MemorySession;
  take(): void;
  readonly confirmed: ReturnType<typeof gate>;
}

const prefix = 'memory';

/** A broker in this process, whose every move a test can hold. */
export const memoryBroker = (): MemoryBroker => new MemoryBroker();

export class MemoryBroker {
  readonly #sessions = new Set<MemorySession>();
  readonly #held = new Set<Hold>();
  /** Not taken yet, and taken but not confirmed, in the order of the calls. */
  #arrived: Command[] = [];
  #taken: Command[] = [];
  #isRunning = true;
  readonly #failures: unknown[] = [];
  /** What has been published and taken, of all sessions. */
  readonly published: { readonly channel: string; readonly payload: Uint8Array }[] = [];
  /** How often somebody has tried to connect. */
  connects = 0;

  /** What a node is given. */
  exchange(): StackExchange {
    return {
      name: 'memory',
      channelOf: (kind: ChannelKind, name: string) => redisNames(prefix)(kind, name),
      connect: async (listener) => {
        this.connects++;
        if (this.#failures.length > 0) throw this.#failures.shift();
        if (!this.#isRunning) throw new Error('memory: nobody is there');
        const session = new MemorySession(this, listener);
        this.#sessions.add(session);
        return session;
      },
    };
  }

  get sessions(): number {
    return this.#sessions.size;
  }

  /** The channels that somebody is subscribed to, in order. */
  get subscriptions(): string[] {
    return [...new Set([...this.#sessions].flatMap(({ channels }) => [...channels]))].sort();
  }

  /** Commands that are held, or under way. */
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

  /** The next connect is refused with this. */
  failConnect(error: unknown = new Error('memory: refused')): void {
    this.#failures.push(error);
  }

  /** Holds publishes, subscribes and pings there, until what is returned is called. */
  hold(where: Hold): () => void {
    this.#held.add(where);
    return () => {
      this.#held.delete(where);
      this.#work();
    };
  }

  /**
   * Loses all sessions, or this many of the eldest. What they have published is taken before, if it is to be, and so
   * reaches everybody who is subscribed; none of it is confirmed.
   */
  lose({ taken = false, count = this.#sessions.size, error = new Error('memory: lost') as unknown } = {}): void {
    const lost = new Set([...this.#sessions].slice(0, count));
    const isLost = ({ session }: Command): boolean => lost.has(session);
    const under = [...this.#taken.filter(isLost), ...this.#arrived.filter(isLost)];
    if (taken) for (const command of this.#arrived.filter(isLost)) command.take();
    this.#forget(lost);
    for (const { confirmed } of under) confirmed.jam(error);
    for (const session of lost) session.lose(error);
  }

  /** What is published does not come to this session, counted from the eldest, as if the line had swallowed it. */
  holdBack(session: number): () => void {
    const deaf = [...this.#sessions][session];
    if (deaf) deaf.isDeaf = true;
    return () => {
      if (deaf) deaf.isDeaf = false;
    };
  }

  /** @internal What a session asks: taken and confirmed in the order of the calls, but never at once. */
  ask(session: MemorySession, take: () => void): Promise<void> {
    const confirmed = gate();
    this.#arrived.push({ session, take, confirmed });
    queueMicrotask(() => this.#work());
    return confirmed.promise;
  }

  /** @internal */
  deliver(channel: string, payload: Uint8Array): void {
    this.published.push({ channel, payload });
    for (const session of this.#sessions) session.deliver(channel, payload);
  }

  /** @internal */
  leave(session: MemorySession): void {
    const under = [...this.#taken, ...this.#arrived].filter((command) => command.session === session);
    this.#forget(new Set([session]));
    for (const { confirmed } of under) confirmed.jam(new Error('memory: the session is over'));
  }

  #forget(gone: ReadonlySet<MemorySession>): void {
    const stays = ({ session }: Command): boolean => !gone.has(session);
    this.#arrived = this.#arrived.filter(stays);
    this.#taken = this.#taken.filter(stays);
    for (const session of gone) this.#sessions.delete(session);
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

class MemorySession implements ExchangeSession {
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

  /** Told behind what has been delivered. */
  lose(error: unknown): void {
    this.#isOver = true;
    queueMicrotask(() => {
      if (this.#isClosed) return;
      this.#isClosed = true;
      this.#listener.lost(error);
    });
  }

  #ask(take: () => void): Promise<void> {
    if (this.#isOver) return Promise.reject(new Error('memory: the session is over'));
    return this.#broker.ask(this, take);
  }
}

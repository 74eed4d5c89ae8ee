import type { AnyActorRef } from 'xstate';
import type { StackExchange } from '../../exchange/exchange.js';
import type { OutgoingMessage } from '../../protocol/message.js';
import type { Exchange, Relay } from './relay.js';

const takes = '{ name, channelOf(kind, name), connect(listener) }, such as redisExchange or natsExchange returns';

const assertExchange = (given: StackExchange): void => {
  const isExchange =
    typeof given === 'object' &&
    given !== null &&
    typeof given.name === 'string' &&
    typeof given.channelOf === 'function' &&
    typeof given.connect === 'function';
  if (!isExchange) throw new TypeError(`useStackExchange takes an exchange ${takes}, got ${String(given)}`);
};

/** The other servers, as one server reaches them. */
export interface OtherServers {
  /** Whether the other servers may be reached, now or later. */
  readonly isReachable: boolean;
  /** Whether the other servers reach the connections of this one, now. */
  readonly isOnline: boolean;
  /** The running actors: the link's, while it runs. */
  readonly actors: readonly AnyActorRef[];
  /** Throws a RangeError when the broker cannot carry this id (EX13). */
  assertCarried(id: string): void;
  /** Publishes a broadcast to the other servers (EX4). */
  publish(message: OutgoingMessage, exceptId: string | null): void;
  /** Asks the other servers (EX7). Returns a function that ends the ask; `undefined` when it cannot be sent. */
  ask(message: OutgoingMessage, token: string): (() => void) | undefined;
  /** Registers a connection by its id. Calls `reachable` once others reach it, or when they cannot for now (EX3). */
  hold(id: string, reachable: () => void): void;
  /** Unregisters a connection by its id. */
  release(id: string): void;
  /** Sends what waits, for at most `timeout` ms, and closes the link (EX16). */
  close(timeout: number): Promise<void>;
  /** Drops the link at once. */
  kill(): void;
}

/** Stands for the other servers while a server has no exchange: there are none. */
const alone: OtherServers = {
  isReachable: false,
  isOnline: false,
  actors: [],
  assertCarried: () => {},
  publish: () => {},
  ask: () => undefined,
  hold: (_, reachable) => reachable(),
  release: () => {},
  close: () => Promise.resolve(),
  kill: () => {},
};

/** Passes calls on to the other servers. Without an exchange there are none. */
export class Cluster {
  #others: OtherServers = alone;
  #relay: Relay | undefined;

  constructor(
    private readonly makeRelay: (exchange: StackExchange) => Relay,
    /** Returns the ids of all connections. */
    private readonly ids: () => Iterable<string>,
  ) {}

  /** The exchange that this server uses, if it uses one. */
  get exchange(): Exchange | undefined {
    return this.#relay;
  }
  /** Whether the other servers may be reached, now or later. */
  get hasOthers(): boolean {
    return this.#others.isReachable;
  }
  /** Whether the other servers reach the connections of this one, now. */
  get isOnline(): boolean {
    return this.#others.isOnline;
  }
  /** The running actors: the link's, while it runs. */
  get actors(): readonly AnyActorRef[] {
    return this.#others.actors;
  }

  /**
   * Connects this server to the others. Resolves when every channel is confirmed. Rejects when the broker cannot be
   * reached (EX1).
   *
   * @throws {TypeError} when the exchange lacks a member
   * @throws {Error} when this server has an exchange already
   */
  async use(exchange: StackExchange): Promise<Exchange> {
    assertExchange(exchange);
    if (this.#relay) throw new Error(`a server has at most one exchange, and this one uses "${this.#relay.name}"`);
    const relay = this.makeRelay(exchange);
    this.#setRelay(relay);
    for (const id of this.ids()) relay.hold(id, () => {});
    try {
      await relay.link.start();
    } catch (error) {
      this.#setRelay(undefined);
      throw error;
    }
    return relay;
  }

  /** Throws a RangeError when the broker cannot carry this id (EX13). */
  assertCarried(id: string): void {
    this.#others.assertCarried(id);
  }
  /** Publishes a broadcast to the other servers (EX4). */
  publish(message: OutgoingMessage, exceptId: string | null): void {
    this.#others.publish(message, exceptId);
  }
  /** Asks the other servers (EX7). Returns a function that ends the ask; `undefined` when it cannot be sent. */
  ask(message: OutgoingMessage, token: string): (() => void) | undefined {
    return this.#others.ask(message, token);
  }
  /** Registers a connection by its id. Calls `reachable` once others reach it, or when they cannot for now (EX3). */
  hold(id: string, reachable: () => void): void {
    this.#others.hold(id, reachable);
  }
  /** Unregisters a connection by its id. */
  release(id: string): void {
    this.#others.release(id);
  }
  /** Sends what waits, for at most `timeout` ms, and closes the link (EX16). */
  close(timeout: number): Promise<void> {
    return this.#others.close(timeout);
  }
  /** Drops the link at once. */
  kill(): void {
    this.#others.kill();
  }

  #setRelay(relay: Relay | undefined): void {
    this.#relay = relay;
    this.#others = relay ?? alone;
  }
}

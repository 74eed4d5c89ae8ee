import type { AnyActorRef } from 'xstate';
import type { StackExchange } from '../../exchange/exchange.js';
import type { OutgoingMessage } from '../../protocol/message.js';
import type { Exchange, Relay } from './relay.js';

const takes = '{ name, channelOf(kind, name), connect(listener) }, as redisExchange and natsExchange make one';

const assertExchange = (given: StackExchange): void => {
  const isExchange =
    typeof given === 'object' &&
    given !== null &&
    typeof given.name === 'string' &&
    typeof given.channelOf === 'function' &&
    typeof given.connect === 'function';
  if (!isExchange) throw new TypeError(`useStackExchange takes an exchange ${takes}, got ${String(given)}`);
};

/** This server among others: with an exchange it speaks to them, without it is alone. */
export class Cluster {
  #relay: Relay | undefined;

  constructor(
    private readonly makeRelay: (exchange: StackExchange) => Relay,
    /** The ids of all connections that there are. */
    private readonly ids: () => Iterable<string>,
  ) {}

  get exchange(): Exchange | undefined {
    return this.#relay;
  }
  get hasOthers(): boolean {
    return this.#relay !== undefined && !this.#relay.link.isOver;
  }
  /** Others reach whoever is here. */
  get isOnline(): boolean {
    return this.#relay?.link.state === 'online';
  }

  /** The actor of the link, while there is one. */
  get actors(): AnyActorRef[] {
    return this.#relay && this.#relay.link.state !== 'closed' ? [this.#relay.link.actor] : [];
  }

  /** Resolves when everything that is to be heard is heard; rejects when the broker cannot be reached (EX1). */
  async use(exchange: StackExchange): Promise<Exchange> {
    assertExchange(exchange);
    if (this.#relay) throw new Error(`one server has one exchange, and this one has "${this.#relay.name}"`);
    const relay = this.makeRelay(exchange);
    this.#relay = relay;
    for (const id of this.ids()) relay.hold(id, () => {});
    try {
      await relay.link.start();
    } catch (error) {
      this.#relay = undefined;
      throw error;
    }
    return relay;
  }

  /** Throws when the broker cannot carry an id (EX13). */
  assertCarried(id: string): void {
    this.#relay?.assertCarried(id);
  }

  publish(message: OutgoingMessage, exceptId: string | null): void {
    if (this.hasOthers) this.#relay?.publish(message, exceptId);
  }
  ask(message: OutgoingMessage, token: string): (() => void) | undefined {
    return this.hasOthers ? this.#relay?.ask(message, token) : undefined;
  }
  hold(id: string, heard: () => void): void {
    if (this.#relay) this.#relay.hold(id, heard);
    else heard();
  }
  release(id: string): void {
    this.#relay?.release(id);
  }

  async close(timeout: number): Promise<void> {
    await this.#relay?.close(timeout);
  }
  /** The root actor was stopped by hand. */
  cut(): void {
    this.#relay?.link.cut();
  }
}

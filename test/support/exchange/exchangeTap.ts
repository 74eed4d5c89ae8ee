import type { ExchangeSession, StackExchange } from '../../../src/exchange/exchange.js';

/** What becomes of a payload that a session was handed. */
interface Handed {
  confirmed(): void;
}

/** One session, from its first byte to its end, as its ear has heard it. */
export interface Life {
  /** Which one of this server. */
  readonly number: number;
  isOver: boolean;
}

/** Told of all that goes between one server and its broker, at the very moment of it, the server's own turn included. */
export interface Ear {
  handed(life: Life, channel: string, payload: Uint8Array): Handed | undefined;
  received(life: Life, channel: string, payload: Uint8Array): void;
  subscribed?(life: Life, channels: readonly string[]): void;
  unsubscribed?(life: Life, channels: readonly string[]): void;
}

/** The same exchange, with somebody who listens in. */
export const overhear = (exchange: StackExchange, ear: Ear): StackExchange => {
  let lives = 0;
  return {
    name: exchange.name,
    channelOf: (kind, name) => exchange.channelOf(kind, name),
    async connect(listener) {
      const life: Life = { number: ++lives, isOver: false };
      const session = await exchange.connect({
        received(channel, payload) {
          ear.received(life, channel, payload);
          listener.received(channel, payload);
        },
        lost(error) {
          life.isOver = true;
          listener.lost(error);
        },
      });
      return listenIn(session, life, ear);
    },
  };
};

const listenIn = (session: ExchangeSession, life: Life, ear: Ear): ExchangeSession => ({
  async subscribe(channels) {
    await session.subscribe(channels);
    ear.subscribed?.(life, channels);
  },
  unsubscribe(channels) {
    ear.unsubscribed?.(life, channels);
    session.unsubscribe(channels);
  },
  publish(channel, payload) {
    const handed = ear.handed(life, channel, payload);
    const published = session.publish(channel, payload);
    published.then(
      () => handed?.confirmed(),
      () => {},
    );
    return published;
  },
  ping: () => session.ping(),
  close() {
    life.isOver = true;
    session.close();
  },
});

/** The body of a payload: what is behind the sixth `;` of a frame. */
export const bodyOf = (payload: Uint8Array): string =>
  Buffer.from(payload).toString('latin1').split(';').slice(6).join(';');

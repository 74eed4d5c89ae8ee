import type { ExchangeSession, StackExchange } from '../../../src/exchange/exchange.js';

/** Called when the broker confirms a payload. */
interface TappedPublish {
  confirmed(): void;
}

/** One session of a tapped exchange. */
export interface TappedSession {
  /** Its number among the sessions of this server. */
  readonly number: number;
  isOver: boolean;
}

/** Called synchronously for all that passes between one server and its broker. */
export interface ExchangeTap {
  published(session: TappedSession, channel: string, payload: Uint8Array): TappedPublish | undefined;
  received(session: TappedSession, channel: string, payload: Uint8Array): void;
  subscribed?(session: TappedSession, channels: readonly string[]): void;
  unsubscribed?(session: TappedSession, channels: readonly string[]): void;
}

/** Returns the same exchange with a tap on it. */
export const tapExchange = (exchange: StackExchange, tap: ExchangeTap): StackExchange => {
  let sessions = 0;
  return {
    name: exchange.name,
    channelOf: (kind, name) => exchange.channelOf(kind, name),
    async connect(listener) {
      const tapped: TappedSession = { number: ++sessions, isOver: false };
      const session = await exchange.connect({
        received(channel, payload) {
          tap.received(tapped, channel, payload);
          listener.received(channel, payload);
        },
        lost(error) {
          tapped.isOver = true;
          listener.lost(error);
        },
      });
      return tapSession(session, tapped, tap);
    },
  };
};

const tapSession = (session: ExchangeSession, tapped: TappedSession, tap: ExchangeTap): ExchangeSession => ({
  async subscribe(channels) {
    await session.subscribe(channels);
    tap.subscribed?.(tapped, channels);
  },
  unsubscribe(channels) {
    tap.unsubscribed?.(tapped, channels);
    session.unsubscribe(channels);
  },
  publish(channel, payload) {
    const publish = tap.published(tapped, channel, payload);
    const published = session.publish(channel, payload);
    published.then(
      () => publish?.confirmed(),
      () => {},
    );
    return published;
  },
  ping: () => session.ping(),
  ...(session.active ? { active: async () => session.active?.() } : {}),
  close() {
    tapped.isOver = true;
    session.close();
  },
});

/** Returns the body of a payload: all after the sixth `;` of its frame. */
export const bodyOf = (payload: Uint8Array): string =>
  Buffer.from(payload).toString('latin1').split(';').slice(6).join(';');

import type { ExchangeUplink, StackExchange } from '../../../src/exchange/exchange.js';

/** Called when the broker confirms a payload. */
interface TappedPublish {
  confirmed(): void;
}

/** One uplink of a tapped exchange. */
export interface TappedUplink {
  /** Its number among the uplinks of this server. */
  readonly number: number;
  isOver: boolean;
}

/** Called synchronously for all that passes between one server and its broker. */
export interface ExchangeTap {
  published(uplink: TappedUplink, channel: string, payload: Uint8Array): TappedPublish | undefined;
  received(uplink: TappedUplink, channel: string, payload: Uint8Array): void;
  subscribed?(uplink: TappedUplink, channels: readonly string[]): void;
  unsubscribed?(uplink: TappedUplink, channels: readonly string[]): void;
}

/** Returns the same exchange with a tap on it. */
export const tapExchange = (exchange: StackExchange, tap: ExchangeTap): StackExchange => {
  let uplinks = 0;
  return {
    name: exchange.name,
    channelOf: (kind, name) => exchange.channelOf(kind, name),
    async connect(listener) {
      const tapped: TappedUplink = { number: ++uplinks, isOver: false };
      const uplink = await exchange.connect({
        received(channel, payload) {
          tap.received(tapped, channel, payload);
          listener.received(channel, payload);
        },
        lost(error) {
          tapped.isOver = true;
          listener.lost(error);
        },
      });
      return tapUplink(uplink, tapped, tap);
    },
  };
};

const tapUplink = (uplink: ExchangeUplink, tapped: TappedUplink, tap: ExchangeTap): ExchangeUplink => ({
  async subscribe(channels) {
    await uplink.subscribe(channels);
    tap.subscribed?.(tapped, channels);
  },
  unsubscribe(channels) {
    tap.unsubscribed?.(tapped, channels);
    uplink.unsubscribe(channels);
  },
  publish(channel, payload) {
    const publish = tap.published(tapped, channel, payload);
    const published = uplink.publish(channel, payload);
    published.then(
      () => publish?.confirmed(),
      () => {},
    );
    return published;
  },
  ping: () => uplink.ping(),
  ...(uplink.active ? { active: async () => uplink.active?.() } : {}),
  close() {
    tapped.isOver = true;
    uplink.close();
  },
});

/** Returns the body of a payload: all after the sixth `;` of its frame. */
export const bodyOf = (payload: Uint8Array): string =>
  Buffer.from(payload).toString('latin1').split(';').slice(6).join(';');

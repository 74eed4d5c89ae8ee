import type { StackExchange } from '../../../src/exchange/exchange.js';

/** A published payload, and the name of its publisher. */
export interface Publication {
  readonly by: string;
  readonly channel: string;
  readonly payload: Uint8Array;
}

/** Returns the same exchange, which records what is published through it in `log`. */
export const recordPublications = (exchange: StackExchange, by: string, log: Publication[]): StackExchange => ({
  ...exchange,
  connect: async (listener) => {
    const uplink = await exchange.connect(listener);
    return {
      subscribe: (channels) => uplink.subscribe(channels),
      unsubscribe: (channels) => uplink.unsubscribe(channels),
      ping: () => uplink.ping(),
      close: () => uplink.close(),
      publish(channel, payload) {
        log.push({ by, channel, payload });
        return uplink.publish(channel, payload);
      },
    };
  },
});

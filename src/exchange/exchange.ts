/** Kind of a channel: messages for a namespace with its rooms, messages for one id, or the answers to one ask. */
export type ChannelKind = 'namespace' | 'connection' | 'answers';

/**
 * Port to a broker that carries messages between servers (EX1). Implement it and pass it to `useStackExchange`. The
 * server reconnects, resubscribes, queues messages and counts losses. An uplink only has to work, or to report that it
 * is lost.
 */
export interface StackExchange {
  /** Name of the broker in errors and in the status, such as `redis`. */
  readonly name: string;
  /**
   * Returns the channel for a name. Two names never share a channel, and no channel is a pattern (EX13).
   * @throws {RangeError} when the broker cannot carry the name.
   */
  channelOf(kind: ChannelKind, name: string): string;
  /**
   * Whether answers may also come on a channel named by the token alone, as neffos 0.0.24 servers send them. Default
   * false.
   */
  readonly acceptsBareTokens?: boolean;
  /**
   * Connects once. Resolves with an uplink that can publish and subscribe. Rejects if the broker cannot be reached. The
   * errors must not contain credentials (EX17).
   */
  connect(listener: ExchangeListener): Promise<ExchangeUplink>;
}

/** Receiver of what happens in an uplink. */
export interface ExchangeListener {
  /** Receives a payload of a channel. Payloads of one publisher must come in the order of sending (EX5). */
  readonly received: (channel: string, payload: Uint8Array) => void;
  /** Receives the error that ended the uplink. Called at most once, not after `close`, and last of all. */
  readonly lost: (error: unknown) => void;
}

/** One connection to the broker, from `connect` until it is lost or closed. */
export interface ExchangeUplink {
  /** Subscribes to channels. Resolves when the broker has confirmed all of them; from then on every message comes. */
  subscribe(channels: readonly string[]): Promise<void>;
  /** Unsubscribes from channels, in order with calls of `subscribe`. */
  unsubscribe(channels: readonly string[]): void;
  /**
   * Publishes a payload, in the order of the calls and never twice (EX12). Resolves when the broker has taken it.
   * Rejects when the broker has not, or when that is unknown. A sender that is subscribed must receive it too.
   */
  publish(channel: string, payload: Uint8Array): Promise<void>;
  /** Resolves when the broker has answered on every connection of the uplink (EX15). */
  ping(): Promise<void>;
  /**
   * Resolves when the broker has sent something on every connection of the uplink since the call: a message, a
   * confirmation or an answer. The broker is then there, although the answer to a ping is still on its way (EX15).
   * Without this method, only answers to pings count.
   */
  active?(): Promise<void>;
  /** Ends the uplink. Unconfirmed messages may be lost. */
  close(): void;
}

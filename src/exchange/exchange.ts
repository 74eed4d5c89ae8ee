/**
 * What a channel carries: what is for a namespace (and all its rooms), what is for the connections with one id, or the
 * answers to one ask.
 */
export type ChannelKind = 'namespace' | 'connection' | 'answers';

/**
 * A broker that carries messages between servers (EX1). Implement it, and `useStackExchange` takes it: the server does
 * all the rest – it connects again when a session is lost, subscribes again, keeps what waits and counts what is lost –,
 * so a session has to do one thing only: be up, or say that it is not any more.
 */
export interface StackExchange {
  /** What it is called in errors and in the status, as in `redis`. */
  readonly name: string;
  /**
   * The channel for this. Two names never share one, and none is a pattern: a name that cannot be carried so throws a
   * RangeError (EX13).
   */
  channelOf(kind: ChannelKind, name: string): string;
  /**
   * Answers to an ask may also come on a channel that is the token itself, as clients of neffos 0.0.24 servers give them.
   */
  readonly hearsBareTokens?: boolean;
  /**
   * Connects, once: resolves when it can publish and subscribe, rejects when it cannot. What it rejects with, and
   * whatever else is told to the listener, has no credentials in it.
   */
  connect(listener: ExchangeListener): Promise<ExchangeSession>;
}

/** Who is told what a session hears. */
export interface ExchangeListener {
  /** A payload has come on a channel. Those of one publisher come in the order in which they were sent. */
  readonly received: (channel: string, payload: Uint8Array) => void;
  /** The session is over: told once, not after `close`, and nothing is heard of it after that. */
  readonly lost: (error: unknown) => void;
}

/** A connection to the broker, from `connect` until it is lost or closed. */
export interface ExchangeSession {
  /** Resolves when the broker has confirmed all of these: whatever is published from then on comes. */
  subscribe(channels: readonly string[]): Promise<void>;
  /** From now on these need not be heard. In order with `subscribe`. */
  unsubscribe(channels: readonly string[]): void;
  /**
   * Resolves when the broker has taken it, in the order of the calls; rejects when it did not, or when nobody can tell.
   * It is never sent twice, and comes back to whoever has sent it and is subscribed.
   */
  publish(channel: string, payload: Uint8Array): Promise<void>;
  /** Resolves when the broker answers, on every connection that there is to it. */
  ping(): Promise<void>;
  /** Ends it. What was published and not confirmed may be lost. */
  close(): void;
}

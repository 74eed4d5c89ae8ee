/** Every bound, with its default. Sizes are bytes, times milliseconds. */
export const defaultLimits = {
  /** The largest message taken from a client; a larger one closes with 1009. */
  payload: 65_536,
  /** The most parts of one message. */
  fragments: 64,
  /** A message that has begun is whole within. */
  messageTimeout: 10_000,
  /** A client says `M` within. */
  ackTimeout: 5_000,
  /** Connections that are not open yet; whoever comes then waits, and so many may wait. */
  admission: 1_000,
  /** … for so long at most. */
  admissionTimeout: 5_000,
  /** Of an http server that `listen` starts: a request's headers are there within. */
  headersTimeout: 10_000,
  /** `onConnect` settles within, and so do, before it, `onUpgrade` and `idGenerator` together. */
  connectTimeout: 5_000,
  /** Frames, and bytes of them, that may come before a connection is open. */
  earlyFrames: 16,
  earlyBytes: 65_536,
  /** Namespaces of one connection, and rooms of it in all of them. */
  namespaces: 64,
  rooms: 128,
  /** The longest name of a room. */
  roomNameBytes: 255,
  /** Messages, and bytes of them, that wait for their turn before a socket is paused. */
  inboxMessages: 64,
  inboxBytes: 262_144,
  /** Messages of one connection that are handled at once; more come in slices, between which others have their turn. */
  framesPerTick: 64,
  /** Handlers, `onDisconnect` and visitors settle within. */
  handlerTimeout: 30_000,
  askTimeout: 10_000,
  /** Asks of one connection that may be pending. */
  asks: 1_000,
  /** Above so many bytes in its socket a connection is congested. */
  highWaterMark: 65_536,
  /** A congested connection is evicted after so long, or so much. */
  slowConsumerTimeout: 10_000,
  slowConsumerMessages: 8_192,
  slowConsumerBytes: 1_048_576,
  /** When more than this was issued and not yet given to everybody, or takes longer to be, who broadcasts is held back. */
  maxLog: 67_108_864,
  maxLogDelay: 2_000,
  /** Everybody is pinged so often, and has sent something within the timeout. */
  pingInterval: 25_000,
  pingTimeout: 10_000,
  /** A client says something within; pings do not count. 0 is no bound. */
  readTimeout: 0,
  /** What is written has left within. 0 is no bound. */
  writeTimeout: 0,
  /** The peer answers a close frame within. */
  closeTimeout: 5_000,
  /** A new connection waits for the end of a `do` at most. */
  doWaitTimeout: 30_000,
  /** The largest payload between servers. */
  exchangePayload: 1_048_576,
  /** The broker connects, confirms and answers within … */
  exchangeTimeout: 4_000,
  /** … and is pinged so often. */
  exchangeInterval: 5_000,
  /** The longest time between two attempts to get a lost broker back; the others are given twice that to be back too. */
  exchangeRetryDelay: 1_000,
  /** Bytes for other servers that may wait for the broker, or be on the way to it, and how long they may wait. */
  exchangeQueueBytes: 67_108_864,
  exchangeQueueTimeout: 30_000,
  /** A client answers what another server has asked within. */
  remoteAskTimeout: 30_000,
} as const;

export type Limits = { readonly [limit in keyof typeof defaultLimits]: number };

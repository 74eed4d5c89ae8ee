import { limitNames, limitRow } from './limitTable.js';

export { type LimitName, limitNames, limitRow } from './limitTable.js';

/** Every bound that a program can set, by name. Sizes are bytes, times milliseconds (LM2). */
export interface Limits {
  /**
   * Maximum size of a message from a client, in bytes. Default 65,536. On breach: closes with 1009 `message too big`.
   */
  readonly payload: number;
  /** Maximum number of parts of one message. Default 64. On breach: closes with 1008 `too many parts`. */
  readonly fragments: number;
  /**
   * Maximum time to complete a message, in ms. Default 10,000. On breach: closes with 1008 `message not completed in
   * time`.
   */
  readonly messageTimeout: number;
  /**
   * Maximum time for a client's first frame of the session layer, and for its `M` handshake frame, in ms. Default
   * 5,000. On breach: closes with 1008 `not acknowledged in time`.
   */
  readonly ackTimeout: number;
  /** Maximum number of connections that are not open yet. Default 1,000. On breach: queues as many upgrades again. */
  readonly admission: number;
  /**
   * Maximum number of those of one address, once a quarter of `admission` is taken. Default 32. 0 switches it off. On
   * breach: queues its further upgrades; addresses are served in turn.
   */
  readonly admissionPerAddress: number;
  /**
   * Maximum time an upgrade waits in that queue, in ms. Default 5,000. On breach: destroys the socket without an
   * answer.
   */
  readonly admissionTimeout: number;
  /**
   * Maximum time for a request's headers, on a server that `listen` starts, in ms. Default 10,000. On breach: answers
   * 408.
   */
  readonly headersTimeout: number;
  /**
   * Maximum time for `onUpgrade`, `authenticate` and `idGenerator` together, and again for `onConnect`, in ms.
   * Default 5,000. On breach: destroys the socket, or closes with 1008 `not accepted in time`.
   */
  readonly connectTimeout: number;
  /**
   * Time between the expiry of a token and the end of its connection, in ms. Default 10,000. On breach: closes with
   * 4401 `token expired`.
   */
  readonly authGrace: number;
  /**
   * Maximum number of tokens in a row that `authenticate` refuses on an open connection. Default 5. On breach: closes
   * with 1008 `too many refused tokens`, or with 4401 where another token may help.
   */
  readonly refusedTokens: number;
  /**
   * Maximum number of frames before a connection is open. Default 16. On breach: closes with 1008 `too many frames
   * before the acknowledgement`.
   */
  readonly earlyFrames: number;
  /** Maximum size of those frames together, in bytes. Default 65,536. On breach: closes with the same reason. */
  readonly earlyBytes: number;
  /** Maximum number of namespaces of one connection. Default 64. On breach: answers `too many namespaces`. */
  readonly namespaces: number;
  /**
   * Maximum number of rooms of one connection, over all namespaces. Default 128. On breach: answers `too many rooms`.
   */
  readonly rooms: number;
  /** Maximum size of a room's name, in bytes. Default 255. On breach: answers `bad room`. */
  readonly roomNameBytes: number;
  /**
   * Maximum number of messages in an inbox. Default 64. On breach: pauses reading; closes with 1008 at four times as
   * many, if a turn waits for the client.
   */
  readonly inboxMessages: number;
  /** Maximum size of the messages in an inbox, in bytes. Default 262,144. On breach: acts as `inboxMessages` does. */
  readonly inboxBytes: number;
  /**
   * Maximum number of frames of one connection handled in one tick. Default 64. On breach: the rest waits for later
   * ticks; of the session layer it is ignored.
   */
  readonly framesPerTick: number;
  /**
   * Maximum number of frames of all connections together handled in one tick. Default 4,096. On breach: the rest
   * waits for slices of background work.
   */
  readonly allFramesPerTick: number;
  /**
   * Maximum number of empty messages, invalid frames and stray answers of one client in `garbageWindow`. Default
   * 10,000. 0 switches it off. On breach: closes with 1008 `too many invalid frames`.
   */
  readonly garbageFrames: number;
  /** Time for which those messages are counted, in ms. Default 10,000. On breach: counts from 0 again. */
  readonly garbageWindow: number;
  /**
   * Maximum time for a handler, `onDisconnect` or a visitor of `do` to settle, in ms. Default 30,000. On breach:
   * reports `HandlerTimeout` and goes on.
   */
  readonly handlerTimeout: number;
  /**
   * Maximum time for the answer to an ask, unless the call says otherwise, in ms. Default 10,000. On breach: rejects
   * with `AskTimeout`.
   */
  readonly askTimeout: number;
  /**
   * Maximum number of pending asks of one connection, and of `server.ask`. Default 1,000. On breach: rejects with
   * `TooManyAsks`.
   */
  readonly asks: number;
  /**
   * Size of a socket's write queue above which a connection is congested, in bytes. Default 65,536. On breach: queues
   * by reference until the socket drains.
   */
  readonly highWaterMark: number;
  /**
   * Maximum time a connection stays congested, in ms. Default 10,000. On breach: destroys the socket, with the reason
   * 1013 `slow consumer`.
   */
  readonly slowConsumerTimeout: number;
  /**
   * Maximum number of messages published to a congested connection. Default 8,192. On breach: destroys the socket,
   * with the reason 1013 `slow consumer`.
   */
  readonly slowConsumerMessages: number;
  /**
   * Maximum size of the messages published to a congested connection, in bytes. Default 1,048,576. On breach:
   * destroys the socket, with the reason 1013 `slow consumer`.
   */
  readonly slowConsumerBytes: number;
  /**
   * Maximum size of the log of broadcasts not yet delivered, in bytes. Default 67,108,864. On breach: throttles
   * producers.
   */
  readonly maxLog: number;
  /** Maximum time by which delivery is behind, in ms. Default 2,000. On breach: throttles producers. */
  readonly maxLogDelay: number;
  /** Time between two pings of a connection, in ms. Default 25,000. On breach: sends the next ping. */
  readonly pingInterval: number;
  /**
   * Maximum time for any byte after a ping, in ms. Default 10,000. On breach: terminates with 1006 `no answer to a
   * ping`.
   */
  readonly pingTimeout: number;
  /**
   * Maximum time between two messages of a client, in ms. Default 0. 0 switches it off. On breach: closes with 1001
   * `read timeout`.
   */
  readonly readTimeout: number;
  /**
   * Maximum time for written bytes to leave, in ms. Default 0. 0 switches it off. On breach: terminates with 1006
   * `write timeout`.
   */
  readonly writeTimeout: number;
  /** Maximum time for a client to answer a close frame, in ms. Default 5,000. On breach: destroys the socket. */
  readonly closeTimeout: number;
  /**
   * Maximum time a new connection waits for the end of a `do`, in ms. Default 30,000. On breach: closes with 1013
   * `retry=1000`.
   */
  readonly doWaitTimeout: number;
  /**
   * Maximum size of a message between servers, in bytes. Default 1,048,576. On breach: drops it and counts `refused`
   * or `broken`.
   */
  readonly exchangePayload: number;
  /**
   * Maximum time for the broker to connect, confirm or answer a ping, in ms. Default 4,000. On breach: the link is
   * `degraded`.
   */
  readonly exchangeTimeout: number;
  /** Time between two pings of the broker, in ms. Default 5,000. On breach: sends the next ping. */
  readonly exchangeInterval: number;
  /** Maximum time between two attempts to reach a lost broker, in ms. Default 1,000. On breach: tries again. */
  readonly exchangeRetryDelay: number;
  /**
   * Maximum size of the messages that wait for the broker or are unconfirmed, in bytes. Default 67,108,864. On
   * breach: drops the message and counts `overflowed`.
   */
  readonly exchangeQueueBytes: number;
  /**
   * Maximum time a message waits while the broker is away, in ms. Default 30,000. On breach: drops the message and
   * counts `expired`.
   */
  readonly exchangeQueueTimeout: number;
  /** Maximum time for a client to answer another server's ask, in ms. Default 30,000. On breach: drops the ask. */
  readonly remoteAskTimeout: number;
}

/** The defaults of all limits. Sizes are bytes, times milliseconds (LM2). */
// Each limit has its default in the table.
export const defaultLimits = Object.fromEntries(
  limitNames.map((name) => [name, limitRow(name).default]),
) as unknown as Limits;

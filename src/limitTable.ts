import { bytes, count, type LimitRow, ms, optional } from './limitRow.js';

const evicts = 'destroys the socket, with the reason 1013 `slow consumer`';

/**
 * Every bound that a program can set: the one source of its default, of docs/limits.md and of the docstrings of `Limits`.
 * `npm run docs` writes both (LM2).
 */
const limitTable = {
  payload: bytes(65_536, 'Maximum size of a message from a client', 'closes with 1009 `message too big`'),
  fragments: count(64, 'Maximum number of parts of one message', 'closes with 1008 `too many parts`'),
  messageTimeout: ms(10_000, 'Maximum time to complete a message', 'closes with 1008 `message not completed in time`'),
  ackTimeout: ms(
    5_000,
    "Maximum time for a client's first frame of the session layer, and for its `M` handshake frame",
    'closes with 1008 `not acknowledged in time`',
  ),
  admission: count(1_000, 'Maximum number of connections that are not open yet', 'queues as many upgrades again'),
  admissionPerAddress: optional(
    count(
      32,
      'Maximum number of those of one address, once a quarter of `admission` is taken',
      'queues its further upgrades; addresses are served in turn',
    ),
  ),
  admissionTimeout: ms(5_000, 'Maximum time an upgrade waits in that queue', 'destroys the socket without an answer'),
  headersTimeout: ms(10_000, "Maximum time for a request's headers, on a server that `listen` starts", 'answers 408'),
  connectTimeout: ms(
    5_000,
    'Maximum time for `onUpgrade`, `authenticate` and `idGenerator` together, and again for `onConnect`',
    'destroys the socket, or closes with 1008 `not accepted in time`',
  ),
  authGrace: ms(
    10_000,
    'Time between the expiry of a token and the end of its connection',
    'closes with 4401 `token expired`',
  ),
  refusedTokens: count(
    5,
    'Maximum number of tokens in a row that `authenticate` refuses on an open connection',
    'closes with 1008 `too many refused tokens`, or with 4401 where another token may help',
  ),
  earlyFrames: count(
    16,
    'Maximum number of frames before a connection is open',
    'closes with 1008 `too many frames before the acknowledgement`',
  ),
  earlyBytes: bytes(65_536, 'Maximum size of those frames together', 'closes with the same reason'),
  namespaces: count(64, 'Maximum number of namespaces of one connection', 'answers `too many namespaces`'),
  rooms: count(128, 'Maximum number of rooms of one connection, over all namespaces', 'answers `too many rooms`'),
  roomNameBytes: bytes(255, "Maximum size of a room's name", 'answers `bad room`'),
  inboxMessages: count(
    64,
    'Maximum number of messages in an inbox',
    'pauses reading; closes with 1008 at four times as many, if a turn waits for the client',
  ),
  inboxBytes: bytes(262_144, 'Maximum size of the messages in an inbox', 'acts as `inboxMessages` does'),
  framesPerTick: count(
    64,
    'Maximum number of frames of one connection handled in one tick',
    'the rest waits for later ticks; of the session layer it is ignored',
  ),
  allFramesPerTick: count(
    4_096,
    'Maximum number of frames of all connections together handled in one tick',
    'the rest waits for slices of background work',
  ),
  garbageFrames: optional(
    count(
      10_000,
      'Maximum number of empty messages, invalid frames and stray answers of one client in `garbageWindow`',
      'closes with 1008 `too many invalid frames`',
    ),
  ),
  garbageWindow: ms(10_000, 'Time for which those messages are counted', 'counts from 0 again'),
  handlerTimeout: ms(
    30_000,
    'Maximum time for a handler, `onDisconnect` or a visitor of `do` to settle',
    'reports `HandlerTimeout` and goes on',
  ),
  askTimeout: ms(
    10_000,
    'Maximum time for the answer to an ask, unless the call says otherwise',
    'rejects with `AskTimeout`',
  ),
  asks: count(
    1_000,
    'Maximum number of pending asks of one connection, and of `server.ask`',
    'rejects with `TooManyAsks`',
  ),
  highWaterMark: bytes(
    65_536,
    "Size of a socket's write queue above which a connection is congested",
    'queues by reference until the socket drains',
  ),
  slowConsumerTimeout: ms(10_000, 'Maximum time a connection stays congested', evicts),
  slowConsumerMessages: count(8_192, 'Maximum number of messages published to a congested connection', evicts),
  slowConsumerBytes: bytes(1_048_576, 'Maximum size of the messages published to a congested connection', evicts),
  maxLog: bytes(67_108_864, 'Maximum size of the log of broadcasts not yet delivered', 'throttles producers'),
  maxLogDelay: ms(2_000, 'Maximum time by which delivery is behind', 'throttles producers'),
  pingInterval: ms(25_000, 'Time between two pings of a connection', 'sends the next ping'),
  pingTimeout: ms(10_000, 'Maximum time for any byte after a ping', 'terminates with 1006 `no answer to a ping`'),
  readTimeout: optional(ms(0, 'Maximum time between two messages of a client', 'closes with 1001 `read timeout`')),
  writeTimeout: optional(ms(0, 'Maximum time for written bytes to leave', 'terminates with 1006 `write timeout`')),
  closeTimeout: ms(5_000, 'Maximum time for a client to answer a close frame', 'destroys the socket'),
  doWaitTimeout: ms(
    30_000,
    'Maximum time a new connection waits for the end of a `do`',
    'closes with 1013 `retry=1000`',
  ),
  exchangePayload: bytes(
    1_048_576,
    'Maximum size of a message between servers',
    'drops it and counts `refused` or `broken`',
  ),
  exchangeTimeout: ms(
    4_000,
    'Maximum time for the broker to connect, confirm or answer a ping',
    'the link is `degraded`',
  ),
  exchangeInterval: ms(5_000, 'Time between two pings of the broker', 'sends the next ping'),
  exchangeRetryDelay: ms(1_000, 'Maximum time between two attempts to reach a lost broker', 'tries again'),
  exchangeQueueBytes: bytes(
    67_108_864,
    'Maximum size of the messages that wait for the broker or are unconfirmed',
    'drops the message and counts `overflowed`',
  ),
  exchangeQueueTimeout: ms(
    30_000,
    'Maximum time a message waits while the broker is away',
    'drops the message and counts `expired`',
  ),
  remoteAskTimeout: ms(30_000, "Maximum time for a client to answer another server's ask", 'drops the ask'),
} as const satisfies Readonly<Record<string, LimitRow>>;

/** The name of a limit. */
export type LimitName = keyof typeof limitTable;

/** The names of all limits, in the order of the table. */
// The keys of a literal are its own.
export const limitNames = Object.keys(limitTable) as readonly LimitName[];

/** Returns the row of a limit. */
export const limitRow = (name: LimitName): LimitRow => limitTable[name];

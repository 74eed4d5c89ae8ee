import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import type { BackgroundTasks } from '../../actors/runtime/background.js';
import type { Clock, TickCounter } from '../../actors/runtime/clock.js';
import type { FastPaths } from '../../actors/runtime/fastPaths.js';
import type { Counters } from '../../actors/telemetry/counters.js';
import { Endings } from '../../actors/transport/endings.js';
import type { UpgradedSocket } from '../../actors/transport/socket.js';
import { ClosingWebSocket } from './closingWebSocket.js';
import { type Compression, deflateExtension, keepAcceptedOffer } from './compression.js';
import { handleOutlet } from './handle.js';
import { takeReads } from './handleReads.js';
import { type Outlets, StreamOutlet } from './outlet.js';
import type { PongContext } from './pongs.js';
import { makeReadContext } from './readBudget.js';
import { ServerSocket, type SocketContext } from './serverSocket.js';
import { makeSwitch } from './switching.js';

/** The limits, subprotocols and counters of the WebSocket layer. */
interface HandshakeOptions extends Omit<PongContext, 'clock'> {
  readonly counters: Pick<Counters, 'pings' | 'pongs' | 'skippedPings' | 'lateWrites'>;
  /** Maximum size of a message, in bytes. */
  readonly payload: number;
  /** Maximum number of parts of a message. */
  readonly fragments: number;
  /** Maximum time to complete a message, in ms. */
  readonly messageTimeout: number;
  /** Subprotocols, in order of preference. */
  readonly protocols: readonly string[];
  /** Compresses what goes to clients that agree to it. `undefined`: the server agrees with none. */
  readonly compression?: Compression | undefined;
}

/** Completes the WebSocket handshake of an upgrade request. Calls `done` with the socket. */
export type Handshake = (
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  done: (socket: UpgradedSocket) => void,
) => void;

/** Answers a request that is not a valid WebSocket upgrade. */
type OnBadHandshake = (error: Error, request: IncomingMessage, socket: Duplex) => void;

/** What the sockets of one server share with its other parts. */
interface TransportContext {
  /** The source of time, timers and ticks. */
  readonly clock: Clock;
  /** Counts ticks. Each counter costs a callback in each tick. */
  readonly ticks: TickCounter;
  /** Runs work in slices. */
  readonly background: BackgroundTasks;
  /** The shortcuts that are taken. */
  readonly fastPaths: FastPaths;
}

/** Creates the handshake of a server, which turns upgrade requests into sockets. */
export type Transport = (options: HandshakeOptions, context: TransportContext, onBad: OnBadHandshake) => Handshake;

const doNothing = (): void => {};

/** Makes the outlets of one server. Those of plain TCP sockets pass Node's streams by, where that is known to be safe. */
const makeOutlets = (
  { counters }: Pick<HandshakeOptions, 'counters'>,
  { background, fastPaths }: TransportContext,
): Outlets => {
  const { gathering } = background;
  const context = { gathering, counters };
  return {
    make: (stream, listener) =>
      (fastPaths.handle ? handleOutlet(stream, listener, context) : undefined) ??
      new StreamOutlet(stream, listener, context),
    beginRead: () => void gathering.beginWork(),
    endRead: () => gathering.end(),
  };
};

/** The transport over `ws`. */
export const makeHandshake: Transport = (options, shared, onBad) => {
  const { payload, fragments, messageTimeout, protocols, slowConsumerTimeout, counters, compression } = options;
  const { clock, ticks, fastPaths } = shared;
  const server = new WebSocketServer({
    noServer: true,
    WebSocket: ClosingWebSocket,
    clientTracking: false,
    perMessageDeflate: compression !== undefined && { serverNoContextTakeover: true, clientNoContextTakeover: true },
    autoPong: false,
    maxPayload: payload,
    maxFragments: fragments,
    // The client chooses how small the pieces of a message are, and each piece costs memory here.
    maxBufferedChunks: fragments * 16,
    handleProtocols: (offered) => protocols.find((protocol) => offered.has(protocol)) ?? false,
  });
  server.on('wsClientError', (error: Error, socket: Duplex, request: IncomingMessage) => onBad(error, request, socket));
  const reading = fastPaths.ownParser ? makeReadContext(payload, ticks, shared) : undefined;
  const outlets = makeOutlets(options, shared);
  const closings = new Endings(shared);
  const context: SocketContext = {
    clock,
    ticks,
    messageTimeout,
    reading,
    closings,
    outlets,
    slowConsumerTimeout,
    counters,
    takeReads: fastPaths.handle ? takeReads : undefined,
  };
  const switchOver = fastPaths.handle ? makeSwitch(server.options, compression !== undefined) : undefined;
  return (request, socket, head, done) => {
    const switched = switchOver?.(request, socket, head);
    if (switched) return done(new ServerSocket(switched, socket, context));
    const restore = compression ? keepAcceptedOffer(request) : doNothing;
    server.handleUpgrade(request, socket, head, (ws) => {
      restore();
      const agreed = ws.extensions.includes(deflateExtension) ? compression : undefined;
      done(new ServerSocket(ws, socket, context, agreed));
    });
    return restore();
  };
};

export type { AskOptions } from './actors/api/asks.js';
export { TooManyAsks } from './actors/api/asks.js';
export type { DisconnectReason } from './actors/api/callbacks.js';
export type { ConnectionActor, StatePath, StateTag } from './actors/api/chartView.js';
export { Conn } from './actors/api/conn.js';
export type { Events, Handler, NamespaceBodies, Namespaces, Where } from './actors/api/handlers.js';
export type {
  LifecycleMessage,
  LifecycleMiddleware,
  Middleware,
  MiddlewareFactory,
  Use,
} from './actors/api/middleware.js';
export { type DeclaredNamespace, type NamespaceOptions, namespace } from './actors/api/namespace.js';
export { NSConn } from './actors/api/nsConn.js';
export { Room } from './actors/api/room.js';
export { type Except, Exclusion, exclude, type ServerFace, type ServerPressure } from './actors/api/serverFace.js';
export type { EventBodies, NoContract } from './actors/api/vocabulary.js';
export type { LinkState } from './actors/cluster/link.js';
export { ExchangeLoss, type Loss, type LostCounters } from './actors/cluster/losses.js';
export type { Exchange, ExchangeStatus } from './actors/cluster/relay.js';
export type { Machines } from './actors/context.js';
export { type RateLimitOptions, rateLimit } from './actors/middleware/rateLimit.js';
export type { Timing } from './actors/runtime/histogram.js';
export type { AuthenticationAttempt } from './actors/sessions/authenticator.js';
export { type IdFault, IdRefused, UpgradeRefused } from './actors/sessions/refusal.js';
export type { Metrics } from './actors/supervisor/metrics.js';
export type { RootActor, SupervisorMessage } from './actors/supervisor/root.js';
export type { CloseCause, Counters, Stage } from './actors/telemetry/counters.js';
export type { InspectionObserver } from './actors/telemetry/inspection.js';
export type { RecordedStep, RecorderLimits } from './actors/telemetry/recorder.js';
export type { FrameLog, FrameNote } from './actors/transport/loggedSocket.js';
export type { CompressionOptions } from './broadcast/deflater.js';
export {
  connectionConfig,
  connectionSetup,
  linkConfig,
  linkSetup,
  namespaceConfig,
  namespaceSetup,
  roomConfig,
  roomSetup,
  supervisorConfig,
  supervisorSetup,
} from './charts/builtIn.js';
export type { ChartParts } from './charts/chartParts.js';
export type { ChartSetup } from './charts/chartSetup.js';
export type { ChannelKind, ExchangeListener, ExchangeUplink, StackExchange } from './exchange/exchange.js';
export { defaultLimits, type Limits } from './limits.js';
export {
  type ConnectionContext,
  type ConnectionEvent,
  type ConnectionInput,
  connectionMachine,
} from './machines/connection.js';
export { linkMachine } from './machines/link.js';
export { type NamespaceEvent, type NamespaceOwner, namespaceMachine } from './machines/namespace.js';
export { roomMachine } from './machines/room.js';
export { supervisorMachine } from './machines/supervisor.js';
export {
  AskTimeout,
  CloseError,
  ErrBadNamespace,
  ErrBadRoom,
  ErrClosedRooms,
  ErrInvalidPayload,
  ErrNoAudience,
  ErrWrite,
  HandlerTimeout,
  Refusal,
  type RefusalOptions,
  Reply,
  registerKnownError,
  reply,
} from './protocol/errors.js';
export { InvalidPayload, type Issue } from './protocol/invalidPayload.js';
export {
  type Body,
  isSystemEvent,
  type Message,
  OnAnyEvent,
  OnNamespaceConnect,
  OnNamespaceConnected,
  OnNamespaceDisconnect,
  OnNativeMessage,
  OnRoomJoin,
  OnRoomJoined,
  OnRoomLeave,
  OnRoomLeft,
  type OutgoingMessage,
} from './protocol/message.js';
export { type DecodedFrame, decodeFrame } from './protocol/reading.js';
export type {
  ConnectionChart,
  LinkChart,
  NamespaceChart,
  OwnMachines,
  RoomChart,
  SupervisorChart,
} from './server/machineContract.js';
export type { ServerOptions } from './server/options.js';
export { Server } from './server/server.js';

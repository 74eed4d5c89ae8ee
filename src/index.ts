export type { AskOptions } from './actors/asks.js';
export { TooManyAsks } from './actors/asks.js';
export type {
  ConnectionChart,
  LinkChart,
  NamespaceChart,
  OwnMachines,
  RoomChart,
  SupervisorChart,
} from './actors/contract.js';
export type { CloseCause, Counters, Stage } from './actors/counters.js';
export type { FrameLog, FrameNote } from './actors/framelog.js';
export type { Events, Handler, NamespaceBodies, Namespaces, Where } from './actors/handlers.js';
export {
  Conn,
  type EventBodies,
  type Except,
  Exclusion,
  exclude,
  NSConn,
  Room,
  type ServerFace,
  type ServerPressure,
} from './actors/handles.js';
export type { Timing } from './actors/histogram.js';
export type { DisconnectReason } from './actors/hooks.js';
export type { Machines } from './actors/house.js';
export type { InspectionObserver } from './actors/inspection.js';
export type { LinkState } from './actors/link.js';
export { ExchangeLoss, type Loss, type LostCounters } from './actors/losses.js';
export type { Metrics } from './actors/metrics.js';
export type { RecordedStep, RecorderLimits } from './actors/recorder.js';
export type { Exchange, ExchangeStatus } from './actors/relay.js';
export type { RootActor, SupervisorMessage } from './actors/supervisor.js';
export type { ChannelKind, ExchangeListener, ExchangeSession, StackExchange } from './exchange/exchange.js';
export { defaultLimits, type Limits } from './limits.js';
export {
  type ConnectionContext,
  type ConnectionEvent,
  type ConnectionInput,
  connectionConfig,
  connectionMachine,
  connectionSetup,
} from './machines/connection.js';
export { linkConfig, linkMachine, linkSetup } from './machines/link.js';
export {
  type NamespaceEvent,
  type NamespaceOwner,
  namespaceConfig,
  namespaceMachine,
  namespaceSetup,
} from './machines/namespace.js';
export { roomConfig, roomMachine, roomSetup } from './machines/room.js';
export { supervisorConfig, supervisorMachine, supervisorSetup } from './machines/supervisor.js';
export {
  AskTimeout,
  CloseError,
  ErrBadNamespace,
  ErrBadRoom,
  ErrInvalidPayload,
  ErrNoAudience,
  ErrWrite,
  HandlerTimeout,
  Reply,
  registerKnownError,
  reply,
} from './protocol/errors.js';
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
export type { ServerOptions } from './server/options.js';
export { Server } from './server/server.js';
export { UpgradeRefused } from './server/upgrade.js';

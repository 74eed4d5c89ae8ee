export {
  AskTimeout,
  CloseError,
  ErrBadNamespace,
  ErrBadRoom,
  ErrInvalidPayload,
  ErrWrite,
  Reply,
  registerKnownError,
  reply,
} from '../protocol/errors.js';
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
} from '../protocol/message.js';
export type { ClientState } from './chart.js';
export type { ClientCounters } from './counters.js';
export { Client, NSConn, Room } from './handles.js';
export type {
  AskOptions,
  DialOptions,
  EndReason,
  Events,
  Handler,
  JoinOptions,
  Listener,
  Recovery,
  RefusedEntry,
  WebSocketClass,
  Where,
} from './options.js';

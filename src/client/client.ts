import type { ContractShape } from '../contract/definitions.js';
import type { Client } from './handles.js';
import type { DialOptions } from './options.js';
import { Runtime } from './runtime.js';
import { type NoContract, typed } from './vocabulary.js';

export {
  AskTimeout,
  CloseError,
  ErrBadNamespace,
  ErrBadRoom,
  ErrClosedRooms,
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

export { Client, NSConn, Room } from './handles.js';
export type { AskOptions } from './line/asks.js';
export type { ClientCounters } from './line/counters.js';
export type { WebSocketClass } from './line/parts.js';
export type {
  DialOptions,
  EndReason,
  Events,
  Handler,
  JoinOptions,
  Listener,
  Namespaces,
  Recovery,
  RefusedEntry,
  Where,
} from './options.js';
export type { AnyEvents, NoContract, VocabularyOf } from './vocabulary.js';

/**
 * Dials a server and returns the client at once. It connects in the background, and again whenever its line is lost
 * (CL1).
 *
 * @throws {TypeError} when the URL is none, or there is no WebSocket
 * @example
 * const client = dial('wss://example.com/live', { namespaces: { chat: { said: (ns, { body }) => show(body) } } });
 * const chat = await client.connect('chat');
 */
export const dial = <const App extends ContractShape = NoContract, Names extends string = never>(
  url: string,
  options: DialOptions<App, Names> = {},
): Client<App, Names> => typed(new Runtime(url, typed(options)).client);

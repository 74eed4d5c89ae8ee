import type { Definition, NamespaceShape } from '../../contract/definitions.js';
import type {
  AskMessage,
  AsksFrom,
  DataArguments,
  DataMessage,
  EventMessage,
  EventsFrom,
  HandlerResult,
  ReceivedAnswerOf,
  ReceivedBy,
  ReceivedOf,
  Unwritten,
} from '../../contract/sides.js';
import type { Reply } from '../../protocol/errors.js';
import type { Body, Message, OnAnyEvent, OutgoingMessage } from '../../protocol/message.js';
import type { AskOptions } from './asks.js';

/** Names nothing. In JavaScript an empty type would be taken for `any`. */
declare const none: unique symbol;

/** The contract of a server without one. */
export type NoContract = { readonly [none]?: never };

/** The bodies of the events that the server sends in a namespace, by the event's name. Default: any name and body. */
export interface EventBodies {
  /** The body of an event. */
  readonly [event: string]: Body;
}

/** A map of bodies, or any name and body where it is none. */
type BodiesOr<Bodies> = Bodies extends { readonly [Event in keyof Bodies]: Body } ? Bodies : EventBodies;

/**
 * What the server may say in a namespace: that of the contract, or the bodies of its events. Handles have it as their
 * first type parameter.
 */
export type VocabularyOf<Sent, App, Name> = Name extends keyof App
  ? App[Name]
  : Name extends keyof Sent
    ? BodiesOr<Sent[Name]>
    : EventBodies;

/** The names of the events that the server may send. */
export type EventName<V> = V extends NamespaceShape ? EventsFrom<V, 'server'> : keyof V & string;
/** The names of the asks that the server may make. */
export type AskName<V> = V extends NamespaceShape ? AsksFrom<V, 'server'> : keyof V & string;
// The conditions are on V first, so that a handle of some bodies is one of any.

/** The arguments after an event's name: its data or its body, and `Rest`. */
export type Payload<V, Event extends keyof V, Rest extends readonly unknown[] = []> = V extends NamespaceShape
  ? DataArguments<V[Event], Rest>
  : [body?: V[Event] | '', ...rest: Rest];
/** What an ask resolves with: the data of the answer, or its message where there is no contract. */
export type AnswerTo<V, Event extends keyof V> = V extends NamespaceShape ? ReceivedAnswerOf<V[Event]> : Message;
/** A message that the server may send in a namespace. The handle fills in the namespace. */
export type MessageIn<V> = V extends NamespaceShape
  ? EventMessage<V, 'server', string, 'inNamespace'>
  : OutgoingMessage;

/** A message without a contract. Data would be a mistake. */
type PlainMessage = OutgoingMessage & { readonly data?: never };

/** A message that the server may send to a namespace of this name. */
export type MessageTo<App, Name extends string> = { readonly namespace?: Name } & (Name extends keyof App
  ? App[Name] extends NamespaceShape
    ? EventMessage<App[Name], 'server', Name>
    : never
  : PlainMessage);

/** An ask that the server may make of a namespace of this name. */
export type AskTo<App, Name extends string, Event extends string> = {
  readonly namespace?: Name;
  readonly event?: Event;
} & (Name extends keyof App
  ? App[Name] extends NamespaceShape
    ? AskMessage<App[Name], 'server', Name>
    : never
  : PlainMessage);

/** What an ask of a namespace resolves with. */
export type AnswerFrom<App, Name extends string, Event extends string> = Name extends keyof App
  ? Event extends keyof App[Name]
    ? App[Name][Event] extends Definition
      ? ReceivedAnswerOf<App[Name][Event]>
      : never
    : never
  : Message;

/** A message to send as plain JavaScript may pass it: with a body, or with the data of a contract. */
export type AnyOutgoing =
  | OutgoingMessage
  | {
      readonly namespace?: string;
      readonly room?: string;
      readonly to?: string;
      readonly event: string;
      readonly data?: unknown;
    };

/** The names that a handler of a namespace may have. */
export type HandlerName<App, Name> = Name extends keyof App
  ? App[Name] extends NamespaceShape
    ? ReceivedBy<App[Name], 'server'> | Unwritten
    : never
  : string;

/**
 * Where the names of the namespaces are not known, the handlers of a contract stand under any name too. It has no call
 * signature, so that it does not type the parameters of the others.
 */
export type HandlerOfAnyName<App, Name> = string extends Name
  ? [keyof App & string] extends [never]
    ? never
    : CallableFunction
  : never;

/** The definition of an event, or `undefined` where there is none. */
type DefinitionOf<App, Name, Event> = Name extends keyof App
  ? Event extends keyof App[Name]
    ? App[Name][Event] extends Definition
      ? App[Name][Event]
      : undefined
    : undefined
  : undefined;

/** The message that a handler receives. `OnAnyEvent` receives one of any event. */
export type MessageOf<App, Name, Event> =
  DefinitionOf<App, Name, Event> extends infer D extends Definition
    ? DataMessage<Event & string, ReceivedOf<D>, Name & string>
    : Name extends keyof App
      ? Event extends typeof OnAnyEvent
        ? DataMessage<string, unknown, Name & string>
        : Message
      : Message;

/** What a handler returns. */
export type ResultOf<App, Name, Event> =
  DefinitionOf<App, Name, Event> extends infer D extends Definition
    ? HandlerResult<D>
    : Name extends keyof App
      ? Event extends typeof OnAnyEvent
        ? unknown
        : void | Reply | Promise<void | Reply>
      : void | Reply | Promise<void | Reply>;

/** How long a caller waits for the answer to an ask. It follows the data. */
export type AskRest = [options?: AskOptions];

/**
 * Returns a value under the type that the program has given its server. Below the handles nothing looks at these types.
 */
export const typed = <T>(untyped: unknown): T => untyped as T;

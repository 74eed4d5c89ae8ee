import type { Definition, NamespaceShape } from '../contract/definitions.js';
import type {
  AsksFrom,
  DataArguments,
  DataHandlers,
  DataMessage,
  EventsFrom,
  HandlerResult,
  ReceivedAnswerOf,
  ReceivedOf,
  Unwritten,
} from '../contract/sides.js';
import type { Reply } from '../protocol/errors.js';
import type { Body, Message, OnAnyEvent } from '../protocol/message.js';

/** The contract of a client without one. */
export type NoContract = Readonly<Record<never, never>>;

/** What is said in a namespace without a contract: any event, with any body. */
export interface AnyEvents {
  /** The body of an event. */
  readonly [event: string]: Body;
}

/** What is said in a namespace: that of the contract, or any event. Handles have it as their type parameter. */
export type VocabularyOf<App, Name> = Name extends keyof App ? App[Name] : AnyEvents;

/** The names of the namespaces of a client: those of its contract and of its handlers, or any where it has no contract. */
export type NamespaceName<App, Names extends string> = [keyof App] extends [never]
  ? string
  : (keyof App & string) | Names;

/** The names of the events that a client may send. */
export type EventName<V> = V extends NamespaceShape ? EventsFrom<V, 'client'> : string;
/** The names of the asks that a client may make. */
export type AskName<V> = V extends NamespaceShape ? AsksFrom<V, 'client'> : string;

/** The definition of an event, or `undefined` where there is none. */
type DefinitionOf<V, Event> = V extends NamespaceShape
  ? Event extends keyof V
    ? V[Event] extends Definition
      ? V[Event]
      : undefined
    : undefined
  : undefined;

/** The arguments after an event's name: its data or its body, and `Rest`. */
export type Payload<V, Event, Rest extends readonly unknown[] = []> =
  DefinitionOf<V, Event> extends infer D extends Definition ? DataArguments<D, Rest> : [body?: Body, ...rest: Rest];
/** What an ask resolves with: the data of the answer, or its message where there is no contract. */
export type AnswerTo<V, Event> =
  DefinitionOf<V, Event> extends infer D extends Definition ? ReceivedAnswerOf<D> : Message;

/** The names of the events that a client can handle. */
export type HandlerName<V> = V extends NamespaceShape
  ? (keyof DataHandlers<V, 'client', unknown> & string) | Unwritten
  : string;
/** The message that a handler receives. `OnAnyEvent` receives one of any event. */
export type MessageOf<V, Event> =
  DefinitionOf<V, Event> extends infer D extends Definition
    ? DataMessage<Event & string, ReceivedOf<D>>
    : V extends NamespaceShape
      ? Event extends typeof OnAnyEvent
        ? DataMessage
        : Message
      : Message;
/** What a handler returns: the answer to an ask, by the contract or as `reply(body)`, else nothing. */
export type ResultOf<V, Event> =
  DefinitionOf<V, Event> extends infer D extends Definition ? HandlerResult<D> : void | Reply | Promise<void | Reply>;

/**
 * Returns a value under the type that the program's contract gives it. Below the handles nothing looks at these types.
 */
export const typed = <T>(untyped: unknown): T => untyped as T;

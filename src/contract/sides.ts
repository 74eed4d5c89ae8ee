import type { StandardSchemaV1 } from '@standard-schema/spec';
import type {
  Message,
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
import type { AskDefinition, Definition, NamespaceShape, Side } from './definitions.js';
import type { Schema } from './schema.js';

/** The events of a namespace with a contract that are no part of it. */
export type Unwritten =
  | typeof OnAnyEvent
  | typeof OnNamespaceConnect
  | typeof OnNamespaceConnected
  | typeof OnNamespaceDisconnect
  | typeof OnNativeMessage
  | typeof OnRoomJoin
  | typeof OnRoomJoined
  | typeof OnRoomLeave
  | typeof OnRoomLeft;

/** The other end of a connection. */
type OtherSide<S extends Side> = S extends 'client' ? 'server' : 'client';

/** Whether a side may send what is defined. */
type MaySend<D extends Definition, S extends Side> = D['from'] extends S | 'both' ? true : false;

/** The names of the events that a side may send in a namespace (CT3). */
export type EventsFrom<N extends NamespaceShape, S extends Side> = {
  [E in keyof N & string]: N[E] extends AskDefinition ? never : MaySend<N[E], S> extends true ? E : never;
}[keyof N & string];

/** The names of the asks that a side may make in a namespace (CT3). */
export type AsksFrom<N extends NamespaceShape, S extends Side> = {
  [E in keyof N & string]: N[E] extends AskDefinition ? (MaySend<N[E], S> extends true ? E : never) : never;
}[keyof N & string];

/** The data that a side sends: the input of its schema. */
export type DataOf<D extends Definition> = StandardSchemaV1.InferInput<D['schema']>;
/** The data that a handler receives: the output of its schema. */
export type ReceivedOf<D extends Definition> = StandardSchemaV1.InferOutput<D['schema']>;
/** What a handler of an ask returns: the input of the answer's schema. */
export type AnswerOf<D extends Definition> =
  D extends AskDefinition<Schema, infer A extends Schema> ? StandardSchemaV1.InferInput<A> : never;
/** What an ask resolves with: the output of the answer's schema. */
export type ReceivedAnswerOf<D extends Definition> =
  D extends AskDefinition<Schema, infer A extends Schema> ? StandardSchemaV1.InferOutput<A> : never;

/** The arguments after an event's name: its data, which may be left out where it may be `undefined`, and `Rest`. */
export type DataArguments<D extends Definition, Rest extends readonly unknown[] = []> =
  undefined extends DataOf<D> ? [data?: DataOf<D>, ...rest: Rest] : [data: DataOf<D>, ...rest: Rest];

/** A received message of a namespace with a contract: it has `data` in place of a body (CT4). */
export interface DataMessage<Event extends string = string, Data = unknown, Namespace extends string = string>
  extends Omit<Message, 'namespace' | 'event' | 'body' | 'json' | 'err'> {
  /** Namespace of the message. */
  readonly namespace: Namespace;
  /** Name of the event. */
  readonly event: Event;
  /** Data: the output of the event's schema. */
  readonly data: Data;
}

/** What a handler returns: the answer to an ask, at once or by a promise, else nothing. */
export type HandlerResult<D extends Definition> = D extends AskDefinition
  ? AnswerOf<D> | Promise<AnswerOf<D>>
  : void | Promise<void>;

/** The names of the events and asks that a side may receive in a namespace (CT3). */
export type ReceivedBy<N extends NamespaceShape, S extends Side> = {
  [E in keyof N & string]: MaySend<N[E], OtherSide<S>> extends true ? E : never;
}[keyof N & string];

/** The handlers of a side: of the events and asks that the other side may send, by name (CT3). */
export type DataHandlers<N extends NamespaceShape, S extends Side, Ns, Namespace extends string = string> = {
  readonly [E in ReceivedBy<N, S>]?: (
    ns: Ns,
    message: DataMessage<E, ReceivedOf<N[E]>, Namespace>,
  ) => HandlerResult<N[E]>;
};

/** Address of a message to send: of any namespace, or of one that a handle fills in. */
type Namespaced<Namespace extends string, Where extends 'anywhere' | 'inNamespace'> = Where extends 'anywhere'
  ? { readonly namespace: Namespace }
  : { readonly namespace?: Namespace };

/** The other members of that address. */
interface Addressed {
  /** Room of the audience. Default: the whole namespace. */
  readonly room?: string;
  /** Id of the only connections that receive the message (BC1). */
  readonly to?: string;
}

/** The member that carries the data of a message. It may be left out where it may be `undefined`. */
type DataMember<D extends Definition> =
  undefined extends DataOf<D> ? { readonly data?: DataOf<D> } : { readonly data: DataOf<D> };

/** The messages that a side may send in a namespace with a contract, as objects: an event with its data. */
export type EventMessage<
  N extends NamespaceShape,
  S extends Side,
  Namespace extends string,
  Where extends 'anywhere' | 'inNamespace' = 'anywhere',
> = {
  [E in EventsFrom<N, S>]: Namespaced<Namespace, Where> & Addressed & { readonly event: E } & DataMember<N[E]>;
}[EventsFrom<N, S>];

/** The asks that a side may make in a namespace with a contract, as objects: an event with its data. */
export type AskMessage<N extends NamespaceShape, S extends Side, Namespace extends string> = {
  [E in AsksFrom<N, S>]: Namespaced<Namespace, 'anywhere'> & Addressed & { readonly event: E } & DataMember<N[E]>;
}[AsksFrom<N, S>];

import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { Message } from '../protocol/message.js';
import type { AskDefinition, Definition, NamespaceShape, Side } from './definitions.js';
import type { Schema } from './schema.js';

/** The other end of a connection. */
export type OtherSide<S extends Side> = S extends 'client' ? 'server' : 'client';

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
export interface DataMessage<Event extends string = string, Data = unknown>
  extends Omit<Message, 'event' | 'body' | 'json' | 'err'> {
  /** Name of the event. */
  readonly event: Event;
  /** Data: the output of the event's schema. */
  readonly data: Data;
}

/** What a handler returns: the answer to an ask, at once or by a promise, else nothing. */
export type HandlerResult<D extends Definition> = D extends AskDefinition
  ? AnswerOf<D> | Promise<AnswerOf<D>>
  : void | Promise<void>;

/** The handlers of a side: of the events and asks that the other side may send, by name (CT3). */
export type DataHandlers<N extends NamespaceShape, S extends Side, Ns> = {
  readonly [E in keyof N & string as MaySend<N[E], OtherSide<S>> extends true ? E : never]?: (
    ns: Ns,
    message: DataMessage<E, ReceivedOf<N[E]>>,
  ) => HandlerResult<N[E]>;
};

/** Address of a message to send. */
interface Addressed<Namespace extends string> {
  /** Namespace of the audience. */
  readonly namespace: Namespace;
  /** Room of the audience. Default: the whole namespace. */
  readonly room?: string;
  /** Id of the only connections that receive the message (BC1). */
  readonly to?: string;
}

/** The member that carries the data of a message. It may be left out where it may be `undefined`. */
type DataMember<D extends Definition> =
  undefined extends DataOf<D> ? { readonly data?: DataOf<D> } : { readonly data: DataOf<D> };

/** The messages that a side may send in a namespace with a contract, as objects: an event with its data. */
export type EventMessage<N extends NamespaceShape, S extends Side, Namespace extends string> = {
  [E in EventsFrom<N, S>]: Addressed<Namespace> & { readonly event: E } & DataMember<N[E]>;
}[EventsFrom<N, S>];

/** The asks that a side may make in a namespace with a contract, as objects: an event with its data. */
export type AskMessage<N extends NamespaceShape, S extends Side, Namespace extends string> = {
  [E in AsksFrom<N, S>]: Addressed<Namespace> & { readonly event: E } & DataMember<N[E]>;
}[AsksFrom<N, S>];

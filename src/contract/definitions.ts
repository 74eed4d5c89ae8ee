import type { Schema } from './schema.js';

/** An end of a connection. */
export type Side = 'client' | 'server';

/** An event of a contract: data that needs no answer. */
export interface EventDefinition<S extends Schema = Schema, From extends Side | 'both' = Side | 'both'> {
  /** The side that may send it. */
  readonly from: From;
  /** The schema of its data. */
  readonly schema: S;
  /** An event has no answer. */
  readonly answer?: undefined;
}

/** An ask of a contract: data, and the answer of the other side. */
export interface AskDefinition<S extends Schema = Schema, A extends Schema = Schema, From extends Side = Side> {
  /** The side that asks. */
  readonly from: From;
  /** The schema of its data. */
  readonly schema: S;
  /** The schema of its answer. */
  readonly answer: A;
}

/** One event or ask of a contract. */
export type Definition = EventDefinition | AskDefinition;

/** The events and asks of a namespace, by name. */
export interface NamespaceShape {
  /** An event or an ask. */
  readonly [event: string]: Definition;
}

/** The namespaces of a contract, by name. */
export interface ContractShape {
  /** The events and asks of a namespace. */
  readonly [namespace: string]: NamespaceShape;
}

const nameOfType = (value: unknown): string => (value === null ? 'null' : typeof value);

const isSchema = (value: unknown): boolean =>
  // A schema of ArkType is a function.
  value !== null && (typeof value === 'object' || typeof value === 'function') && '~standard' in value;

const checked = <S extends Schema>(schema: S): S => {
  if (isSchema(schema)) return schema;
  throw new TypeError(
    `a schema is a Standard Schema (of Zod, Valibot, ArkType …) or bytes(), got ${nameOfType(schema)}`,
  );
};

/**
 * Defines an event that both sides may send (CT1).
 * @throws {TypeError} when `schema` is no Standard Schema.
 * @example contract({ board: { edit: event(z.object({ task: z.string() })) } });
 */
export const event = <S extends Schema>(schema: S): EventDefinition<S, 'both'> => ({
  from: 'both',
  schema: checked(schema),
});

/**
 * Defines an event that only clients may send (CT1).
 * @throws {TypeError} when `schema` is no Standard Schema.
 * @example contract({ board: { seen: fromClient(z.string()) } });
 */
export const fromClient = <S extends Schema>(schema: S): EventDefinition<S, 'client'> => ({
  from: 'client',
  schema: checked(schema),
});

/**
 * Defines an event that only the server may send (CT1).
 * @throws {TypeError} when `schema` is no Standard Schema.
 * @example contract({ board: { edited: fromServer(z.string()) } });
 */
export const fromServer = <S extends Schema>(schema: S): EventDefinition<S, 'server'> => ({
  from: 'server',
  schema: checked(schema),
});

/**
 * Defines an ask that clients make and the server answers (CT1).
 * @throws {TypeError} when a schema is no Standard Schema.
 * @example contract({ board: { stats: ask(z.void(), z.object({ open: z.number() })) } });
 */
export const ask = <S extends Schema, A extends Schema>(schema: S, answer: A): AskDefinition<S, A, 'client'> => ({
  from: 'client',
  schema: checked(schema),
  answer: checked(answer),
});

/**
 * Defines an ask that the server makes and a client answers (CT1).
 * @throws {TypeError} when a schema is no Standard Schema.
 * @example contract({ board: { confirm: askClient(z.string(), z.boolean()) } });
 */
export const askClient = <S extends Schema, A extends Schema>(schema: S, answer: A): AskDefinition<S, A, 'server'> => ({
  from: 'server',
  schema: checked(schema),
  answer: checked(answer),
});

/** The definitions of one namespace, by the event's name. */
export type Definitions = ReadonlyMap<string, Definition>;

/** Maximum size of a name, in bytes. */
const maxName = 255;
const utf8 = new TextEncoder();

const entriesOf = <T>(what: string, value: Readonly<Record<string, T>>): [string, T][] => {
  if (typeof value === 'object' && value !== null) return Object.entries(value);
  throw new TypeError(`${what} is an object, got ${nameOfType(value)}`);
};

const checkName = (name: string): void => {
  if (!name.startsWith('_On') && utf8.encode(name).length <= maxName) return;
  throw new TypeError(`a name has at most ${maxName} bytes and does not begin with _On, got "${name}"`);
};

const isDefinition = (value: Definition): boolean =>
  Boolean(value) &&
  /^(client|server|both)$/.test(value.from) &&
  isSchema(value.schema) &&
  (value.answer === undefined || isSchema(value.answer));

const checkDefinition = (event: string, definition: Definition): void => {
  checkName(event);
  if (event === '') throw new TypeError('an event has a name, got ""');
  if (isDefinition(definition)) return;
  throw new TypeError(
    `"${event}" is event, fromClient or fromServer(schema), ask or askClient(schema, answer), got ${nameOfType(definition)}`,
  );
};

/**
 * Returns the definitions of a contract by namespace and event. Server and client look events up in them.
 * @throws {TypeError} when the contract is malformed, as `contract` says.
 */
export const definitionsOf = (shape: ContractShape): ReadonlyMap<string, Definitions> =>
  new Map(
    entriesOf('a contract', shape).map(([namespace, events]) => {
      checkName(namespace);
      const definitions = new Map(entriesOf(`namespace "${namespace}"`, events));
      for (const [name, definition] of definitions) checkDefinition(name, definition);
      return [namespace, definitions];
    }),
  );

/** Returns whether a side may send an event or ask. */
export const maySend = ({ from }: Definition, side: Side): boolean => from === 'both' || from === side;

/**
 * Checks and returns the events and asks of each namespace, for both ends (CT1). The namespace `''` is the empty one.
 * @throws {TypeError} when a name begins with `_On` or has over 255 bytes, an event has no name, or a value is no
 * definition.
 * @example export const app = contract({ board: { edited: fromServer(z.string()) } });
 */
export const contract = <const Shape extends ContractShape>(shape: Shape): Shape => {
  definitionsOf(shape);
  return shape;
};

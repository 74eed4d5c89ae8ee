import { type Definition, type Definitions, maySend } from '../contract/definitions.js';
import { encodeBody } from '../contract/schema.js';
import { type Body, isSystemEvent } from '../protocol/message.js';

const nameOfType = (value: unknown): string => (value === null ? 'null' : typeof value);

/** Returns the definition that allows a client to send an event or ask. */
const definitionOf = (definitions: Definitions, event: string, isAsk: boolean): Definition => {
  const definition = definitions.get(event);
  if (definition && maySend(definition, 'client') && Boolean(definition.answer) === isAsk) return definition;
  throw new TypeError(`the contract lets no client ${isAsk ? 'ask' : 'emit'} "${event}"`);
};

/**
 * Returns the body of an outgoing event or ask: its data by the contract of its namespace, or the body itself.
 *
 * @throws {TypeError} when the event has no name or is a lifecycle event, the contract does not allow it, or the body
 * is of a wrong type
 */
export const bodyOf = (definitions: Definitions | undefined, event: string, data: unknown, isAsk: boolean): Body => {
  if (typeof event !== 'string' || event === '' || isSystemEvent(event)) {
    throw new TypeError(`an event has a name of its own, got ${String(event)}`);
  }
  if (definitions) return encodeBody(definitionOf(definitions, event, isAsk).schema, data);
  if (data === undefined) return '';
  if (typeof data === 'string' || data instanceof Uint8Array) return data;
  throw new TypeError(`a body is a string or a Uint8Array, got ${nameOfType(data)}; a contract lets it be JSON`);
};

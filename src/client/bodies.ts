import type { ContractShape, Definition } from '../contract/definitions.js';
import { maySend } from '../contract/definitions.js';
import { encodeBody } from '../contract/schema.js';
import { type Body, isSystemEvent } from '../protocol/message.js';

/** Returns the definition of an event, if it has one. */
export const definitionOf = (contract: ContractShape, namespace: string, event: string): Definition | undefined => {
  const events = Object.hasOwn(contract, namespace) ? contract[namespace] : undefined;
  return events && Object.hasOwn(events, event) ? events[event] : undefined;
};

/**
 * Returns the body of an outgoing event or ask: its data by the contract of its namespace, or the body itself.
 *
 * @throws {TypeError} when the event has no name or is a lifecycle event, the contract does not allow it, or the body
 * is of a wrong type
 */
export const bodyOf = (
  contract: ContractShape,
  namespace: string,
  event: string,
  data: unknown,
  isAsk: boolean,
): Body => {
  if (typeof event !== 'string' || event === '' || isSystemEvent(event)) {
    throw new TypeError(`an event has a name of its own, got ${String(event)}`);
  }
  if (Object.hasOwn(contract, namespace)) {
    const definition = definitionOf(contract, namespace, event);
    if (definition && maySend(definition, 'client') && Boolean(definition.answer) === isAsk) {
      return encodeBody(definition.schema, data);
    }
    throw new TypeError(`the contract lets no client ${isAsk ? 'ask' : 'emit'} "${event}"`);
  }
  const body = data ?? '';
  if (typeof body === 'string' || body instanceof Uint8Array) return body;
  throw new TypeError(`a body is a string or a Uint8Array, got ${typeof data}; a contract makes it JSON`);
};

export { InvalidPayload, type Issue } from '../protocol/invalidPayload.js';
export {
  type AskDefinition,
  ask,
  askClient,
  type ContractShape,
  contract,
  type Definition,
  type EventDefinition,
  event,
  fromClient,
  fromServer,
  type NamespaceShape,
  type Side,
} from './definitions.js';
export { type BytesSchema, bytes, type Schema } from './schema.js';
export type {
  AnswerOf,
  AskMessage,
  AsksFrom,
  DataArguments,
  DataHandlers,
  DataMessage,
  DataOf,
  EventMessage,
  EventsFrom,
  HandlerResult,
  ReceivedAnswerOf,
  ReceivedOf,
} from './sides.js';

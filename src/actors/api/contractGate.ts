import {
  type ContractShape,
  type Definition,
  type Definitions,
  definitionsOf,
  maySend,
} from '../../contract/definitions.js';
import { type Decoded, decodeBody, encodeBody, type Schema } from '../../contract/schema.js';
import type { DataMessage } from '../../contract/sides.js';
import type { Frame } from '../../protocol/codec.js';
import { InvalidPayload, type Issue } from '../../protocol/invalidPayload.js';
import type { Body, Message, OutgoingMessage } from '../../protocol/message.js';
import type { Outcome } from './handlers.js';
import type { AnyOutgoing } from './vocabulary.js';

/** A received message with data. It is a class so that all messages share one hidden class. */
export class ReceivedData implements DataMessage {
  /** Always false: only lifecycle events can be forced. */
  readonly isForced = false;
  /** Always false: only lifecycle events can be local. */
  readonly isLocal = false;
  /** Always false: a native message has no contract. */
  readonly isNative = false;
  /** Namespace of the message. */
  readonly namespace: string;
  /** Room of the message, or `''`. */
  readonly room: string;
  /** Name of the event. */
  readonly event: string;
  /** Whether the message arrived as a binary frame. */
  readonly setBinary: boolean;

  /** Creates a message from a frame and its validated data. */
  constructor(
    { namespace, room, event, isBinary }: Frame,
    /** Data: the output of the event's schema. */
    readonly data: unknown,
  ) {
    this.namespace = namespace;
    this.room = room;
    this.event = event;
    this.setBinary = isBinary;
  }
}

const listed = (names: readonly string[]): string => names.map((name) => `"${name}"`).join(', ') || 'none';

const placeOf = ({ path = [] }: Issue): string =>
  path.map((part) => String(typeof part === 'object' ? part.key : part)).join('.');

/** Returns the error for data of the program that does not fit its schema. It tells the issues. */
const misfit = (namespace: string, event: string, cause: InvalidPayload): TypeError => {
  const issues = cause.issues.map((issue) => `${placeOf(issue) || 'data'}: ${issue.message}`).join('; ');
  return new TypeError(`the data of "${namespace}".${event} does not fit its schema: ${issues}`, { cause });
};

/** What a gate needs of its server. */
export interface GateHost {
  /** Reports data that an asynchronous schema has refused after it was sent. */
  report(error: unknown, namespace: string, event: string): void;
  /** Counts an answer that its schema has refused. */
  countInvalid(): void;
  /** Resolves with validated data, or as failed once the validation takes too long. */
  within(decoding: Promise<Decoded>): Promise<Decoded>;
}

/** Decides, by the contract, what a server sends and what reaches its handlers. Encodes and validates data. */
export class ContractGate {
  readonly #namespaces: ReadonlyMap<string, Definitions>;

  /** @throws {TypeError} when the contract is malformed (CT1) */
  constructor(
    private readonly contract: ContractShape,
    /** Whether data that the program sends is validated too (CT13). */
    private readonly isChecking: boolean,
    private readonly host: GateHost,
  ) {
    this.#namespaces = definitionsOf(contract);
  }

  /** The names of the namespaces that have a contract. */
  get namespaces(): string[] {
    return [...this.#namespaces.keys()];
  }

  /** Returns whether a value is this namespace of the contract. */
  isShapeOf(namespace: string, shape: unknown): boolean {
    return this.#namespaces.has(namespace) && this.contract[namespace] === shape;
  }

  /** Returns the definitions of a namespace, if it has a contract. */
  definitionsOf(namespace: string): Definitions | undefined {
    return this.#namespaces.get(namespace);
  }

  /**
   * Returns the message to encode: with the body for its data, or the same message where there is no contract (CT12).
   * @throws {TypeError} when the contract does not allow the server to send it, or its data cannot be encoded.
   */
  outgoing(message: AnyOutgoing, kind: 'event' | 'ask'): OutgoingMessage {
    const namespace = message?.namespace ?? '';
    const definitions = this.#namespaces.get(namespace);
    // A native message has no event, so no contract describes it.
    if (!definitions || ('isNative' in message && message.isNative)) return message;
    const { event = '', room, to } = message;
    const definition = definitions.get(event);
    if (!definition || !isSent(definition, kind)) throw this.#notSent(namespace, event, kind, definitions);
    if (('body' in message && message.body !== undefined) || ('err' in message && message.err !== undefined)) {
      throw new TypeError(`"${namespace}".${event} has a contract: it takes data, and neither body nor err`);
    }
    const body = this.encode(definition.schema, 'data' in message ? message.data : undefined, namespace, event);
    return { namespace, event, body, ...(room !== undefined && { room }), ...(to !== undefined && { to }) };
  }

  /**
   * Returns the body for data. With `checkOutgoing` it validates the data first, and without it data that is left out.
   * @throws {TypeError} when the data cannot be encoded, or does not fit a synchronous schema.
   */
  encode(schema: Schema, data: unknown, namespace: string, event: string): Body {
    const body = encodeBody(schema, data);
    // Data that is left out, or that JSON cannot carry, would arrive as `undefined`.
    if (!this.isChecking && body !== '') return body;
    const decoded = decodeBody(schema, body);
    if (decoded instanceof Promise) {
      // The message cannot wait: it would lose its place in the order of the program's calls.
      void decoded.then((late) => {
        if (late.kind !== 'data') this.host.report(faultOf(late, namespace, event), namespace, event);
      });
    } else if (decoded.kind !== 'data') {
      throw faultOf(decoded, namespace, event);
    }
    return body;
  }

  /** Returns the definition of a received event if a client may send it, as an ask or not as this one was (CT10). */
  admitted(definitions: Definitions, { event, wait }: Frame): Definition | undefined {
    const definition = definitions.get(event);
    if (!definition || !maySend(definition, 'client')) return undefined;
    return isAsk(definition) === (wait !== '') ? definition : undefined;
  }

  /** Returns the outcome of a handler with its result as the answer to an ask (CT11). Never throws. */
  answer(definition: Definition, { namespace, event }: Frame, outcome: Outcome): Outcome {
    if (outcome.kind === 'error' || outcome.kind === 'stopped') return outcome;
    if (outcome.kind === 'reply') {
      const error = new TypeError(`a handler of "${namespace}".${event} returns its data, and no reply(body)`);
      return { kind: 'error', error };
    }
    if (definition.answer === undefined) return outcome;
    try {
      return { kind: 'reply', body: this.encode(definition.answer, outcome.ignored, namespace, event) };
    } catch (error) {
      return { kind: 'error', error };
    }
  }

  /** Returns the validated data of a received frame. An error of the peer is no data. */
  decode(schema: Schema, { isError, body }: Frame): Decoded | Promise<Decoded> {
    if (isError && body.length > 0) {
      return { kind: 'invalid', error: new InvalidPayload([{ message: 'an error in place of data' }]) };
    }
    return decodeBody(schema, body);
  }

  /**
   * Resolves with the validated data of the answer to an ask, or with the message itself where there is no contract.
   * Rejects with an `InvalidPayload` if the schema refuses it (CT11).
   */
  received({ namespace = '', event = '' }: OutgoingMessage, answer: Promise<Message>): Promise<unknown> {
    const schema = this.#namespaces.get(namespace)?.get(event)?.answer;
    return schema ? this.#dataOf(schema, answer) : answer;
  }

  async #dataOf(schema: Schema, answer: Promise<Message>): Promise<unknown> {
    const { body } = await answer;
    const decoding = decodeBody(schema, body);
    const decoded = decoding instanceof Promise ? await this.host.within(decoding) : decoding;
    if (decoded.kind === 'data') return decoded.data;
    if (decoded.kind === 'invalid') this.host.countInvalid();
    throw decoded.error;
  }

  #notSent(namespace: string, event: string, kind: 'event' | 'ask', definitions: Definitions): TypeError {
    const sent = [...definitions].filter(([, definition]) => isSent(definition, kind)).map(([name]) => name);
    const what = kind === 'ask' ? 'asks' : 'events';
    return new TypeError(
      `the contract has no ${kind} "${namespace}".${event} from the server; the ${what} from it are ${listed(sent)}`,
    );
  }
}

const isAsk = ({ answer }: Definition): boolean => answer !== undefined;

const isSent = (definition: Definition, kind: 'event' | 'ask'): boolean =>
  maySend(definition, 'server') && isAsk(definition) === (kind === 'ask');

const faultOf = (decoded: Exclude<Decoded, { readonly kind: 'data' }>, namespace: string, event: string): unknown =>
  decoded.kind === 'invalid' ? misfit(namespace, event, decoded.error) : decoded.error;

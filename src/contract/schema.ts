import type { StandardSchemaV1 } from '@standard-schema/spec';
import { InvalidPayload, type Issue } from '../protocol/invalidPayload.js';
import { parseJson } from '../protocol/json.js';
import type { Body } from '../protocol/message.js';

/** A Standard Schema: of Zod, Valibot, ArkType, or of any other library that implements it (CT2). */
export type Schema<Input = unknown, Output = Input> = StandardSchemaV1<Input, Output>;

/** The schema of bodies that are bytes. They go as binary frames. Made by `bytes()`. */
export interface BytesSchema extends Schema<Uint8Array> {
  /** Tells that bodies are bytes, and no JSON. */
  readonly isBytes: true;
}

const bytesSchema: BytesSchema = {
  isBytes: true,
  '~standard': {
    version: 1,
    vendor: 'musterjs',
    validate: (value) => (value instanceof Uint8Array ? { value } : { issues: [{ message: 'no Uint8Array' }] }),
  },
};

/**
 * Returns the schema of bodies that are bytes, sent as binary frames (CT5).
 * @example contract({ board: { thumb: fromServer(bytes()) } });
 */
export const bytes = (): BytesSchema => bytesSchema;

/** Returns whether the bodies of a schema are bytes, and no JSON. */
const isBytes = (schema: Schema): boolean => 'isBytes' in schema;

/** The outcome of decoding a body. */
export type Decoded =
  /** The output of the schema. */
  | { readonly kind: 'data'; readonly data: unknown }
  /** The peer has sent what the schema does not allow. */
  | { readonly kind: 'invalid'; readonly error: InvalidPayload }
  /** The schema itself has thrown or rejected: a mistake of the program. */
  | { readonly kind: 'failed'; readonly error: unknown };

const invalid = (issues: readonly Issue[]): Decoded => ({ kind: 'invalid', error: new InvalidPayload(issues) });
const failed = (error: unknown): Decoded => ({ kind: 'failed', error });
const outcomeOf = (result: StandardSchemaV1.Result<unknown>): Decoded =>
  result.issues ? invalid(result.issues) : { kind: 'data', data: result.value };

const utf8 = new TextEncoder();
const strictUtf8 = new TextDecoder('utf-8', { fatal: true });

const parseBody = (schema: Schema, body: Body): unknown => {
  const isText = typeof body === 'string';
  if (isBytes(schema)) return isText ? utf8.encode(body) : body;
  return body.length > 0 ? parseJson(isText ? body : strictUtf8.decode(body)) : undefined;
};

/**
 * Returns the validated data of a received body, text or binary, by a promise only if the schema returns one. Never
 * throws, and the promise never rejects (CT4, CT6, CT7).
 */
export const decodeBody = (schema: Schema, body: Body): Decoded | Promise<Decoded> => {
  let value: unknown;
  try {
    value = parseBody(schema, body);
  } catch {
    return invalid([{ message: 'no JSON' }]);
  }
  try {
    const result = schema['~standard'].validate(value);
    return 'then' in result ? Promise.resolve(result).then(outcomeOf).catch(failed) : outcomeOf(result);
  } catch (error) {
    return failed(error);
  }
};

/**
 * Returns the body for data: JSON text, empty for `undefined`, or the bytes themselves (CT4, CT5).
 * @throws {TypeError} when the data is no JSON, as a bigint is, or no Uint8Array where the schema is `bytes()`.
 */
export const encodeBody = (schema: Schema, data: unknown): Body => {
  if (!isBytes(schema)) return JSON.stringify(data) ?? '';
  if (data instanceof Uint8Array) return data;
  throw new TypeError(`bytes() takes a Uint8Array, got ${data === null ? 'null' : typeof data}`);
};

import { inspect } from 'node:util';
import { fc } from '@fast-check/vitest';
import { type } from 'arktype';
import * as v from 'valibot';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { bytes, InvalidPayload, type Schema } from '../../src/contract/contract.js';
import { type Decoded, decodeBody, encodeBody } from '../../src/contract/schema.js';
import { ErrInvalidPayload, errorFromText, errorText } from '../../src/protocol/errors.js';
import type { Body } from '../../src/protocol/message.js';

const utf8 = new TextEncoder();
const anything = z.unknown();

const dataIn = async (schema: Schema, body: Body): Promise<unknown> => {
  const decoded = await decodeBody(schema, body);
  return decoded.kind === 'data' ? decoded.data : decoded.error;
};
const issuesIn = (decoded: Decoded): readonly string[] =>
  decoded.kind === 'invalid' ? decoded.error.issues.map(({ message }) => message) : [decoded.kind];

/** A schema of a library that behaves as it is told. */
const schemaThat = (validate: () => unknown): Schema => ({
  // The results that a library must not return are meant.
  '~standard': { version: 1, vendor: 'test', validate: validate as Schema['~standard']['validate'] },
});

describe('JSON', () => {
  test('[CT4] every JSON value goes and comes back, as text and as bytes', async () => {
    await fc.assert(
      fc.asyncProperty(fc.jsonValue({ noUnicodeString: false }), async (value) => {
        const body = encodeBody(anything, value);
        // `-0` and keys that reach a prototype are what JSON, and its reader, do not carry.
        const arrived = JSON.parse(JSON.stringify(value));
        expect(typeof body).toBe('string');
        expect(await dataIn(anything, body)).toEqual(arrived);
        expect(await dataIn(anything, utf8.encode(String(body)))).toEqual(arrived);
      }),
    );
  });

  test('[CT4] undefined is an empty body, both ways', async () => {
    expect(encodeBody(z.void(), undefined)).toBe('');
    expect(await dataIn(z.void(), '')).toBeUndefined();
    expect(await dataIn(z.void(), new Uint8Array())).toBeUndefined();
    expect(encodeBody(anything, '')).toBe('""');
    expect(encodeBody(anything, null)).toBe('null');
  });

  test('[CT4] keys that reach a prototype are gone before the schema sees them', async () => {
    expect(await dataIn(anything, '{"__proto__":{"a":1},"b":2}')).toEqual({ b: 2 });
    expect(await dataIn(z.strictObject({ b: z.number() }), '{"\\u005f_proto__":{"a":1},"b":2}')).toEqual({ b: 2 });
    expect(await dataIn(anything, '{"constructor":{"prototype":{"a":1}}}')).toEqual({});
  });

  test('[CT4] data that JSON has no words for is a mistake of the program', () => {
    expect(() => encodeBody(anything, 1n)).toThrow(TypeError);
  });

  test.each([
    ['text that is no JSON', '{"a":'],
    ['bytes that are no UTF-8', Uint8Array.of(0x22, 0xff, 0x22)],
    ['bytes that are no JSON', utf8.encode('a')],
  ])('[CT7] %s is invalid', (_, body) => {
    const decoded = decodeBody(anything, body) as Decoded;
    expect(issuesIn(decoded)).toEqual(['no JSON']);
  });
});

describe('bytes()', () => {
  test('[CT5] go as they are', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array(), async (data) => {
        expect(encodeBody(bytes(), data)).toBe(data);
        expect(await dataIn(bytes(), data)).toEqual(data);
      }),
    );
  });

  test('[CT5] text is its UTF-8 bytes, and an empty text no bytes', async () => {
    expect(await dataIn(bytes(), 'aü')).toEqual(Uint8Array.of(0x61, 0xc3, 0xbc));
    expect(await dataIn(bytes(), '')).toEqual(new Uint8Array());
  });

  test('[CT5] take nothing else', () => {
    expect(() => encodeBody(bytes(), 'text')).toThrow('bytes() takes a Uint8Array, got string');
    expect(() => encodeBody(bytes(), null)).toThrow('got null');
    expect(bytes()['~standard'].validate('text')).toEqual({ issues: [{ message: 'no Uint8Array' }] });
  });
});

describe.each([
  ['Zod', z.object({ task: z.string().trim(), size: z.number().default(3) })],
  ['Valibot', v.object({ task: v.pipe(v.string(), v.trim()), size: v.optional(v.number(), 3) })],
  ['ArkType', type({ task: 'string.trim', size: 'number = 3' })],
  [
    'Zod, by a promise',
    z.object({
      task: z
        .string()
        .trim()
        .refine(async () => true),
      size: z.number().default(3),
    }),
  ],
  [
    'Valibot, by a promise',
    v.objectAsync({
      task: v.pipeAsync(
        v.string(),
        v.trim(),
        v.checkAsync(async () => true),
      ),
      size: v.optional(v.number(), 3),
    }),
  ],
] as const)('a schema of %s', (name, schema: Schema) => {
  test('[CT2] gives its output', async () => {
    const decoded = decodeBody(schema, '{"task":" buy "}');
    expect(decoded instanceof Promise).toBe(name.endsWith('promise'));
    expect(await decoded).toEqual({ kind: 'data', data: { task: 'buy', size: 3 } });
  });

  test('[CT2] [CT7] tells its issues', async () => {
    const decoded = await decodeBody(schema, '{"task":5}');
    expect(decoded.kind).toBe('invalid');
    const error = decoded.kind === 'invalid' ? decoded.error : undefined;
    expect(error).toBeInstanceOf(InvalidPayload);
    expect(error?.issues.length).toBeGreaterThan(0);
    const [key] = error?.issues[0]?.path ?? [];
    expect(typeof key === 'object' ? key.key : key).toBe('task');
  });
});

describe('a schema that fails', () => {
  const fault = new Error('cannot reach the database');
  test.each([
    [
      'throws',
      () => {
        throw fault;
      },
    ],
    ['rejects', () => Promise.reject(fault)],
    [
      'returns a thenable that throws',
      () => ({
        // biome-ignore lint/suspicious/noThenProperty: a thenable that throws is meant
        then: () => {
          throw fault;
        },
      }),
    ],
  ])('[CT6] %s: an error of the program', async (_, validate) => {
    expect(await decodeBody(schemaThat(validate), '1')).toEqual({ kind: 'failed', error: fault });
  });

  test.each([
    ['nothing', () => undefined],
    ['nothing, by a promise', async () => undefined],
    ['a text', () => 'yes'],
  ])('[CT6] returns %s: an error of the program', async (_, validate) => {
    expect(await decodeBody(schemaThat(validate), '1')).toMatchObject({ kind: 'failed', error: expect.any(TypeError) });
  });
});

describe('InvalidPayload', () => {
  const error = new InvalidPayload([{ message: 'secret', path: ['task'] }]);

  test('[CT7] has the text that both ends know', () => {
    expect(error.message).toBe('invalid payload');
    expect(errorFromText(errorText(error))).toBe(ErrInvalidPayload);
    expect(ErrInvalidPayload).toBeInstanceOf(InvalidPayload);
    expect(new InvalidPayload().issues).toEqual([]);
  });

  test('[CT7] is printed without its issues', () => {
    expect(error.issues).toEqual([{ message: 'secret', path: ['task'] }]);
    for (const printed of [inspect(error), String(error), JSON.stringify(error)])
      expect(printed).not.toContain('secret');
  });
});

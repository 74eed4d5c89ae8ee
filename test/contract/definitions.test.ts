import { type } from 'arktype';
import * as v from 'valibot';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import {
  ask,
  askClient,
  bytes,
  type ContractShape,
  contract,
  event,
  fromClient,
  fromServer,
} from '../../src/contract/contract.js';
import { definitionsOf, maySend } from '../../src/contract/definitions.js';

/** A contract as plain JavaScript may pass it. */
const unchecked = (shape: unknown): ContractShape => shape as ContractShape;
const text = z.string();

describe('contract()', () => {
  test('[CT1] returns the shape that it was given', () => {
    const shape = { board: { edited: fromServer(text) } };
    expect(contract(shape)).toBe(shape);
    expect(contract({})).toEqual({});
  });

  test.each([
    ['the empty namespace', { '': { edited: event(text) } }],
    ['a name of 255 bytes', { ['ü'.repeat(127)]: { [`${'ü'.repeat(127)}a`]: event(text) } }],
    ['names like those of Object.prototype', { constructor: { toString: event(text) } }],
    ['a schema that is a function', { board: { edited: event(type('string')) } }],
    ['a namespace without events', { board: {} }],
  ])('[CT1] takes %s', (_, shape) => {
    expect(() => contract(shape)).not.toThrow();
  });

  test.each([
    ['an event without a name', { board: { '': event(text) } }, 'an event has a name, got ""'],
    ['an event like a lifecycle event', { board: { _OnRoomJoin: event(text) } }, 'got "_OnRoomJoin"'],
    ['a namespace of that kind', { _On: { edited: event(text) } }, 'does not begin with _On, got "_On"'],
    ['an event of 256 bytes', { board: { ['ü'.repeat(128)]: event(text) } }, 'at most 255 bytes'],
    ['a namespace of 256 bytes', { ['n'.repeat(256)]: { edited: event(text) } }, 'at most 255 bytes'],
    ['a schema in place of a definition', { board: { edited: text } }, '"edited" is event, fromClient or fromServer'],
    ['null', { board: { edited: null } }, 'ask or askClient(schema, answer), got null'],
    ['a definition of another kind', { board: { edited: { from: 'nobody', schema: text } } }, '"edited" is event'],
    ['an answer that is no schema', { board: { edited: { ...event(text), answer: 5 } } }, '"edited" is event'],
    ['a namespace that is a function', { board: () => {} }, 'namespace "board" is an object, got function'],
    ['no object', 'board', 'a contract is an object, got string'],
    ['null as a whole', null, 'a contract is an object, got null'],
  ])('[CT1] refuses %s', (_, shape, message) => {
    expect(() => contract(unchecked(shape))).toThrow(TypeError);
    expect(() => contract(unchecked(shape))).toThrow(message);
  });

  test('[CT1] a definition refuses what is no schema', () => {
    const none = unchecked('text') as never;
    for (const define of [event, fromClient, fromServer]) {
      expect(() => define(none)).toThrow(
        'a schema is a Standard Schema (of Zod, Valibot, ArkType …) or bytes(), got string',
      );
    }
    for (const define of [ask, askClient]) {
      expect(() => define(none, text)).toThrow(TypeError);
      expect(() => define(text, none)).toThrow(TypeError);
    }
    expect(() => event(unchecked(null) as never)).toThrow('got null');
  });
});

describe('definitions', () => {
  const app = contract({
    board: {
      edit: event(text),
      seen: fromClient(v.string()),
      edited: fromServer(type({ task: 'string' })),
      thumb: fromServer(bytes()),
      stats: ask(z.void(), z.object({ open: z.number() })),
      confirm: askClient(text, z.boolean()),
    },
  });

  test.each([
    ['edit', true, true],
    ['seen', true, false],
    ['edited', false, true],
    ['thumb', false, true],
    ['stats', true, false],
    ['confirm', false, true],
  ] as const)('[CT1] %s: from a client %s, from the server %s', (name, client, server) => {
    expect(maySend(app.board[name], 'client')).toBe(client);
    expect(maySend(app.board[name], 'server')).toBe(server);
  });

  test('[CT1] are found by namespace and event alone', () => {
    const definitions = definitionsOf(app);
    expect([...definitions.keys()]).toEqual(['board']);
    expect(definitions.get('board')?.get('confirm')).toBe(app.board.confirm);
    expect(definitions.get('board')?.get('toString')).toBeUndefined();
    expect(definitions.get('constructor')).toBeUndefined();
  });
});

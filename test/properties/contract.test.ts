import { fc, test } from '@fast-check/vitest';
import { describe, expect } from 'vitest';
import { typed } from '../../src/actors/api/vocabulary.js';
import { ask, askClient, contract, event, fromClient, fromServer, type Schema } from '../../src/contract/contract.js';
import { InvalidPayload, type Namespaces, OnAnyEvent } from '../../src/index.js';
import { SupervisorHarness } from '../support/server/supervisorHarness.js';

type Result = { readonly value: number } | { readonly issues: readonly { readonly message: string }[] };

const check = (value: unknown): Result =>
  typeof value === 'number' && value > 0 ? { value } : { issues: [{ message: `no number above 0` }] };
const schemaThat = (validate: (value: unknown) => Result | Promise<Result>): Schema<number> => ({
  '~standard': { version: 1, vendor: 'test', validate },
});
const atOnce = schemaThat(check);
/** Takes the longer, the larger the number is. */
const late = schemaThat(async (value) => {
  for (let turns = Number(value) % 5; turns > 0; turns--) await undefined;
  return check(value);
});

const app = contract({
  n: {
    edit: event(atOnce),
    slow: fromClient(late),
    add: ask(atOnce, atOnce),
    addLate: ask(late, late),
    told: fromServer(atOnce),
    confirm: askClient(atOnce, atOnce),
  },
});
const definitions: Readonly<Record<string, { readonly from: string; readonly answer?: unknown }>> = app.n;

interface Sent {
  readonly event: string;
  readonly isAsk: boolean;
  readonly isError: boolean;
  readonly isBinary: boolean;
  readonly body: string;
}

const frames: fc.Arbitrary<readonly Sent[]> = fc.array(
  fc.record({
    event: fc.constantFrom(...Object.keys(definitions), 'unknown', 'constructor', OnAnyEvent),
    isAsk: fc.boolean(),
    isError: fc.boolean(),
    isBinary: fc.boolean(),
    body: fc.oneof(fc.integer({ min: -2, max: 9 }).map(String), fc.constantFrom('', '{', 'null', '"1"', '[1]')),
  }),
  { minLength: 1, maxLength: 30 },
);

const parsed = (body: string): unknown => {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
};

/** What must happen, one frame after the other. */
const expectedOf = (all: readonly Sent[]) => {
  const expected = { handled: [] as string[], lines: [] as string[], disallowed: 0, invalid: 0, ignored: 0 };
  for (const [at, { event: name, isAsk, isError, body }] of all.entries()) {
    const refuse = (): void => void (isAsk && expected.lines.push(`t $${at};n;;${name};1;0;invalid payload`));
    const definition = Object.hasOwn(definitions, name) ? definitions[name] : undefined;
    const result = check(parsed(body));
    if (name === OnAnyEvent) {
      expected.ignored++;
    } else if (!definition || definition.from === 'server' || (definition.answer !== undefined) !== isAsk) {
      expected.disallowed++;
      refuse();
    } else if ((isError && body !== '') || 'issues' in result) {
      expected.invalid++;
      refuse();
    } else {
      expected.handled.push(`${name} ${result.value}`);
      if (isAsk) expected.lines.push(`t $${at};n;;${name};0;0;${result.value + 1}`);
    }
  }
  return expected;
};

describe('any frames of a client', () => {
  test.prop([frames])('[CT9] [CT10] [CT11] are handled, answered or counted as a naive model says', async (all) => {
    const handled: string[] = [];
    const note = (_: unknown, { event: name, data }: { readonly event: string; readonly data: number }): void => {
      handled.push(`${name} ${data}`);
    };
    const answer = (_: unknown, message: { readonly event: string; readonly data: number }): number => {
      note(_, message);
      return message.data + 1;
    };
    const handlers: Namespaces<unknown, typeof app>['n'] = {
      edit: note,
      slow: note,
      add: answer,
      addLate: async (ns, message) => answer(ns, message),
    };
    // The harness runs what the options of a server have checked.
    const harness = new SupervisorHarness({ contract: app, namespaces: typed<Namespaces>({ n: handlers }) });
    const client = harness.open('joe', 'n');
    for (const [at, { event: name, isAsk, isError, isBinary, body }] of all.entries()) {
      const text = `${isAsk ? `$${at}` : ''};n;;${name};${isError ? 1 : 0};0;${body}`;
      client.socket.receive(isBinary ? new TextEncoder().encode(text) : text);
    }
    await harness.settle();
    const expected = expectedOf(all);
    const { disallowedEvents, invalidPayloads, ignoredEvents, handlerErrors } = harness.supervisor.counters;
    expect(handled).toEqual(expected.handled);
    expect(client.socket.lines).toEqual(expected.lines);
    expect({ disallowedEvents, invalidPayloads, ignoredEvents, handlerErrors }).toEqual({
      disallowedEvents: expected.disallowed,
      invalidPayloads: expected.invalid,
      ignoredEvents: expected.ignored,
      handlerErrors: 0,
    });
    expect(harness.errors).toHaveLength(expected.invalid);
    for (const { error } of harness.errors) expect(error).toBeInstanceOf(InvalidPayload);
    await harness.disconnectAll();
  });
});

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type AnyStateMachine, and, createMachine, not, setup } from 'xstate';
import {
  connectionConfig,
  connectionMachine,
  connectionSetup,
  linkMachine,
  type Machines,
  namespaceMachine,
  roomMachine,
  Server,
  supervisorMachine,
} from '../../src/index.js';
import { checkOptions } from '../../src/server/checkOptions.js';
import type { ServerOptions } from '../../src/server/options.js';

const usual: Readonly<Record<keyof Machines, AnyStateMachine>> = {
  supervisor: supervisorMachine,
  connection: connectionMachine,
  namespace: namespaceMachine,
  room: roomMachine,
  link: linkMachine,
};

const namespaces = { n: {} };
const check = (machines: object) => checkOptions({ namespaces, machines } as ServerOptions);

/** What can be taken away from a chart. */
interface Part {
  readonly kind: 'tag' | 'event' | 'action';
  readonly name: string;
}

type Tree = Readonly<Record<string, unknown>>;
const isTree = (value: unknown): value is Tree => typeof value === 'object' && value !== null && !Array.isArray(value);
const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [value]);
const nameOf = (action: unknown): unknown => (isTree(action) ? action['type'] : action);

const actionKeys: readonly string[] = ['entry', 'exit', 'actions'];

/** All that stands in the literal of a chart, found without the code that checks it. */
const partsIn = (value: unknown): Part[] => {
  if (Array.isArray(value)) return value.flatMap(partsIn);
  if (!isTree(value)) return [];
  return Object.entries(value).flatMap(([key, inner]): Part[] => {
    if (key === 'tags') return listOf(inner).map((name) => ({ kind: 'tag', name: String(name) }));
    if (actionKeys.includes(key)) return listOf(inner).map((name) => ({ kind: 'action', name: String(nameOf(name)) }));
    const events = key === 'on' && isTree(inner) ? Object.keys(inner) : [];
    return [...events.map((name): Part => ({ kind: 'event', name })), ...partsIn(inner)];
  });
};

const partsOf = (machine: AnyStateMachine): Part[] => {
  const found = new Map(partsIn(machine.config).map((part) => [`${part.kind} ${part.name}`, part]));
  return [...found.values()];
};

/** The literal of a chart without these parts, wherever they stand. */
const without = (value: unknown, gone: readonly Part[]): unknown => {
  const isGone = (kind: Part['kind'], name: unknown): boolean =>
    gone.some((part) => part.kind === kind && part.name === name);
  if (Array.isArray(value)) return value.map((item: unknown) => without(item, gone));
  if (!isTree(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]): [string, unknown] => {
      if (key === 'tags') return [key, listOf(inner).filter((tag) => !isGone('tag', tag))];
      if (actionKeys.includes(key)) return [key, listOf(inner).filter((action) => !isGone('action', nameOf(action)))];
      if (key !== 'on' || !isTree(inner)) return [key, without(inner, gone)];
      const kept = Object.entries(inner).filter(([event]) => !isGone('event', event));
      return [key, without(Object.fromEntries(kept), gone)];
    }),
  );
};

const cut = (machine: AnyStateMachine, gone: readonly Part[]): AnyStateMachine =>
  createMachine(without(machine.config, gone) as never, machine.implementations as never);

const charts = Object.entries(usual).map(([chart, machine]) => ({ chart, machine, parts: partsOf(machine) }));
const cuts = charts.flatMap(({ chart, machine, parts }) => parts.map((part) => ({ chart, machine, part, ...part })));

const messageOf = (machines: object): string => {
  try {
    check(machines);
    return '';
  } catch (error) {
    return error instanceof TypeError ? error.message : `no TypeError: ${String(error)}`;
  }
};

/** A chart of a connection that lacks nothing, with one more region while it is open. */
const withRegion = (region: object, implementations: object = {}): AnyStateMachine => {
  const { open } = connectionConfig.states;
  const states = { ...connectionConfig.states, open: { ...open, states: { ...open.states, region } } };
  return createMachine(
    { ...connectionConfig, states } as never,
    {
      ...connectionMachine.implementations,
      ...implementations,
    } as never,
  );
};

describe('the contract of a chart', () => {
  test.each(Object.entries(usual))(
    '[SV18] the usual %s keeps it, as a copy and with something provided',
    (name, own) => {
      expect(messageOf({ [name]: own })).toBe('');
      expect(messageOf({ [name]: createMachine(own.config as never, own.implementations as never) })).toBe('');
      expect(messageOf({ [name]: own.provide({ actions: { any: () => {} } } as never) })).toBe('');
    },
  );

  test('[SV18] the list of required names is not empty', () => {
    const count = (kind: Part['kind']): number => cuts.filter(({ part }) => part.kind === kind).length;
    expect([count('tag'), count('event'), count('action')].map((parts) => parts > 10)).toEqual([true, true, true]);
    expect(cuts.length).toBeGreaterThan(100);
  });

  test.each(cuts)('[SV18] $chart without the $kind $name is refused with a message', ({ chart, machine, part }) => {
    const said = messageOf({ [chart]: cut(machine, [part]) });
    expect(said).toContain(`machines.${chart} lacks the `);
    // With an event go actions that nothing else asks for, and with its last action an event.
    expect(said).toMatch(new RegExp(`the ${part.kind}s? "${part.name}"`));
  });

  const several = fc.constantFrom(...charts).chain(({ chart, machine, parts }) =>
    fc.record({
      chart: fc.constant(chart),
      machine: fc.constant(machine),
      gone: fc.subarray(parts, { minLength: 2 }),
    }),
  );

  test('[SV18] all missing names are in one message', () => {
    fc.assert(
      fc.property(several, ({ chart, machine, gone }) => {
        const said = messageOf({ [chart]: cut(machine, gone) });
        expect(said).toMatch(new RegExp(`^machines\\.${chart} lacks [^\\n]+$`));
        for (const { name } of gone) expect(said).toContain(`"${name}"`);
      }),
    );
  });

  test('[SV18] a name without an implementation is reported, at any depth', () => {
    const region = {
      entry: 'welcom',
      initial: 'a',
      states: {
        a: {
          invoke: { src: 'fetcher' },
          on: { DELIVER: { guard: and(['isOne', not('isOther')]), actions: { type: 'delivr', params: { to: 'me' } } } },
          after: { idel: { target: 'b', guard: { type: 'isIdle', params: {} } }, 500: { target: 'b' } },
        },
        b: { exit: ['leave', () => {}] },
      },
    };
    expect(messageOf({ connection: withRegion(region) })).toBe(
      'machines.connection names the actions "welcom", "delivr", "leave", the guards "isOne", "isOther", "isIdle", ' +
        'the delay "idel", the actor "fetcher" without an implementation',
    );
    const implementations = {
      actions: { welcom: () => {}, delivr: () => {}, leave: () => {} },
      guards: { isOne: () => true, isOther: () => true, isIdle: () => true },
      delays: { idel: 5 },
      actors: { fetcher: connectionMachine },
    };
    expect(messageOf({ connection: withRegion(region).provide(implementations as never) })).toBe('');
  });

  test('[SV18] initial actions and transitions are checked as well', () => {
    const region = { initial: { target: 'a', actions: ['welcom'] }, states: { a: {} } };
    expect(messageOf({ connection: withRegion(region) })).toContain('names the action "welcom"');
    const { acknowledging } = connectionConfig.states;
    const moved = {
      ...connectionConfig,
      initial: { target: 'acknowledging', actions: 'runOnConnect' },
      states: { ...connectionConfig.states, acknowledging: { ...acknowledging, entry: [] } },
    };
    // Wider than the literal that the type was made of; every name in it is ours.
    expect(messageOf({ connection: connectionSetup.createMachine(moved as never) })).toBe('');
  });

  test('[SV18] a copy may omit what the server provides, and must provide its own', () => {
    const { actions, guards } = connectionMachine.implementations;
    const { markAccepted, markReachable, recordReason } = actions;
    const { isNativeOnly, isReachable } = guards;
    const own = { actions: { markAccepted, markReachable, recordReason }, guards: { isNativeOnly, isReachable } };
    expect(messageOf({ connection: createMachine(connectionMachine.config, own as never) })).toBe('');
    expect(messageOf({ connection: createMachine(connectionMachine.config) })).toBe(
      'machines.connection names the actions "recordReason", "markReachable", "markAccepted", ' +
        'the guards "isNativeOnly", "isReachable" without an implementation',
    );
  });

  test('[SV18] a wildcard covers every event with its prefix', () => {
    const { on: _, ...config } = connectionConfig;
    const own = (on: object) => createMachine({ ...config, on } as never, connectionMachine.implementations as never);
    const ended = { target: '.closed' };
    expect(messageOf({ connection: own({ 'SOCKET.*': ended }) })).toBe('');
    expect(messageOf({ connection: own({ '*': ended }) })).toBe('');
    expect(messageOf({ connection: own({ 'SOCK.*': ended }) })).toBe(
      'machines.connection lacks the event "SOCKET.CLOSED"',
    );
  });

  test('[SV18] a stepped chart may have no delays and no children', () => {
    const stepped = 'is stepped, not run: it can have no "after" and no "invoke"';
    const own = (more: object) => createMachine({ ...roomMachine.config, ...more } as never);
    expect(messageOf({ room: own({ after: { 5: { target: '.left' } } }) })).toBe(`machines.room ${stepped}`);
    expect(messageOf({ room: own({ invoke: { src: connectionMachine } }) })).toBe(`machines.room ${stepped}`);
    expect(messageOf({ connection: connectionMachine })).toBe('');
  });

  test('[SV18] a server rejects such a chart, with a line for each name', () => {
    const empty = setup({}).createMachine({ initial: 'a', states: { a: { entry: 'x' as never } } });
    const room = cut(roomMachine, [{ kind: 'tag', name: 'member' }]);
    const given: unknown[] = [{ namespaces, machines: { link: empty, room, connection: connectionMachine } }];
    expect(() => Reflect.construct(Server, given)).toThrow(
      new TypeError(
        'machines.room lacks the tag "member"\n' +
          'machines.link lacks the tags "connecting", "online", "degraded", "closed", ' +
          'the events "CLOSE", "UP", "FAILED", "LOST", ' +
          'the actions "connect", "abandon", "forgetTries", "resume", "suspend", "countTry", "shutDown"; ' +
          'it names the action "x" without an implementation',
      ),
    );
  });

  test('[SV18] [SV20] a chart of the exported parts keeps it', () => {
    expect(messageOf({ connection: connectionSetup.createMachine(connectionConfig) })).toBe('');
  });
});

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { type AnyStateMachine, initialTransition, transition } from 'xstate';
import { connectionMachine } from '../../src/machines/connection.js';
import { namespaceMachine } from '../../src/machines/namespace.js';
import { roomMachine } from '../../src/machines/room.js';
import { type SupervisorEvent, supervisorMachine } from '../../src/machines/supervisor.js';

type EventType = SupervisorEvent['type'];

/** One of each event that there is; one that is forgotten here does not compile. */
const samples: { readonly [type in EventType]: Extract<SupervisorEvent, { readonly type: type }> } = {
  CONNECT: { type: 'CONNECT', arrival: 'arrival' },
  DO: { type: 'DO', visit: () => {} },
  BROADCAST: { type: 'BROADCAST', except: null, messages: [] },
  COUNT: { type: 'COUNT', reply: () => {} },
  VISITED: { type: 'VISITED' },
  'CONNECTION.CLOSED': { type: 'CONNECTION.CLOSED', actorId: 'connection-1' },
  'CONNECTION.FAILED': { type: 'CONNECTION.FAILED', actorId: 'connection-1', error: new Error('boom') },
  DRAIN: { type: 'DRAIN' },
  DRAINED: { type: 'DRAINED' },
};
// The type above leaves no room for other keys.
const events = Object.keys(samples) as EventType[];

const busy = ['accepting', 'doing', 'draining'] as const;
type Busy = (typeof busy)[number];
type Name = Busy | 'closed';
type Row = readonly [rules: string, to: Name, does: readonly string[]];

/** What is done with a connection that has ended is the same everywhere. */
const staying = (at: Busy): Partial<Record<EventType, Row>> => ({
  'CONNECTION.CLOSED': ['[SV3]', at, ['removeStopped']],
  'CONNECTION.FAILED': ['[SV1]', at, ['removeCrashed']],
});

/** State -> event -> the rules it serves, the next state, and what is to be done. */
const table: { readonly [name in Busy]: Partial<Record<EventType, Row>> } = {
  accepting: {
    ...staying('accepting'),
    CONNECT: ['[HS1]', 'accepting', ['admit']],
    DO: ['[DO1]', 'doing', ['queueVisit', 'beginVisit']],
    DRAIN: ['[DR1]', 'draining', ['beginDrain']],
  },
  doing: {
    ...staying('doing'),
    CONNECT: ['[DO2]', 'doing', ['hold']],
    DO: ['[DO4]', 'doing', ['queueVisit']],
    VISITED: ['[DO2]', 'accepting', ['admitHeld']],
    DRAIN: ['[DR1]', 'draining', ['refuseHeld', 'beginDrain']],
  },
  draining: {
    ...staying('draining'),
    CONNECT: ['[DR1]', 'draining', ['refuse']],
    DO: ['[DR1]', 'draining', ['refuseVisit']],
    DRAINED: ['[DR1]', 'closed', []],
  },
};

const step = (from: Name, type: EventType, waitingVisits = 0) => {
  const before = supervisorMachine.resolveState({ value: from, context: { waitingVisits } });
  const [next, actions] = transition(supervisorMachine, before, samples[type]);
  return { to: next.value, does: actions.map((action) => action.type), waiting: next.context.waitingVisits };
};

test('[HS1] the initial state of a supervisor accepts arrivals, without actions', () => {
  const [snapshot, actions] = initialTransition(supervisorMachine);
  expect([snapshot.value, snapshot.context, actions]).toEqual(['accepting', { waitingVisits: 0 }, []]);
});

const rowsOf = (from: Busy) =>
  events.flatMap((type) => {
    const [rules, to, does] = table[from][type] ?? [];
    return rules === undefined ? [] : [[rules, type, to, does] as const];
  });

describe.each(busy)('%s', (from) => {
  test.each(rowsOf(from))('%s %s leads to %s', (_, type, to, does) => {
    const waiting = from === 'doing' && type === 'DO' ? 1 : 0;
    expect(step(from, type)).toEqual({ to, does, waiting });
  });

  test.each(events.filter((type) => !table[from][type]))('[SV9] %s changes nothing', (type) => {
    expect(step(from, type)).toEqual({ to: from, does: [], waiting: 0 });
  });
});

describe('dos', () => {
  test('[DO4] after a do waiting arrivals are registered, and the next do begins', () => {
    expect(step('doing', 'VISITED', 2)).toEqual({ to: 'doing', does: ['admitHeld', 'beginVisit'], waiting: 1 });
    expect(step('doing', 'VISITED', 1)).toEqual({ to: 'doing', does: ['admitHeld', 'beginVisit'], waiting: 0 });
  });

  test('[DO4] each do is requested and begun once', () => {
    let [snapshot] = initialTransition(supervisorMachine);
    const does: string[] = [];
    for (const type of ['DO', 'DO', 'DO', 'VISITED', 'VISITED', 'VISITED'] as const) {
      const [next, actions] = transition(supervisorMachine, snapshot, samples[type]);
      snapshot = next;
      does.push(...actions.map((action) => action.type));
    }
    expect([snapshot.value, snapshot.context.waitingVisits]).toEqual(['accepting', 0]);
    expect(does.filter((type) => type === 'beginVisit')).toHaveLength(3);
    expect(does.filter((type) => type === 'queueVisit')).toHaveLength(3);
  });
});

describe('tags', () => {
  test.each<[Name, readonly string[]]>([
    ['accepting', ['accepting']],
    ['doing', ['accepting']],
    ['draining', []],
    ['closed', []],
  ])('[DR2] %s has the tags %j', (value, tags) => {
    const snapshot = supervisorMachine.resolveState({ value, context: { waitingVisits: 0 } });
    expect([...snapshot.tags].sort()).toEqual(tags);
  });

  test('[DR1] closed is the last state', () => {
    expect(supervisorMachine.resolveState({ value: 'closed', context: { waitingVisits: 0 } }).status).toBe('done');
  });
});

/** Every chart is a drawing: a literal of names, with the little that its context needs. */
describe.each<[string, AnyStateMachine]>([
  ['supervisor', supervisorMachine],
  ['connection', connectionMachine],
  ['namespace', namespaceMachine],
  ['room', roomMachine],
])('the drawing of a %s', (file, machine) => {
  type Node = AnyStateMachine['root'];
  const nodesOf = (node: Node): Node[] => [node, ...Object.values(node.states).flatMap((each) => nodesOf(each))];
  const nodes = nodesOf(machine.root);

  /** All that stands in the literal, with the way to it. */
  const entriesIn = (value: unknown, way: readonly string[] = []): [way: readonly string[], value: unknown][] =>
    typeof value === 'object' && value !== null
      ? Object.entries(value).flatMap(([key, inner]) => [
          [[...way, key], inner] satisfies [readonly string[], unknown],
          ...entriesIn(inner, [...way, key]),
        ])
      : [];
  const entries = entriesIn(machine.config);
  const last = (way: readonly string[]): string => way.at(-1) ?? '';

  test('[SV9] each state has an id of its own', () => {
    const ids = nodes.map(({ id }) => id);
    expect(ids[0]).toBe(file);
    expect(ids.every((id) => id.startsWith(file))).toBe(true);
    expect(new Set(ids).size).toBe(ids.length);
  });

  test('[SV9] each state has a description of one line', () => {
    const wanting = nodes.filter(({ description }) => !description || description.includes('\n'));
    expect(wanting.map(({ id }) => id)).toEqual([]);
  });

  test('[SV9] each transition names its target', () => {
    const targets = entries.filter(([way]) => last(way) === 'target');
    expect(targets.length).toBeGreaterThan(0);
    expect(targets.filter(([, target]) => typeof target !== 'string')).toEqual([]);
  });

  test('[SV9] actions, guards and delays are named', () => {
    const { actions, guards, delays } = machine.implementations;
    for (const [way, value] of entries) {
      const key = last(way);
      const parent = way.at(-2);
      if (key === 'guard') expect(Object.keys(guards)).toContain(value);
      if (parent === 'after') expect(Object.keys(delays)).toContain(key);
      const isAction =
        ['actions', 'entry', 'exit'].includes(key) || ['actions', 'entry', 'exit'].includes(parent ?? '');
      if (isAction && typeof value === 'string') expect(Object.keys(actions)).toContain(value);
      if (key === 'type' && way.some((each) => ['actions', 'entry', 'exit'].includes(each))) {
        expect(Object.keys(actions)).toContain(value);
      }
    }
  });

  test('[SV9] it uses every named action and guard', () => {
    const said = new Set(entries.map(([, value]) => value));
    const { actions, guards, delays } = machine.implementations;
    const keys = new Set(entries.map(([way]) => last(way)));
    // Hot events have no place in the usual charts; a program's own chart may use these.
    const handingOn: Readonly<Record<string, readonly string[]>> = {
      connection: ['receive', 'refuse', 'deliver'],
      supervisor: ['publish', 'count'],
    };
    const forOthers = new Set(handingOn[file] ?? []);
    const idle = [...Object.keys(actions), ...Object.keys(guards)].filter((name) => !said.has(name));
    expect(new Set(idle)).toEqual(forOthers);
    expect(Object.keys(delays).filter((name) => !keys.has(name))).toEqual([]);
  });

  test('[SV9] its only functions give a context or the parameters of an action', () => {
    const functions = entries.filter(([, value]) => typeof value === 'function').map(([way]) => last(way));
    expect(functions.filter((key) => key !== 'context' && key !== 'params')).toEqual([]);
  });

  test('[SV9] its context is plain JSON', () => {
    const [{ context }] = initialTransition(machine, { id: 'joe', isNativeOnly: false });
    expect(JSON.parse(JSON.stringify(context))).toEqual(context);
  });

  test('[SV9] its file imports xstate and nothing else', () => {
    const source = readFileSync(fileURLToPath(new URL(`../../src/machines/${file}.ts`, import.meta.url)), 'utf8');
    const imports = [...source.matchAll(/\bfrom\s+'([^']+)'|\bimport\s*\(?\s*'([^']+)'/g)].map(([, a, b]) => a ?? b);
    expect(imports).toEqual(['xstate']);
  });
});

import { describe, expect, test } from 'vitest';
import { initialTransition, type StateValue, transition } from 'xstate';
import { type NamespaceEvent, namespaceMachine } from '../../src/machines/namespace.js';

type EventType = NamespaceEvent['type'];

/** Every event that there is; one that is forgotten here does not compile, so that its keys are just these. */
const events = Object.keys({
  'ASKED.CONNECT': true,
  'ASKED.DISCONNECT': true,
  CONNECT: true,
  DISCONNECT: true,
  ALLOWED: true,
  REFUSED: true,
  AGREED: true,
  DECLINED: true,
  EMPTIED: true,
  ENDED: true,
} satisfies Record<EventType, true>) as EventType[];

type Row = Partial<Record<EventType, readonly [rules: string, to: string, does: string[]]>>;

/** State -> event -> the rules it serves, the next state, and what is to be done. */
const table: Readonly<Record<string, Row>> = {
  outside: {
    'ASKED.CONNECT': ['[NS1]', 'connecting.deciding', ['consult _OnNamespaceConnect']],
    'ASKED.DISCONNECT': ['[NS3]', 'outside', ['answer']],
    CONNECT: ['[NS4]', 'connecting.proposing', ['consult _OnNamespaceConnect local']],
    DISCONNECT: ['[NS5]', 'outside', ['fail']],
    ENDED: ['[NS7]', 'disconnected', ['fail']],
  },
  'connecting.deciding': {
    ALLOWED: ['[NS1]', 'connected', ['enter', 'answer', 'tell _OnNamespaceConnected']],
    REFUSED: ['[NS2]', 'disconnected', ['answerRefusal']],
    ENDED: ['[NS7]', 'disconnected', ['fail']],
  },
  'connecting.proposing': {
    ALLOWED: ['[NS4]', 'connecting.asking', ['askPeer _OnNamespaceConnect']],
    REFUSED: ['[NS4]', 'disconnected', ['fail']],
    ENDED: ['[NS7]', 'disconnected', ['fail']],
  },
  'connecting.asking': {
    AGREED: ['[NS4]', 'connected', ['enter', 'tell _OnNamespaceConnected local', 'settle']],
    DECLINED: ['[NS4]', 'disconnected', ['fail']],
    ENDED: ['[NS7]', 'disconnected', ['fail']],
  },
  connected: {
    'ASKED.CONNECT': ['[NS2]', 'connected', ['answer']],
    'ASKED.DISCONNECT': ['[NS3]', 'disconnecting.deciding', ['consult _OnNamespaceDisconnect']],
    CONNECT: ['[NS4]', 'connected', ['settle']],
    DISCONNECT: ['[NS5]', 'disconnecting.asking', ['askPeer _OnNamespaceDisconnect']],
    ENDED: ['[NS7]', 'disconnected', ['exit', 'endRooms', 'tell _OnNamespaceDisconnect local']],
  },
  'disconnecting.deciding': {
    ALLOWED: ['[NS3]', 'disconnecting.granting', ['leaveRooms']],
    REFUSED: ['[NS3]', 'connected', ['answerRefusal']],
    ENDED: ['[NS7]', 'disconnected', ['exit', 'endRooms', 'tell _OnNamespaceDisconnect local', 'fail']],
  },
  'disconnecting.granting': {
    EMPTIED: ['[NS3]', 'disconnected', ['exit', 'answer']],
    ENDED: ['[NS7]', 'disconnected', ['exit', 'endRooms', 'tell _OnNamespaceDisconnect local', 'fail']],
  },
  'disconnecting.agreed': {
    EMPTIED: ['[NS5]', 'disconnected', ['exit', 'tell _OnNamespaceDisconnect local', 'settle']],
    ENDED: ['[NS7]', 'disconnected', ['exit', 'endRooms', 'tell _OnNamespaceDisconnect local', 'fail']],
  },
  'disconnecting.asking': {
    AGREED: ['[NS5]', 'disconnecting.agreed', ['leaveRooms']],
    DECLINED: ['[NS5]', 'connected', ['fail']],
    ENDED: ['[NS7]', 'disconnected', ['exit', 'endRooms', 'tell _OnNamespaceDisconnect local', 'fail']],
  },
};

const rowsOf = (row: Row) =>
  events.flatMap((type) => {
    const [rules, to, does] = row[type] ?? [];
    return rules === undefined ? [] : [[rules, type, to, does] as const];
  });

const valueAt = (path: string): StateValue => {
  const [first = '', second] = path.split('.');
  return second === undefined ? first : { [first]: second };
};
const pathOf = (value: StateValue): string =>
  typeof value === 'string'
    ? value
    : Object.entries(value)
        .map(([key, inner]) => `${key}.${String(inner)}`)
        .join();

interface Asked {
  readonly type: string;
  readonly params?: unknown;
}

const lineOf = ({ type, params }: Asked): string => {
  // What these charts give their actions is nothing, or just this.
  const { event = '', isLocal = false } = (params ?? {}) as { event?: string; isLocal?: boolean };
  return [type, event, isLocal ? 'local' : ''].filter((word) => word !== '').join(' ');
};

const stateAt = (path: string) => namespaceMachine.resolveState({ value: valueAt(path), context: {} });

const step = (path: string, type: EventType): { readonly to: string; readonly does: string[] } => {
  const [next, actions] = transition(namespaceMachine, stateAt(path), { type });
  return { to: pathOf(next.value), does: actions.map(lineOf) };
};

test('[NS8] a namespace begins outside, and does nothing', () => {
  const [snapshot, actions] = initialTransition(namespaceMachine);
  expect([snapshot.value, actions]).toEqual(['outside', []]);
});

describe.each(Object.entries(table))('%s', (from, row) => {
  test.each(rowsOf(row))('%s %s leads to %s', (_, type, to, does) => {
    expect(step(from, type)).toEqual({ to, does });
  });

  test.each(events.filter((type) => !row[type]))('[SV9] [NS10] %s changes nothing', (type) => {
    expect(step(from, type)).toEqual({ to: from, does: [] });
  });
});

test('[SV9] the table has every state but the last', () => {
  const paths = Object.values(namespaceMachine.states).flatMap(({ key, states }) => {
    const inner = Object.keys(states);
    return inner.length === 0 ? [key] : inner.map((name) => `${key}.${name}`);
  });
  expect(paths.toSorted()).toEqual([...Object.keys(table), 'disconnected'].toSorted());
});

describe('tags', () => {
  const tagged = (tag: 'settled' | 'member' | 'arriving'): string[] =>
    [...Object.keys(table), 'disconnected'].filter((path) => stateAt(path).hasTag(tag));

  test('[NS10] what neither side has under way is settled', () => {
    expect(tagged('settled')).toEqual(['outside', 'connected', 'disconnected']);
  });

  test('[BC1] [NS3] a member is one until both sides agree that it is not', () => {
    expect(tagged('member')).toEqual([
      'connected',
      'disconnecting.deciding',
      'disconnecting.granting',
      'disconnecting.agreed',
      'disconnecting.asking',
    ]);
  });

  test('[NS6] frames wait while the client is asked in', () => {
    expect(tagged('arriving')).toEqual(['connecting.asking']);
  });

  test('[NS7] it is over once', () => {
    expect(stateAt('disconnected').status).toBe('done');
  });
});

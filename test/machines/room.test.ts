import { describe, expect, test } from 'vitest';
import { initialTransition, type StateValue, transition } from 'xstate';
import { type RoomEvent, roomMachine } from '../../src/machines/room.js';

type EventType = RoomEvent['type'];

/** Every event that there is; one that is forgotten here does not compile, so that its keys are just these. */
const events = Object.keys({
  'ASKED.JOIN': true,
  'ASKED.LEAVE': true,
  JOIN: true,
  LEAVE: true,
  ALLOWED: true,
  REFUSED: true,
  AGREED: true,
  DECLINED: true,
  EXPELLED: true,
  ENDED: true,
} satisfies Record<EventType, true>) as EventType[];

type Row = Partial<Record<EventType, readonly [rules: string, to: string, does: string[]]>>;

/** State -> event -> the rules it serves, the next state, and what is to be done. */
const table: Readonly<Record<string, Row>> = {
  outside: {
    'ASKED.JOIN': ['[RM1]', 'joining.deciding', ['consult _OnRoomJoin']],
    'ASKED.LEAVE': ['[RM2]', 'outside', ['answer']],
    JOIN: ['[RM3]', 'joining.asking', ['askPeer _OnRoomJoin']],
    LEAVE: ['[RM4]', 'outside', ['fail']],
    EXPELLED: ['[NS3]', 'left', ['fail']],
    ENDED: ['[NS7]', 'left', ['fail']],
  },
  'joining.deciding': {
    ALLOWED: ['[RM1]', 'joined', ['enter', 'tell _OnRoomJoined', 'answer']],
    REFUSED: ['[RM1]', 'left', ['answerRefusal']],
    EXPELLED: ['[NS3]', 'left', ['fail']],
    ENDED: ['[NS7]', 'left', ['fail']],
  },
  'joining.asking': {
    AGREED: ['[RM3]', 'joining.confirming', ['consult _OnRoomJoin local']],
    DECLINED: ['[RM3]', 'left', ['fail']],
    EXPELLED: ['[NS3]', 'left', ['fail']],
    ENDED: ['[NS7]', 'left', ['fail']],
  },
  'joining.confirming': {
    ALLOWED: ['[RM3]', 'joined', ['enter', 'tell _OnRoomJoined local', 'settle']],
    REFUSED: ['[RM3]', 'left', ['retract', 'fail']],
    EXPELLED: ['[NS3]', 'left', ['fail']],
    ENDED: ['[NS7]', 'left', ['fail']],
  },
  joined: {
    'ASKED.JOIN': ['[RM1]', 'joined', ['answer']],
    'ASKED.LEAVE': ['[RM2]', 'leaving.deciding', ['consult _OnRoomLeave']],
    JOIN: ['[RM3]', 'joined', ['settle']],
    LEAVE: ['[RM4]', 'leaving.asking', ['askPeer _OnRoomLeave']],
    EXPELLED: ['[NS3]', 'leaving.expelled', ['consult _OnRoomLeave']],
    ENDED: ['[NS7]', 'left', ['tell _OnRoomLeave', 'exit', 'tell _OnRoomLeft']],
  },
  'leaving.deciding': {
    ALLOWED: ['[RM2]', 'left', ['exit', 'tell _OnRoomLeft', 'answer']],
    REFUSED: ['[RM2]', 'joined', ['answerRefusal']],
    EXPELLED: ['[NS3]', 'leaving.expelled', ['fail', 'consult _OnRoomLeave']],
    ENDED: ['[NS7]', 'left', ['tell _OnRoomLeave', 'exit', 'tell _OnRoomLeft', 'fail']],
  },
  'leaving.asking': {
    AGREED: ['[RM4]', 'leaving.confirming', ['consult _OnRoomLeave']],
    DECLINED: ['[RM4]', 'joined', ['fail']],
    EXPELLED: ['[NS3]', 'leaving.expelled', ['fail', 'consult _OnRoomLeave']],
    ENDED: ['[NS7]', 'left', ['tell _OnRoomLeave', 'exit', 'tell _OnRoomLeft', 'fail']],
  },
  'leaving.expelled': {
    ALLOWED: ['[NS3]', 'left', ['exit', 'tell _OnRoomLeft']],
    REFUSED: ['[NS3]', 'left', ['report', 'exit', 'tell _OnRoomLeft']],
    EXPELLED: ['[NS3]', 'leaving.expelled', ['fail', 'consult _OnRoomLeave']],
    ENDED: ['[NS7]', 'left', ['tell _OnRoomLeave', 'exit', 'tell _OnRoomLeft', 'fail']],
  },
  'leaving.confirming': {
    ALLOWED: ['[RM4]', 'left', ['exit', 'tell _OnRoomLeft', 'settle']],
    REFUSED: ['[RM4]', 'joined', ['fail']],
    EXPELLED: ['[NS3]', 'leaving.expelled', ['fail', 'consult _OnRoomLeave']],
    ENDED: ['[NS7]', 'left', ['tell _OnRoomLeave', 'exit', 'tell _OnRoomLeft', 'fail']],
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

const stateAt = (path: string) => roomMachine.resolveState({ value: valueAt(path), context: {} });

const step = (path: string, type: EventType): { readonly to: string; readonly does: string[] } => {
  const [next, actions] = transition(roomMachine, stateAt(path), { type });
  return { to: pathOf(next.value), does: actions.map(lineOf) };
};

test('[RM5] a room begins outside, and does nothing', () => {
  const [snapshot, actions] = initialTransition(roomMachine);
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
  const paths = Object.values(roomMachine.states).flatMap(({ key, states }) => {
    const inner = Object.keys(states);
    return inner.length === 0 ? [key] : inner.map((name) => `${key}.${name}`);
  });
  expect(paths.toSorted()).toEqual([...Object.keys(table), 'left'].toSorted());
});

describe('tags', () => {
  const tagged = (tag: 'settled' | 'member'): string[] =>
    [...Object.keys(table), 'left'].filter((path) => stateAt(path).hasTag(tag));

  test('[NS10] what neither side has under way is settled', () => {
    expect(tagged('settled')).toEqual(['outside', 'joined', 'left']);
  });

  test('[BC1] [RM4] a member is one until both sides agree that it is not', () => {
    expect(tagged('member')).toEqual([
      'joined',
      'leaving.deciding',
      'leaving.asking',
      'leaving.expelled',
      'leaving.confirming',
    ]);
  });

  test('[NS7] it is over once', () => {
    expect(stateAt('left').status).toBe('done');
  });
});

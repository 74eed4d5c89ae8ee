import { describe, expect, test } from 'vitest';
import { type RoomEvent, roomMachine } from '../../src/machines/room.js';
import { describeChart, type Row } from './chartTable.js';

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

/** State -> event -> the rules it serves, the next state, and what is to be done. */
const table: Readonly<Record<string, Row<EventType>>> = {
  outside: {
    'ASKED.JOIN': ['[RM1]', 'joining.deciding', ['runVetoHandler _OnRoomJoin']],
    'ASKED.LEAVE': ['[RM2]', 'outside', ['answer']],
    JOIN: ['[RM3]', 'joining.asking', ['askPeer _OnRoomJoin']],
    LEAVE: ['[RM4]', 'outside', ['fail']],
    EXPELLED: ['[NS3]', 'left', ['fail']],
    ENDED: ['[NS7]', 'left', ['fail']],
  },
  'joining.deciding': {
    ALLOWED: ['[RM1]', 'joined', ['enter', 'runNotifyHandler _OnRoomJoined', 'answer']],
    REFUSED: ['[RM1]', 'left', ['answerRefusal']],
    EXPELLED: ['[NS3]', 'left', ['fail']],
    ENDED: ['[NS7]', 'left', ['fail']],
  },
  'joining.asking': {
    AGREED: ['[RM3]', 'joining.confirming', ['runVetoHandler _OnRoomJoin local']],
    DECLINED: ['[RM3]', 'left', ['fail']],
    EXPELLED: ['[NS3]', 'left', ['fail']],
    ENDED: ['[NS7]', 'left', ['fail']],
  },
  'joining.confirming': {
    ALLOWED: ['[RM3]', 'joined', ['enter', 'runNotifyHandler _OnRoomJoined local', 'settle']],
    REFUSED: ['[RM3]', 'left', ['retract', 'fail']],
    EXPELLED: ['[NS3]', 'left', ['fail']],
    ENDED: ['[NS7]', 'left', ['fail']],
  },
  joined: {
    'ASKED.JOIN': ['[RM1]', 'joined', ['answer']],
    'ASKED.LEAVE': ['[RM2]', 'leaving.deciding', ['runVetoHandler _OnRoomLeave']],
    JOIN: ['[RM3]', 'joined', ['settle']],
    LEAVE: ['[RM4]', 'leaving.asking', ['askPeer _OnRoomLeave']],
    EXPELLED: ['[NS3]', 'leaving.expelled', ['runVetoHandler _OnRoomLeave']],
    ENDED: ['[NS7]', 'left', ['runNotifyHandler _OnRoomLeave', 'exit', 'runNotifyHandler _OnRoomLeft']],
  },
  'leaving.deciding': {
    ALLOWED: ['[RM2]', 'left', ['exit', 'runNotifyHandler _OnRoomLeft', 'answer']],
    REFUSED: ['[RM2]', 'joined', ['answerRefusal']],
    EXPELLED: ['[NS3]', 'leaving.expelled', ['fail', 'runVetoHandler _OnRoomLeave']],
    ENDED: ['[NS7]', 'left', ['runNotifyHandler _OnRoomLeave', 'exit', 'runNotifyHandler _OnRoomLeft', 'fail']],
  },
  'leaving.asking': {
    AGREED: ['[RM4]', 'leaving.confirming', ['runVetoHandler _OnRoomLeave']],
    DECLINED: ['[RM4]', 'joined', ['fail']],
    EXPELLED: ['[NS3]', 'leaving.expelled', ['fail', 'runVetoHandler _OnRoomLeave']],
    ENDED: ['[NS7]', 'left', ['runNotifyHandler _OnRoomLeave', 'exit', 'runNotifyHandler _OnRoomLeft', 'fail']],
  },
  'leaving.expelled': {
    ALLOWED: ['[NS3]', 'left', ['exit', 'runNotifyHandler _OnRoomLeft']],
    REFUSED: ['[NS3]', 'left', ['report', 'exit', 'runNotifyHandler _OnRoomLeft']],
    EXPELLED: ['[NS3]', 'leaving.expelled', ['fail', 'runVetoHandler _OnRoomLeave']],
    ENDED: ['[NS7]', 'left', ['exit', 'runNotifyHandler _OnRoomLeft']],
  },
  'leaving.confirming': {
    ALLOWED: ['[RM4]', 'left', ['exit', 'runNotifyHandler _OnRoomLeft', 'settle']],
    REFUSED: ['[RM4]', 'joined', ['fail']],
    EXPELLED: ['[NS3]', 'leaving.expelled', ['fail', 'runVetoHandler _OnRoomLeave']],
    ENDED: ['[NS7]', 'left', ['runNotifyHandler _OnRoomLeave', 'exit', 'runNotifyHandler _OnRoomLeft', 'fail']],
  },
};

const { stateAt, tagged } = describeChart({ machine: roomMachine, events, rows: table, last: 'left' });

describe('tags', () => {
  test('[NS10] a state without a pending step of either side is settled', () => {
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

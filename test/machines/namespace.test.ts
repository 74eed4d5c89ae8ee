import { describe, expect, test } from 'vitest';
import { type NamespaceEvent, namespaceMachine } from '../../src/machines/namespace.js';
import { describeChart, type Row } from './chartTable.js';

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

/** State -> event -> the rules it serves, the next state, and what is to be done. */
const table: Readonly<Record<string, Row<EventType>>> = {
  outside: {
    'ASKED.CONNECT': ['[NS1]', 'connecting.deciding', ['runVetoHandler _OnNamespaceConnect']],
    'ASKED.DISCONNECT': ['[NS3]', 'outside', ['answer']],
    CONNECT: ['[NS4]', 'connecting.proposing', ['runVetoHandler _OnNamespaceConnect local']],
    DISCONNECT: ['[NS5]', 'outside', ['fail']],
    ENDED: ['[NS7]', 'disconnected', ['fail']],
  },
  'connecting.deciding': {
    ALLOWED: ['[NS1]', 'connected', ['enter', 'answer', 'runNotifyHandler _OnNamespaceConnected']],
    REFUSED: ['[NS2]', 'disconnected', ['answerRefusal']],
    ENDED: ['[NS7]', 'disconnected', ['fail']],
  },
  'connecting.proposing': {
    ALLOWED: ['[NS4]', 'connecting.asking', ['askPeer _OnNamespaceConnect']],
    REFUSED: ['[NS4]', 'disconnected', ['fail']],
    ENDED: ['[NS7]', 'disconnected', ['fail']],
  },
  'connecting.asking': {
    AGREED: ['[NS4]', 'connected', ['enter', 'runNotifyHandler _OnNamespaceConnected local', 'settle']],
    DECLINED: ['[NS4]', 'disconnected', ['fail']],
    ENDED: ['[NS7]', 'disconnected', ['fail']],
  },
  connected: {
    'ASKED.CONNECT': ['[NS2]', 'connected', ['answer']],
    'ASKED.DISCONNECT': ['[NS3]', 'disconnecting.deciding', ['runVetoHandler _OnNamespaceDisconnect']],
    CONNECT: ['[NS4]', 'connected', ['settle']],
    DISCONNECT: ['[NS5]', 'disconnecting.asking', ['askPeer _OnNamespaceDisconnect']],
    ENDED: ['[NS7]', 'disconnected', ['exit', 'endRooms', 'runNotifyHandler _OnNamespaceDisconnect local']],
  },
  'disconnecting.deciding': {
    ALLOWED: ['[NS3]', 'disconnecting.granting', ['leaveRooms']],
    REFUSED: ['[NS3]', 'connected', ['answerRefusal']],
    ENDED: ['[NS7]', 'disconnected', ['exit', 'endRooms', 'runNotifyHandler _OnNamespaceDisconnect local', 'fail']],
  },
  'disconnecting.granting': {
    EMPTIED: ['[NS3]', 'disconnected', ['exit', 'answer']],
    ENDED: ['[NS7]', 'disconnected', ['exit', 'endRooms', 'runNotifyHandler _OnNamespaceDisconnect local', 'fail']],
  },
  'disconnecting.agreed': {
    EMPTIED: ['[NS5]', 'disconnected', ['exit', 'runNotifyHandler _OnNamespaceDisconnect local', 'settle']],
    ENDED: ['[NS7]', 'disconnected', ['exit', 'endRooms', 'runNotifyHandler _OnNamespaceDisconnect local', 'fail']],
  },
  'disconnecting.asking': {
    AGREED: ['[NS5]', 'disconnecting.agreed', ['leaveRooms']],
    DECLINED: ['[NS5]', 'connected', ['fail']],
    ENDED: ['[NS7]', 'disconnected', ['exit', 'endRooms', 'runNotifyHandler _OnNamespaceDisconnect local', 'fail']],
  },
};

const { stateAt, tagged } = describeChart({ machine: namespaceMachine, events, rows: table, last: 'disconnected' });

describe('tags', () => {
  test('[NS10] a state without a pending step of either side is settled', () => {
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

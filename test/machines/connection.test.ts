import { describe, expect, test } from 'vitest';
import { createActor, initialTransition, type StateValue, transition } from 'xstate';
import { type ConnectionContext, type ConnectionEvent, connectionMachine } from '../../src/machines/connection.js';
import { closeReasons } from '../../src/protocol/errors.js';
import { FakeClock } from '../support/server/fakeClock.js';

type EventType = ConnectionEvent['type'];

/** One of each event that there is; one that is forgotten here does not compile. */
const samples: { readonly [type in EventType]: Extract<ConnectionEvent, { readonly type: type }> } = {
  ACK: { type: 'ACK' },
  FRAME: { type: 'FRAME', data: 'early' },
  DELIVER: { type: 'DELIVER', bytes: Uint8Array.of(1) },
  AGREED: { type: 'AGREED' },
  REACHED: { type: 'REACHED' },
  REFUSED: { type: 'REFUSED', code: 1008, text: 'not allowed', cause: 'program' },
  CONGESTED: { type: 'CONGESTED' },
  DRAINED: { type: 'DRAINED' },
  OVERFLOWED: { type: 'OVERFLOWED' },
  CLOSE: { type: 'CLOSE', code: 4000, text: 'go', cause: 'client' },
  'SOCKET.CLOSED': { type: 'SOCKET.CLOSED', code: 1006, text: '', cause: 'connectionLost' },
};
// The type above leaves no room for other keys.
const events = Object.keys(samples) as EventType[];

const fresh: ConnectionContext = {
  id: 'joe',
  isNativeOnly: false,
  isReachable: true,
  early: { frames: 0, bytes: 0 },
  wasAccepted: false,
  reason: null,
};

const states = {
  unacknowledged: { acknowledging: { client: 'unacknowledged', server: 'undecided' } },
  acknowledged: { acknowledging: { client: 'acknowledged', server: 'undecided' } },
  agreed: { acknowledging: { client: 'unacknowledged', server: 'agreed' } },
  unreached: { acknowledging: { client: 'acknowledged', server: 'unreached' } },
  flowing: { open: { flow: 'flowing' } },
  congested: { open: { flow: 'congested' } },
  closing: 'closing',
  closed: 'closed',
} as const satisfies Record<string, StateValue>;
type Name = keyof typeof states;
type Busy = Exclude<Name, 'closed'>;
const busy: readonly Busy[] = [
  'unacknowledged',
  'acknowledged',
  'agreed',
  'unreached',
  'flowing',
  'congested',
  'closing',
];

const refused = { code: 1008, text: 'not allowed', cause: 'program' };
const asked = { code: 4000, text: 'go', cause: 'client' };
const lost = { code: 1006, text: '', cause: 'connectionLost' };
const slow = { code: 1013, text: 'slow consumer', cause: 'slowConsumer' };

type Row = readonly [rules: string, to: Name, does: readonly string[], reason?: ConnectionContext['reason']];

/** State -> event -> the rules it serves, the next state, what is to be done, and the reason if it ends. */
const table: { readonly [name in Busy]: Partial<Record<EventType, Row>> } = {
  unacknowledged: {
    ACK: ['[HS2]', 'acknowledged', []],
    AGREED: ['[HS2] [HS9]', 'agreed', []],
    FRAME: ['[HS4]', 'unacknowledged', ['countEarly', 'bufferEarly']],
    REFUSED: ['[HS7]', 'closing', ['sendRefusal', 'teardown', 'sendClose'], refused],
    CLOSE: ['[SV5]', 'closing', ['teardown', 'sendClose'], asked],
    'SOCKET.CLOSED': ['[SV3] [SV6]', 'closed', ['teardown', 'destroySocket'], lost],
  },
  acknowledged: {
    ACK: ['[HS4]', 'acknowledged', ['countEarly', 'bufferEarly']],
    AGREED: ['[HS2] [HS3]', 'flowing', ['sendAccept']],
    FRAME: ['[HS4]', 'acknowledged', ['countEarly', 'bufferEarly']],
    REFUSED: ['[HS7]', 'closing', ['sendRefusal', 'teardown', 'sendClose'], refused],
    CLOSE: ['[SV5]', 'closing', ['teardown', 'sendClose'], asked],
    'SOCKET.CLOSED': ['[SV3] [SV6]', 'closed', ['teardown', 'destroySocket'], lost],
  },
  agreed: {
    ACK: ['[HS2] [HS3]', 'flowing', ['sendAccept']],
    FRAME: ['[HS4]', 'agreed', ['countEarly', 'bufferEarly']],
    REFUSED: ['[HS9]', 'closing', ['teardown', 'sendClose'], refused],
    CLOSE: ['[SV5]', 'closing', ['teardown', 'sendClose'], asked],
    'SOCKET.CLOSED': ['[SV3] [SV6]', 'closed', ['teardown', 'destroySocket'], lost],
  },
  unreached: {
    ACK: ['[HS4]', 'unreached', ['countEarly', 'bufferEarly']],
    REACHED: ['[EX3]', 'flowing', ['sendAccept']],
    FRAME: ['[HS4]', 'unreached', ['countEarly', 'bufferEarly']],
    REFUSED: ['[HS9]', 'closing', ['teardown', 'sendClose'], refused],
    CLOSE: ['[SV5]', 'closing', ['teardown', 'sendClose'], asked],
    'SOCKET.CLOSED': ['[SV3] [SV6]', 'closed', ['teardown', 'destroySocket'], lost],
  },
  flowing: {
    CONGESTED: ['[BP1]', 'congested', ['countCongestion']],
    REFUSED: ['[HS9]', 'closing', ['teardown', 'sendClose'], refused],
    CLOSE: ['[SV5]', 'closing', ['teardown', 'sendClose'], asked],
    'SOCKET.CLOSED': ['[SV3] [SV6]', 'closed', ['teardown', 'destroySocket'], lost],
  },
  congested: {
    DRAINED: ['[BP1]', 'flowing', []],
    OVERFLOWED: ['[BP2]', 'closed', ['countEviction', 'teardown', 'destroySocket'], slow],
    REFUSED: ['[HS9]', 'closing', ['teardown', 'sendClose'], refused],
    CLOSE: ['[SV5]', 'closing', ['teardown', 'sendClose'], asked],
    'SOCKET.CLOSED': ['[SV3] [SV6]', 'closed', ['teardown', 'destroySocket'], lost],
  },
  closing: {
    'SOCKET.CLOSED': ['[SV3]', 'closed', ['teardown', 'destroySocket'], lost],
  },
};

const stateAt = (name: Name, context: Partial<ConnectionContext> = {}) =>
  connectionMachine.resolveState({
    value: states[name],
    context: { ...fresh, isReachable: name !== 'unreached', ...context },
  });

/** What a step leads to; timers are xstate's own business and are tested with a clock. */
const step = (name: Name, type: EventType, context: Partial<ConnectionContext> = {}) => {
  const [next, actions] = transition(connectionMachine, stateAt(name, context), samples[type]);
  const does = actions.map((action) => action.type).filter((action) => !action.startsWith('xstate.'));
  return { value: next.value, does, context: next.context };
};

const rowsOf = (from: Busy) =>
  events.flatMap((type) => {
    const [rules, to, does, reason = null] = table[from][type] ?? [];
    return rules === undefined || to === undefined ? [] : [[rules, type, to, does, reason] as const];
  });

describe.each(busy)('%s', (from) => {
  test.each(rowsOf(from))('%s %s leads to %s', (_, type, to, does, reason) => {
    const next = step(from, type);
    expect(next.value).toEqual(states[to]);
    expect(next.does).toEqual(does);
    expect(next.context).toEqual({
      ...stateAt(from).context,
      reason,
      wasAccepted: type === 'AGREED' || type === 'REACHED',
    });
  });

  test.each(events.filter((type) => !table[from][type]))('[SV9] %s changes nothing', (type) => {
    expect(step(from, type)).toEqual({ value: states[from], does: [], context: stateAt(from).context });
  });
});

describe('the beginning', () => {
  test('[HS2] both sides have to agree; onConnect is asked at once', () => {
    const [snapshot, actions] = initialTransition(connectionMachine, {
      id: 'joe',
      isNativeOnly: false,
      isReachable: true,
    });
    expect([snapshot.value, snapshot.context]).toEqual([states.unacknowledged, fresh]);
    expect(actions.map(({ type }) => type).filter((type) => !type.startsWith('xstate.'))).toEqual(['runOnConnect']);
  });

  test('[HS10] when only native messages are handled, M is not waited for', () => {
    const [snapshot] = initialTransition(connectionMachine, { id: 'joe', isNativeOnly: true, isReachable: true });
    expect(snapshot.value).toEqual(states.acknowledged);
    const [open] = transition(connectionMachine, snapshot, { type: 'AGREED' });
    expect(open.value).toEqual(states.flowing);
  });

  test('[EX3] with an exchange it also waits for its channel, in either order', () => {
    const apart = { isReachable: false };
    expect(step('acknowledged', 'AGREED', apart).value).toEqual(states.unreached);
    const reached = step('acknowledged', 'REACHED', apart);
    expect([reached.value, reached.context.isReachable]).toEqual([states.acknowledged, true]);
    expect(step('acknowledged', 'AGREED', reached.context).value).toEqual(states.flowing);
  });

  test.each<[EventType, Name]>([
    ['FRAME', 'unacknowledged'],
    ['FRAME', 'acknowledged'],
    ['FRAME', 'agreed'],
    ['ACK', 'acknowledged'],
  ])('[HS5] a %s too many while %s closes with 1008', (type, name) => {
    const full = { early: { frames: 16, bytes: 0 } };
    const heavy = { early: { frames: 0, bytes: 65_536 } };
    for (const early of [full, heavy]) {
      const { value, does, context } = step(name, type, early);
      expect([value, does]).toEqual(['closing', ['teardown', 'sendClose']]);
      expect(context.reason).toEqual({
        code: 1008,
        text: 'too many frames before the acknowledgement',
        cause: 'earlyFrames',
      });
    }
  });

  test('[HS5] the first M is no early frame, after any number of them', () => {
    expect(step('agreed', 'ACK', { early: { frames: 16, bytes: 0 } }).value).toEqual(states.flowing);
    expect(step('unacknowledged', 'ACK', { early: { frames: 16, bytes: 0 } }).value).toEqual(states.acknowledged);
  });
});

describe('the end', () => {
  test('[SV6] the first reason is kept', () => {
    const closing = step('flowing', 'CLOSE').context;
    expect(step('closing', 'SOCKET.CLOSED', closing).context.reason).toEqual(asked);
  });

  test('[SV6] it records whether it was ever accepted', () => {
    const opened = step('acknowledged', 'AGREED').context;
    expect(step('flowing', 'CLOSE', opened).context.wasAccepted).toBe(true);
    expect(step('acknowledged', 'CLOSE').context.wasAccepted).toBe(false);
  });

  test('[SV3] closed is the last state', () => {
    expect(stateAt('closed').status).toBe('done');
  });
});

describe('tags', () => {
  test.each<[Name, readonly string[]]>([
    ['unacknowledged', ['acknowledging']],
    ['acknowledged', ['acknowledging']],
    ['agreed', ['acknowledging', 'agreed']],
    ['unreached', ['acknowledging', 'agreed']],
    ['flowing', ['open']],
    ['congested', ['congested', 'open']],
    ['closing', []],
    ['closed', []],
  ])('[SV9] %s has the tags %j', (name, tags) => {
    expect([...stateAt(name).tags].sort()).toEqual(tags);
  });
});

describe('deadlines', () => {
  const make = () => {
    const clock = new FakeClock();
    const log: string[] = [];
    const note = (type: string) => () => void log.push(type);
    const machine = connectionMachine.provide({
      actions: {
        sendRefusal: note('sendRefusal'),
        teardown: note('teardown'),
        sendClose: note('sendClose'),
        destroySocket: note('destroySocket'),
        countEviction: note('countEviction'),
      },
    });
    const actor = createActor(machine, { clock, input: { id: 'joe', isNativeOnly: false, isReachable: true } }).start();
    const now = () => ({ value: actor.getSnapshot().value, reason: actor.getSnapshot().context.reason, log });
    return { clock, actor, now };
  };

  test('[HS6] a client without M is closed after 5 s', () => {
    const { clock, actor, now } = make();
    actor.send({ type: 'AGREED' });
    clock.advance(4_999);
    expect(now().value).toEqual(states.agreed);
    clock.advance(1);
    expect(now()).toEqual({
      value: 'closing',
      reason: { code: 1008, text: 'not acknowledged in time', cause: 'ackTimeout' },
      log: ['teardown', 'sendClose'],
    });
  });

  test('[HS8] onConnect that has not settled within 5 s refuses', () => {
    const { clock, actor, now } = make();
    actor.send({ type: 'ACK' });
    clock.advance(4_999);
    expect(now().value).toEqual(states.acknowledged);
    clock.advance(1);
    expect(now()).toEqual({
      value: 'closing',
      reason: { code: 1008, text: 'not accepted in time', cause: 'connectTimeout' },
      log: ['sendRefusal', 'teardown', 'sendClose'],
    });
  });

  test('[HS6] [HS8] once open it waits for neither', () => {
    const { clock, actor, now } = make();
    actor.send({ type: 'ACK' });
    actor.send({ type: 'AGREED' });
    expect(clock.timers).toBe(0);
    clock.advance(60_000);
    expect(now().value).toEqual(states.flowing);
  });

  test('[BP2] a connection that stays congested for 10 s is evicted', () => {
    const { clock, actor, now } = make();
    for (const type of ['ACK', 'AGREED', 'CONGESTED'] as const) actor.send({ type });
    clock.advance(9_999);
    actor.send({ type: 'DRAINED' });
    actor.send({ type: 'CONGESTED' });
    clock.advance(9_999);
    expect(now().value).toEqual(states.congested);
    clock.advance(1);
    expect(now()).toEqual({ value: 'closed', reason: slow, log: ['countEviction', 'teardown', 'destroySocket'] });
    expect(clock.timers).toBe(0);
  });

  test('[SV3] one that does not answer the close frame is let go after 5 s', () => {
    const { clock, actor, now } = make();
    actor.send(samples.CLOSE);
    clock.advance(4_999);
    expect(now().log).toEqual(['teardown', 'sendClose']);
    clock.advance(1);
    expect(now()).toEqual({
      value: 'closed',
      reason: asked,
      log: ['teardown', 'sendClose', 'teardown', 'destroySocket'],
    });
  });

  test('[SV3] once the socket has ended no timer is left', () => {
    const { clock, actor } = make();
    actor.send(samples['SOCKET.CLOSED']);
    expect([actor.getSnapshot().status, clock.timers]).toEqual(['done', 0]);
  });

  test('[SV9] a program gives them other times by name', () => {
    const clock = new FakeClock();
    const machine = connectionMachine.provide({ delays: { ackTimeout: 10, connectTimeout: 20 } });
    const actor = createActor(machine, { clock, input: { id: 'joe', isNativeOnly: false, isReachable: true } }).start();
    clock.advance(10);
    expect(actor.getSnapshot().context.reason?.text).toBe('not acknowledged in time');
  });
});

describe('reasons', () => {
  /** Every `{ code, text, cause }` that the chart has written out, wherever it stands. */
  const written = (node: unknown): unknown[] => {
    if (typeof node !== 'object' || node === null) return [];
    if ('code' in node && 'text' in node) return [{ ...node }];
    return Object.values(node).flatMap(written);
  };

  test('[SV9] [BP2] the texts in the chart equal those of the table of reasons', () => {
    const table = (['ackTimeout', 'connectTimeout', 'earlyFrames', 'slowConsumer'] as const).map((cause) => {
      const { code, text } = closeReasons[cause];
      return { code, text, cause };
    });
    const found = written(connectionMachine.config.states);
    expect(found.length).toBeGreaterThan(0);
    for (const reason of found) expect(table).toContainEqual(reason);
    for (const reason of table) expect(found).toContainEqual(reason);
  });
});

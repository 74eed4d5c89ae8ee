import { describe, expect, test } from 'vitest';
import { createActor, SimulatedClock } from 'xstate';
import {
  type ClientContext,
  type ClientEvent,
  type ClientState,
  delays,
  initialContext,
  next,
  states,
} from '../../src/client/chart.js';
import { clientMachine } from '../../src/client/machine.js';

const lost = (code: number, text = ''): ClientEvent => ({ type: 'LOST', code, text });

/** Runs events from a state on. */
const walk = (state: ClientState, events: readonly ClientEvent[], context: Partial<ClientContext> = {}) =>
  events.reduce(
    (step, event) => {
      const { effects, ...rest } = next(step.state, step.context, event);
      return { ...rest, effects: [...step.effects, ...effects] };
    },
    { state, context: { ...initialContext(), ...context }, effects: [] as string[], isEntry: false },
  );

const toOnline: readonly ClientEvent[] = [
  { type: 'DIAL' },
  { type: 'OPENED' },
  { type: 'GREETED' },
  { type: 'ENTERED' },
];

describe('the chart', () => {
  test('[CL1] it dials, greets, enters and is online', () => {
    expect(walk('idle', toOnline)).toMatchObject({
      state: 'online',
      context: { tries: 1 },
      effects: ['dial', 'enter', 'resume'],
    });
  });

  test.each<[ClientState, ClientEvent, ClientState, readonly string[]]>([
    ['idle', { type: 'CLOSE' }, 'closed', ['hangUp', 'end']],
    ['dialing', { type: 'dialTimeout' }, 'waiting', ['giveUp']],
    ['dialing', lost(1006), 'waiting', []],
    ['greeting', { type: 'greetingTimeout' }, 'waiting', ['giveUp']],
    ['greeting', { type: 'REFUSED', text: 'no' }, 'refused', []],
    ['greeting', { type: 'CLOSE' }, 'closing', ['hangUp']],
    ['refused', { type: 'verdictTimeout' }, 'closed', ['hangUp', 'end']],
    ['entering', { type: 'SILENT' }, 'waiting', ['giveUp']],
    ['online', { type: 'SILENT' }, 'waiting', ['giveUp']],
    ['online', { type: 'CLOSE' }, 'closing', ['hangUp']],
    ['waiting', { type: 'retryDelay' }, 'dialing', ['dial']],
    ['waiting', { type: 'OFFLINE' }, 'offline', []],
    ['offline', { type: 'probeDelay' }, 'dialing', ['dial']],
    ['offline', { type: 'ONLINE' }, 'dialing', ['dial']],
    ['closing', lost(1000), 'closed', ['end']],
    ['closing', { type: 'closeTimeout' }, 'closed', ['end']],
    ['closed', { type: 'DIAL' }, 'closed', []],
    ['online', { type: 'GREETED' }, 'online', []],
  ])('[CL1] %s, %o leads to %s', (state, event, target, effects) => {
    expect(walk(state, [event])).toMatchObject({ state: target, effects });
  });

  test('[CL1] a step changes nothing but what it returns', () => {
    const context = Object.freeze(initialContext());
    expect(next('idle', context, { type: 'DIAL' }).context).toEqual({ ...context, tries: 1 });
    expect(context).toEqual(initialContext());
  });

  test('[CL1] the XState machine has the states of the table, and takes the same steps', () => {
    expect(Object.keys(clientMachine.states)).toEqual(Object.keys(states));
    const clock = new SimulatedClock();
    const actor = createActor(clientMachine, { clock }).start();
    const events: readonly ClientEvent[] = [
      ...toOnline,
      { type: 'STORM', storm: 3 },
      lost(1012, 'retry=77'),
      { type: 'OFFLINE' },
      { type: 'VISIBLE' },
      { type: 'OPENED' },
      { type: 'REFUSED', text: 'no' },
      lost(4401),
      { type: 'CLOSE' },
    ];
    let state: ClientState = 'idle';
    let context = initialContext();
    for (const event of events) {
      actor.send(event);
      ({ state, context } = next(state, context, event));
      expect(actor.getSnapshot()).toMatchObject({ value: state, context });
    }
    expect(actor.getSnapshot().status).toBe('done');
  });

  test('[CL1] the XState machine has the delays of the table', () => {
    const clock = new SimulatedClock();
    const actor = createActor(clientMachine, { clock }).start();
    actor.send({ type: 'DIAL' });
    clock.increment(19_999);
    expect(actor.getSnapshot().value).toBe('dialing');
    clock.increment(1);
    expect(actor.getSnapshot()).toMatchObject({ value: 'waiting', context: { code: 4002 } });
  });
});

describe('ends', () => {
  test.each([1000, 1008, 4000, 4001, 4099])('[CL21] a close with %i is final', (code) => {
    expect(walk('online', [lost(code, 'why')])).toMatchObject({ state: 'closed', context: { code, text: 'why' } });
  });

  test.each([1001, 1005, 1006, 1009, 1011, 1012, 1013, 3000, 4100, 4401, 4999])(
    '[CL21] a close with %i is followed by a dial',
    (code) => {
      expect(walk('online', [lost(code)]).state).toBe('waiting');
      expect(walk('dialing', [lost(code)], { tries: 1_000 }).state).toBe('waiting');
    },
  );

  test.each([1000, 1005, 1006, 1008, 4000])('[CL21] a refusal followed by %i is final, with its text', (code) => {
    expect(walk('greeting', [{ type: 'REFUSED', text: 'no' }, lost(code)])).toMatchObject({
      state: 'closed',
      context: { code: 1008, text: 'no' },
    });
  });

  test.each([1011, 1013, 4401])('[CL21] a refusal followed by %i is followed by a dial', (code) => {
    expect(walk('greeting', [{ type: 'REFUSED', text: 'no' }, lost(code)])).toMatchObject({
      state: 'waiting',
      context: { code, text: 'no' },
    });
  });
});

describe('waits', () => {
  const delayAfter = (event: ClientEvent, context: Partial<ClientContext>, draw: number): number => {
    const { state, context: after } = walk('online', [event], context);
    expect(state).toBe('waiting');
    return delays.retryDelay(after, () => draw);
  };

  test.each([1001, 1012, 1013])('[CL22] after %i the server names the delay', (code) => {
    expect(delayAfter(lost(code, 'retry=1234'), { storm: 99 }, 0.5)).toBe(1_234);
    expect(delayAfter(lost(code, 'retry=99999999999'), {}, 0.5)).toBe(3_600_000);
  });

  test('[CL22] after another code nothing names it', () => {
    expect(delayAfter(lost(1011, 'retry=1234'), {}, 0.5)).toBe(250);
  });

  test('[CL22] the first dial is spread over the storm, and later ones are not', () => {
    expect(delayAfter(lost(1006), { storm: 60_000 }, 0.5)).toBe(30_000);
    expect(delayAfter(lost(1006), { storm: 60_000, tries: 1 }, 0.5)).toBe(500);
  });

  test.each([
    [0, 500],
    [1, 1_000],
    [5, 16_000],
    [6, 20_000],
    [5_000, 20_000],
  ])('[CL22] after %i dials it is at most %i ms', (tries, most) => {
    expect(delayAfter(lost(1006), { tries }, 0)).toBe(0);
    expect(delayAfter(lost(1006), { tries }, 0.999)).toBeCloseTo(most * 0.999);
  });

  test('[CL22] after 5 s online dials are counted anew', () => {
    expect(walk('online', [{ type: 'settleDelay' }], { tries: 7 }).context.tries).toBe(0);
  });

  test('[CL22] a machine that is offline waits to be online, and probes', () => {
    const { state, context } = walk('online', [{ type: 'OFFLINE' }, lost(1006)]);
    expect(state).toBe('offline');
    expect(delays.probeDelay(context, () => 0.5)).toBe(30_000);
    expect(walk(state, [{ type: 'ONLINE' }], context)).toMatchObject({
      state: 'dialing',
      context: { isOffline: false },
    });
  });

  test('[CL22] a visible page dials at once, once in each outage', () => {
    const outage: readonly ClientEvent[] = [lost(1006), { type: 'VISIBLE' }, lost(1006)];
    const once = walk('online', outage);
    expect(once.state).toBe('waiting');
    expect(walk('waiting', [{ type: 'VISIBLE' }], once.context).state).toBe('waiting');
    const back = walk('waiting', [{ type: 'retryDelay' }, ...toOnline.slice(1)], once.context);
    expect(walk('online', [lost(1006), { type: 'VISIBLE' }], back.context).state).toBe('dialing');
  });
});

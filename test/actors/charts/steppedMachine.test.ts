import { describe, expect, test } from 'vitest';
import { assign, setup } from 'xstate';
import { type MachineState, SteppedMachine } from '../../../src/actors/charts/steppedMachine.js';
import { namespaceMachine } from '../../../src/machines/namespace.js';
import { roomMachine } from '../../../src/machines/room.js';

const after = (chart: SteppedMachine, ...types: readonly string[]): MachineState =>
  types.reduce((value, type) => chart.step(value, { type }).value, chart.initial);

const unreported = (error: unknown): never => {
  throw error;
};

describe('a chart that is stepped', () => {
  test('[SV9] a step returns the next state and the named actions, in order', () => {
    const chart = new SteppedMachine(roomMachine, unreported);
    expect(chart.initial.value).toBe('outside');
    const asked = chart.step(chart.initial, { type: 'ASKED.JOIN' });
    expect(asked.value.value).toEqual({ joining: 'deciding' });
    expect(asked.actions).toEqual([{ type: 'runVetoHandler', params: { event: '_OnRoomJoin', isLocal: false } }]);
    const allowed = chart.step(asked.value, { type: 'ALLOWED' });
    expect(allowed.value.hasTag('member')).toBe(true);
    expect(allowed.actions.map(({ type }) => type)).toEqual(['enter', 'runNotifyHandler', 'answer']);
  });

  test('[SV9] an event that the state does not know changes nothing', () => {
    const chart = new SteppedMachine(roomMachine, unreported);
    const { value, actions } = chart.step(chart.initial, { type: 'AGREED' });
    expect(value).toBe(chart.initial);
    expect(actions).toEqual([]);
  });

  test('[SV9] a step does not change the value that it starts from', () => {
    const chart = new SteppedMachine(namespaceMachine, unreported);
    const before = after(chart, 'ASKED.CONNECT');
    chart.step(before, { type: 'ALLOWED' });
    expect(before.value).toEqual({ connecting: 'deciding' });
    expect(chart.step(before, { type: 'REFUSED' }).value.value).toBe('disconnected');
  });

  test('[SV9] the actions of one step are neither repeated nor removed by the next', () => {
    const chart = new SteppedMachine(roomMachine, unreported);
    const first = chart.step(chart.initial, { type: 'ASKED.JOIN' });
    const second = chart.step(first.value, { type: 'REFUSED' });
    expect(first.actions.map(({ type }) => type)).toEqual(['runVetoHandler']);
    expect(second.actions.map(({ type }) => type)).toEqual(['answerRefusal']);
  });

  test('[SV3] settled memberships share one value, whichever steps led to it', () => {
    const chart = new SteppedMachine(roomMachine, unreported);
    const asked = after(chart, 'ASKED.JOIN', 'ALLOWED');
    const wanted = after(chart, 'JOIN', 'AGREED', 'ALLOWED');
    const stayed = after(chart, 'JOIN', 'AGREED', 'ALLOWED', 'LEAVE', 'DECLINED');
    expect(asked.value).toBe('joined');
    expect(wanted).toBe(asked);
    expect(stayed).toBe(asked);
  });

  test('[SV9] a provided action runs, and is listed as well', () => {
    const log: string[] = [];
    const chart = new SteppedMachine(
      roomMachine.provide({ actions: { enter: () => log.push('entered') } }),
      unreported,
    );
    const before = after(chart, 'ASKED.JOIN');
    const { actions } = chart.step(before, { type: 'ALLOWED' });
    expect(log).toEqual(['entered']);
    expect(actions.map(({ type }) => type)).toEqual(['enter', 'runNotifyHandler', 'answer']);
  });

  test('[SV9] values of a chart with a context of its own are never mixed up', () => {
    const machine = setup({
      types: { context: {} as { readonly visits: number } },
      actions: { note: assign({ visits: ({ context }) => context.visits + 1 }) },
    }).createMachine({
      context: { visits: 0 },
      initial: 'here',
      states: { here: { on: { VISIT: { actions: 'note' } } } },
    });
    const chart = new SteppedMachine(machine, unreported);
    const once = chart.step(chart.initial, { type: 'VISIT' }).value;
    const twice = chart.step(once, { type: 'VISIT' }).value;
    expect([chart.initial, once, twice].map(({ context }) => context.visits)).toEqual([0, 1, 2]);
    expect(chart.step(chart.initial, { type: 'VISIT' }).value.context).toEqual({ visits: 1 });
  });

  test('[SV3] a chart in its final state stays there', () => {
    const chart = new SteppedMachine(roomMachine, unreported);
    const left = after(chart, 'ASKED.JOIN', 'REFUSED');
    expect(left.status).toBe('done');
    for (const type of ['JOIN', 'ASKED.JOIN', 'ALLOWED']) {
      const step = chart.step(left, { type });
      expect([step.value.value, step.actions]).toEqual(['left', []]);
    }
  });
});

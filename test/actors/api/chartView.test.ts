import { describe, expect, test } from 'vitest';
import { connectionConfig, connectionSetup } from '../../../src/index.js';
import { checkedMachines, SupervisorHarness } from '../../support/server/supervisorHarness.js';

const { open } = connectionConfig.states;

const ofVersions = connectionSetup.extend({ types: { tags: {} as 'v1' } }).createMachine({
  ...connectionConfig,
  states: {
    ...connectionConfig.states,
    open: {
      ...open,
      states: { ...open.states, version: { initial: '1.0', states: { '1.0': { tags: 'v1' }, '2.0': {} } } },
    },
  },
});

const opened = (machines = {}) => {
  const harness = new SupervisorHarness({ namespaces: { n: {} }, limits: { highWaterMark: 10 }, machines });
  const { conn, socket } = harness.open('a', 'n');
  if (!conn) throw new Error('not open');
  return { harness, conn, socket };
};

describe('the chart of a connection, by its handle', () => {
  test('[SV24] tells the states that it is in, and their tags', () => {
    const { conn, socket } = opened();
    expect(conn.matches('open')).toBe(true);
    expect([conn.matches('open.flow.flowing'), conn.matches('open.flow.congested')]).toEqual([true, false]);
    expect([conn.hasTag('open'), conn.hasTag('congested')]).toEqual([true, false]);
    socket.stall();
    conn.namespace('n')?.emit('long enough');
    expect([conn.matches('open.flow.flowing'), conn.matches('open.flow.congested')]).toEqual([false, true]);
    expect([conn.hasTag('open'), conn.hasTag('congested')]).toEqual([true, true]);
  });

  test('[SV24] tells them in onConnect, and after the end', async () => {
    const seen: unknown[] = [];
    const harness = new SupervisorHarness({
      namespaces: { n: {} },
      onConnect: (conn) => void seen.push(conn.matches('acknowledging.server.undecided'), conn.hasTag('acknowledging')),
    });
    const { conn } = harness.open('a', 'n');
    await harness.disconnectAll();
    expect(seen).toEqual([true, true]);
    expect([conn?.matches('closed'), conn?.matches('open'), conn?.hasTag('open')]).toEqual([true, false, false]);
  });

  test('[SV24] knows the states and tags of a chart of the program', () => {
    const { conn } = opened(checkedMachines({ connection: ofVersions }));
    expect([conn.matches('open.version.1\\.0'), conn.matches('open.version.2\\.0')]).toEqual([true, false]);
    expect(conn.hasTag('v1')).toBe(true);
  });

  test('[SV24] a state or tag that the chart does not have is a mistake, and those that it has are told', () => {
    const { conn } = opened();
    expect(() => conn.matches('open.flow.full')).toThrow(
      /^the chart of the connection has no state "open\.flow\.full"; it has .*"open\.flow\.congested"/,
    );
    expect(() => conn.matches({ open: 'flow' } as never)).toThrow(/has no state object; it has "acknowledging", /);
    expect(() => conn.hasTag('muted')).toThrow(
      new TypeError(
        'the chart of the connection has no tag "muted"; it has "acknowledging", "agreed", "open", "congested"',
      ),
    );
    expect(() => opened(checkedMachines({ connection: ofVersions })).conn.hasTag('v2')).toThrow(
      'it has "acknowledging"',
    );
  });
});

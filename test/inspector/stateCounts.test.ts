import { describe, expect, test } from 'vitest';
import type { AnyMachineSnapshot } from 'xstate';
import { connectionMachine } from '../../src/index.js';
import { statesOf } from '../../src/inspector/draw/chart.js';
import { StateCounts } from '../../src/inspector/stateCounts.js';
import { Viewer } from '../../src/inspector/viewer.js';
import { SupervisorHarness } from '../support/server/supervisorHarness.js';

const flowing = 'connection.open.flow.flowing';
const congested = 'connection.open.flow.congested';

/** Returns the state counts of a harness from now on, and how to end them. */
const takeCensus = (harness: SupervisorHarness) => {
  const census = new StateCounts(connectionMachine, () => harness.clock.now());
  let looks = 0;
  const end = harness.supervisor.introspection.subscribe({
    began: (actor) => census.began(actor),
    stepped: (actor, _event, before, after) => {
      looks++;
      census.stepped(actor, before, after);
    },
  });
  census.begin();
  const of = (state: string) => {
    const found = census.read().find((one) => one.state === state);
    if (!found) throw new Error(`there is no state ${state}`);
    return found;
  };
  return { census, end, of, looks: () => looks };
};

/** How many are in each state, as a walk finds it. */
const walk = (harness: SupervisorHarness): Record<string, number> => {
  const counts: Record<string, number> = {};
  const end = harness.supervisor.introspection.subscribe({
    began(actor) {
      const snapshot: AnyMachineSnapshot = actor.getSnapshot();
      if (actor.src !== 'connection' || snapshot.status !== 'active') return;
      for (const state of statesOf(snapshot)) counts[state] = (counts[state] ?? 0) + 1;
    },
  });
  end();
  return counts;
};

const peopled = (census: StateCounts): Record<string, number> =>
  Object.fromEntries(census.read().flatMap(({ state, count }) => (count > 0 ? [[state, count]] : [])));

describe('the census', () => {
  test('[IN12] existing connections are counted first, then those that open and close', async () => {
    const harness = new SupervisorHarness({ namespaces: { n: {} }, onConnect: () => {} });
    for (const id of ['a', 'b', 'c']) harness.open(id, 'n');
    await harness.settle();
    const { census, of } = takeCensus(harness);
    expect(peopled(census)).toEqual(walk(harness));
    expect(of('connection')).toMatchObject({ count: 3, came: 0, went: 0 });

    const late = harness.connect('d');
    expect(of('connection.acknowledging.client.unheard').count).toBe(1);
    expect(peopled(census)).toEqual(walk(harness));
    late.socket.receive('M');
    await harness.settle();
    expect(of(flowing).count).toBe(4);

    const [first, second] = harness.supervisor.connections();
    first?.actor.send({ type: 'CONGESTED' });
    expect([of(flowing).count, of(congested).count]).toEqual([3, 1]);
    second?.close();
    expect(of('connection.closing').count).toBe(1);
    late.socket.disconnect();
    await harness.settle();
    expect(peopled(census)).toEqual(walk(harness));
    expect(of('connection').count).toBe(3);
    await harness.disconnectAll();
    expect(peopled(census)).toEqual({});
  });

  test('[IN12] a connection whose chart has failed is in no state', async () => {
    const fail = (): void => {
      throw new Error('no');
    };
    const connection = connectionMachine.provide({ actions: { countEviction: fail } });
    const harness = new SupervisorHarness({ namespaces: { n: {} }, machines: { connection } });
    const { conn } = harness.open('a', 'n');
    const { census } = takeCensus(harness);
    conn?.actor.send({ type: 'CONGESTED' });
    expect(peopled(census)).toEqual(walk(harness));
    conn?.actor.send({ type: 'OVERFLOWED' });
    expect(conn?.actor.getSnapshot().status).toBe('error');
    expect(peopled(census)).toEqual({});
    await harness.disconnectAll();
  });

  test('[IN12] rates and durations come from all connections together', async () => {
    const harness = new SupervisorHarness({ namespaces: { n: {} } });
    const { conn } = harness.open('a', 'n');
    await harness.settle();
    const { of } = takeCensus(harness);
    expect(of(congested)).toMatchObject({ came: 0, went: 0, stay: null });
    for (let times = 0; times < 4; times++) {
      conn?.actor.send({ type: 'CONGESTED' });
      harness.clock.spend(500);
      conn?.actor.send({ type: 'DRAINED' });
      harness.clock.spend(500);
    }
    expect(of(congested)).toMatchObject({ count: 0, came: 1, went: 1, stay: 500 });
    expect(of(flowing)).toMatchObject({ count: 1, came: 1, went: 1, stay: 500 });
    await harness.disconnectAll();
  });

  test('[IN12] frames and broadcasts cost it nothing', async () => {
    const harness = new SupervisorHarness({ namespaces: { n: { e: () => {} } } });
    const client = harness.open('a', 'n');
    await harness.settle();
    const { looks, end } = takeCensus(harness);
    for (let times = 0; times < 100; times++) client.socket.receive('0;n;;e;0;0;x');
    harness.supervisor.broadcast(null, [{ namespace: 'n', event: 'e' }]);
    await harness.settle();
    expect(looks()).toBe(0);
    end();
    await harness.disconnectAll();
  });
});

describe('a viewer', () => {
  test('[IN13] a viewer that does not read misses messages, and is closed after a while', () => {
    const said: string[] = [];
    let isGone = false;
    const line = {
      writableNeedDrain: false,
      write: (text: string) => said.push(text),
      end: () => {},
      destroy: () => {
        isGone = true;
      },
    };
    const viewer = new Viewer(line, undefined, () => Promise.resolve(true));
    viewer.tell('1', 0);
    line.writableNeedDrain = true;
    viewer.tell('2', 250);
    viewer.tell('3', 10_000);
    line.writableNeedDrain = false;
    viewer.tell('4', 10_249);
    expect(said).toEqual(['retry: 1000\n\n', 'data: 1\n\n', 'data: 4\n\n']);
    line.writableNeedDrain = true;
    viewer.tell('5', 20_000);
    viewer.tell('6', 29_999);
    expect(isGone).toBe(false);
    expect([viewer.tell('7', 30_000), isGone]).toEqual([false, true]);
    line.writableNeedDrain = false;
    expect([viewer.tell('8', 30_250), said.length]).toEqual([false, 3]);
  });

  test('[IN13] a closed viewer is sent nothing more, even if its socket takes bytes again', () => {
    const said: string[] = [];
    const line = {
      writableNeedDrain: false,
      write: (text: string) => said.push(text),
      end: () => {},
      destroy: () => {},
    };
    const viewer = new Viewer(line, undefined, () => Promise.resolve(false));
    viewer.end();
    expect([viewer.tell('1', 0), said]).toEqual([false, ['retry: 1000\n\n']]);
  });
});

import { once } from 'node:events';
import { test as given } from '@fast-check/vitest';
import { createBrowserReceiver, createWebSocketReceiver, type StatelyInspectionEvent } from '@statelyai/inspect';
import { describe, expect, onTestFinished, test } from 'vitest';
import { WebSocketServer } from 'ws';
import { type AnyStateMachine, createActor, createMachine } from 'xstate';
import {
  connectionConfig,
  connectionMachine,
  connectionSetup,
  linkMachine,
  namespaceMachine,
  roomMachine,
  supervisorMachine,
} from '../../../src/index.js';
import { type ChartState, describeMachine } from '../../../src/inspector/draw/chart.js';
import { plainDefinition } from '../../../src/inspector/stately/definition.js';
import { toStately } from '../../../src/inspector/stately/messages.js';
import { ReceiveQueue } from '../../support/async/receiveQueue.js';
import { arbitraryMachine } from '../../support/model/randomMachines.js';
import { checkedMachines, SupervisorHarness } from '../../support/server/supervisorHarness.js';

/** Everything that a connection's life shows, as it is sent. */
const life = async (): Promise<string[]> => {
  const sent: string[] = [];
  const harness = new SupervisorHarness({
    namespaces: { n: {} },
    inspect: (event) => {
      const message = toStately(event);
      if (message) sent.push(JSON.stringify(message));
    },
  });
  const client = harness.open('a', 'n');
  client.socket.receive(';n;;secret;0;0;hunter2');
  harness.supervisor.broadcast(null, [{ namespace: 'n', event: 'secret', body: 'hunter2' }]);
  void harness.supervisor.do(() => {});
  await harness.settle();
  client.conn?.close(4_001, 'enough');
  client.socket.disconnect();
  await harness.settle();
  return sent;
};

const lineOf = (message: StatelyInspectionEvent): string => {
  switch (message.type) {
    case '@xstate.actor':
      return `${message.name} lives`;
    case '@xstate.event':
      return `< ${message.event.type}`;
    case '@xstate.snapshot':
      return `= ${JSON.stringify('value' in message.snapshot ? message.snapshot.value : '')}`;
    default:
      return 'unknown';
  }
};

const due = ['supervisor lives', '< CONNECT', '= "accepting"', 'connection-1 lives', '< AGREED'];

describe('Stately’s protocol', () => {
  test('[IN6] its receiver by WebSocket accepts the messages', async () => {
    const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
    onTestFinished(() => {
      for (const client of server.clients) client.terminate();
      server.close();
    });
    await once(server, 'listening');
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('a port was expected');
    const heard = new ReceiveQueue<StatelyInspectionEvent>('receiver');
    const connected = once(server, 'connection');
    createWebSocketReceiver({ server: `ws://127.0.0.1:${address.port}` }).subscribe((event) => heard.push(event));
    await connected;
    const sent = await life();
    for (const client of server.clients) for (const line of sent) client.send(line);
    const all = await heard.take(sent.length);
    expect(all.slice(0, due.length).map(lineOf)).toEqual(due);
    expect(all.map(lineOf)).toContain('= {"open":{"flow":"flowing"}}');
  });

  test('[IN6] its receiver in a page accepts the posted messages', async () => {
    const listeners: ((event: { data: unknown }) => void)[] = [];
    const posted: unknown[] = [];
    const parent = { postMessage: (message: unknown) => posted.push(message) };
    // As much of a window as the receiver asks for.
    const page = {
      self: 'inner',
      top: 'outer',
      parent,
      addEventListener: (_: string, listener: (event: { data: unknown }) => void) => listeners.push(listener),
    };
    const heard: StatelyInspectionEvent[] = [];
    createBrowserReceiver({ window: page } as unknown as Parameters<typeof createBrowserReceiver>[0]).subscribe(
      (event) => heard.push(event),
    );
    expect(posted).toEqual([{ type: '@statelyai.connected' }]);
    const sent = await life();
    for (const line of sent) for (const listen of listeners) listen({ data: JSON.parse(line) });
    expect(heard).toHaveLength(sent.length);
    expect(heard.slice(0, due.length).map(lineOf)).toEqual(due);
  });

  test('[IN6] actors are sent with a drawable copy of their chart', async () => {
    const actors = (await life()).map((line) => JSON.parse(line)).filter(({ type }) => type === '@xstate.actor');
    const charts = actors.map(({ definition }) => JSON.parse(definition));
    expect(charts.map(({ id }) => id)).toEqual(['supervisor', 'connection']);
    expect(Object.keys(charts[0].states)).toEqual(Object.keys(supervisorMachine.config.states ?? {}));
    expect(Object.keys(charts[1].states)).toEqual(Object.keys(connectionMachine.config.states ?? {}));
    expect(actors[1]).toMatchObject({
      parentId: actors[0].sessionId,
      rootId: actors[0].sessionId,
      name: 'connection-1',
    });
  });

  test("[IN6] nor does data in the config or events of a program's own chart", async () => {
    const connection = connectionSetup.createMachine({
      ...connectionConfig,
      meta: { who: 'hunter2' },
      context: ({ input }: { readonly input: object }) => ({
        ...input,
        key: 'hunter2',
        early: { frames: 0, bytes: 0 },
        wasAccepted: false,
        reason: null,
      }),
      on: { ...connectionConfig.on, CHAT: { actions: { type: 'countEviction', params: { key: 'hunter2' } } } },
    } as never);
    const sent: string[] = [];
    const harness = new SupervisorHarness({
      namespaces: { n: {} },
      machines: checkedMachines({ connection }),
      inspect: (event) => void sent.push(JSON.stringify(toStately(event))),
    });
    const client = harness.open('a', 'n');
    client.conn?.actor.send({ type: 'CHAT', text: 'hunter2' });
    await harness.settle();
    expect(sent.filter((line) => line.includes('hunter2'))).toEqual([]);
    expect(sent.filter((line) => line.includes('"event":{"type":"CHAT"}'))).toHaveLength(2);
    await harness.disconnectAll();
  });

  const drawn = (chart: ChartState): unknown =>
    JSON.parse(JSON.stringify(chart, (key, value: unknown) => (key === 'ms' ? undefined : value)));
  given.prop([arbitraryMachine])('[IN6] [IN15] a machine made of what is sent looks the same', ({ machine }) => {
    const chart = describeMachine(machine);
    const again = createMachine(JSON.parse(JSON.stringify(plainDefinition(chart))) as never);
    expect(drawn(describeMachine(again))).toEqual(drawn(chart));
  });
  test.each([supervisorMachine, connectionMachine, namespaceMachine, roomMachine, linkMachine])(
    '[IN6] [IN15] so does $id',
    (machine: AnyStateMachine) => {
      const chart = describeMachine(machine);
      const again = createMachine(JSON.parse(JSON.stringify(plainDefinition(chart))) as never);
      expect(drawn(describeMachine(again))).toEqual(drawn(chart));
    },
  );

  test('[IN6] one transition may lead into several states', () => {
    const region = { initial: 'one', states: { one: {}, two: {} } };
    const machine = createMachine({
      id: 'm',
      initial: 'idle',
      states: {
        idle: { on: { GO: { target: ['both.a.two', 'both.b.two'] } } },
        both: { type: 'parallel', states: { a: region, b: region } },
      },
    });
    const again = createMachine(JSON.parse(JSON.stringify(plainDefinition(describeMachine(machine)))) as never);
    const actor = createActor(again).start();
    actor.send({ type: 'GO' } as never);
    expect(actor.getSnapshot().value).toEqual({ both: { a: 'two', b: 'two' } });
  });

  test('[IN6] bodies of clients and the program do not leave the process', async () => {
    const sent = await life();
    expect(sent.filter((line) => line.includes('hunter2') || line.includes('secret'))).toEqual([]);
    expect(sent.some((line) => line.includes('"text":"enough"'))).toBe(true);
    expect(Math.max(...sent.map((line) => line.length))).toBeLessThan(10_000);
  });
});

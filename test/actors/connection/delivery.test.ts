import { describe, expect, test } from 'vitest';
import { connectionMachine } from '../../../src/index.js';
import { type FakeClient, type HarnessOptions, SupervisorHarness } from '../../support/server/supervisorHarness.js';

const big = 'x'.repeat(200 * 1024);
/** Returns what a client has been sent: the events, and its close frame. */
const eventsOf = ({ socket }: FakeClient): string[] =>
  socket.lines.map((line) => (line.startsWith('close') ? line : (line.split(';')[3] ?? '')));

/** Returns a client with three long pending messages, of which a slice has delivered the first. */
const inTheMiddle = async () => {
  const harness = new SupervisorHarness({ namespaces: { n: {} }, msPerRead: 5, sliceMs: 4 });
  const [client, other] = [harness.open('client', 'n'), harness.open('other', 'n')];
  await harness.settle();
  for (const event of ['1', '2', '3']) harness.server.broadcast(null, { namespace: 'n', event, body: big });
  harness.clock.tick();
  expect(eventsOf(client)).toEqual(['1']);
  return { harness, client, other };
};

/** Returns a client with a stalled socket; an observer of its actor runs this when it is congested. */
const atCongestion = (options: HarnessOptions, react: (harness: SupervisorHarness, client: FakeClient) => void) => {
  const harness = new SupervisorHarness({ namespaces: { n: {} }, ...options });
  const client = harness.open('client', 'n');
  let isTold = false;
  client.conn?.actor.subscribe((snapshot: { hasTag(tag: string): boolean }) => {
    if (isTold || !snapshot.hasTag('congested')) return;
    isTold = true;
    react(harness, client);
  });
  client.socket.stall();
  return { harness, client };
};

describe('a member with partly delivered entries', () => {
  test('[BC1] [BC4] leaves, and gets the rest, the answer, and nothing later', async () => {
    const { harness, client, other } = await inTheMiddle();
    client.socket.receive('$1;n;;_OnNamespaceDisconnect;0;0;');
    harness.server.broadcast(null, { namespace: 'n', event: 'late' });
    await harness.settle();
    expect(eventsOf(client)).toEqual(['1', '2', '3', '']);
    expect(eventsOf(other)).toEqual(['1', '2', '3', 'late']);
  });

  test('[BC4] [SV5] is closed, and gets the rest before the close frame, and nothing behind it', async () => {
    const { harness, client } = await inTheMiddle();
    client.conn?.close();
    harness.server.broadcast(null, { namespace: 'n', event: 'late' });
    await harness.settle();
    expect(eventsOf(client)).toEqual(['1', '2', '3', 'close 1000 ']);
  });

  test('[BC3] gets deliveries of the program to its actor behind the rest, congested or not', async () => {
    const bytes = Uint8Array.from([0x81, 5, ...Buffer.from(';n;;x')]);
    const { harness, client } = await inTheMiddle();
    client.conn?.actor.send({ type: 'DELIVER', bytes });
    await harness.settle();
    expect(eventsOf(client)).toEqual(['1', '2', '3', 'x']);
    client.socket.stall();
    for (const event of ['4', '5']) {
      harness.server.broadcast(null, { namespace: 'n', event, body: big });
      await harness.settle();
    }
    client.conn?.actor.send({ type: 'DELIVER', bytes });
    expect(eventsOf(client)).toEqual(['1', '2', '3', 'x', '4']);
    client.socket.drain();
    expect(eventsOf(client)).toEqual(['1', '2', '3', 'x', '4', '5', 'x']);
  });

  test('[BC3] gets a direct frame behind the rest', async () => {
    const { harness, client } = await inTheMiddle();
    client.conn?.namespace('n')?.emit('direct');
    await harness.settle();
    expect(eventsOf(client)).toEqual(['1', '2', '3', 'direct']);
  });
});

describe('effects of a delivery', () => {
  test('[BC2] [BC8] a broadcast during a pass takes nothing from later members', async () => {
    const { harness } = atCongestion({ syncBroadcaster: true }, ({ server }) =>
      server.broadcast(null, { namespace: 'n', room: 'r', event: 'in the room' }),
    );
    const other = harness.open('other', 'n', ['r']);
    harness.server.broadcast(null, { namespace: 'n', event: 'news', body: 'y'.repeat(70_000) });
    await harness.settle();
    expect(eventsOf(other)).toEqual(['news', 'in the room']);
  });

  test('[BC8] a flush requested during a pass waits for the whole pass', async () => {
    let served = -1;
    const { harness } = atCongestion({ msPerRead: 5, sliceMs: 4 }, ({ server }) => {
      void server.flush().then(() => {
        served = others.filter((other) => eventsOf(other).includes('news')).length;
      });
    });
    const others = Array.from({ length: 60 }, (_, at) => harness.open(`${at}`, 'n'));
    harness.server.broadcast(null, { namespace: 'n', event: 'news', body: 'y'.repeat(70_000) });
    await harness.settle();
    expect(served).toBe(60);
  });

  test('[BC3] an emit during a long write follows it', async () => {
    const { harness, client } = atCongestion({}, (_, { conn }) => conn?.namespace('n')?.emit('direct'));
    for (const event of ['1', '2', '3']) harness.server.broadcast(null, { namespace: 'n', event, body: big });
    harness.server.broadcast(null, { namespace: 'n', event: 'alone', to: 'client' });
    await harness.settle();
    client.socket.drain();
    await harness.settle();
    expect(eventsOf(client)).toEqual(['1', '2', '3', 'alone', 'direct']);
  });

  test('[BC3] [SV11] an emit of an action of the chart follows it as well', async () => {
    const countCongestion = (): void => void harness.clients[0]?.conn?.namespace('n')?.emit('direct');
    const connection = connectionMachine.provide({ actions: { countCongestion } });
    const harness = new SupervisorHarness({ namespaces: { n: {} }, machines: { connection } });
    const client = harness.open('client', 'n');
    client.socket.stall();
    for (const event of ['1', '2', '3']) harness.server.broadcast(null, { namespace: 'n', event, body: big });
    await harness.settle();
    client.socket.drain();
    await harness.settle();
    expect(eventsOf(client)).toEqual(['1', '2', '3', 'direct']);
  });

  test('[SV11] [SV5] nothing follows the close frame, even if an action of the chart writes', async () => {
    const sendClose = (): void => void harness.clients[0]?.conn?.namespace('n')?.emit('bye');
    const connection = connectionMachine.provide({ actions: { sendClose } });
    const harness = new SupervisorHarness({ namespaces: { n: {} }, machines: { connection } });
    const client = harness.open('client', 'n');
    client.conn?.close();
    await harness.settle();
    expect(eventsOf(client).at(-1)).toBe('close 1000 ');
  });
});

import { describe, expect, test } from 'vitest';
import { ErrWrite } from '../../../src/index.js';
import { SupervisorHarness, settled } from '../../support/server/supervisorHarness.js';

const enter = (namespace: string): string => `$1;${namespace};;_OnNamespaceConnect;0;0;`;

/** Returns a harness with a client whose socket has stalled. */
const stalledClient = (limits: {
  highWaterMark: number;
  slowConsumerMessages?: number;
  slowConsumerBytes?: number;
}) => {
  const harness = new SupervisorHarness({ namespaces: { n: {} }, limits });
  const client = harness.open('a', 'n');
  const ns = client.conn?.namespace('n');
  if (!ns) throw new Error('not connected');
  client.socket.stall();
  return { harness, client, ns };
};

describe('a client that does not read', () => {
  test('[BP1] is congested above the limit, gets nothing more until its socket drains, and then everything in order', () => {
    const { client, ns } = stalledClient({ highWaterMark: 10 });
    for (const event of ['1', '2', '3']) ns.emit(event);
    expect(client.socket.payloads).toEqual([';n;;1;0;0;']);
    expect(client.conn?.pressure).toBeGreaterThan(20);
    client.socket.drain();
    ns.emit('4');
    expect(client.socket.payloads).toEqual(['1', '2', '3', '4'].map((event) => `;n;;${event};0;0;`));
    expect(client.conn?.pressure).toBe(0);
  });

  test.each([
    ['messages', { highWaterMark: 10, slowConsumerMessages: 2 }],
    ['bytes', { highWaterMark: 10, slowConsumerBytes: 20 }],
  ])('[BP2] is evicted when it misses too many %s', async (_, limits) => {
    const { harness, client, ns } = stalledClient(limits);
    for (const event of ['1', '2', '3', '4']) ns.emit(event);
    expect(client.socket.isDestroyed).toBe(false);
    await harness.settle();
    expect(client.socket.isDestroyed).toBe(true);
    expect(harness.supervisor.counters.evictions).toBe(1);
    expect(harness.server.totalConnections).toBe(0);
  });

  test('[BP2] is evicted when it stays congested too long, and not earlier', () => {
    const { harness, client, ns } = stalledClient({ highWaterMark: 10 });
    ns.emit('1');
    harness.clock.advance(9_999);
    expect(client.socket.isDestroyed).toBe(false);
    harness.clock.advance(1);
    expect(client.socket.isDestroyed).toBe(true);
  });
});

describe('before a connection is open', () => {
  test('[HS3] emits of onConnect follow A, in order', async () => {
    const harness = new SupervisorHarness({
      namespaces: { n: {} },
      onConnect: async (conn) => {
        const connected = conn.connect('n');
        await settled();
        connected.then(
          (ns) => ns.emit('later'),
          () => {},
        );
      },
    });
    const { socket } = harness.connect('a');
    await harness.settle();
    expect(socket.lines).toEqual([]);
    socket.receive('M');
    await harness.settle();
    expect(socket.lines[0]).toBe('t Aa');
    socket.receive(`${socket.tokens[0]};;;;;;`);
    await harness.settle();
    expect(socket.payloads.at(-1)).toBe(';n;;later;0;0;');
  });

  test('[HS3] [HS10] without A they are sent once the server has accepted', async () => {
    let agree = (): void => {};
    const harness = new SupervisorHarness({
      events: { _OnNativeMessage: () => {} },
      onConnect(conn) {
        expect(conn.write({ isNative: true, body: 'hello' })).toBe(true);
        return new Promise<void>((resolve) => {
          agree = resolve;
        });
      },
    });
    const { socket } = harness.connect('a');
    expect(socket.lines).toEqual([]);
    agree();
    await harness.settle();
    expect(socket.lines).toEqual(['t hello']);
  });

  test.each([
    ['frames', { earlyFrames: 2 }, ['x', 'y'], 'z'],
    ['bytes', { earlyBytes: 8 }, ['1234', '5678'], '9'],
  ])('[HS5] up to the limit of early %s is accepted, and not one more', (_, limits, held, more) => {
    const never = (): Promise<void> => new Promise(() => {});
    const harness = new SupervisorHarness({ namespaces: { n: {} }, limits, onConnect: never });
    const { socket } = harness.connect('a');
    socket.receive(...held);
    expect(socket.lines).toEqual([]);
    socket.receive(more);
    expect(socket.lines).toEqual(['close 1008 too many frames before the acknowledgement']);
  });
});

describe('limits of a connection', () => {
  test('[NS11] one namespace too many is answered, and the connection is kept', () => {
    const harness = new SupervisorHarness({ namespaces: { a: {}, b: {}, c: {} }, limits: { namespaces: 2 } });
    const { socket } = harness.open('joe');
    socket.sent.length = 0;
    socket.receive(enter('a'), enter('b'), enter('c'), enter('a'));
    const refused = '$1;c;;_OnNamespaceConnect;1;0;too many namespaces';
    expect(socket.payloads).toEqual(['$1;;;;;;', '$1;;;;;;', refused, '$1;;;;;;']);
    socket.sent.length = 0;
    socket.receive('$2;a;;_OnNamespaceDisconnect;0;0;', enter('c'));
    expect(socket.payloads).toEqual(['$2;;;;;;', '$1;;;;;;']);
  });

  test("[NS12] waitConnect resolves for either side's connect, and rejects when the connection ends", async () => {
    const harness = new SupervisorHarness({ namespaces: { n: {}, never: {} } });
    const client = harness.open('a');
    const [byClient, lost] = [client.conn?.waitConnect('n'), client.conn?.waitConnect('never')];
    client.socket.receive(enter('n'));
    expect(await byClient).toBe(client.conn?.namespace('n'));
    expect(await client.conn?.waitConnect('n')).toBe(client.conn?.namespace('n'));
    client.socket.disconnect();
    await expect(lost).rejects.toBe(ErrWrite);
  });

  test('[SV14] a store with the lifetime of the connection', () => {
    const harness = new SupervisorHarness({ namespaces: { n: {} } });
    const [one, two] = [harness.open('a').conn, harness.open('a').conn];
    const value = { a: 1 };
    one?.set('__proto__', value);
    expect(one?.get('__proto__')).toBe(value);
    expect([one?.get('constructor'), two?.get('__proto__')]).toEqual([undefined, undefined]);
    expect([one?.increment('n'), one?.increment('n'), one?.decrement('n'), two?.decrement('n')]).toEqual([1, 2, 1, -1]);
    for (const odd of ['3', 1.5, Number.NaN, null]) {
      one?.set('n', odd);
      expect(one?.increment('n')).toBe(1);
    }
  });

  test('[SV15] connections() lists accepted connections, acknowledged or not', async () => {
    let agree = (): void => {};
    const harness = new SupervisorHarness({
      namespaces: { n: {} },
      onConnect: ({ id }) =>
        id === 'pending' &&
        new Promise<void>((resolve) => {
          agree = resolve;
        }),
    });
    for (const id of ['seated', 'pending', 'silent']) harness.connect(id);
    harness.clients[0]?.socket.receive('M');
    harness.clients[1]?.socket.receive('M');
    const ids = (): string[] => harness.server.connections().map(({ id }) => id);
    expect(ids()).toEqual(['seated', 'silent']);
    expect(harness.server.totalConnections).toBe(3);
    agree();
    await harness.settle();
    expect(ids()).toEqual(['seated', 'pending', 'silent']);
  });
});

test('[SV27] [BP2] a frame for a full socket that has closed counts as a late write, until its connection ends', async () => {
  const limits = { highWaterMark: 0, slowConsumerMessages: 2 };
  const harness = new SupervisorHarness({ namespaces: { n: {} }, limits });
  const { conn, socket } = harness.open('a', 'n', ['r']);
  const { supervisor } = harness;
  const write = (event: string) => conn?.write({ namespace: 'n', event });
  socket.isStalled = true;
  write('fills');
  write('waits');
  expect(supervisor.counters.lateWrites).toBe(0);
  socket.isOpen = false;
  for (const event of ['late', 'later', 'latest']) write(event);
  supervisor.broadcast(null, [{ namespace: 'n', room: 'r', event: 'news' }]);
  await settled();
  for (let tick = 0; tick < 4; tick++) harness.clock.tick();
  expect([supervisor.counters.lateWrites, supervisor.counters.evictions]).toEqual([4, 0]);
});

import { describe, expect, test } from 'vitest';
import type { Conn, NSConn, ServerOptions } from '../../src/index.js';
import { ClientGroups, useClientGroups } from '../support/load/clientGroups.js';
import { SupervisorHarness, settled } from '../support/server/supervisorHarness.js';
import { type TestServer, useServers } from '../support/server/testServer.js';

const start = useServers();
useClientGroups();

const pingInterval = 200;
/** So long that a busy machine lets a client answer meanwhile. */
const pingTimeout = 1_500;
const living = 200;
const dead = 20;

/** The thread of the server does nothing at all for so long: no timer, no input, no output. */
const standStill = (ms: number): void => {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
};

/** Resolves in the very turn of the event loop in which this has come true. */
const turnIn = (isTrue: () => boolean): Promise<void> =>
  new Promise((resolve) => {
    const look = (): void => {
      if (isTrue()) resolve();
      else setImmediate(look);
    };
    look();
  });

const open = (options: Partial<ServerOptions> = {}): Promise<TestServer> =>
  start({
    namespaces: { default: { stand: (_: NSConn, { body }) => standStill(Number(body)) } },
    limits: { pingInterval, pingTimeout },
    ...options,
  });

const socketOf = ({ request }: Conn) => request.socket;
const pinged = (conns: readonly Conn[]): (() => number) => {
  const before = conns.map((conn) => socketOf(conn).bytesWritten);
  return () => conns.filter((conn, at) => socketOf(conn).bytesWritten > (before[at] ?? 0)).length;
};
const received = (conns: readonly Conn[]): (() => number) => {
  const before = conns.map((conn) => socketOf(conn).bytesRead);
  return () => conns.filter((conn, at) => socketOf(conn).bytesRead > (before[at] ?? 0)).length;
};

/** Who of those that answer is missed when one more round at least has been begun and judged. */
const aliveAfter = async (testServer: TestServer, groups: ClientGroups): Promise<string[]> => {
  const pingsOf = async (): Promise<number> => {
    const { clients } = await groups.report('living');
    return Math.min(...clients.filter(({ hasEnded }) => !hasEnded).map(({ pings }) => pings));
  };
  const before = await pingsOf();
  await expect.poll(pingsOf, { timeout: 30_000 }).toBeGreaterThan(before + 1);
  return testServer.disconnects.all
    .map(({ id, reason }) => `${id}: ${reason.text}`)
    .filter((line) => line.startsWith('living'));
};

interface Moment {
  readonly moment: string;
  readonly ms: number;
  readonly options?: Partial<ServerOptions>;
  /** Comes, and is over when the loop stands still or has stood still. */
  come(conns: readonly Conn[], testServer: TestServer, ms: number): Promise<void>;
}

const moments: readonly Moment[] = [
  {
    moment: 'before the pings',
    ms: 5_000,
    async come(_conns, _testServer, ms) {
      standStill(ms);
    },
  },
  {
    moment: 'right behind the pings, with no answer read',
    ms: 5_000,
    async come(conns, _testServer, ms) {
      const count = pinged(conns);
      await turnIn(() => count() === conns.length);
      standStill(ms);
    },
  },
  {
    moment: 'when some are pinged and others are not',
    ms: 2_500,
    options: { sliceMs: 0.001 },
    async come(conns, _testServer, ms) {
      const count = pinged(conns);
      await turnIn(() => count() > 0);
      expect(count()).toBeLessThan(conns.length);
      standStill(ms);
    },
  },
  {
    moment: 'when some answers are read',
    ms: 2_500,
    async come(conns, _testServer, ms) {
      const count = received(conns);
      await turnIn(() => count() > 0);
      standStill(ms);
    },
  },
  {
    moment: 'in a handler, among input that waits',
    ms: 2_500,
    async come(conns, testServer, ms) {
      const client = await (await testServer.dial('bystander')).inDefault();
      const count = pinged(conns);
      await turnIn(() => count() > 0);
      for (const _ of [1, 2, 3]) client.send(`;default;;stand;0;0;${ms}`);
      await client.ask('$0;nowhere;;_OnNamespaceDisconnect;0;0;');
    },
  },
];

describe('the event loop of the server stalls for longer than the ping timeout', () => {
  for (const { moment, ms, options, come } of moments) {
    test(`[LM3] ${moment}: no client that answers is terminated, and dead ones are still found`, {
      timeout: 180_000,
    }, async () => {
      const testServer = await open(options);
      const [clients, doomed] = [new ClientGroups(testServer), new ClientGroups(testServer)];
      await clients.dial('living', living);
      await doomed.dial('dead', dead);
      const conns = testServer.server.connections().filter(({ id }) => id.startsWith('living'));
      expect(conns).toHaveLength(living);
      doomed.freeze();
      await come(conns, testServer, ms);
      expect(await aliveAfter(testServer, clients)).toEqual([]);

      const ended = (): string[] => testServer.disconnects.all.map(({ id }) => id).filter((id) => /^dead-/.test(id));
      await expect.poll(() => ended().length, { timeout: 30_000 }).toBe(dead);
      expect(new Set(ended()).size).toBe(dead);
      for (const { id, reason } of testServer.disconnects.all) {
        if (/^dead-/.test(id)) expect(reason).toMatchObject({ code: 1006, text: 'no answer to a ping' });
      }
      expect(conns.filter(({ isClosed }) => isClosed)).toEqual([]);
    });
  }
});

describe('the server is busy with its own broadcasts', () => {
  for (const syncBroadcaster of [false, true]) {
    test(`[LM3] [BC5] no client that answers is terminated, with syncBroadcaster ${syncBroadcaster}`, {
      timeout: 180_000,
    }, async () => {
      const patience = 2_000;
      const testServer = await open({ syncBroadcaster, limits: { pingInterval, pingTimeout: patience } });
      const clients = new ClientGroups(testServer);
      await clients.dial('living', 1_000);
      let number = 0;
      const over = performance.now() + 1.5 * patience;
      while (performance.now() < over) {
        // Small ones: they cost the server time, and the clients, which must not fall behind, hardly any.
        testServer.server.broadcast(null, { namespace: 'default', event: 'news', body: `${++number};0;` });
        // Written before it returns, they leave no turn to anything else.
        if (!syncBroadcaster) await clients.received('living', number - 4);
      }
      await clients.received('living', number);
      expect(await aliveAfter(testServer, clients)).toEqual([]);
      expect(testServer.server.totalConnections).toBe(1_000);
    });
  }

  // A ping in the socket's own queue has not left, so it cannot have been answered.
  test('[LM3] a ping that waits in its socket behind other bytes is no ping yet', {
    timeout: 180_000,
  }, async () => {
    const testServer = await open();
    const clients = new ClientGroups(testServer);
    await clients.dial('living', 1);
    const conn = testServer.connection('living-0');
    clients.stall('living');
    let number = 0;
    while (conn.pressure === 0) {
      conn.namespace('default')?.emit('news', `${++number};0;${'.'.repeat(16_000)}`);
      // Until then, the frame waits for what may leave with it.
      await new Promise((resolve) => setImmediate(resolve));
    }
    const before = conn.pressure;
    await turnIn(() => conn.pressure > before);
    // It reads on at once, all that the kernel has; the ping is not among that.
    clients.resume('living');
    standStill(2_500);
    await clients.received('living', number);
    expect(await aliveAfter(testServer, clients)).toEqual([]);
  });
});

describe('a client that was not read for a while', () => {
  // What it has answered meanwhile lies there and can only be read in the next turn of the event loop.
  test('[LM3] is not judged in the very turn in which it is read again', async () => {
    let open = (): void => {};
    const opened = new Promise<void>((resolve) => {
      open = resolve;
    });
    const harness = new SupervisorHarness({
      namespaces: {
        n: {
          // It asks its client, which has leave to send more meanwhile, and then takes its time.
          async wait(ns) {
            await ns.ask('question').catch(() => {});
            await opened;
          },
        },
      },
      limits: { inboxMessages: 2, askTimeout: 5_000, handlerTimeout: 1_000_000 },
    });
    const { socket } = harness.open('a', 'n');
    socket.ignoresPings = true;
    harness.clock.advance(24_000);
    await harness.settle();
    socket.receive(...Array(4).fill(';n;;wait;0;0;'));
    harness.clock.advance(1_000);
    await harness.settle();
    expect([socket.pings, socket.isReading]).toEqual([1, true]);
    harness.clock.advance(5_000);
    await harness.settle();
    expect(socket.isReading).toBe(false);
    // The time for the answer is over, and in that turn there is room in the lane again.
    harness.clock.advance(5_000);
    open();
    await settled();
    await settled();
    expect(socket.isReading).toBe(true);
    harness.clock.tick();
    expect(socket.isDestroyed).toBe(false);
    // Now its answer is read.
    socket.received += 6;
    await harness.settle();
    expect(socket.isDestroyed).toBe(false);
  });
});

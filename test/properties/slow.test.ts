import { expect, test } from 'vitest';
import type { Conn, Limits } from '../../src/index.js';
import { ClientGroups, type Latency, useClientGroups } from '../support/load/clientGroups.js';
import { heapUsed } from '../support/server/attack.js';
import { type TestServer, useServers } from '../support/server/testServer.js';

const start = useServers();
useClientGroups();

const mib = 1024 * 1024;
const healthy = 1_000;
const stalled = 100;
/** Messages to all before any client stalls. */
const calm = 50;
/** The stream ends here, whatever has become of those who stall: the kernel takes some 5 MB for each of them. */
const most = 3_000;
/** So far the stream is ahead of the slowest client that reads. */
const ahead = 4;
const filler = '.'.repeat(16 * 1024);

const micros = (): number => Number(process.hrtime.bigint() / 1_000n);
const told = ({ p50, p99, max }: Latency): string =>
  `p50 ${p50.toFixed(1)}, p99 ${p99.toFixed(1)}, max ${max.toFixed(1)} ms`;

/** Broadcasts one message after another, as fast as the reading clients take them. */
class Stream {
  issued = 0;
  /** The most bytes pending for stalled clients, and the most memory in use. */
  expected = 0;
  rss = 0;
  inUse = 0;

  constructor(
    private readonly testServer: TestServer,
    private readonly groups: ClientGroups,
    private readonly watched: readonly Conn[],
  ) {}

  async say(): Promise<void> {
    await this.groups.received('healthy', this.issued - ahead);
    const body = `${++this.issued};${micros()};${filler}`;
    this.testServer.server.broadcast(null, { namespace: 'default', event: 'news', body });
    this.#look();
  }

  #look(): void {
    const { rss, heapUsed, external } = process.memoryUsage();
    this.rss = Math.max(this.rss, rss);
    this.inUse = Math.max(this.inUse, heapUsed + external);
    const expected = this.watched.reduce((sum, { isClosed, pressure }) => sum + (isClosed ? 0 : pressure), 0);
    this.expected = Math.max(this.expected, expected);
  }
}

const never = 2 ** 31 - 1;
/** A client that has stalled and is not congested yet would be taken for lost. */
const unpinged = { pingInterval: never } as const;
const runs: readonly { readonly what: string; readonly limits: Partial<Limits>; readonly expected: number }[] = [
  {
    what: 'once it has stalled for too long',
    limits: { slowConsumerTimeout: 2_000, slowConsumerBytes: never, slowConsumerMessages: never },
    expected: 0,
  },
  {
    what: 'once too much was issued to it meanwhile',
    limits: { slowConsumerTimeout: never, slowConsumerBytes: 4 * mib, slowConsumerMessages: never },
    // Far more than memory may grow: what waits, waits by reference.
    expected: 200 * mib,
  },
];

for (const { what, limits, expected } of runs) {
  test(`[BP1] [BP2] [BC2] of 1 100 clients 100 stall: each of them is evicted ${what}, and no other client is affected`, {
    timeout: 300_000,
  }, async () => {
    const testServer = await start({ namespaces: { default: {} }, limits: { ...unpinged, ...limits } });
    const groups = new ClientGroups(testServer);
    await groups.dial('healthy', healthy);
    await groups.dial('stalled', stalled);
    const slow = testServer.server.connections().filter(({ id }) => id.startsWith('stalled'));
    expect(slow).toHaveLength(stalled);

    const stream = new Stream(testServer, groups, slow);
    while (stream.issued < calm) await stream.say();
    await groups.received('healthy', calm);
    await groups.received('stalled', calm);
    const before = await groups.report('healthy');
    const inUse = (await heapUsed()) + process.memoryUsage().external;
    const { rss } = process.memoryUsage();

    groups.stall('stalled');
    while (testServer.server.totalConnections > healthy && stream.issued < most) await stream.say();
    // And a little more, now that those are gone.
    for (const last = stream.issued + calm; stream.issued < last; ) await stream.say();
    await groups.received('healthy', stream.issued);
    const after = await groups.report('healthy');
    console.log(`nobody stalls: ${told(before.latency)}; 100 stall: ${told(after.latency)}`);
    console.log(
      `${stream.issued} messages, owed ${Math.round(stream.expected / mib)} MiB; grown: RSS ${Math.round((stream.rss - rss) / mib)} MiB, heap and external ${Math.round((stream.inUse - inUse) / mib)} MiB`,
    );

    // Every reading client has received everything, in order.
    const { issued } = stream;
    expect(after.clients.filter(({ last, isInOrder, hasEnded }) => last !== issued || !isInOrder || hasEnded)).toEqual(
      [],
    );
    expect(testServer.server.totalConnections).toBe(healthy);

    // A stalled client is evicted with an `onDisconnect`, and has missed a tail at most.
    const disconnects = testServer.disconnects.all.map(({ id, reason: { code, text, wasAccepted } }) => ({
      id,
      reason: { code, text, wasAccepted },
    }));
    const reason = { code: 1013, text: 'slow consumer', wasAccepted: true };
    expect(disconnects.toSorted(byId)).toEqual(slow.map(({ id }) => ({ id, reason })).toSorted(byId));
    groups.resume('stalled');
    await groups.ended('stalled');
    const { clients } = await groups.report('stalled');
    expect(clients.filter(({ last, isInOrder }) => !isInOrder || last <= calm || last >= issued)).toEqual([]);

    await testServer.server.flush();
    expect(stream.expected).toBeGreaterThan(expected);
    expect((stream.rss - rss) / mib).toBeLessThan(100);
    expect((stream.inUse - inUse) / mib).toBeLessThan(100);
    expect(testServer.server.pressure.log).toBe(0);
    expect(testServer.errors).toEqual([]);
  });
}

const byId = (a: { readonly id: string }, b: { readonly id: string }): number => (a.id < b.id ? -1 : 1);

import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { crc32 } from 'node:zlib';
import { afterEach, expect, test } from 'vitest';
import { reply } from '../../src/index.js';
import { frame } from '../../src/protocol/frame.js';
import type { ClientSummary, FloodCommand } from '../support/load/floodProcess.js';
import { withoutEviction } from '../support/server/patientLimits.js';
import { useServers } from '../support/server/testServer.js';

const seconds = Number(process.env['MUSTER_FLOOD_SECONDS'] ?? 30);
const readers = 5_000;
const flooders = 200;
const bodyBytes = 100;
const mib = 1024 * 1024;

const start = useServers();
const program = fileURLToPath(new URL('../support/load/floodProcess.js', import.meta.url));
const running: ChildProcess[] = [];

afterEach(() => {
  for (const child of running.splice(0)) child.kill('SIGKILL');
});

/** Clients in a process of their own. */
class Clients {
  private constructor(private readonly child: ChildProcess) {}

  static async come(port: string, count: number, event = 'none'): Promise<Clients> {
    const child = fork(program, [port, String(count), event, String(bodyBytes)], { execArgv: [] });
    running.push(child);
    await once(child, 'message');
    return new Clients(child);
  }

  /** All of them are gone at once, with whatever they have sent that was not read yet. */
  cut(): void {
    this.child.kill('SIGKILL');
  }

  tell(order: FloodCommand): void {
    this.child.send(order);
  }

  async report(): Promise<readonly ClientSummary[]> {
    this.tell('report');
    // Only the process writes to this channel.
    const [{ summaries }] = (await once(this.child, 'message')) as [{ readonly summaries: readonly ClientSummary[] }];
    return summaries;
  }

  async latencies(): Promise<readonly number[]> {
    const told = once(this.child, 'message');
    this.tell('quiet');
    const [{ latencies }] = (await told) as [{ readonly latencies: readonly number[] }];
    return latencies;
  }
}

/** What every client is sent, as they take it down themselves. */
class Record {
  bytes = 0;
  checksum = 0;

  note(payload: string): void {
    const bytes = frame(payload);
    this.bytes += bytes.length;
    this.checksum = crc32(bytes, this.checksum);
  }
}

test('[BC10] [BC2] [BC3] [BC5] 200 producers that broadcast to 5 000 clients are throttled, and affect no other client', {
  timeout: 300_000,
}, async () => {
  const record = new Record();
  let issued = 0;
  let peak = { lag: 0, log: 0, rss: 0 };
  let timesHeldBack = 0;
  let wasHoldingBack = false;
  const testServer = await start({
    // Every byte is counted, and pings are none of the broadcasts.
    // Flooders that a busy machine keeps from reading are not evicted: each is to end when its socket does.
    limits: { ...withoutEviction, pingInterval: 600_000 },
    namespaces: {
      default: {
        flood(_, { body }) {
          const message = { namespace: 'default', event: 'news', body: `${issued++} ${String(body)}` };
          testServer.server.broadcast(null, message);
          record.note(`;default;;news;0;0;${message.body}`);
        },
        ping: () => reply('pong'),
      },
    },
  });
  const { server } = testServer;
  const { port } = new URL(testServer.url);
  const clients = await Clients.come(port, readers);
  const loud = await Clients.come(port, flooders, 'flood');
  const idle = await Clients.come(port, 1);
  const before = process.memoryUsage().rss;

  const watching = setInterval(() => {
    const { log, lag, isThrottling } = server.pressure;
    const { rss } = process.memoryUsage();
    peak = { lag: Math.max(peak.lag, lag), log: Math.max(peak.log, log), rss: Math.max(peak.rss, rss) };
    if (isThrottling && !wasHoldingBack) timesHeldBack++;
    wasHoldingBack = isThrottling;
  }, 10);
  idle.tell('ask');
  loud.tell('flood');
  const began = performance.now();
  await expect
    .poll(() => performance.now() - began, { timeout: 90_000, interval: 100 })
    .toBeGreaterThan(seconds * 1_000);
  loud.cut();
  const latencies = [...(await idle.latencies())].sort((one, other) => one - other);
  await expect.poll(() => server.totalConnections, { timeout: 60_000 }).toBe(readers + 1);
  await server.flush();
  await expect.poll(() => server.pressure.isThrottling).toBe(false);
  clearInterval(watching);

  await expect
    .poll(async () => (await clients.report()).every(({ bytes }) => bytes >= record.bytes), { timeout: 60_000 })
    .toBe(true);
  const summaries = await clients.report();
  const at = (share: number): string => (latencies[Math.floor((latencies.length - 1) * share)] ?? 0).toFixed(1);
  const grown = (peak.rss - before) / mib;
  console.log(
    `${issued} broadcasts, ${((issued * (readers + flooders + 1)) / 1e6).toFixed(0)} million deliveries in ${seconds} s; ` +
      `held back ${timesHeldBack} times; lag ${peak.lag.toFixed(0)} ms, log ${(peak.log / mib).toFixed(1)} MiB, ` +
      `RSS grown by ${grown.toFixed(0)} MiB; ${latencies.length} asks: p50 ${at(0.5)}, p99 ${at(0.99)}, max ${at(1)} ms`,
  );

  const { bytes, checksum } = record;
  expect(summaries).toHaveLength(readers);
  expect(summaries.filter((sighting) => sighting.bytes !== bytes || sighting.checksum !== checksum)).toEqual([]);
  expect(testServer.disconnects.all.map(({ reason }) => reason.code)).toEqual(Array(flooders).fill(1006));
  expect(testServer.errors).toEqual([]);
  expect(issued).toBeGreaterThan(1_000);
  expect(timesHeldBack).toBeGreaterThan(0);
  expect(grown).toBeLessThan(512);
  expect(Number(at(0.5))).toBeLessThan(200);
});

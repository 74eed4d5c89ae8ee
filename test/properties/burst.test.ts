import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, test } from 'vitest';
import { reply } from '../../src/index.js';
import { useServers } from '../support/server/testServer.js';

/** Number of clients that send 64 KiB of small messages each, at the same time. */
const count = Number(process.env['MUSTER_BURST_CLIENTS'] ?? 300);
const mib = 1024 * 1024;

const start = useServers();
const program = fileURLToPath(new URL('../support/load/burstProcess.js', import.meta.url));
const running: ChildProcess[] = [];

afterEach(() => {
  for (const child of running.splice(0)) child.kill('SIGKILL');
});

/** Returns the memory that this process has in use. */
const used = (): number => {
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
};

test('[LM9] 64 KiB of small messages from each of many clients at once wait as bytes, and all are handled', {
  timeout: 300_000,
}, async () => {
  let handled = 0;
  let waiting = 0;
  let release = (): void => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const { server, url, dial } = await start({
    // A slow machine may need long to read all of them.
    limits: { admission: 10_000, admissionPerAddress: 0, handlerTimeout: 300_000, pingInterval: 600_000 },
    namespaces: {
      default: {
        e() {
          handled++;
        },
        wait() {
          waiting++;
          return released;
        },
        ping: () => reply('pong'),
      },
    },
  });
  const child = fork(program, [new URL(url).port, String(count)], { execArgv: [] });
  running.push(child);
  // Only the process writes to this channel.
  const [{ events, bytes }] = (await once(child, 'message')) as [{ readonly events: number; readonly bytes: number }];
  const witness = await dial();
  witness.send('M');
  witness.send('$1;default;;_OnNamespaceConnect;0;0;');
  while ((await witness.next()) !== '$1;;;;;;');

  const before = used();
  let peak = 0;
  let asks = 0;
  child.send('burst');
  while (waiting < count) {
    witness.send(`$${++asks + 1};default;;ping;0;0;`);
    expect(await witness.next()).toBe(`$${asks + 1};default;;ping;0;0;pong`);
    peak = Math.max(peak, used());
    await delay(1);
  }
  // What has come waits behind the first message of each.
  const grown = Math.max(peak, used()) - before;
  console.log(
    `${count} clients, ${((count * bytes) / mib).toFixed(0)} MiB on the wire: ` +
      `grown by ${(grown / mib).toFixed(0)} MiB; ${asks} asks of another client answered meanwhile`,
  );
  expect(handled).toBe(0);
  expect(grown).toBeLessThan(count * bytes * 2.5 + 16 * mib);
  release();
  await expect.poll(() => handled, { timeout: 200_000 }).toBe(count * events);
  expect(server.totalConnections).toBe(count + 1);
});

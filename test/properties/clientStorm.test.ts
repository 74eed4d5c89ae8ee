import { execFileSync } from 'node:child_process';
import { afterEach, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { dial } from '../../src/client/client.js';
import type { Client } from '../../src/client/handles.js';
import { systemParts, withParts } from '../../src/client/line/parts.js';
import { ProgramProcess } from '../support/clientModel/programProcess.js';

/** Descriptors that this process may open. A system without such a bound says so. */
const descriptors = Number(execFileSync('sh', ['-c', 'ulimit -n']).toString()) || Number.POSITIVE_INFINITY;
const count = Math.min(Number(process.env['MUSTER_CLIENTS'] ?? 5_000), descriptors - 500);
/** How many dial at the same time at first. */
const atOnce = 200;
/** Width of the first wait after a loss, in ms. It doubles with each try. */
const firstWait = 500;
const longestWait = 20_000;

let program: ProgramProcess | undefined;
const clients: Client[] = [];
afterEach(async () => {
  await program?.dispose();
  await Promise.all(clients.splice(0).map((client) => client.close()));
}, 60_000);

/** The largest distance between the distribution of these numbers and that of evenly spread ones. */
const distanceFromEven = (numbers: readonly number[]): number => {
  const sorted = [...numbers].sort((a, b) => a - b);
  return Math.max(...sorted.map((value, at) => Math.max(value - at / sorted.length, (at + 1) / sorted.length - value)));
};
/** The distance that evenly spread numbers exceed once in 10^7 times. */
const bound = (size: number): number => Math.sqrt(-Math.log(0.5e-7) / 2 / size);

/** When the dials began, in ms, and how long each client waited before its first, second … try. */
const dials: number[] = [];
const waits: number[][] = [];

const DialedSocket = class extends WebSocket {
  constructor(...args: ConstructorParameters<typeof WebSocket>) {
    super(...args);
    dials.push(performance.now());
  }
};

/** Dials, and notes each wait as the client asks its clock for it. */
const dialNoting = (url: string, number: number): Client => {
  let client: Client | undefined;
  const noted: number[] = [];
  waits[number] = noted;
  const clock = {
    ...systemParts.clock,
    setTimeout: (run: () => void, ms: number): unknown => {
      if (client?.state === 'waiting') noted.push(ms);
      return systemParts.clock.setTimeout(run, ms);
    },
  };
  client = dial(url, withParts({ WebSocket: DialedSocket, namespaces: { chat: {} } }, { clock }));
  return client;
};

test('[CL21] [CL22] [CL8] a killed server has every client back, spread as the chart says', async () => {
  program = await ProgramProcess.compile(new URL('../support/clientModel/stormServer.ts', import.meta.url));
  const first = await program.start([]);
  // What the program sends.
  const { port } = first.message as { readonly port: number };
  const url = `ws://127.0.0.1:${port}/`;
  const began = performance.now();
  for (let at = 0; at < count; at += atOnce) {
    const some = Array.from({ length: Math.min(atOnce, count - at) }, (_, more) => dialNoting(url, at + more));
    clients.push(...some);
    await Promise.all(some.map((client) => client.connect('chat', { timeout: 60_000 })));
  }
  const arrived = performance.now();
  // The last ones have been online for so long that they wait as the first ones do.
  await expect.poll(() => performance.now() - arrived, { timeout: 20_000, interval: 500 }).toBeGreaterThan(5_500);
  expect(clients.every(({ state }) => state === 'online')).toBe(true);
  for (const noted of waits) noted.length = 0;
  dials.length = 0;

  await program.kill(first.child);
  const killed = performance.now();
  await expect.poll(() => clients.some(({ state }) => state === 'online'), { timeout: 60_000 }).toBe(false);
  const noticed = performance.now();
  await program.start([String(port)]);
  const up = performance.now();
  const areBack = (): boolean => clients.every(({ state }) => state === 'online');
  await expect.poll(areBack, { timeout: 400_000, interval: 100 }).toBe(true);
  const back = performance.now();

  const firstWaits = waits.map(([wait]) => (wait ?? Number.NaN) / firstWait);
  const laterWaits = waits.flatMap(([, ...later]) =>
    later.map((wait, at) => wait / Math.min(longestWait, firstWait * 2 ** (at + 1))),
  );
  const perSecond = new Map<number, number>();
  for (const at of dials)
    perSecond.set(Math.floor((at - killed) / 1_000), (perSecond.get(Math.floor((at - killed) / 1_000)) ?? 0) + 1);
  const seconds = (ms: number): string => `${(ms / 1_000).toFixed(1)} s`;
  console.log(
    `${count} clients online in ${seconds(arrived - began)}; the loss noticed by all in ${seconds(noticed - killed)}; ` +
      `server up after ${seconds(up - killed)}; all back ${seconds(back - up)} later, ` +
      `with ${dials.length} dials, ${Math.max(...perSecond.values())} in the busiest second; ` +
      `distance ${distanceFromEven(firstWaits).toFixed(4)} (${bound(count).toFixed(4)}), ` +
      `later ${distanceFromEven(laterWaits).toFixed(4)} of ${laterWaits.length}`,
  );
  expect(firstWaits.every((wait) => wait >= 0 && wait < 1)).toBe(true);
  expect(laterWaits.every((wait) => wait >= 0 && wait < 1)).toBe(true);
  expect(distanceFromEven(firstWaits)).toBeLessThan(bound(count));
  if (laterWaits.length > 0) expect(distanceFromEven(laterWaits)).toBeLessThan(bound(laterWaits.length));
  expect(clients.map((client) => client.namespace('chat')?.isConnected)).toEqual(clients.map(() => true));
  // Lost lines, and dials that an overloaded machine has not answered, or not acknowledged, in time.
  expect(
    [...new Set(clients.map(({ reason }) => reason?.code))].filter((code) => ![1006, 1008, 4002].includes(code ?? 0)),
  ).toEqual([]);
}, 600_000);

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { afterEach, describe, expect, it } from 'vitest';
import { ReceiveQueue } from '../support/async/receiveQueue.js';
import { describeWith, type Peer } from '../support/peers/installed.js';
import { runtimes } from '../support/peers/runtimes.js';

const file = (name: string): string => fileURLToPath(new URL(`../support/client/${name}`, import.meta.url));

/** Maximum time until a client has found the new server, in ms. */
const patience = 60_000;
const limit = { timeout: 2 * patience };

const children: ChildProcess[] = [];

afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

const run = (command: string, args: readonly string[]): { child: ChildProcess; lines: ReceiveQueue<string> } => {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  children.push(child);
  return { child, lines: linesOf(child.stdout, command) };
};

const linesOf = (stream: Readable, name: string): ReceiveQueue<string> => {
  const lines = new ReceiveQueue<string>(name);
  createInterface(stream)
    .on('line', (line) => lines.push(line))
    .on('close', () => lines.end('it has ended'));
  return lines;
};

/** Starts the server of the tests as a process. */
const startServer = async (onPort = '0') => {
  const { child, lines } = run(process.execPath, [file('server.js'), onPort]);
  return { child, port: await lines.next() };
};

const beforeKill = [
  'online: joe',
  'joined: r1',
  'ask: pong',
  'emit: hello',
  '200 asks: true',
  'binary: 1,255,59,2',
  'server ask: client said yes to sure?',
  'server join: in r1,srv',
  'kill me: online',
];
const afterKill = [
  'back: false 0',
  'same objects: true',
  'ask: pong',
  'emit: hello,again',
  'refused: closed 1008 not allowed; sorry',
  'kicked: 4001 go',
  'closed: closed 1000',
];

/** Follows the program to its end; kills its server on the way and starts another one. */
const follow = async (
  start: (url: string) => { readonly lines: ReceiveQueue<string>; readonly ended: Promise<unknown> },
): Promise<void> => {
  const first = await startServer();
  const { lines, ended } = start(`ws://127.0.0.1:${first.port}/`);
  expect(await lines.take(beforeKill.length)).toEqual(beforeKill);
  const killed = once(first.child, 'exit');
  first.child.kill('SIGKILL');
  await killed;
  await startServer(first.port);
  // The waits between dials grow while there is no server, and are random.
  await expect.poll(() => lines.all.length, { timeout: patience }).toBeGreaterThan(beforeKill.length);
  expect(await lines.take(afterKill.length)).toEqual(afterKill);
  // Nothing of the client keeps the program from ending.
  expect(await ended).toBe(0);
  expect(lines.rest()).toEqual([]);
};

/** Follows the program in a process. */
const followProcess = (command: string, args: readonly string[], more: readonly string[] = []): Promise<void> =>
  follow((url) => {
    const { child, lines } = run(command, [...args, file('program.js'), url, ...more]);
    return { lines, ended: once(child, 'exit').then(([code]) => code) };
  });

const title = '[CL1] [CL4] [CL12] it talks, comes back to a new server, is refused and kicked, and ends by itself';

describe('a client in Node 20', () => {
  it(title, limit, () => followProcess(process.execPath, [], ['ws']));

  it('[CL1] [CL4] in a worker', limit, () =>
    follow((url) => {
      const worker = new Worker(file('program.js'), { argv: [url, 'ws'], stdout: true });
      return { lines: linesOf(worker.stdout, 'worker'), ended: once(worker, 'exit').then(([code]) => code) };
    }),
  );
});

const others: readonly (readonly [Peer, readonly string[]])[] = [
  [runtimes.node22, []],
  [runtimes.node24, []],
  [runtimes.bun, ['run']],
  [runtimes.deno, ['run', '--allow-net', '--allow-read', '--no-config']],
];
for (const [peer, args] of others)
  describeWith(peer, `a client in ${peer.name}`, (path) => {
    it(title, limit, () => followProcess(path, args));
  });

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { findProgram, type Peer } from './installed.js';

export const redisServer: Peer = findProgram('Redis', 'REDIS_SERVER', '/usr/bin/redis-server');
export const natsServer: Peer = findProgram('NATS', 'NATS_SERVER', '/usr/sbin/nats-server');

/** Who may connect. */
export interface BrokerLogin {
  readonly user: string;
  readonly password: string;
}

/** A broker that runs on loopback, for this test file alone. */
export interface RunningBroker {
  /** Without credentials. */
  readonly url: string;
  readonly port: number;
  /** Ends it at once. */
  kill(): Promise<void>;
  /** Ends it as an operator would. */
  stop(): Promise<void>;
  /** Holds it, as it stands: connections stay open and nobody answers. */
  pause(): void;
  resume(): void;
  /** Again, on the same port; ends it first if it runs. */
  restart(): Promise<void>;
  /** The client connections that the broker counts. */
  connections(): Promise<number>;
}

/** How to start one kind of broker, and how to ask it. */
interface BrokerKind {
  readonly path: string | undefined;
  readonly name: string;
  readonly scheme: string;
  readonly ready: RegExp;
  readonly arguments: (port: number, folder: string) => readonly string[];
  readonly connections: (port: number, folder: string) => Promise<number>;
}

const running = new Set<ChildProcess>();
const folders = new Set<string>();

const isRunning = (child: ChildProcess): boolean => child.exitCode === null && child.signalCode === null;

/** Also when the test process ends early: a broker must not outlive it. */
const killAll = (): void => {
  for (const child of running) child.kill('SIGKILL');
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
};
process.once('exit', killAll);

/** Whoever runs the tests may kill this process without a word: then the system itself ends what it has started. */
const setpriv = findProgram('setpriv', 'SETPRIV', '/usr/bin/setpriv').path;
const bound: readonly string[] = setpriv === undefined ? [] : [setpriv, '--pdeathsig', 'KILL'];

afterAll(async () => {
  const ends = [...running].filter(isRunning).map((child) => once(child, 'exit'));
  for (const child of running) child.kill('SIGKILL');
  await Promise.all(ends);
  killAll();
  running.clear();
  folders.clear();
});

export const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('a port was expected');
  return address.port;
};

const launch = (kind: BrokerKind, port: number, folder: string): Promise<ChildProcess> => {
  if (kind.path === undefined) throw new Error(`${kind.name} is missing`);
  const [program = kind.path, ...before] = [...bound, kind.path];
  const command = [...before, ...kind.arguments(port, folder)];
  const child = spawn(program, command, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
  running.add(child);
  child.once('exit', () => running.delete(child));
  return new Promise((resolve, reject) => {
    let said = '';
    const listen = (text: string): void => {
      said += text;
      if (kind.ready.test(said)) resolve(child);
    };
    child.stdout.setEncoding('utf8').on('data', listen);
    child.stderr.setEncoding('utf8').on('data', listen);
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`${kind.name} ended with ${code}: ${said}`)));
  });
};

/** How often a port is looked for, as somebody else may take it first. */
const attempts = 5;

const start = async (kind: BrokerKind): Promise<RunningBroker> => {
  const folder = mkdtempSync(join(tmpdir(), `muster-${kind.scheme}-`));
  folders.add(folder);
  let port = await freePort();
  let child: ChildProcess | undefined;
  for (let left = attempts; child === undefined; left--) {
    child = await launch(kind, port, folder).catch((error: unknown) => {
      if (left === 1) throw error;
      return undefined;
    });
    if (child === undefined) port = await freePort();
  }
  let process = child;

  const end = async (signal: 'SIGKILL' | 'SIGTERM'): Promise<void> => {
    if (!isRunning(process)) return;
    const exit = once(process, 'exit');
    process.kill(signal);
    await exit;
  };

  return {
    url: `${kind.scheme}://127.0.0.1:${port}`,
    port,
    kill: () => end('SIGKILL'),
    stop: () => end('SIGTERM'),
    pause: () => void process.kill('SIGSTOP'),
    resume: () => void process.kill('SIGCONT'),
    restart: async () => {
      await end('SIGKILL');
      process = await launch(kind, port, folder);
    },
    connections: () => kind.connections(port, folder),
  };
};

/** Asks Redis in its own words; resolves with all that it says until it has said this. */
export const askRedis = async (port: number, words: string, until: RegExp): Promise<string> => {
  const socket = connect(port, '127.0.0.1').setEncoding('utf8');
  socket.write(words);
  let said = '';
  for await (const text of socket) {
    said += String(text);
    if (until.test(said)) break;
  }
  return said;
};

/** Nothing is kept on disk. With more arguments, as in a configuration file's. */
export const startRedis = (login?: BrokerLogin, more: readonly string[] = []): Promise<RunningBroker> =>
  start({
    path: redisServer.path,
    name: redisServer.name,
    scheme: 'redis',
    ready: /Ready to accept connections/,
    arguments: (port, folder) => [
      ...['--port', String(port), '--bind', '127.0.0.1', '--dir', folder, '--save', '', '--appendonly', 'no'],
      ...(login === undefined ? [] : ['--user', login.user, 'on', `>${login.password}`, '~*', '&*', '+@all']),
      ...(login === undefined ? [] : ['--user', 'default', 'off']),
      ...more,
    ],
    connections: async (port) => {
      const who = login === undefined ? '' : `AUTH ${login.user} ${login.password}\r\n`;
      const said = await askRedis(port, `${who}INFO clients\r\n`, /connected_clients:\d+\r\n/);
      // This question is one of them.
      return Number(/connected_clients:(\d+)/.exec(said)?.[1] ?? Number.NaN) - 1;
    },
  });

/** Something that the monitoring of NATS says. */
const monitored = async (url: string): Promise<number> => {
  const answer: unknown = await (await fetch(url)).json();
  const isCount = typeof answer === 'object' && answer !== null && 'num_connections' in answer;
  return isCount ? Number(answer.num_connections) : Number.NaN;
};

/** With more arguments, as in a configuration file's. */
export const startNats = async (login?: BrokerLogin, more: readonly string[] = []): Promise<RunningBroker> => {
  const monitor = await freePort();
  return start({
    path: natsServer.path,
    name: natsServer.name,
    scheme: 'nats',
    ready: /Server is ready/,
    arguments: (port) => [
      ...['--addr', '127.0.0.1', '--port', String(port), '--http_port', String(monitor)],
      ...(login === undefined ? [] : ['--user', login.user, '--pass', login.password]),
      ...more,
    ],
    connections: () => monitored(`http://127.0.0.1:${monitor}/connz`),
  });
};

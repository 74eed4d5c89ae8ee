import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { type Daemon, freePort, startDaemon } from '../../../bench/daemon.js';
import { startRedisServer } from '../../../bench/redis.js';
import { findProgram, type Peer } from './installed.js';

export const redisServer: Peer = findProgram('Redis', 'REDIS_SERVER', '/usr/bin/redis-server');
export const natsServer: Peer = findProgram('NATS', 'NATS_SERVER', '/usr/sbin/nats-server');

/** The credentials that the broker accepts. */
export interface BrokerLogin {
  readonly user: string;
  readonly password: string;
}

/** A broker on loopback, for one test file. */
export interface RunningBroker {
  /** The URL without credentials. */
  readonly url: string;
  readonly port: number;
  /** Kills it. */
  kill(): Promise<void>;
  /** Ends it with SIGTERM. */
  stop(): Promise<void>;
  /** Suspends it: connections stay open and it does not answer. */
  pause(): void;
  resume(): void;
  /** Starts it again on the same port. Kills it first if it runs. */
  restart(): Promise<void>;
  /** Returns how many client connections the broker counts. */
  connections(): Promise<number>;
}

/** How to start one kind of broker, and how to count its connections. */
interface BrokerKind {
  readonly scheme: string;
  readonly start: (port: number, folder: string) => Daemon;
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

/** If this process is killed, the kernel ends the brokers. */
const setpriv = findProgram('setpriv', 'SETPRIV', '/usr/bin/setpriv').path;
const wrapper: readonly string[] = setpriv === undefined ? [] : [setpriv, '--pdeathsig', 'KILL'];

afterAll(async () => {
  const ends = [...running].filter(isRunning).map((child) => once(child, 'exit'));
  for (const child of running) child.kill('SIGKILL');
  await Promise.all(ends);
  killAll();
  running.clear();
  folders.clear();
});

const launch = async (kind: BrokerKind, port: number, folder: string): Promise<ChildProcess> => {
  const { child, ready } = kind.start(port, folder);
  running.add(child);
  child.once('exit', () => running.delete(child));
  await ready;
  return child;
};

/** How many ports are tried, as another process may take one first. */
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

/** Sends Redis a command; resolves with its output up to `until`. */
export const askRedis = async (port: number, command: string, until: RegExp): Promise<string> => {
  const socket = connect(port, '127.0.0.1').setEncoding('utf8');
  socket.write(command);
  let output = '';
  for await (const text of socket) {
    output += String(text);
    if (until.test(output)) break;
  }
  return output;
};

/** Starts Redis; `more` are arguments as in a configuration file. */
export const startRedis = (login?: BrokerLogin, more: readonly string[] = []): Promise<RunningBroker> =>
  start({
    scheme: 'redis',
    start: (port, folder) =>
      startRedisServer(port, folder, {
        wrapper,
        more: [
          ...(login === undefined ? [] : ['--user', login.user, 'on', `>${login.password}`, '~*', '&*', '+@all']),
          ...(login === undefined ? [] : ['--user', 'default', 'off']),
          ...more,
        ],
      }),
    connections: async (port) => {
      const auth = login === undefined ? '' : `AUTH ${login.user} ${login.password}\r\n`;
      const output = await askRedis(port, `${auth}INFO clients\r\n`, /connected_clients:\d+\r\n/);
      // This command's connection is one of them.
      return Number(/connected_clients:(\d+)/.exec(output)?.[1] ?? Number.NaN) - 1;
    },
  });

/** Returns the connection count of NATS' monitoring. */
const monitored = async (url: string): Promise<number> => {
  const answer: unknown = await (await fetch(url)).json();
  const isCount = typeof answer === 'object' && answer !== null && 'num_connections' in answer;
  return isCount ? Number(answer.num_connections) : Number.NaN;
};

/** Starts NATS; `more` are arguments as on its command line. */
export const startNats = async (login?: BrokerLogin, more: readonly string[] = []): Promise<RunningBroker> => {
  const monitor = await freePort();
  return start({
    scheme: 'nats',
    start: (port, folder) => {
      if (natsServer.path === undefined) throw new Error('NATS is missing');
      const [program = natsServer.path, ...before] = [...wrapper, natsServer.path];
      const args = [
        ...['--addr', '127.0.0.1', '--port', String(port), '--http_port', String(monitor)],
        ...(login === undefined ? [] : ['--user', login.user, '--pass', login.password]),
        ...more,
      ];
      return startDaemon([program, ...before, ...args], folder, /Server is ready/);
    },
    connections: () => monitored(`http://127.0.0.1:${monitor}/connz`),
  });
};

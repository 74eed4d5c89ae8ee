import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect } from 'vitest';
import { findProgram, type Peer } from '../peers/installed.js';

/** What starts a proxy, and how it is told to read its configuration again. */
export interface ProxyProgram {
  readonly peer: Peer;
  /** Its arguments. The folder is its own, and the file is in it. */
  readonly args: (folder: string, file: string) => readonly string[];
  /** The signal that makes it read its configuration again. */
  readonly reload: NodeJS.Signals;
  /** What it logs for each start of its workers, the first one included. */
  readonly started: RegExp;
}

export const nginx: ProxyProgram = {
  peer: findProgram('nginx', 'NGINX', '/usr/sbin/nginx'),
  args: (folder, file) => ['-p', folder, '-c', file, '-g', 'daemon off;'],
  reload: 'SIGHUP',
  started: /start worker processes/g,
};

export const haproxy: ProxyProgram = {
  peer: findProgram('HAProxy', 'HAPROXY', '/usr/sbin/haproxy'),
  // A master that stays in the foreground, as systemd runs it.
  args: (_, file) => ['-W', '-db', '-f', file],
  reload: 'SIGUSR2',
  started: /New worker \(\d+\) forked/g,
};

/** A proxy on loopback. */
export interface RunningProxy {
  /** Ends it, and with it every connection. */
  stop(): Promise<void>;
  /** Starts it again. */
  start(): Promise<void>;
  /** Makes it read its configuration again; resolves when the new workers have started. */
  reload(): Promise<void>;
  /** Returns what it has logged. */
  log(): string;
}

/** If this process is killed, the kernel ends the proxy with its workers. */
const setpriv = findProgram('setpriv', 'SETPRIV', '/usr/bin/setpriv').path;
const wrapper: readonly string[] = setpriv === undefined ? [] : [setpriv, '--pdeathsig', 'TERM'];

const isListening = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });

const begin = async ({ peer, args, reload, started }: ProxyProgram, configuration: string, port: number) => {
  const folder = mkdtempSync(join(tmpdir(), 'muster-proxy-'));
  const file = join(folder, 'proxy.conf');
  writeFileSync(file, configuration);
  let child: ChildProcess | undefined;
  let output = '';

  const start = async (): Promise<void> => {
    const [program = '', ...rest] = [...wrapper, peer.path ?? '', ...args(folder, file)];
    const process = spawn(program, rest, { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] });
    child = process;
    process.stderr.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
    await expect
      .poll(async () => {
        if (process.exitCode !== null) throw new Error(`${peer.name} ended with ${process.exitCode}: ${output}`);
        return await isListening(port);
      })
      .toBe(true);
  };
  // Its master ends the workers at once.
  const stop = async (): Promise<void> => {
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const exit = once(child, 'exit');
    child.kill('SIGTERM');
    await exit;
  };
  const countStarts = (): number => output.match(started)?.length ?? 0;
  const proxy: RunningProxy = {
    start,
    stop,
    log: () => output,
    async reload() {
      const before = countStarts();
      // A proxy that has just begun may not take the signal yet.
      const again = (): number => {
        if (countStarts() === before) child?.kill(reload);
        return countStarts();
      };
      await expect.poll(again, { interval: 1_000 }).toBeGreaterThan(before);
      await expect.poll(() => isListening(port)).toBe(true);
    },
  };
  await start();
  return {
    proxy,
    async remove() {
      await stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
};

/** Starts proxies from the text of their configuration; ends those of a test after it. */
export const useProxies = () => {
  const removals: (() => Promise<void>)[] = [];

  afterEach(async () => {
    await Promise.all(removals.splice(0).map((remove) => remove()));
  });

  /** Resolves when it listens on this port. */
  return async (program: ProxyProgram, configuration: string, port: number): Promise<RunningProxy> => {
    const { proxy, remove } = await begin(program, configuration, port);
    removals.push(remove);
    return proxy;
  };
};

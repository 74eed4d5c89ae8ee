import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, test } from 'vitest';
import type { ServerOptions } from '../../src/index.js';
import { RawClient } from '../support/peers/rawClient.js';
import { type TestServer, useServers } from '../support/server/testServer.js';

const script = fileURLToPath(new URL('../support/load/silentProcess.js', import.meta.url));
const start = useServers();
const processes: ChildProcess[] = [];

afterEach(() => {
  for (const child of processes.splice(0)) child.kill();
});

/** Opens 1,200 connections a second from this address that say nothing after their upgrade. */
const flood = ({ url }: TestServer, localAddress: string, forwardedFor: readonly string[]): void => {
  processes.push(fork(script, [new URL(url).port, '1200', localAddress, ...forwardedFor]));
};

/** Connects as a client does, once. Returns whether the server has let it in. */
const getsIn = async ({ url }: TestServer, headers: Readonly<Record<string, string>>): Promise<boolean> => {
  try {
    const client = await RawClient.dial(url, headers);
    await client.acknowledge();
    client.terminate();
    return true;
  } catch {
    return false;
  }
};

interface Place {
  readonly attackers: string;
  readonly forwardedFor: readonly string[];
  readonly healthy: Readonly<Record<string, string>>;
  readonly options: Pick<ServerOptions, 'trustProxy'>;
}

/** A busy machine takes its time to let a client in. */
const limits = { admission: 200, ackTimeout: 60_000, admissionTimeout: 60_000 } as const;

describe('one address that upgrades and says nothing, 1,200 times a second', () => {
  test.each<readonly [string, Place]>([
    ['another address', { attackers: '127.0.0.2', forwardedFor: [], healthy: {}, options: {} }],
    [
      'another address behind the same proxy',
      {
        attackers: '127.0.0.1',
        forwardedFor: ['198.51.100.7'],
        healthy: { 'X-Forwarded-For': '203.0.113.9' },
        options: { trustProxy: ['127.0.0.1'] },
      },
    ],
  ])('[HS15] [HS17] locks nobody out at %s', async (_, { attackers, forwardedFor, healthy, options }) => {
    const testServer = await start({ namespaces: { default: {} }, limits, ...options });
    const { server } = testServer;
    flood(testServer, attackers, forwardedFor);
    // It has its slots, and so many wait that others are dropped.
    await expect.poll(() => server.counters.refusedArrivals).toBeGreaterThan(500);
    const before = server.counters.refusedArrivals;
    const outcomes = await Promise.all(Array.from({ length: 40 }, () => getsIn(testServer, healthy)));
    expect(outcomes).toEqual(outcomes.map(() => true));
    await expect.poll(() => server.counters.refusedArrivals).toBeGreaterThan(before);
  });
});

import { once } from 'node:events';
import { connect } from 'node:net';
import { afterEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { type Cluster, nodes, startCluster } from '../../bench/cluster.js';
import { startWorker } from '../../bench/processes.js';
import { awaitDeliveries, connectClients, perDeliveryOf, RowRunner } from '../../bench/rowRunner.js';
import { clusterRow } from '../../bench/rows/cluster.js';
import { rows } from '../../bench/rows/index.js';
import { describeWith, findProgram } from '../support/peers/installed.js';
import { socketio } from './peers.js';

test('the bench has the row, and leaves it out without Redis', () => {
  expect(rows).toContain(clusterRow);
  onTestFinished(() => void vi.unstubAllEnvs());
  vi.stubEnv('REDIS_SERVER', '/nowhere/redis-server');
  expect(clusterRow.whyMissing?.()).toBe('there is no /nowhere/redis-server (REDIS_SERVER may name another)');
  vi.stubEnv('REDIS_SERVER', process.execPath);
  expect(clusterRow.whyMissing?.()).toBeUndefined();
});

describeWith(findProgram('Redis', 'REDIS_SERVER', '/usr/bin/redis-server'), 'two nodes on one Redis', () => {
  let cluster: Cluster | undefined;

  afterEach(async () => {
    await cluster?.stop();
    cluster = undefined;
  });

  const twentyOnEach = async (name: string): Promise<Cluster> => {
    cluster = await startCluster(name);
    await connectClients([cluster.local, cluster.remote], { count: 20 });
    return cluster;
  };

  test('the broker ends with its process', async () => {
    const broker = startWorker('a broker', 'broker.js');
    const { url } = await broker.ready;
    expect(await broker.figure('connections', 'connections')).toBe(0);
    const socket = connect(Number(new URL(String(url)).port), '127.0.0.1');
    await once(socket, 'connect');
    await vi.waitFor(async () => expect(await broker.figure('connections', 'connections')).toBe(1));
    const closed = once(
      socket.on('error', () => {}),
      'close',
    );
    await broker.stop();
    await closed;
  });

  const nodesOf = (names: readonly string[]) => (): void => {
    test.each(names)('%s: every message is counted once at each client of both', async (name) => {
      const { local, remote } = await twentyOnEach(name);
      const plan = { rounds: 3, perTick: 2, bytes: 64 };
      for (const { server } of [local, remote]) {
        for (const { load } of [local, remote]) await load.call('reset');
        await server.call('broadcast', plan);
        // One more than are due, so that it waits until no more arrive.
        expect(await awaitDeliveries([local, remote], 2 * (3 * 2 * 20 + 1))).toBe(2 * 3 * 2 * 20);
      }
    });

    test.each(names)('%s: each node has two connections to the broker', async (name) => {
      const { local, links } = await twentyOnEach(name);
      await local.server.call('broadcast', { rounds: 1, bytes: 64 });
      expect(await links()).toBe(2 * nodes);
    });
  };

  describe('nodes', nodesOf(['muster']));

  describeWith(socketio, 'nodes of Socket.IO', () => {
    nodesOf(['socket.io'])();

    test('the processor time is that of both servers', async () => {
      const { local, remote } = await twentyOnEach('socket.io');
      const spentByBoth = async (): Promise<number> => (await local.server.cpu()) + (await remote.server.cpu());
      const before = await spentByBoth();
      const plan = { rounds: 50, perTick: 1, bytes: 64 };
      const act = () => local.server.call('broadcast', plan);
      const { figure, delivered, due } = await perDeliveryOf([local, remote], 2 * 50 * 20, act);
      const spent = (await spentByBoth()) - before;
      expect(delivered).toBe(due);
      expect(figure * delivered).toBeLessThanOrEqual(spent);
      expect(figure * delivered).toBeGreaterThan(spent * 0.8);
    });
  });

  test('the row runs and returns its result', async () => {
    const runner = new RowRunner({ isQuick: true, rounds: 1, maxConnections: 20, progress: () => {} });
    runner.without = ['socket.io'];
    const { systems, facts } = await runner.runRow(clusterRow);
    expect(systems.map(({ name, delivered, due }) => [name, delivered === due, due > 0])).toEqual([
      ['muster', true, true],
    ]);
    expect(facts.map(({ value, must }) => (must === undefined ? value > 0 : [value, must]))).toEqual([
      ...[true, true, true, true],
      [0, 0],
    ]);
  });
});

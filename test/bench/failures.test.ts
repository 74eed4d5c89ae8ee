import { describe, expect, test } from 'vitest';
import { measureRows } from '../../bench/measure.js';
import { awaitDeliveries, connectClients, type Row, RowRunner, systemsOf } from '../../bench/rowRunner.js';
import { SystemError, Worker } from '../../bench/worker.js';

const workerOf = (program: string): Worker => new Worker('bun', [process.execPath, '-e', program]);

const plan = { isQuick: true, isCheck: false, rounds: 1, maxConnections: 20, progress: () => {} };

const found = { systems: [], ratios: [], facts: [] };

const rowOf = (id: string, run: Row['run']): Row => ({ id, title: '', note: 'A note.', unit: '', run });

describe('a process of the bench that fails', () => {
  const isOf = expect.objectContaining({ system: 'bun' });

  test('rejects what it has not answered, and further requests', async () => {
    const worker = workerOf('process.stdin.once("data", () => { console.error("out of luck"); process.exit(3); })');
    const asked = worker.call('counts');
    await expect(asked).rejects.toEqual(isOf);
    await expect(asked).rejects.toThrow('bun: ended (3) out of luck');
    await expect(worker.ready).rejects.toBeInstanceOf(SystemError);
    await expect(worker.call('counts')).rejects.toBeInstanceOf(SystemError);
    await expect(worker.cpu()).rejects.toBeInstanceOf(SystemError);
    await worker.stop();
  });

  test('rejects a request that it answers with an error, and goes on', async () => {
    const worker = workerOf(
      `process.stdin.on('data', (line) => {
         const { id, verb } = JSON.parse(line);
         console.log(JSON.stringify(verb === 'broken' ? { id, error: 'no such luck' } : { id, count: 4 }));
       })`,
    );
    await expect(worker.call('broken')).rejects.toThrow('bun: no such luck');
    expect(await worker.figure('count', 'counts')).toBe(4);
    await worker.stop();
  });

  test('is reported if its program does not exist', async () => {
    const worker = new Worker('bun', ['/nowhere/server']);
    await expect(worker.ready).rejects.toThrow('ENOENT');
    await worker.stop();
  });
});

describe('a row', () => {
  test('begins again without a peer that failed, and says so', async () => {
    let tries = 0;
    const row = rowOf('ask', async (runner) => {
      tries++;
      runner.connections(5_000, 1_000);
      return runner.withSystems(['bun'], async (pairs) => {
        if (tries === 1) throw new SystemError('bun', 'bun: ended (1)');
        return { ...found, facts: [{ what: 'systems', value: pairs.length, unit: '' }] };
      });
    });
    const { note, facts } = await new RowRunner(plan).runRow(row);
    expect(tries).toBe(2);
    expect(facts).toEqual([{ what: 'systems', value: 0, unit: '' }]);
    expect(note).toMatch(/^A note\. Here without bun, which failed\. Here with 20 connections/);
  });

  test('goes on if the server of a peer is killed in a phase', async () => {
    let kills = 0;
    const row = rowOf('broadcast', (runner) =>
      runner.withSystems(['muster', 'ws string'], async (pairs) => {
        await connectClients(pairs, { count: 20 });
        const samples = await runner.measureRounds(pairs, async (pair, round) => {
          const { name, server, load } = pair;
          const isDue = name === 'ws string' && round === 1;
          if (isDue) {
            kills++;
            process.kill(server.pid, 'SIGKILL');
          }
          await load.call('reset');
          await server.call('broadcast', { rounds: 1, bytes: 64 });
          return { figure: 1, delivered: await awaitDeliveries([pair], 20), due: 20 };
        });
        return { ...found, systems: systemsOf(samples) };
      }),
    );
    const { systems, note } = await new RowRunner(plan).runRow(row);
    expect(kills).toBe(1);
    expect(systems.map(({ name, delivered, due }) => [name, delivered === due, due > 0])).toEqual([
      ['muster', true, true],
    ]);
    expect(note).toContain('Here without ws string, which failed.');
  });

  test.each(['muster', 'broker of socket.io'])('fails with %s', async (system) => {
    const row = rowOf('ask', () => Promise.reject(new SystemError(system, 'it ended')));
    await expect(new RowRunner(plan).runRow(row)).rejects.toThrow('it ended');
  });

  test('that fails does not end the run', async () => {
    const broken = rowOf('broken', () => Promise.reject(new Error('no luck')));
    const missing: Row = { ...rowOf('missing', async () => found), whyMissing: () => 'there is no broker' };
    const { result, leftOut, failed } = await measureRows([broken, missing, rowOf('whole', async () => found)], plan);
    expect(result.rows.map(({ id }) => id)).toEqual(['whole']);
    expect(leftOut).toEqual(['missing was left out: there is no broker']);
    expect(failed).toEqual(['broken failed: no luck']);
  });
});

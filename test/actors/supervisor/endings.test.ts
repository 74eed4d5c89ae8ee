import { describe, expect, test } from 'vitest';
import { noResources, SupervisorHarness, settled } from '../../support/server/supervisorHarness.js';

const atOnce = 64;

/** A supervisor whose last handlers are noted, with as many members of a room as wanted. */
const open = (count: number, onLeave?: () => Promise<void>) => {
  const log: string[] = [];
  const harness: SupervisorHarness = new SupervisorHarness({
    namespaces: {
      n: {
        _OnRoomLeave: async ({ conn }) => {
          log.push(`leave ${conn.id}`);
          await onLeave?.();
        },
        _OnRoomLeft: ({ conn }) => void log.push(`left ${conn.id}`),
        _OnNamespaceDisconnect: ({ conn }) => void log.push(`out ${conn.id}`),
      },
    },
    onDisconnect: ({ id }, { code, text, rooms }) =>
      void log.push(`gone ${id} ${code} ${text} ${rooms.map(({ room }) => room)}`),
  });
  for (let at = 0; at < count; at++) harness.open(`c${at}`, 'n', ['r']);
  return { harness, log };
};

const lastOf = (at: number): string[] => [`leave c${at}`, `left c${at}`, `out c${at}`, `gone c${at} 1001  r`];

const goneIn = (log: readonly string[]): string[] => log.filter((line) => line.startsWith('gone'));

describe('connections that end together', () => {
  test('[SV27] [SV6] the first have their last handlers without a slice, the others in slices, in order', async () => {
    const count = atOnce + 40;
    const { harness, log } = open(count);
    await harness.settle();
    for (const { socket } of harness.clients) socket.disconnect();
    await settled();
    expect(goneIn(log)).toHaveLength(atOnce);
    await harness.settle();
    expect(goneIn(log)).toEqual(Array.from({ length: count }, (_, at) => `gone c${at} 1001  r`));
    for (const at of [0, atOnce, count - 1]) {
      expect(log.filter((line) => line.split(' ')[1] === `c${at}`)).toEqual(lastOf(at));
    }
    expect(harness.resources).toEqual(noResources);
  });

  test('[SV27] [SV5] every one is closed, in no audience and not counted from its end on', async () => {
    const { harness, log } = open(2 * atOnce);
    const [witness, ...others] = harness.clients;
    await harness.settle();
    for (const { socket } of others) socket.disconnect();
    expect(goneIn(log)).toEqual([]);
    expect(harness.supervisor.total).toBe(1);
    expect(harness.supervisor.members('n', 'r').map(({ conn }) => conn.id)).toEqual(['c0']);
    expect(others.every(({ conn }) => conn?.isClosed)).toBe(true);
    expect(others.map(({ conn }) => conn?.write({ namespace: 'n', event: 'late' }))).not.toContain(true);
    harness.supervisor.broadcast(null, [{ namespace: 'n', room: 'r', event: 'news' }]);
    await harness.settle();
    expect(witness?.socket.lines).toEqual(['t ;n;r;news;0;0;']);
    expect(others.flatMap(({ socket }) => socket.lines)).toEqual([]);
    expect(harness.supervisor.counters.lateWrites).toBe(0);
  });

  test('[SV27] [DR1] the end of the server waits for all of them', async () => {
    const { harness, log } = open(3 * atOnce);
    await harness.settle();
    for (const { socket } of harness.clients) socket.disconnect();
    let isOver = false;
    const drained = harness.server.close().then(() => {
      isOver = true;
    });
    await settled();
    expect([isOver, goneIn(log).length]).toEqual([false, atOnce]);
    await harness.settle();
    await drained;
    expect(goneIn(log)).toHaveLength(3 * atOnce);
  });

  test('[SV27] [DR1] the timeout of the end does not wait for them', async () => {
    const never = new Promise<void>(() => {});
    const { harness } = open(3 * atOnce, () => never);
    await harness.settle();
    for (const { socket } of harness.clients) socket.disconnect();
    const drained = harness.server.close({ timeout: 1_000 });
    await harness.settle();
    harness.clock.advance(1_000);
    await drained;
    expect(harness.supervisor.total).toBe(0);
  });
});

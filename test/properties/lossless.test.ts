import { expect, onTestFinished, test } from 'vitest';
import { fastPaths } from '../../src/actors/runtime/fastPaths.js';
import { withParts } from '../../src/server/parts.js';
import { busyTime } from '../support/churn/busyTime.js';
import { ChurnClients } from '../support/churn/churnClients.js';
import { ChurnWorkload } from '../support/churn/churnWorkload.js';
import { describeFault } from '../support/history/diagnosis.js';
import { verifyDelivery } from '../support/history/history.js';
import { patientLimits } from '../support/server/patientLimits.js';
import { noShortcuts } from '../support/server/shortcuts.js';
import { useServers } from '../support/server/testServer.js';

/** The run ends after this many deliveries. */
const deliveries = Number(process.env['MUSTER_DELIVERIES'] ?? 10_000_000);
const seed = Number(process.env['MUSTER_SEED'] ?? Date.now() % 2 ** 31);
const connections = 2_000;
const rooms = 40;
/** More than a tenth of the connections changes something every second, by `busyTime`. The server closes some more. */
const changesPerSecond = connections / 7;
const closesPerSecond = connections / 70;
/** Time enough for every kind of change. */
const leastSeconds = 4;
/** How many ticks the server may be ahead of its clients. */
const ticksAhead = 8;

const start = useServers();
/** Lets the sockets run for one tick. */
const tick = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test.each([
  { mode: 'in slices', syncBroadcaster: false, deliveries, paths: {} },
  { mode: 'at once', syncBroadcaster: true, deliveries: deliveries / 20, paths: {} },
  {
    mode: 'in slices, by streams and the parser of ws',
    syncBroadcaster: false,
    deliveries: deliveries / 20,
    paths: { handle: false, ownParser: false },
  },
  {
    mode: 'at once, without any shortcut',
    syncBroadcaster: true,
    deliveries: deliveries / 20,
    paths: noShortcuts,
  },
])(
  '[BC1] [BC2] [BC3] [BC4] [BC8] $deliveries deliveries $mode to connections that connect, move, stall and close: nothing is lost, doubled or out of order',
  {
    timeout: 1_200_000,
  },
  async ({ syncBroadcaster, deliveries, paths }) => {
    const workload = new ChurnWorkload(rooms, seed, () => testServer.server);
    const { recorder, counts } = workload;
    const { log, handlers, onConnect, onDisconnect, flow, ends } = recorder;
    const options = {
      namespaces: { n: handlers },
      onConnect,
      onDisconnect,
      limits: patientLimits,
      syncBroadcaster,
    };
    const testServer = await start(withParts(options, { fastPaths: { ...fastPaths, ...paths } }));
    const clients = new ChurnClients({
      port: Number(new URL(testServer.url).port),
      clients: connections,
      rooms,
      seed,
      changesPerSecond,
    });
    onTestFinished(() => clients.end());
    await clients.arrived();

    clients.beginChurn();
    const began = busyTime();
    const passed = (): number => (busyTime() - began) / 1_000;
    let closes = 0;
    let yielded: Promise<void> = Promise.resolve();
    for (let ticks = 0; workload.expected < deliveries * 1.01 || passed() < leastSeconds; ticks++) {
      workload.tick();
      if (passed() * closesPerSecond > closes) {
        closes++;
        workload.closeRandom();
      }
      await tick();
      if (ticks % ticksAhead === 0) {
        await yielded;
        yielded = clients.yield();
      }
    }
    await yielded;
    const seconds = passed();
    await Promise.all(workload.moves);
    await clients.settle();
    workload.broadcastLast();
    await testServer.server.flush();
    const { records, violations, unanswered, done } = await clients.finish();
    const verifyStarted = performance.now();
    const verdict = verifyDelivery(log, records);
    const { expected: due, delivered, cutOff, faults, byKind, whole, partial } = verdict;
    console.log(
      `${delivered} of ${due} deliveries in ${seconds.toFixed(1)} s, ${cutOff} behind the end of a line; verified in ` +
        `${((performance.now() - verifyStarted) / 1_000).toFixed(1)} s; seed ${seed}\n` +
        `${JSON.stringify({ ...log.counts, ...log.addressed, ...done, ...counts, ...flow, whole, partial })}\n` +
        `ends ${JSON.stringify(Object.fromEntries(ends))}, faults ${JSON.stringify(byKind)}`,
    );

    expect(faults.slice(0, 10).map(describeFault)).toEqual([]);
    expect(violations).toEqual([]);
    expect([unanswered, workload.refusedEmits, testServer.errors.length]).toEqual([0, 0, 0]);
    expect(due).toBe(delivered + cutOff);
    expect(due).toBeGreaterThanOrEqual(deliveries);
    expect(whole).toBeGreaterThan(connections / 2);
    // Connections ended only by the client's close, the server's close or a lost socket.
    expect([...ends.keys()].filter((code) => ![1_000, 1_006, 4_000].includes(code))).toEqual([]);
    const { flowing, congested, gone } = log.counts;
    const { to, except, exceptUser } = log.addressed;
    const { changesDuringPasses, ...others } = counts;
    const wanted = { flowing, congested, gone, to, except, exceptUser, ...done, ...others, ...flow };
    // Everything that is counted has happened at least once.
    expect(Object.entries(wanted).filter(([, times]) => times === 0)).toEqual([]);
    expect(changesDuringPasses > 0).toBe(!syncBroadcaster);
    const changes = done.joins + done.leaves + done.disconnects + done.closes + done.cuts + flowing + congested;
    expect(changes / seconds).toBeGreaterThan(connections / 10 / 2);
  },
);

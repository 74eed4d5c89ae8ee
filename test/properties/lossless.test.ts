import { expect, onTestFinished, test } from 'vitest';
import { ChurnCrew } from '../support/churn/churnClients.js';
import { ChurnTalk } from '../support/churn/churnWorkload.js';
import { tell } from '../support/history/diagnosis.js';
import { judge } from '../support/history/history.js';
import { useServers } from '../support/server/testServer.js';

/** So many deliveries are due before the run ends. */
const deliveries = Number(process.env['MUSTER_DELIVERIES'] ?? 10_000_000);
const seed = Number(process.env['MUSTER_SEED'] ?? Date.now() % 2 ** 31);
const connections = 2_000;
const rooms = 40;
/** More than a tenth of the connections does something in every second, and the server closes some more. */
const changesPerSecond = connections / 7;
const closesPerSecond = connections / 70;
/** However fast it goes, there is time for every kind of change. */
const leastSeconds = 4;
/** Who falls silent for a moment is to be caught up with, not to be shown the door, however busy the machine is. */
const much = 2 ** 30;
const long = 60_000;
const limits = {
  slowConsumerBytes: much,
  slowConsumerMessages: much,
  slowConsumerTimeout: long,
  pingTimeout: long,
  ackTimeout: long,
  closeTimeout: long,
};
/** The clients have read what is so many beats old. */
const beatsAhead = 8;

const start = useServers();
/** The other sockets have their turn. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test.each([
  { mode: 'in slices', syncBroadcaster: false, deliveries },
  { mode: 'at once', syncBroadcaster: true, deliveries: deliveries / 20 },
])(
  '[BC1] [BC2] [BC3] [BC4] [BC8] $deliveries deliveries $mode to connections that come, move, stall and go: nothing is lost, doubled or out of order',
  {
    timeout: 400_000,
  },
  async ({ syncBroadcaster, deliveries }) => {
    const talk = new ChurnTalk(rooms, seed, () => testServer.server);
    const { house: guests, counts } = talk;
    const { ledger, handlers, onConnect, onDisconnect, flow, ends } = guests;
    const testServer = await start({ namespaces: { n: handlers }, onConnect, onDisconnect, limits, syncBroadcaster });
    const crew = new ChurnCrew({
      port: Number(new URL(testServer.url).port),
      lines: connections,
      rooms,
      seed,
      changesPerSecond,
    });
    onTestFinished(() => crew.end());
    await crew.arrived();

    crew.beginChurn();
    const began = performance.now();
    const passed = (): number => (performance.now() - began) / 1_000;
    let closes = 0;
    let pulse: Promise<void> = Promise.resolve();
    for (let beats = 0; talk.due < deliveries * 1.01 || passed() < leastSeconds; beats++) {
      talk.beat();
      if (passed() * closesPerSecond > closes) {
        closes++;
        talk.closeOne();
      }
      await turn();
      if (beats % beatsAhead === 0) {
        await pulse;
        pulse = crew.pulse();
      }
    }
    await pulse;
    const seconds = passed();
    await Promise.all(talk.moved);
    await crew.settle();
    talk.lastWord();
    await testServer.server.flush();
    const { seen, complaints, unanswered, done } = await crew.finish();
    const judged = performance.now();
    const verdict = judge(ledger, seen);
    const { due, delivered, cutOff, faults, byKind, whole, partial } = verdict;
    console.log(
      `${delivered} of ${due} deliveries in ${seconds.toFixed(1)} s, ${cutOff} behind the end of a line; judged in ` +
        `${((performance.now() - judged) / 1_000).toFixed(1)} s; seed ${seed}\n` +
        `${JSON.stringify({ ...ledger.counts, ...ledger.addressed, ...done, ...counts, ...flow, whole, partial })}\n` +
        `ends ${JSON.stringify(Object.fromEntries(ends))}, faults ${JSON.stringify(byKind)}`,
    );

    expect(faults.slice(0, 10).map(tell)).toEqual([]);
    expect(complaints).toEqual([]);
    expect([unanswered, talk.refusedEmits, testServer.errors.length]).toEqual([0, 0, 0]);
    expect(due).toBe(delivered + cutOff);
    expect(due).toBeGreaterThanOrEqual(deliveries);
    expect(whole).toBeGreaterThan(connections / 2);
    // Nobody was closed for any other reason than its own, the server's word, or a line that was cut.
    expect([...ends.keys()].filter((code) => ![1_000, 1_006, 4_000].includes(code))).toEqual([]);
    const { flowing, congested, gone } = ledger.counts;
    const { to, except, exceptUser } = ledger.addressed;
    const { changesMidWalk, ...others } = counts;
    const wanted = { flowing, congested, gone, to, except, exceptUser, ...done, ...others, ...flow };
    // It all has happened, so that nothing of this is true for want of an occasion.
    expect(Object.entries(wanted).filter(([, times]) => times === 0)).toEqual([]);
    expect(changesMidWalk > 0).toBe(!syncBroadcaster);
    const changes = done.joins + done.leaves + done.disconnects + done.goodbyes + done.cuts + flowing + congested;
    expect(changes / seconds).toBeGreaterThan(connections / 10 / 2);
  },
);

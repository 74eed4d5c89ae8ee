import { once } from 'node:events';
import { connect } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { frame, upgrade } from '../support/peers/tcpClient.js';
import { useServers } from '../support/server/testServer.js';

/** So many connections come and go, after two rounds of warming up. */
const cycles = Number(process.env['MUSTER_CYCLES'] ?? 20_000);
const warmUp = 3_000;
const atOnce = 50;

const start = useServers();

setFlagsFromString('--expose-gc');
const collect: () => void = runInNewContext('gc');
/** Whatever is due in this turn of the event loop and the next has run. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(() => setImmediate(resolve)));

const closing = Buffer.from([0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe8]);
/** All that a client says until it is in its room. */
const hello = Buffer.concat([
  Buffer.from(upgrade()),
  frame('M'),
  frame('$1;n;;_OnNamespaceConnect;0;0;'),
  frame('$2;n;r;_OnRoomJoin;0;0;'),
]);
const joined = '$2;;;;;;';

type Goodbye = 'close frame' | 'cut' | 'cut early';

/** One client, from its first byte to the end of its line. */
const visit = async (port: number, cycle: number, goodbye: Goodbye): Promise<void> => {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => {});
  const ended = once(socket, 'close');
  if (goodbye === 'cut early') {
    const upTo = cycle % hello.length;
    if (upTo === 0) socket.once('connect', () => socket.destroy());
    else socket.write(hello.subarray(0, upTo), () => socket.destroy());
    await ended;
    return;
  }
  let text = '';
  socket.on('data', (bytes) => {
    text += bytes.toString('latin1');
    if (!text.includes(joined)) return;
    text = '';
    if (goodbye === 'cut') socket.destroy();
    else socket.end(closing);
  });
  socket.write(hello);
  await ended;
};

/** Half of them are cut, and of these a good part at every byte of what they say. */
const goodbyeOf = (cycle: number): Goodbye => {
  if (cycle % 2 === 0) return 'close frame';
  return cycle % 4 === 1 ? 'cut' : 'cut early';
};

test('[SV3] [SV8] connections that end in any way leave nothing behind', { timeout: 600_000 }, async () => {
  let made = 0;
  let forgotten = 0;
  const graves = new FinalizationRegistry(() => {
    forgotten++;
  });
  const told = { ended: 0 };
  const testServer = await start({
    namespaces: { n: { _OnRoomJoined: (ns) => void ns.ask('anyone', '', { timeout: 60_000 }).catch(() => {}) } },
    fireDisconnectAlways: true,
    onConnect(conn) {
      made += 2;
      graves.register(conn, undefined);
      graves.register(conn.actor, undefined);
    },
    onDisconnect: () => {
      told.ended++;
    },
  });
  const { server, url } = testServer;
  const port = Number(new URL(url).port);

  const round = async (count: number): Promise<void> => {
    let cycle = 0;
    const work = async (): Promise<void> => {
      while (cycle < count) {
        const mine = cycle++;
        await visit(port, mine, goodbyeOf(mine));
      }
    };
    await Promise.all(Array.from({ length: atOnce }, work));
    await expect.poll(() => server.totalConnections).toBe(0);
    await expect.poll(() => told.ended * 2).toBe(made);
    testServer.disconnects.rest();
    testServer.disconnects.all.length = 0;
  };
  const remains = async () => {
    for (let collected = 0; collected < 4; collected++) {
      await turn();
      collect();
    }
    await expect.poll(() => forgotten).toBe(made);
    const timers = process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
    const { heapUsed } = process.memoryUsage();
    return { timers, rooms: server.roomNames('n').length, members: server.members('n', 'r').length, heapUsed };
  };

  await round(warmUp);
  await round(warmUp);
  const before = await remains();
  const began = performance.now();
  await round(cycles);
  const seconds = (performance.now() - began) / 1_000;
  const after = await remains();

  const grown = (after.heapUsed - before.heapUsed) / 1_024;
  console.log(
    `${cycles} cycles in ${seconds.toFixed(1)} s: heap ${grown.toFixed(0)} KiB, ${made / 2} connections made`,
  );
  expect({ ...after, heapUsed: 0 }).toEqual({ ...before, heapUsed: 0 });
  expect([after.rooms, after.members]).toEqual([0, 0]);
  expect(grown).toBeLessThan(1_024);
  expect(made / 2).toBeGreaterThan(0.75 * cycles);
});

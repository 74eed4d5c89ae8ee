import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import { expect, test } from 'vitest';
import { type Clock, systemClock } from '../../../src/actors/runtime/clock.js';
import { withParts } from '../../../src/server/parts.js';
import { makeHandshake, type Transport } from '../../../src/server/socket/handshake.js';
import { dialAcknowledged, frame, useTcpClients } from '../../support/peers/tcpClient.js';
import { useServers } from '../../support/server/testServer.js';

const start = useServers();
useTcpClients();

const atOnce = 64;
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** A clock whose ticks can be stopped: no slice begins until they go on. */
const stoppable = () => {
  let held: (() => void)[] | undefined;
  const clock: Clock = {
    ...systemClock,
    setImmediate: (run) => {
      if (held) held.push(run);
      else systemClock.setImmediate(run);
    },
  };
  const stop = async (): Promise<void> => {
    await turn();
    held = [];
  };
  const goOn = (): void => {
    const waiting = held ?? [];
    held = undefined;
    for (const run of waiting) run();
  };
  return { clock, stop, goOn };
};

test('[SV27] of the sockets that close in one tick, 64 are noted at once and the others in slices, in order', async () => {
  const { clock, stop, goOn } = stoppable();
  const streams: Duplex[] = [];
  const transport: Transport = (given, context, onBad) => {
    const handshake = makeHandshake(given, context, onBad);
    return (request, socket, head, done) => {
      streams.push(socket);
      handshake(request, socket, head, done);
    };
  };
  const gone: string[] = [];
  const options = { namespaces: { default: {} }, onDisconnect: ({ id }: { id: string }) => void gone.push(id) };
  const testServer = await start(withParts(options, { transport, clock }));
  const { server } = testServer;
  for (let at = 0; at < atOnce + 8; at++) {
    const client = await dialAcknowledged(testServer);
    client.socket.write(frame('$1;default;;_OnNamespaceConnect;0;0;'));
    await client.waitFor('$1;');
  }
  const conns = server.connections();
  await stop();
  const ids: (string | undefined)[] = [];
  const closed = streams.map(async (stream, at) => {
    await once(stream, 'close');
    ids.push(conns[at]?.id);
  });
  for (const stream of streams) stream.destroy();
  await Promise.all(closed);
  await turn();
  expect(gone).toEqual(ids.slice(0, atOnce));
  expect(server.totalConnections).toBe(8);
  const open = conns.filter(({ isClosed }) => !isClosed);
  expect(new Set(open.map(({ id }) => id))).toEqual(new Set(ids.slice(atOnce)));
  const { lateWrites } = server.metrics().counters;
  for (const conn of open) conn.write({ namespace: 'default', event: 'late' });
  expect(server.metrics().counters.lateWrites).toBe(lateWrites + 8);
  goOn();
  await expect.poll(() => gone).toEqual(ids);
  expect(server.totalConnections).toBe(0);
});

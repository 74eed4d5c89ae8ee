import { describe, expect, test } from 'vitest';
import { connectionMachine } from '../../../src/index.js';
import { type Guest, House, type HouseOptions } from '../../support/server/supervisorHarness.js';

const big = 'x'.repeat(200 * 1024);
/** What a guest has been sent: the events, and its close frame. */
const eventsOf = ({ socket }: Guest): string[] =>
  socket.lines.map((line) => (line.startsWith('close') ? line : (line.split(';')[3] ?? '')));

/** Somebody who is owed three long messages, of which a slice has given the first. */
const inTheMiddle = async () => {
  const house = new House({ namespaces: { n: {} }, perLook: 5, sliceMs: 4 });
  const [guest, other] = [house.seat('guest', 'n'), house.seat('other', 'n')];
  await house.rest();
  for (const event of ['1', '2', '3']) house.server.broadcast(null, { namespace: 'n', event, body: big });
  house.clock.tick();
  expect(eventsOf(guest)).toEqual(['1']);
  return { house, guest, other };
};

/** A guest whose socket takes nothing; whoever watches its actor does this when it is congested. */
const atCongestion = (options: HouseOptions, react: (house: House, guest: Guest) => void) => {
  const house = new House({ namespaces: { n: {} }, ...options });
  const guest = house.seat('guest', 'n');
  let isTold = false;
  guest.conn?.actor.subscribe((snapshot: { hasTag(tag: string): boolean }) => {
    if (isTold || !snapshot.hasTag('congested')) return;
    isTold = true;
    react(house, guest);
  });
  guest.socket.stall();
  return { house, guest };
};

describe('somebody who has been given a part of what they are owed', () => {
  test('[BC1] [BC4] leaves, and gets the rest, the answer, and nothing that comes later', async () => {
    const { house, guest, other } = await inTheMiddle();
    guest.socket.say('$1;n;;_OnNamespaceDisconnect;0;0;');
    house.server.broadcast(null, { namespace: 'n', event: 'late' });
    await house.rest();
    expect(eventsOf(guest)).toEqual(['1', '2', '3', '']);
    expect(eventsOf(other)).toEqual(['1', '2', '3', 'late']);
  });

  test('[BC4] [SV5] is closed, and gets the rest before the close frame, and nothing behind it', async () => {
    const { house, guest } = await inTheMiddle();
    guest.conn?.close();
    house.server.broadcast(null, { namespace: 'n', event: 'late' });
    await house.rest();
    expect(eventsOf(guest)).toEqual(['1', '2', '3', 'close 1000 ']);
  });

  test('[BC3] gets what the program delivers to its actor behind the rest, congested or not', async () => {
    const bytes = Uint8Array.from([0x81, 5, ...Buffer.from(';n;;x')]);
    const { house, guest } = await inTheMiddle();
    guest.conn?.actor.send({ type: 'DELIVER', bytes });
    await house.rest();
    expect(eventsOf(guest)).toEqual(['1', '2', '3', 'x']);
    guest.socket.stall();
    for (const event of ['4', '5']) {
      house.server.broadcast(null, { namespace: 'n', event, body: big });
      await house.rest();
    }
    guest.conn?.actor.send({ type: 'DELIVER', bytes });
    expect(eventsOf(guest)).toEqual(['1', '2', '3', 'x', '4']);
    guest.socket.drain();
    expect(eventsOf(guest)).toEqual(['1', '2', '3', 'x', '4', '5', 'x']);
  });

  test('[BC3] gets a direct frame behind the rest', async () => {
    const { house, guest } = await inTheMiddle();
    guest.conn?.namespace('n')?.emit('direct');
    await house.rest();
    expect(eventsOf(guest)).toEqual(['1', '2', '3', 'direct']);
  });
});

describe('what a delivery leads to', () => {
  test('[BC2] [BC8] a broadcast within a walk takes nothing from those who are still to be visited', async () => {
    const { house } = atCongestion({ syncBroadcaster: true }, ({ server }) =>
      server.broadcast(null, { namespace: 'n', room: 'r', event: 'in the room' }),
    );
    const other = house.seat('other', 'n', ['r']);
    house.server.broadcast(null, { namespace: 'n', event: 'news', body: 'y'.repeat(70_000) });
    await house.rest();
    expect(eventsOf(other)).toEqual(['news', 'in the room']);
  });

  test('[BC8] a flush that is asked for within a walk waits for all of it', async () => {
    let served = -1;
    const { house } = atCongestion({ perLook: 5, sliceMs: 4 }, ({ server }) => {
      void server.flush().then(() => {
        served = others.filter((other) => eventsOf(other).includes('news')).length;
      });
    });
    const others = Array.from({ length: 60 }, (_, at) => house.seat(`${at}`, 'n'));
    house.server.broadcast(null, { namespace: 'n', event: 'news', body: 'y'.repeat(70_000) });
    await house.rest();
    expect(served).toBe(60);
  });

  test('[BC3] what is emitted in the middle of a long write waits for the end of it', async () => {
    const { house, guest } = atCongestion({}, (_, { conn }) => conn?.namespace('n')?.emit('direct'));
    for (const event of ['1', '2', '3']) house.server.broadcast(null, { namespace: 'n', event, body: big });
    house.server.broadcast(null, { namespace: 'n', event: 'alone', to: 'guest' });
    await house.rest();
    guest.socket.drain();
    await house.rest();
    expect(eventsOf(guest)).toEqual(['1', '2', '3', 'alone', 'direct']);
  });

  test('[BC3] [SV11] so does what an action of the chart emits then', async () => {
    const countCongestion = (): void => void house.guests[0]?.conn?.namespace('n')?.emit('direct');
    const connection = connectionMachine.provide({ actions: { countCongestion } });
    const house = new House({ namespaces: { n: {} }, machines: { connection } });
    const guest = house.seat('guest', 'n');
    guest.socket.stall();
    for (const event of ['1', '2', '3']) house.server.broadcast(null, { namespace: 'n', event, body: big });
    await house.rest();
    guest.socket.drain();
    await house.rest();
    expect(eventsOf(guest)).toEqual(['1', '2', '3', 'direct']);
  });

  test('[SV11] [SV5] nothing follows the close frame, whatever an action of the chart writes', async () => {
    const sendClose = (): void => void house.guests[0]?.conn?.namespace('n')?.emit('bye');
    const connection = connectionMachine.provide({ actions: { sendClose } });
    const house = new House({ namespaces: { n: {} }, machines: { connection } });
    const guest = house.seat('guest', 'n');
    guest.conn?.close();
    await house.rest();
    expect(eventsOf(guest).at(-1)).toBe('close 1000 ');
  });
});

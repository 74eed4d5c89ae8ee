import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { ClientWorld } from '../support/clientModel/clientWorld.js';
import { ScriptedServer } from '../support/clientModel/scriptedServer.js';

/** So many lines are lost and replaced, after a round of warming up. */
const cycles = Number(process.env['MUSTER_CYCLES'] ?? 10_000);
const warmUp = 500;

setFlagsFromString('--expose-gc');
const collect: () => void = runInNewContext('gc');

/** How a line ends. Each way leaves something else under way. */
const ends = [
  'cut',
  'cut while entering',
  'refused dial',
  'silent greeting',
  'silent server',
  'slot',
  'given up',
] as const;

test('[CL8] [CL10] [CL20] ten thousand reconnects leave no timer, listener, ask or memory behind', async () => {
  const server = new ScriptedServer();
  let handled = 0;
  let recoveries = 0;
  const world = new ClientWorld(
    server,
    {
      namespaces: { a: { say: () => void handled++ }, b: {} },
      onReconnect: () => void recoveries++,
    },
    () => 0.5,
    2,
  );
  const { client, clock, environment } = world;
  const joining = client.connect('a').then((a) => Promise.all([a.joinRoom('r'), a.joinRoom('s')]));
  const connecting = client.connect('b');
  await world.run();
  await Promise.all([joining, connecting]);
  const a = client.namespace('a');
  if (!a) throw new Error('the client is in "a"');
  const room = a.room('r');
  let settled = 0;
  let asked = 0;

  /** One line, from its greeting to its end. */
  const visit = async (cycle: number): Promise<void> => {
    const end = ends[cycle % ends.length];
    // What a program has under way when the line ends.
    const controller = new AbortController();
    const calls = [
      a.ask('mute', '', { timeout: 100_000 }),
      a.ask('echo', 'x', { signal: controller.signal }),
      client.waitConnect('c', { timeout: 90 }),
      a.joinRoom(`t${cycle % 3}`),
    ];
    asked += calls.length;
    for (const call of calls)
      call.then(
        () => settled++,
        () => settled++,
      );
    room?.emit('say', 'x');
    server.send(';a;r;say;0;0;x');
    server.begin('join', 'a', 'given');
    if (cycle % 2 === 0) await world.run();
    controller.abort();
    await clock.settle();
    const { socket } = world;
    if (end === 'silent server' || end === 'given up') {
      server.isStalled = true;
      await clock.pass(36_000);
      server.isStalled = false;
    } else {
      socket?.receive(end === 'slot' ? { code: 1012, text: 'retry=40' } : { code: 1006, text: '' });
    }
    await clock.settle();
    a.emit('say', 'waits');
    await clock.pass(20_000);
    if (end === 'refused dial') {
      world.socket?.receive({ code: 1006, text: '' });
      await clock.pass(20_000);
    }
    if (end === 'silent greeting') {
      server.greeting = 'silent';
      await world.run();
      server.greeting = 'aware';
      await clock.pass(25_000);
    }
    if (end === 'cut while entering') {
      world.socket?.open();
      const first = server.line?.outgoing.shift();
      if (first !== undefined) world.socket?.receive(first);
      await clock.settle();
      world.socket?.receive({ code: 1006, text: '' });
      await clock.pass(20_000);
    }
    await world.run();
    const leaving = Promise.all([0, 1, 2].map((at) => a.room(`t${at}`)?.leave()));
    await world.run();
    await leaving;
    if (client.state !== 'online') throw new Error(`cycle ${cycle} (${end}) has ended in "${client.state}"`);
    // For this test lines are many, and only their number matters.
    server.lines.splice(0, server.lines.length - 1);
    world.states.length = 0;
    world.errors.length = 0;
    for (const line of server.lines) line.received.length = 0;
  };
  const round = async (count: number): Promise<void> => {
    for (let cycle = 0; cycle < count; cycle++) await visit(cycle);
  };
  const remains = async () => {
    // Whatever waits for a deadline has reached it, and the timers are those of a line that is online.
    await clock.pass(200_000);
    await world.run();
    collect();
    return {
      timers: clock.pending,
      listeners: environment.listeners.size,
      asks: world.runtime.asks.size,
      sockets: world.sockets.length,
      rooms: a.rooms().map(({ name }) => name),
    };
  };

  await round(warmUp);
  const before = await remains();
  const heap = process.memoryUsage().heapUsed;
  const dials = world.dials;
  const began = performance.now();
  await round(cycles);
  const after = await remains();
  const grown = (process.memoryUsage().heapUsed - heap) / 1_024;
  const seconds = (performance.now() - began) / 1_000;
  console.log(
    `${world.dials - dials} dials in ${cycles} cycles, ${seconds.toFixed(1)} s; heap ${grown.toFixed(0)} KiB; ` +
      `${handled} messages handled, ${recoveries} recoveries`,
  );
  expect(after).toEqual(before);
  expect(settled).toBe(asked);
  expect(grown).toBeLessThan(1_024);
  expect(a.room('r')).toBe(room);

  const closing = client.close();
  await world.run();
  await closing;
  expect([clock.pending, environment.listeners.size, world.runtime.asks.size, a.rooms()]).toEqual([0, 0, 0, []]);
}, 300_000);

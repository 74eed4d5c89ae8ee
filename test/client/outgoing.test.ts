import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { AskTimeout, OnNativeMessage, type Recovery, reply } from '../../src/client/client.js';
import type { RuntimeOptions } from '../../src/client/runtime.js';
import { ask, askClient, bytes, contract, event, fromServer } from '../../src/contract/contract.js';
import { fromServer as sessionFrame } from '../../src/protocol/session.js';
import { tokenOf, useClientWorld, withoutToken } from '../support/client/clientWorld.js';

const makeWorld = useClientWorld();
type World = ReturnType<typeof makeWorld>;

/** A client that is online and in a namespace. */
const inside = async (world: World, options: RuntimeOptions = {}, namespace = 'chat', welcome?: object) => {
  const client = world.dial(options);
  const connecting = client.connect(namespace);
  world.socket().accept(welcome);
  await world.settle();
  await world.answer();
  return { client, ns: await connecting, socket: world.socket() };
};

describe('asks', () => {
  test('[CL10] each of 200 at once gets its own answer, in whatever order', async () => {
    const world = makeWorld();
    const { client, ns, socket } = await inside(world);
    const answers = Array.from({ length: 200 }, (_, at) => ns.ask('q', String(at)));
    const asked = socket.take().map(String);
    expect(new Set(asked.map(tokenOf)).size).toBe(200);
    for (const frame of asked.reverse()) socket.receive(`${frame}!`);
    expect((await Promise.all(answers)).map(({ body }) => body)).toEqual(answers.map((_, at) => `${at}!`));
    expect(client.counters.lateAnswers).toBe(0);
  });

  test('[CL10] it rejects with the error of its answer, its timeout, its signal, or the loss of its line', async () => {
    const world = makeWorld();
    const { ns, socket } = await inside(world);
    const refused = ns.ask('q');
    socket.receive(`${tokenOf(socket.takeOne())};chat;;q;1;0;bad room`);
    await expect(refused).rejects.toThrow('bad room');
    const slow = ns.ask('q');
    const slower = ns.ask('q', '', { timeout: 10_001 });
    await world.advance(10_000);
    await expect(slow).rejects.toThrow(new AskTimeout(10_000));
    const controller = new AbortController();
    const aborted = ns.ask('q', '', { signal: controller.signal });
    controller.abort(new Error('enough'));
    await expect(aborted).rejects.toThrow('enough');
    await expect(ns.ask('q', '', { signal: controller.signal })).rejects.toThrow('enough');
    await expect(ns.ask('q', '', { timeout: -1 })).rejects.toThrow(RangeError);
    socket.end();
    await expect(slower).rejects.toThrow('write closed');
    expect(() => ns.ask('')).toThrow(TypeError);
    // The reconnect has a timer, and nothing else.
    expect(world.clock.timers).toBe(1);
  });

  test('[CL10] one that ends before it was sent is not sent', async () => {
    const world = makeWorld();
    const { ns, socket } = await inside(world);
    socket.end(1012, 'retry=5000');
    const short = ns.ask('short', '', { timeout: 1_000 });
    const long = ns.ask('long');
    await world.advance(1_000);
    await expect(short).rejects.toThrow(AskTimeout);
    await world.advance(4_000);
    world.socket().accept();
    await world.settle();
    await world.answer();
    const frame = world.socket().takeOne();
    expect(withoutToken(frame)).toBe(';chat;;long;0;0;');
    world.socket().receive(`${frame}yes`);
    expect((await long).body).toBe('yes');
  });

  test('[CL10] an answer passes a handler that waits, and a late one is counted', async () => {
    const world = makeWorld();
    const { client, ns, socket } = await inside(world);
    ns.on('wait', () => new Promise(() => {}));
    socket.receive(';chat;;wait;0;0;');
    const asked = ns.ask('q');
    const frame = socket.takeOne();
    socket.receive(`${frame}1`);
    socket.receive(`${frame}2`);
    expect((await asked).body).toBe('1');
    expect(client.counters.lateAnswers).toBe(1);
  });
});

describe('the outbox', () => {
  test('[CL11] what is emitted while not online waits in order, within 256 frames', async () => {
    const world = makeWorld();
    const { client, ns, socket } = await inside(world);
    socket.end();
    const taken = Array.from({ length: 260 }, (_, at) => ns.emit('e', String(at)));
    expect(taken.filter(Boolean)).toHaveLength(256);
    await expect(ns.ask('q')).rejects.toThrow('write closed');
    expect(client.counters.refused).toBe(5);
    await world.advance(20_000);
    world.socket().accept();
    await world.settle();
    await world.answer();
    expect(world.socket().take()).toEqual(Array.from({ length: 256 }, (_, at) => `;chat;;e;0;0;${at}`));
  });

  test('[CL11] and within 256 KiB, or what the server says', async () => {
    const world = makeWorld();
    const { ns, socket } = await inside(world, {}, 'chat', { outbox: { frames: 3, bytes: 100 } });
    socket.end();
    expect([ns.emit('e', 'x'.repeat(80)), ns.emit('e', 'x'.repeat(20)), ns.emit('e', 'x'), ns.emit('e')]).toEqual([
      true,
      false,
      false,
      false,
    ]);
    const plain = makeWorld();
    const other = await inside(plain);
    other.socket.end();
    expect([other.ns.emit('e', 'é'.repeat(131_000)), other.ns.emit('e', 'x'.repeat(200))]).toEqual([true, false]);
    expect(other.ns.emitBinary('e', new Uint8Array(50))).toBe(true);
  });

  test('[CL11] frames of a namespace keep their order while a room is entered', async () => {
    const world = makeWorld();
    const { ns, socket } = await inside(world);
    void ns.joinRoom('x');
    await world.settle();
    const join = socket.takeOne();
    ns.room('x')?.emit('first');
    ns.emit('second');
    expect(socket.take()).toEqual([]);
    socket.receive(`${tokenOf(join)};;;;;;`);
    await world.settle();
    expect(socket.take()).toEqual([';chat;x;first;0;0;', ';chat;;second;0;0;']);
  });

  test('[CL11] a frame that will not be sent is refused and counted', async () => {
    const world = makeWorld();
    const { client, ns } = await inside(world);
    void ns.disconnect();
    expect(ns.emit('e')).toBe(false);
    await world.settle();
    await world.answer();
    expect(ns.emit('e')).toBe(false);
    expect(client.counters.refused).toBe(2);
    expect(() => ns.emit('_OnRoomJoin')).toThrow('an event has a name of its own');
    // @ts-expect-error a body is no number
    expect(() => ns.emit('e', 7)).toThrow('a body is a string or a Uint8Array, got number');
  });

  test('[CL12] in doubt is what nothing proves to have arrived', async () => {
    const world = makeWorld();
    const recoveries: Recovery[] = [];
    const { client, ns, socket } = await inside(
      world,
      { onReconnect: (recovery) => recoveries.push(recovery) },
      'chat',
      { ping: 1_000 },
    );
    const cut = async (before: World['socket'], code: number): Promise<void> => {
      before().end(code);
      await world.settle();
      await world.advance(5_000);
      world.socket().accept({ ping: 1_000 });
      await world.settle();
      await world.answer();
    };
    ns.emit('a');
    ns.emit('b');
    await world.advance(1_000);
    ns.emit('c');
    socket.receive(sessionFrame('pong', '0 0'));
    await cut(() => socket, 1006);
    expect(recoveries.at(-1)).toMatchObject({ inDoubt: 1, reason: { code: 1006 } });
    ns.emit('d');
    void ns.ask('q');
    const asked = world.socket().take().at(-1) ?? '';
    ns.emit('e');
    ns.emit('f');
    world.socket().receive(String(asked));
    await cut(() => world.socket(), 1011);
    expect(recoveries.at(-1)).toMatchObject({ inDoubt: 2, reason: { code: 1011 } });
    expect([world.socket().take(), client.counters.inDoubt, recoveries.length]).toEqual([[], 3, 2]);
  });
});

describe('the contract', () => {
  const app = contract({
    board: {
      edit: event(z.object({ task: z.string() })),
      edited: fromServer(z.object({ by: z.string() })),
      thumb: event(bytes()),
      stats: ask(z.void(), z.object({ open: z.number() })),
      confirm: askClient(z.string(), z.boolean()),
    },
  });

  test('[CL17] data goes both ways, and a handler of an ask returns the answer', async () => {
    const world = makeWorld();
    const heard: unknown[] = [];
    const { ns, socket } = await inside(world, { contract: app }, 'board');
    ns.on('edited', (message) => void heard.push('data' in message && message.data));
    ns.on('thumb', (message) => void heard.push('data' in message && message.data));
    // Without the types of a contract a handler has no answer.
    ns.on('confirm', (() => true) as never);
    // @ts-expect-error without the types of a contract data is no body
    ns.emit('edit', { task: '1' });
    ns.emit('thumb', new Uint8Array([1, 2]));
    expect(socket.take()).toEqual([
      ';board;;edit;0;0;{"task":"1"}',
      new Uint8Array([...new TextEncoder().encode(';board;;thumb;0;0;'), 1, 2]),
    ]);
    socket.receive(';board;;edited;0;0;{"by":"joe","more":1}');
    socket.receive(new Uint8Array([...new TextEncoder().encode(';board;;thumb;0;0;'), 3]));
    socket.receive('1;board;;confirm;0;0;"sure?"');
    await world.settle();
    expect(heard).toEqual([{ by: 'joe' }, new Uint8Array([3])]);
    expect(socket.take()).toEqual(['1;board;;confirm;0;0;true']);
    const stats = ns.ask('stats');
    socket.receive(`${socket.takeOne()}{"open":3}`);
    expect(await stats).toEqual({ open: 3 });
  });

  test('[CL17] what a client may not send throws', async () => {
    const world = makeWorld();
    const { ns } = await inside(world, { contract: app }, 'board');
    for (const name of ['edited', 'stats', 'nothing', 'constructor']) {
      expect(() => ns.emit(name)).toThrow(`the contract lets no client emit "${name}"`);
    }
    for (const name of ['confirm', 'edit', '__proto__']) {
      expect(() => ns.ask(name)).toThrow(`the contract lets no client ask "${name}"`);
    }
  });

  test('[CL17] [CL20] what is not allowed reaches no handler', async () => {
    const world = makeWorld();
    const told: unknown[] = [];
    const { client, ns, socket } = await inside(
      world,
      { contract: app, onError: (error, { during }) => told.push(`${during}: ${error}`) },
      'board',
    );
    let calls = 0;
    for (const name of ['edited', 'stats', 'confirm', '_OnAnyEvent']) ns.on(name, () => void calls++);
    socket.receive(';board;;edited;0;0;{"by":1}');
    socket.receive(';board;;edited;0;0;{');
    socket.receive('1;board;;confirm;0;0;7');
    socket.receive('2;board;;stats;0;0;');
    socket.receive(';board;;confirm;0;0;"x"');
    socket.receive('3;board;;toString;0;0;');
    socket.receive(';board;;edit;1;0;slow down');
    await world.settle();
    expect(calls).toBe(0);
    expect(socket.take()).toEqual([
      '1;board;;confirm;1;0;invalid payload',
      '2;board;;stats;1;0;invalid payload',
      '3;board;;toString;1;0;invalid payload',
    ]);
    expect(client.counters.invalid).toBe(6);
    const invalid = 'InvalidPayload: invalid payload';
    expect(told).toEqual([`edited: ${invalid}`, `edited: ${invalid}`, `confirm: ${invalid}`, 'edit: Error: slow down']);
  });

  test('[CL17] an answer that the schema does not allow rejects the ask', async () => {
    const world = makeWorld();
    const { client, ns, socket } = await inside(world, { contract: app }, 'board');
    const stats = ns.ask('stats');
    socket.receive(`${socket.takeOne()}{"open":"many"}`);
    await expect(stats).rejects.toThrow('invalid payload');
    expect(client.counters.invalid).toBe(1);
  });
});

describe('native messages', () => {
  test('[CL18] beside events, what is no frame is native', async () => {
    const world = makeWorld();
    const heard: unknown[] = [];
    const { ns, socket } = await inside(
      world,
      {
        events: {
          [OnNativeMessage]: (_, { body, isNative }) => reply(`${isNative} ${body}`),
          e: (_, { body }) => void heard.push(body),
        },
      },
      '',
    );
    socket.receive('hello');
    socket.receive(';;;e;0;0;x');
    await world.settle();
    expect(ns.emit(OnNativeMessage, 'raw')).toBe(true);
    expect([socket.take(), heard]).toEqual([['true hello', 'raw'], ['x']]);
  });

  test('[CL18] alone, there is no greeting and every message is native', async () => {
    const world = makeWorld();
    const heard: unknown[] = [];
    const client = world.dial({ events: { [OnNativeMessage]: (_, { body }) => void heard.push(body) } });
    const connecting = client.connect('');
    expect(world.socket().url).not.toContain('muster');
    world.socket().open();
    await world.settle();
    const ns = await connecting;
    expect([client.state, ns.isConnected, world.socket().take()]).toEqual(['online', true, []]);
    world.socket().receive('A1');
    world.socket().receive(';a;b;c;0;0;d');
    world.socket().receive(new Uint8Array([7]));
    await world.settle();
    expect(heard).toEqual(['A1', ';a;b;c;0;0;d', new Uint8Array([7])]);
    ns.emit(OnNativeMessage, 'x');
    expect(world.socket().take()).toEqual(['x']);
  });
});

test('[CL20] a client that has gone through many lines leaves no timer, listener or pending ask', async () => {
  const world = makeWorld();
  const { client, ns } = await inside(world, {}, 'chat', {});
  for (let line = 0; line < 200; line++) {
    ns.emit('e');
    void ns.ask('q');
    world.socket().end();
    await world.settle();
    await world.advance(20_000);
    world.socket().accept({});
    await world.settle();
    await world.answer();
    expect(client.state).toBe('online');
  }
  // The heartbeat, and the delay after which dials are counted anew.
  expect(world.clock.timers).toBe(2);
  const closed = client.close();
  world.socket().end(1000);
  await world.settle();
  await closed;
  expect([world.clock.timers, world.page.listeners.size]).toEqual([0, 0]);
  expect(client.counters).toMatchObject({ lines: 201, inDoubt: 200, unsent: 0 });
});

import { describe, expect, test } from 'vitest';
import {
  type Client,
  isSystemEvent,
  type Message,
  OnAnyEvent,
  OnNamespaceConnect,
  OnNamespaceConnected,
  OnRoomJoin,
  OnRoomLeft,
  type Recovery,
  reply,
} from '../../src/client/client.js';
import type { RuntimeOptions } from '../../src/client/runtime.js';
import { tokenOf, useClientWorld, withoutToken } from '../support/client/clientWorld.js';
import { describeMessage } from '../support/server/testServer.js';

const makeWorld = useClientWorld();
type World = ReturnType<typeof makeWorld>;

/** A client that is online and in `chat`, and what its handlers are told. */
const inChat = async (world: World, options: RuntimeOptions = {}) => {
  const log: string[] = [];
  const record = (_: unknown, message: Message): void => {
    log.push(describeMessage(message));
  };
  const client = world.dial({
    ...options,
    namespaces: { chat: { ...options.namespaces?.['chat'], [OnAnyEvent]: record } },
  });
  const connecting = client.connect('chat');
  world.socket().accept();
  await world.settle();
  await world.answer();
  return { client, chat: await connecting, log, socket: world.socket() };
};

/** Cuts the line and opens the next. */
const reconnect = async (world: World): Promise<void> => {
  world.socket().end();
  await world.settle();
  await world.advance(20_000);
  world.socket().accept();
  await world.settle();
};

const sent = (world: World): string[] => world.socket().take().map(withoutToken);
const connectFrame = (namespace: string): string => `;${namespace};;_OnNamespaceConnect;0;0;`;
const joinFrame = (room: string): string => `;chat;${room};_OnRoomJoin;0;0;`;

describe('wishes', () => {
  test('[CL8] they are asked when the line is greeted: namespaces in order, then their rooms, then what waits', async () => {
    const world = makeWorld();
    const client = world.dial();
    const b = client.connect('b');
    const a = client.connect('a');
    await world.settle();
    const ns = client.namespace('a');
    const room = ns?.joinRoom('r');
    expect(ns?.emit('early', '1')).toBe(true);
    expect([ns?.isConnected, ns?.room('r')?.isJoined]).toEqual([false, false]);
    world.socket().accept();
    await world.settle();
    const asks = world.socket().take();
    expect(asks.map(withoutToken)).toEqual([connectFrame('b'), connectFrame('a')]);
    world.socket().receive(`${tokenOf(asks[1] ?? '')};;;;;;`);
    await world.settle();
    expect(await a).toBe(ns);
    expect(client.state).toBe('entering');
    const joins = world.socket().take();
    expect(joins.map(withoutToken)).toEqual([';a;r;_OnRoomJoin;0;0;']);
    world.socket().receive(`${tokenOf(asks[0] ?? '')};;;;;;`);
    await world.settle();
    expect((await b).isConnected).toBe(true);
    expect(world.socket().take()).toEqual([]);
    world.socket().receive(`${tokenOf(joins[0] ?? '')};;;;;;`);
    await world.settle();
    expect((await room)?.isJoined).toBe(true);
    expect(sent(world)).toEqual([';a;;early;0;0;1']);
    expect(client.state).toBe('online');
  });

  test('[CL8] handles stay the same over an outage, and every wish is entered again', async () => {
    const world = makeWorld();
    const { client, chat } = await inChat(world);
    const joining = chat.joinRoom('x');
    await world.settle();
    await world.answer();
    const room = await joining;
    await reconnect(world);
    expect([client.namespace('chat'), chat.room('x'), chat.isConnected, room.isJoined]).toEqual([
      chat,
      room,
      false,
      false,
    ]);
    await world.answer();
    await world.answer();
    expect([client.state, chat.isConnected, room.isJoined]).toEqual(['online', true, true]);
    expect(chat.rooms()).toEqual([room]);
  });

  test('[CL8] a wish that the outage interrupts is asked anew, and its promise goes on', async () => {
    const world = makeWorld();
    const client = world.dial();
    const connecting = client.connect('chat');
    world.socket().accept();
    await world.settle();
    expect(sent(world)).toEqual([connectFrame('chat')]);
    await reconnect(world);
    expect(sent(world)).toEqual([connectFrame('chat')]);
    await reconnect(world);
    await world.answer();
    expect((await connecting).isConnected).toBe(true);
  });

  test('[CL8] leaving while waiting ends the wish', async () => {
    const world = makeWorld();
    const { client, chat } = await inChat(world);
    world.socket().end();
    await world.settle();
    const joining = chat.joinRoom('x');
    await chat.room('x')?.leave();
    await expect(joining).rejects.toThrow('bad room');
    await chat.disconnect();
    await expect(chat.disconnect()).rejects.toThrow('bad namespace');
    await world.advance(20_000);
    world.socket().accept();
    await world.settle();
    expect([client.state, sent(world), client.namespace('chat')]).toEqual(['online', [], undefined]);
  });

  test('[CL8] a signal ends the wish of its call, and the client leaves what it has asked for', async () => {
    const world = makeWorld();
    const { chat } = await inChat(world);
    const controller = new AbortController();
    const joining = chat.joinRoom('x', { signal: controller.signal });
    await world.settle();
    controller.abort(new Error('enough'));
    await expect(joining).rejects.toThrow('enough');
    expect(sent(world)).toEqual([joinFrame('x'), ';chat;x;_OnRoomLeave;0;0;']);
    expect(chat.room('x')).toBeUndefined();
  });

  test('[CL8] what the server puts the client into is not entered by the client, and comes back as the same object', async () => {
    const world = makeWorld();
    const client = world.dial({ namespaces: { chat: {} } });
    world.socket().accept();
    world.socket().receive('1;chat;;_OnNamespaceConnect;0;0;');
    await world.settle();
    world.socket().receive('2;chat;x;_OnRoomJoin;0;0;');
    await world.settle();
    expect(world.socket().take()).toEqual(['1;;;;;;', '2;;;;;;']);
    const chat = client.namespace('chat');
    const room = chat?.room('x');
    await reconnect(world);
    expect([client.state, sent(world), client.namespace('chat')]).toEqual(['online', [], undefined]);
    const waiting = client.waitServerConnect('chat');
    world.socket().receive('1;chat;;_OnNamespaceConnect;0;0;');
    await world.settle();
    world.socket().receive('2;chat;x;_OnRoomJoin;0;0;');
    await world.settle();
    expect([await waiting, chat?.room('x'), room?.isJoined]).toEqual([chat, room, true]);
  });

  test('[CL8] an end by the server ends the wish', async () => {
    const world = makeWorld();
    const { client, chat, socket } = await inChat(world);
    socket.receive('1;chat;;_OnNamespaceDisconnect;0;0;');
    await world.settle();
    expect([client.namespace('chat'), chat.emit('x')]).toEqual([undefined, false]);
    await reconnect(world);
    expect(sent(world)).toEqual([]);
  });

  test('[CL8] what is asked for again while it is left is entered after it', async () => {
    const world = makeWorld();
    const { chat } = await inChat(world);
    const joining = chat.joinRoom('x');
    await world.settle();
    await world.answer();
    const room = await joining;
    const leaving = room.leave();
    expect(room.emit('no')).toBe(false);
    const again = chat.joinRoom('x');
    await world.settle();
    await world.answer();
    await leaving;
    await world.answer();
    expect([await again, room.isJoined]).toEqual([room, true]);
  });

  test('[CL8] a leave that the server refuses keeps the client in', async () => {
    const world = makeWorld();
    const { chat, socket } = await inChat(world);
    const leaving = chat.disconnect();
    await world.settle();
    socket.receive(`${tokenOf(socket.takeOne())};chat;;_OnNamespaceDisconnect;1;0;stay`);
    await expect(leaving).rejects.toThrow('stay');
    expect(chat.isConnected).toBe(true);
    await reconnect(world);
    expect(sent(world)).toEqual([connectFrame('chat')]);
  });

  test('[CL8] an ask for a room outside its namespace, or without a name, is refused', async () => {
    const world = makeWorld();
    const { chat } = await inChat(world);
    await expect(chat.joinRoom('')).rejects.toThrow('bad room');
    await expect(chat.joinRoom('x', { timeout: 0 })).rejects.toThrow('a timeout is a number of ms above 0');
    void chat.disconnect();
    await world.settle();
    await world.answer();
    await expect(chat.joinRoom('x')).rejects.toThrow('bad namespace');
  });
});

describe('refusals after an outage', () => {
  test('[CL12] they are told with their errors, and what waited for them is counted', async () => {
    const world = makeWorld();
    const recoveries: Recovery[] = [];
    const { client, chat } = await inChat(world, { onReconnect: (recovery) => recoveries.push(recovery) });
    const joining = chat.joinRoom('x');
    await world.settle();
    await world.answer();
    const room = await joining;
    expect(recoveries).toEqual([]);
    world.socket().end(1012, 'retry=1');
    room.emit('lost', '1');
    chat.emit('kept', '2');
    await world.advance(1);
    world.socket().accept();
    await world.settle();
    await world.answer();
    const [join = ''] = world.socket().take();
    world.socket().receive(`${tokenOf(join)};chat;x;_OnRoomJoin;1;0;full`);
    await world.settle();
    expect(recoveries).toEqual([
      {
        recovered: false,
        because: 'no-session',
        reason: { code: 1012, text: 'retry=1' },
        inDoubt: 0,
        unsent: 1,
        refused: [{ namespace: 'chat', room: 'x', error: new Error('full') }],
      },
    ]);
    expect([room.isJoined, chat.room('x'), client.counters.unsent]).toEqual([false, undefined, 1]);
    expect(sent(world)).toEqual([';chat;;kept;0;0;2']);
  });

  test('[CL12] one that another call waits for is told to both', async () => {
    const world = makeWorld();
    const recoveries: Recovery[] = [];
    const { client } = await inChat(world, { onReconnect: (recovery) => recoveries.push(recovery) });
    world.socket().end(1012, 'retry=1');
    await world.settle();
    const again = client.connect('chat');
    await world.advance(1);
    world.socket().accept();
    await world.settle();
    const frame = world.socket().takeOne();
    world.socket().receive(`${tokenOf(frame)};chat;;_OnNamespaceConnect;1;0;no`);
    await expect(again).rejects.toThrow('no');
    await world.settle();
    expect(recoveries[0]?.refused).toEqual([{ namespace: 'chat', room: '', error: new Error('no') }]);
  });

  test('[CL12] an entry that is not answered within 10 s is refused and taken back', async () => {
    const world = makeWorld();
    const recoveries: Recovery[] = [];
    const { client } = await inChat(world, { onReconnect: (recovery) => recoveries.push(recovery) });
    await reconnect(world);
    const connect = world.socket().takeOne();
    await world.advance(10_000);
    expect(client.state).toBe('online');
    expect(sent(world)).toEqual([';chat;;_OnNamespaceDisconnect;0;0;']);
    expect(recoveries[0]?.refused).toMatchObject([{ namespace: 'chat', room: '', error: { name: 'AskTimeout' } }]);
    world.socket().receive(`${tokenOf(connect)};;;;;;`);
    await world.settle();
    expect([client.namespace('chat'), client.counters.lateAnswers]).toEqual([undefined, 1]);
  });

  test('[CL12] a first entry that is refused rejects its call, and is not told', async () => {
    const world = makeWorld();
    const told: unknown[] = [];
    const client = world.dial({ onReconnect: (recovery) => told.push(recovery), onError: (error) => told.push(error) });
    const connecting = client.connect('chat', { timeout: 50 });
    world.socket().accept();
    await world.settle();
    await world.advance(50);
    await expect(connecting).rejects.toThrow('not answered within 50 ms');
    expect([client.state, told]).toEqual(['online', []]);
  });
});

describe('lifecycle events', () => {
  test('[CL9] those of the client are local; a loss forces, and a reconnect begins anew', async () => {
    const world = makeWorld();
    const { chat, log } = await inChat(world);
    const joining = chat.joinRoom('x');
    await world.settle();
    await world.answer();
    await joining;
    const entry = [
      'OnNamespaceConnect chat local',
      'OnNamespaceConnected chat local',
      'OnRoomJoin chat/x local',
      'OnRoomJoined chat/x local',
    ];
    expect(log.splice(0)).toEqual(entry);
    await reconnect(world);
    await world.answer();
    await world.answer();
    expect(log.splice(0)).toEqual([
      'OnRoomLeave chat/x forced local',
      'OnRoomLeft chat/x forced local',
      'OnNamespaceDisconnect chat forced local',
      ...entry,
    ]);
    chat.room('x')?.on(OnRoomLeft, ({ room }) => void log.push(`heard of ${room}`));
    void chat.room('x')?.leave();
    await world.settle();
    await world.answer();
    expect(log.splice(0)).toEqual(['OnRoomLeave chat/x', 'OnRoomLeft chat/x', 'heard of x']);
    void chat.joinRoom('y');
    await world.settle();
    await world.answer();
    log.splice(0);
    void chat.disconnect();
    await world.settle();
    await world.answer();
    expect(log).toEqual([
      'OnRoomLeave chat/y forced local',
      'OnRoomLeft chat/y forced local',
      'OnNamespaceDisconnect chat local',
    ]);
  });

  test('[CL9] a veto before a connect sends nothing; one after a join sends a leave', async () => {
    const world = makeWorld();
    const { client, chat, socket } = await inChat(world, {
      namespaces: {
        chat: {
          [OnRoomJoin]() {
            throw new Error('no room');
          },
        },
      },
    });
    const joining = chat.joinRoom('x');
    await world.settle();
    await world.answer();
    await expect(joining).rejects.toThrow('no room');
    expect(sent(world)).toEqual([';chat;x;_OnRoomLeave;0;0;']);
    expect(chat.rooms()).toEqual([]);
    const other = makeWorld();
    const veto = other.dial({
      namespaces: {
        chat: {
          async [OnNamespaceConnect]() {
            throw new Error('not now');
          },
        },
      },
    });
    const connecting = veto.connect('chat');
    other.socket().accept();
    await expect(connecting).rejects.toThrow('not now');
    await other.settle();
    expect([sent(other), veto.state, client.state, socket.closed]).toEqual([[], 'online', 'online', undefined]);
  });
});

describe('steps of the server', () => {
  const answersOf = async (client: Client, world: World, ...frames: readonly string[]): Promise<unknown[]> => {
    for (const frame of frames) {
      world.socket().receive(frame);
      await world.settle();
    }
    expect(client.state).toBe('online');
    return world.socket().take();
  };

  test('[CL13] they are answered, and their events are not local', async () => {
    const world = makeWorld();
    const log: string[] = [];
    const record = (_: unknown, message: Message): void => void log.push(describeMessage(message));
    const client = world.dial({ namespaces: { chat: { [OnAnyEvent]: record } } });
    world.socket().accept();
    await world.settle();
    const steps = ['_OnNamespaceConnect', '_OnRoomJoin', '_OnRoomLeave', '_OnRoomJoin', '_OnNamespaceDisconnect'];
    const frames = steps.map((event, at) => `${at};chat;${event.includes('Room') ? 'x' : ''};${event};0;0;`);
    expect(await answersOf(client, world, ...frames)).toEqual(frames.map((_, at) => `${at};;;;;;`));
    expect(log).toEqual([
      'OnNamespaceConnect chat',
      'OnNamespaceConnected chat',
      'OnRoomJoin chat/x',
      'OnRoomJoined chat/x',
      'OnRoomLeave chat/x',
      'OnRoomLeft chat/x',
      'OnRoomJoin chat/x',
      'OnRoomJoined chat/x',
      'OnRoomLeave chat/x forced',
      'OnRoomLeft chat/x forced',
      'OnNamespaceDisconnect chat',
    ]);
  });

  test('[CL13] a join is answered before what waited for the room is sent', async () => {
    const world = makeWorld();
    const { chat, socket } = await inChat(world);
    void chat.joinRoom('x');
    await world.settle();
    socket.take();
    chat.room('x')?.emit('waited');
    socket.receive('7;chat;x;_OnRoomJoin;0;0;');
    await world.settle();
    expect(socket.take()).toEqual(['7;;;;;;', ';chat;x;waited;0;0;']);
  });

  test('[CL13] what is so already is answered with success and without events', async () => {
    const world = makeWorld();
    const { client, log } = await inChat(world);
    log.splice(0);
    expect(
      await answersOf(
        client,
        world,
        '1;chat;;_OnNamespaceConnect;0;0;',
        '2;chat;x;_OnRoomLeave;0;0;',
        '3;other;;_OnNamespaceDisconnect;0;0;',
      ),
    ).toEqual(['1;;;;;;', '2;;;;;;', '3;;;;;;']);
    expect(log).toEqual([]);
  });

  test('[CL13] what is not declared is refused', async () => {
    const world = makeWorld();
    const { client } = await inChat(world);
    expect(
      await answersOf(
        client,
        world,
        '1;other;;_OnNamespaceConnect;0;0;',
        '2;other;x;_OnRoomJoin;0;0;',
        '3;chat;;_OnRoomJoin;0;0;',
        '4;__proto__;;_OnNamespaceConnect;0;0;',
      ),
    ).toEqual([
      '1;other;;_OnNamespaceConnect;1;0;bad namespace',
      '2;other;x;_OnRoomJoin;1;0;bad namespace',
      '3;chat;;_OnRoomJoin;1;0;bad room',
      '4;__proto__;;_OnNamespaceConnect;1;0;bad namespace',
    ]);
  });

  test('[CL13] veto handlers refuse an entry, and not an end', async () => {
    const world = makeWorld();
    const refuse = (): never => {
      throw new Error('never');
    };
    const errors: string[] = [];
    const client = world.dial({
      namespaces: {
        chat: { [OnRoomJoin]: (_, { room }) => (room === 'no' ? refuse() : undefined), _OnRoomLeave: refuse },
      },
      onError: (error) => errors.push(String(error)),
    });
    world.socket().accept();
    await world.settle();
    expect(
      await answersOf(
        client,
        world,
        '1;chat;;_OnNamespaceConnect;0;0;',
        '2;chat;no;_OnRoomJoin;0;0;',
        '3;chat;yes;_OnRoomJoin;0;0;',
        '4;chat;yes;_OnRoomLeave;0;0;',
      ),
    ).toEqual(['1;;;;;;', '2;chat;no;_OnRoomJoin;1;0;never', '3;;;;;;', '4;;;;;;']);
    expect(client.namespace('chat')?.rooms()).toEqual([]);
    expect(errors).toEqual(['Error: never']);
  });

  test('[CL13] without a wait token, or as a notification, they are dropped and counted', async () => {
    const world = makeWorld();
    const { client, log } = await inChat(world);
    log.splice(0);
    expect(
      await answersOf(
        client,
        world,
        ';chat;x;_OnRoomJoin;0;0;',
        '1;chat;x;_OnRoomJoined;0;0;',
        '2;chat;x;_OnRoomJoin;0;1;',
      ),
    ).toEqual([]);
    expect([log, client.counters.invalid]).toEqual([[], 3]);
  });
});

describe('turns', () => {
  test('[CL14] handlers run one after the other, each until it settles or for 30 s', async () => {
    const world = makeWorld();
    const log: string[] = [];
    let release = (): void => {};
    const errors: string[] = [];
    const { chat, socket } = await inChat(world, { onError: (error) => errors.push(String(error)) });
    chat.on('slow', async ({ body }) => {
      log.push(`begin ${body}`);
      await new Promise<void>((resolve) => {
        release = resolve;
      });
      log.push(`end ${body}`);
    });
    for (const body of ['1', '2', '3']) socket.receive(`;chat;;slow;0;0;${body}`);
    await world.settle();
    expect(log).toEqual(['begin 1']);
    release();
    await world.settle();
    expect(log).toEqual(['begin 1', 'end 1', 'begin 2']);
    await world.advance(30_000);
    expect(log.at(-1)).toBe('begin 3');
    expect(errors).toEqual(['HandlerTimeout: did not settle within 30000 ms']);
  });

  test('[CL14] a line on which too many frames wait is given up, and they still have their turns', async () => {
    const world = makeWorld();
    const { client, chat, socket } = await inChat(world);
    let release = (): void => {};
    chat.on(
      'slow',
      () =>
        new Promise<void>((resolve) => {
          release = resolve;
        }),
    );
    let heard = 0;
    chat.on('e', () => void heard++);
    socket.receive(';chat;;slow;0;0;');
    for (let frame = 0; frame <= 16_384; frame++) socket.receive(';chat;;e;0;0;');
    expect(socket.closed).toEqual({ code: 4002, reason: 'too many frames wait' });
    expect([client.state, client.reason?.code]).toEqual(['waiting', 4002]);
    release();
    await expect.poll(() => world.settle().then(() => heard)).toBe(16_385);
  });

  test('[CL16] what came before a final end still finds its handlers, in a room too', async () => {
    const world = makeWorld();
    const { client, chat, socket } = await inChat(world);
    let release = (): void => {};
    chat.on(
      'slow',
      () =>
        new Promise<void>((resolve) => {
          release = resolve;
        }),
    );
    socket.receive('1;chat;x;_OnRoomJoin;0;0;');
    await world.settle();
    const heard: unknown[] = [];
    chat.room('x')?.on('said', ({ body }) => void heard.push(body));
    socket.receive(';chat;;slow;0;0;');
    socket.receive(';chat;x;said;0;0;1');
    socket.end(4001, 'kicked');
    expect(client.state).toBe('closed');
    release();
    await world.settle();
    expect([heard, client.counters.strays]).toEqual([['1'], 0]);
  });

  test('[CL14] a handler can await its own steps and asks', async () => {
    const world = makeWorld();
    const { chat, socket, log } = await inChat(world);
    const done: string[] = [];
    chat.on('go', async () => {
      const room = await chat.joinRoom('x');
      const { body } = await chat.ask('q');
      await room.leave();
      done.push(String(body));
    });
    log.splice(0);
    socket.receive(';chat;;go;0;0;');
    socket.receive(';chat;;next;0;0;');
    await world.settle();
    await world.answer();
    const ask = socket.takeOne();
    socket.receive(`${tokenOf(ask)};chat;;q;0;0;42`);
    await world.settle();
    await world.answer();
    expect(done).toEqual(['42']);
    expect(log).toEqual([
      'OnRoomJoin chat/x local',
      'OnRoomJoined chat/x local',
      'OnRoomLeave chat/x',
      'OnRoomLeft chat/x',
      'next chat: ',
    ]);
  });

  test('[CL14] a handler of an entry can await an ask', async () => {
    const world = makeWorld();
    const answers: unknown[] = [];
    const client = world.dial({
      namespaces: { chat: { [OnNamespaceConnected]: async (ns) => void answers.push((await ns.ask('hello')).body) } },
    });
    const connecting = client.connect('chat');
    world.socket().accept();
    await world.settle();
    await world.answer();
    expect(client.state).toBe('entering');
    const asked = world.socket().takeOne();
    expect(withoutToken(asked)).toBe(';chat;;hello;0;0;');
    world.socket().receive(`${asked}hi`);
    await world.settle();
    expect([(await connecting).isConnected, client.state, answers]).toEqual([true, 'online', ['hi']]);
  });

  test('[CL15] after `connect` and `joinRoom` the program can add handlers before the next frame', async () => {
    const world = makeWorld();
    const client = world.dial();
    const heard: string[] = [];
    const program = (async () => {
      const chat = await client.connect('chat');
      chat.on('a', () => void heard.push('a'));
      const room = await chat.joinRoom('x', { on: { c: () => void heard.push('c') } });
      room.on('b', () => void heard.push('b'));
    })();
    world.socket().accept();
    await world.settle();
    const connect = world.socket().takeOne();
    world.socket().receive(`${tokenOf(connect)};;;;;;`);
    world.socket().receive(';chat;;a;0;0;');
    await world.settle();
    const join = world.socket().takeOne();
    world.socket().receive(';chat;x;c;0;0;');
    world.socket().receive(`${tokenOf(join)};;;;;;`);
    world.socket().receive(';chat;x;b;0;0;');
    await world.settle();
    await program;
    expect(heard).toEqual(['a', 'c', 'b']);
  });
});

describe('handlers', () => {
  test('[CL16] those of the options, the namespace and the room run in that order, else those of any event', async () => {
    const world = makeWorld();
    const heard: string[] = [];
    const { client, chat, socket } = await inChat(world, {
      namespaces: { chat: { said: (ns) => void heard.push(`options ${ns.namespace}`) } },
    });
    const joining = chat.joinRoom('x', { on: { said: () => void heard.push('room') } });
    await world.settle();
    await world.answer();
    await joining;
    const off = chat.on('said', () => void heard.push('namespace'));
    chat.on(OnAnyEvent, ({ event }) => void heard.push(`any ${event}`));
    socket.receive(';chat;x;said;0;0;');
    await world.settle();
    off();
    socket.receive(';chat;;said;0;0;');
    socket.receive(';chat;;constructor;0;0;');
    await world.settle();
    expect(heard).toEqual(['options chat', 'namespace', 'room', 'options chat', 'any constructor']);
    expect(client.counters).toMatchObject({ unhandled: 0, strays: 0, handlerErrors: 0 });
  });

  test('[CL16] replies and errors go back; errors are told', async () => {
    const world = makeWorld();
    const told: unknown[] = [];
    const { client, chat, socket } = await inChat(world, {
      onError: (error, where) => {
        told.push([String(error), where]);
        throw new Error('onError fails');
      },
    });
    chat.on('good', ({ body }) => reply(`got ${body}`));
    chat.on('bytes', () => reply(new Uint8Array([1, 255])));
    chat.on('bad', async () => {
      throw new Error('broken');
    });
    socket.receive('1;chat;;good;0;0;a;b');
    socket.receive('2;chat;;bad;0;0;');
    socket.receive(';chat;;bad;0;0;');
    socket.receive('3;chat;;bytes;0;0;');
    await world.settle();
    const [good, bad, bytes] = socket.take();
    expect([good, bad]).toEqual(['1;chat;;good;0;0;got a;b', '2;chat;;bad;1;0;broken']);
    expect(bytes).toEqual(new Uint8Array([...new TextEncoder().encode('3;chat;;bytes;0;0;'), 1, 255]));
    const where = { during: 'bad', namespace: 'chat', room: '' };
    expect(told).toEqual([
      ['Error: broken', where],
      ['Error: broken', where],
    ]);
    expect(client.counters.handlerErrors).toBe(2);
  });

  test('[CL16] [CL20] what reaches no handler is counted, and an ask of it is answered', async () => {
    const world = makeWorld();
    const client = world.dial();
    const connecting = client.connect('chat');
    world.socket().accept();
    await world.settle();
    await world.answer();
    await connecting;
    const frames = [
      '1;other;;q;0;0;',
      '2;chat;x;q;0;0;',
      ';other;;e;0;0;',
      ';chat;;e;0;0;',
      'no frame',
      '#late;chat;;e;0;0;',
    ];
    for (const frame of frames) world.socket().receive(frame);
    await world.settle();
    expect(world.socket().take()).toEqual(['1;other;;q;1;0;bad namespace', '2;chat;x;q;1;0;bad room']);
    expect(client.counters).toMatchObject({ strays: 3, unhandled: 1, invalid: 1, lateAnswers: 1, received: 7 });
    expect(isSystemEvent('e')).toBe(false);
  });

  test('[CL16] an ask of another client, broadcast with its token, is an event', async () => {
    const world = makeWorld();
    const { log, socket } = await inChat(world);
    log.splice(0);
    socket.receive('$40;chat;;all;0;0;hello');
    await world.settle();
    expect([log, socket.take()]).toEqual([['all chat: hello'], []]);
  });
});

import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { Handlers } from '../../src/actors/api/handlers.js';
import { ask, contract, fromClient } from '../../src/contract/contract.js';
import {
  type Handler,
  type Middleware,
  NSConn,
  namespace,
  OnAnyEvent,
  OnNamespaceConnect,
  OnNativeMessage,
  OnRoomJoin,
  OnRoomJoined,
  OnRoomLeave,
  OnRoomLeft,
  Refusal,
  reply,
  Server,
  type ServerOptions,
  type Use,
} from '../../src/index.js';
import { deferred } from '../support/async/promises.js';
import { RawClient } from '../support/peers/rawClient.js';
import { settled } from '../support/server/supervisorHarness.js';
import { useServers } from '../support/server/testServer.js';

const start = useServers();

/** Returns middleware that notes its way in and out. */
const noting =
  (log: string[], name: string): Middleware =>
  (_, { event }, next) => {
    log.push(`${name} > ${event}`);
    const result = next();
    log.push(`${name} < ${event}`);
    return result;
  };

const begin = async (options: ServerOptions, name = 'chat') => {
  const testServer = await start(options);
  const client = await (await testServer.dial('ann')).inNamespace(name);
  const told = (): string[] => testServer.errors.map(({ error, where }) => `${where.during} ${error}`);
  return { ...testServer, client, told };
};

const withUse = (use: readonly Use[], handlers: Readonly<Record<string, Handler>> = { say: () => reply('done') }) =>
  begin({ use, namespaces: { chat: handlers } });

const counters = () => ({ stoppedEvents: 0, rateRefused: 0, rateDropped: 0, rateClosed: 0 });
// Nothing of it is read.
const nobody = new NSConn({} as never, {} as never, 'chat');
const dialTo = (port: number): Promise<RawClient> => RawClient.dial(`ws://127.0.0.1:${port}/`);

const say = (client: RawClient): Promise<unknown> => client.ask('$1;chat;;say;0;0;hi');
const done = '$1;chat;;say;0;0;done';

describe('middleware', () => {
  test('[MW1] is an onion: that of the server outside, that of the namespace inside, the first outermost', async () => {
    const log: string[] = [];
    const { client } = await begin({
      use: [noting(log, 'a'), noting(log, 'b')],
      namespaces: {
        chat: namespace({ use: [noting(log, 'c'), noting(log, 'd')] }, { say: () => void log.push('say') }),
        game: { say: () => void log.push('game') },
      },
      events: { say: () => void log.push('empty') },
    });
    client.send(';chat;;say;0;0;');
    await client.expectNoFrame();
    const inner = ['c > say', 'd > say', 'say', 'd < say', 'c < say'];
    expect(log.splice(0)).toEqual(['a > say', 'b > say', ...inner, 'b < say', 'a < say']);
    for (const [name, handler] of [
      ['game', 'game'],
      ['', 'empty'],
    ]) {
      await client.connect(name ?? '');
      client.send(`;${name};;say;0;0;`);
      await client.expectNoFrame();
      expect(log.splice(0)).toEqual(['a > say', 'b > say', handler, 'b < say', 'a < say']);
    }
  });

  test('[MW1] a handler without middleware is called as it is', () => {
    const handler = (): void => {};
    const host = { now: () => 0, after: () => {}, counters: counters(), failed: () => {} };
    const handlers = new Handlers(
      { chat: namespace({ rooms: 'closed' }, { say: handler }) },
      { say: handler },
      undefined,
      {
        use: undefined,
        host,
      },
    );
    expect([handlers.find('chat', 'say'), handlers.find('', 'say')]).toEqual([handler, handler]);
    expect(handlers.find('chat', OnRoomJoin)).toBeUndefined();
  });

  test('[MW1] the empty namespace may have options too, and be declared in two parts', async () => {
    const log: string[] = [];
    const { client } = await begin(
      {
        namespaces: { '': namespace({ use: [noting(log, 'a')] }, { say: () => void log.push('say') }) },
        events: namespace({ use: [noting(log, 'b')] }, { tell: () => void log.push('tell') }),
      },
      '',
    );
    client.send(';;;say;0;0;');
    client.send(';;;tell;0;0;');
    await client.expectNoFrame();
    const around = (event: string): string[] => [`a > ${event}`, `b > ${event}`, event, `b < ${event}`, `a < ${event}`];
    expect(log).toEqual([...around('say'), ...around('tell')]);
  });

  test('[MW2] is around OnAnyEvent, and not around an event without a handler', async () => {
    const log: string[] = [];
    const { client, server } = await begin({
      use: [noting(log, 'a')],
      namespaces: { chat: { [OnAnyEvent]: (_, { event }) => void log.push(`any ${event}`) }, game: { say() {} } },
    });
    await client.connect('game');
    await client.join('chat', 'lobby');
    log.length = 0;
    client.send(';chat;;talk;0;0;');
    client.send(';game;;talk;0;0;');
    await client.expectNoFrame();
    expect(log).toEqual(['a > talk', 'any talk', 'a < talk']);
    expect(server.counters).toMatchObject({ unhandledEvents: 1, stoppedEvents: 0 });
  });

  test('[MW2] is around native messages, also where there is nothing else', async () => {
    const log: string[] = [];
    const take: Handler = (ns, { body }) => {
      log.push(`took ${String(body)}`);
      ns.conn.write({ isNative: true, body: 'done' });
    };
    const only = await start({ use: [noting(log, 'a')], events: { [OnNativeMessage]: take } });
    expect(await (await only.dial()).ask('hi')).toBe('done');
    const mixed = await begin({ use: [noting(log, 'a')], events: { [OnNativeMessage]: take, say() {} } }, '');
    expect(await mixed.client.ask('hi')).toBe('done');
    const once = [`a > ${OnNativeMessage}`, 'took hi', `a < ${OnNativeMessage}`];
    expect(log).toEqual([...once, ...once]);
  });

  test('[MW2] is around lifecycle events only where it asks for them, with or without a handler', async () => {
    const log: string[] = [];
    const { client } = await begin({
      use: [noting(log, 'a'), { lifecycle: true, run: noting(log, 'b') }],
      namespaces: { chat: { [OnRoomJoin]: () => void log.push('join'), say() {} } },
    });
    expect(log.splice(0).map((line) => line.slice(0, 1))).toEqual(['b', 'b', 'b', 'b']);
    await client.join('chat', 'lobby');
    const joined = [`b > ${OnRoomJoined}`, `b < ${OnRoomJoined}`];
    expect(log.splice(0)).toEqual([`b > ${OnRoomJoin}`, 'join', `b < ${OnRoomJoin}`, ...joined]);
    client.send(';chat;;say;0;0;');
    await client.expectNoFrame();
    expect(log).toEqual(['a > say', 'b > say', 'b < say', 'a < say']);
  });

  test('[MW2] [IN7] a lifecycle event that nothing is around is no run of a handler', async () => {
    const { server, client } = await withUse([noting([], 'a')], { say: () => reply('done') });
    await client.join('chat', 'lobby');
    expect(server.metrics().handlers.time.count).toBe(0);
    expect(await say(client)).toBe(done);
    expect(server.metrics().handlers.time.count).toBe(1);
  });

  test('[MW2] asked for or not, lifecycle events reach OnAnyEvent', async () => {
    const log: string[] = [];
    const any: Handler = (_, { event }) => void log.push(`any ${event}`);
    const { client } = await begin({
      use: [noting(log, 'a')],
      namespaces: {
        chat: { [OnAnyEvent]: any },
        game: namespace({ use: [{ lifecycle: true, run: noting(log, 'b') }] }, { [OnAnyEvent]: any }),
      },
    });
    expect(log.splice(0)).toEqual(['any _OnNamespaceConnect', 'any _OnNamespaceConnected']);
    await client.connect('game');
    const inside = (event: string): string[] => [`b > ${event}`, `any ${event}`, `b < ${event}`];
    expect(log).toEqual([...inside('_OnNamespaceConnect'), ...inside('_OnNamespaceConnected')]);
  });

  test('[MW2] [MW8] a lifecycle middleware refuses for all namespaces', async () => {
    const { dial, errors, server } = await start({
      use: [
        {
          lifecycle: true,
          run(ns, { event }, next) {
            if (event === OnNamespaceConnect && ns.conn.id !== 'ann') throw new Refusal('log in first');
            return next();
          },
        },
      ],
      namespaces: { chat: {}, game: {} },
    });
    const joe = await dial('joe');
    await joe.acknowledge();
    expect(await joe.ask('$1;game;;_OnNamespaceConnect;0;0;')).toBe('$1;game;;_OnNamespaceConnect;1;0;log in first');
    await (await dial('ann')).inNamespace('game');
    expect([errors, server.counters.refusals]).toEqual([[], 1]);
  });

  test('[MW4] a middleware that returns false in place of next() refuses a join, and one that returns an error too', async () => {
    for (const [returned, text] of [
      [false, 'dropped'],
      [reply('yes'), 'dropped'],
      [Promise.resolve(false), 'dropped'],
      [new Refusal('members only'), 'members only'],
    ] as const) {
      const isJoin = (event: string): boolean => event === OnRoomJoin;
      const { client, server } = await withUse([
        { lifecycle: true, run: (_ns, { event }, next) => (isJoin(event) ? returned : next()) },
      ]);
      expect(await client.ask(`$1;chat;lobby;${OnRoomJoin};0;0;`)).toBe(`$1;chat;lobby;${OnRoomJoin};1;0;${text}`);
      expect(server.counters.stoppedEvents).toBe(text === 'dropped' ? 1 : 0);
    }
  });

  test('[MW2] [SV7] a passage is one turn, and [SV4] one handler', async () => {
    const gate = deferred();
    const log: string[] = [];
    const { client, told } = await begin({
      limits: { handlerTimeout: 50 },
      use: [
        async (_, { event }, next) => {
          if (event === 'slow') await gate.promise;
          return next();
        },
      ],
      namespaces: { chat: { slow: () => void log.push('slow'), say: () => reply('done') } },
    });
    client.send(';chat;;slow;0;0;');
    expect(await say(client)).toBe('$1;chat;;slow;1;0;did not settle within 50 ms'.replace('$1', ''));
    expect(await client.next()).toBe(done);
    expect(told()).toEqual(['slow HandlerTimeout: did not settle within 50 ms']);
    gate.open();
    await expect.poll(() => log).toEqual(['slow']);
  });

  test('[MW2] [CT10] data of a contract is valid before it reaches a middleware', async () => {
    const app = contract({
      board: { count: ask(z.string().transform(Number), z.number()), note: fromClient(z.string()) },
    });
    const seen: unknown[] = [];
    const server = new Server({
      contract: app,
      use: [(_, message, next) => [seen.push('data' in message ? message.data : message.event), next()][1]],
      namespaces: {
        board: namespace(
          app.board,
          { use: [(_, message, next) => (message.event === 'count' && message.data > 9 ? 9 : next())] },
          { count: (_, { data }) => data + 1, note() {} },
        ),
      },
    });
    const { port } = await server.listen(0);
    const client = await (await dialTo(port)).inNamespace('board');
    expect(await client.ask('$1;board;;count;0;0;"4"')).toBe('$1;board;;count;0;0;5');
    expect(await client.ask('$2;board;;count;0;0;4')).toBe('$2;board;;count;1;0;invalid payload');
    expect(await client.ask('$3;board;;count;0;0;"40"')).toBe('$3;board;;count;0;0;9');
    expect(seen).toEqual([4, 40]);
    client.terminate();
    await server.close();
  });
});

describe('the result of a message', () => {
  test('[MW3] is what the middleware returns, else what next returned', async () => {
    const results: unknown[] = [];
    const uses: readonly Middleware[] = [
      (_ns, _message, next) => next(),
      (_ns, _message, next) => void results.push(next()),
      async (_ns, _message, next) => void results.push(await next()),
      async (_ns, _message, next) => next(),
      (_ns, _message, next) => [next(), reply('else')][1],
      () => reply('else'),
      async (_ns, _message, next) => [await next(), reply('else')][1],
    ];
    const answers: unknown[] = [];
    for (const handler of [(): unknown => reply('done'), async (): Promise<unknown> => reply('done')]) {
      // It returns a reply, at once or later.
      for (const use of uses) answers.push(await say((await withUse([use], { say: handler as Handler })).client));
    }
    const other = '$1;chat;;say;0;0;else';
    const once = [done, done, done, done, other, other, other];
    expect(answers).toEqual([...once, ...once]);
    expect(results).toEqual([reply('done'), reply('done'), expect.any(Promise), reply('done')]);
  });

  test('[MW3] of a synchronous onion is no promise', () => {
    const results: unknown[] = [];
    const look: Middleware = (_ns, _message, next) => {
      results.push(next());
      return results.at(-1);
    };
    const host = { now: () => 0, after: () => {}, counters: counters(), failed: () => {} };
    const use = [look, look];
    const find = (handler: Handler) => new Handlers({ chat: { say: handler } }, undefined, undefined, { use, host });
    const message = { event: 'say' } as never;
    expect(find(() => reply('done')).find('chat', 'say')?.(nobody, message)).toEqual(reply('done'));
    expect(results.splice(0)).toEqual([reply('done'), reply('done')]);
    const late = find(async () => reply('done')).find('chat', 'say')?.(nobody, message);
    expect(late).toBeInstanceOf(Promise);
    expect(results).toEqual([late, late]);
  });

  test('[MW3] may be an error that a middleware catches, or throws', async () => {
    const fails: Handler = () => {
      throw new Error('boom');
    };
    const { client, told } = await begin({
      use: [
        async (_ns, { event }, next) => {
          try {
            return await next();
          } catch (error) {
            if (event === 'say') return reply(`caught ${error}`);
            throw new Refusal('not now');
          }
        },
      ],
      namespaces: { chat: { say: fails, tell: fails } },
    });
    expect(await say(client)).toBe('$1;chat;;say;0;0;caught Error: boom');
    expect(await client.ask('$2;chat;;tell;0;0;')).toBe('$2;chat;;tell;1;0;not now');
    expect(told()).toEqual([]);
  });

  test.each<{ readonly does: string; readonly use: Middleware }>([
    {
      does: 'does not wait for it',
      use: async (_ns, _message, next) => {
        next();
        await settled();
      },
    },
    {
      does: 'catches what rejects',
      use: async (_ns, _message, next) => void (await Promise.resolve(next()).catch(() => {})),
    },
    {
      does: 'catches what is thrown',
      use: (_ns, _message, next) => {
        try {
          next();
        } catch {}
      },
    },
  ])('[MW3] an error reaches the client past a middleware that returns nothing, and $does', async ({ use }) => {
    const fails: Handler = () => {
      throw new Error('boom');
    };
    const { client, told } = await withUse([use], { say: fails, later: async (...given) => fails(...given) });
    expect(await say(client)).toBe('$1;chat;;say;1;0;boom');
    expect(await client.ask('$2;chat;;later;0;0;')).toBe('$2;chat;;later;1;0;boom');
    expect(told()).toEqual(['say Error: boom', 'later Error: boom']);
  });

  test('[MW3] next runs once: a second call throws', async () => {
    let runs = 0;
    const twice: Middleware = (_ns, _message, next) => {
      next();
      return next();
    };
    const { client, told } = await withUse([twice], { say: () => void runs++ });
    const text = 'a middleware calls next() at most once for each message';
    expect(await say(client)).toBe(`$1;chat;;say;1;0;${text}`);
    expect([runs, told()]).toEqual([1, [`say Error: ${text}`]]);
  });

  test('[MW3] next after the end runs nothing and is reported', async () => {
    let runs = 0;
    const kept: (() => unknown)[] = [];
    const { client, told } = await withUse([(_ns, _message, next) => void kept.push(next)], { say: () => void runs++ });
    expect(await say(client)).toBe('$1;chat;;say;1;0;dropped');
    expect(kept.map((next) => next())).toEqual([undefined]);
    const text = 'next() of a middleware was called after the middleware had ended';
    expect([runs, told()]).toEqual([0, [`say Error: ${text}`]]);
  });

  test('[MW3] a handler whose result was replaced rejects to onError', async () => {
    const gate = deferred();
    const { client, told, server } = await withUse([(_ns, _message, next) => [next(), reply('done')][1]], {
      say: () => gate.promise,
    });
    expect(await say(client)).toBe(done);
    gate.jam(new Error('too late'));
    await expect.poll(told).toEqual(['say Error: too late']);
    expect(server.counters.handlerErrors).toBe(1);
  });

  test('[MW3] a handler that rejects is reported once, whatever a middleware does with its promise', async () => {
    const uses: readonly Middleware[] = [
      (_ns, _message, next) => next(),
      (_ns, _message, next) => void next(),
      async (_ns, _message, next) => next(),
      async (_ns, _message, next) => void (await next()),
    ];
    const fails: Handler = async () => {
      await new Promise((resolve) => setImmediate(resolve));
      throw new Error('boom');
    };
    for (const use of uses) {
      const { client, told } = await withUse([use], { say: fails });
      expect(await say(client)).toBe('$1;chat;;say;1;0;boom');
      expect(told()).toEqual(['say Error: boom']);
    }
  });
});

describe('a middleware that does not call next', () => {
  test.each<[string, Middleware]>([
    ['at once', () => undefined],
    ['later', async () => undefined],
  ])('[MW4] stops the message, %s', async (_, use) => {
    let runs = 0;
    const { client, server, told } = await withUse([use], { say: () => void runs++ });
    expect(await say(client)).toBe('$1;chat;;say;1;0;dropped');
    client.send(';chat;;say;0;0;');
    await client.expectNoFrame();
    expect([runs, told()]).toEqual([0, []]);
    expect(server.counters).toMatchObject({ stoppedEvents: 2, refusals: 0, handlerErrors: 0 });
    expect(server.metricsText()).toContain('muster_dropped_total{reason="stoppedEvents"} 2\n');
  });

  test('[MW4] stops an ask of a contract', async () => {
    const app = contract({ board: { count: ask(z.void(), z.number().optional()) } });
    const server = new Server({
      contract: app,
      namespaces: { board: namespace(app.board, { use: [() => {}] }, { count: () => 1 }) },
    });
    const { port } = await server.listen(0);
    const client = await (await dialTo(port)).inNamespace('board');
    expect(await client.ask('$1;board;;count;0;0;')).toBe('$1;board;;count;1;0;dropped');
    client.terminate();
    await server.close();
  });

  test('[MW4] is passed on by one outside of it that returns its result, and may be replaced', async () => {
    const outer: Middleware = (_ns, { event }, next) => {
      const result = next();
      return event === 'say' ? result : reply('busy');
    };
    const { client, server } = await withUse([outer, () => undefined], { say() {}, tell() {} });
    expect(await say(client)).toBe('$1;chat;;say;1;0;dropped');
    expect(await client.ask('$2;chat;;tell;0;0;')).toBe('$2;chat;;tell;0;0;busy');
    expect(server.counters.stoppedEvents).toBe(2);
  });

  test('[MW4] refuses a step, unless it cannot be refused', async () => {
    const stop: Use = { lifecycle: true, run: (_ns, { event }, next) => (/Room/.test(event) ? undefined : next()) };
    const { client, server, connection, disconnects, told } = await begin({
      use: [stop],
      namespaces: { chat: { [OnRoomJoin]() {}, [OnRoomLeave]() {}, [OnRoomLeft]() {} } },
    });
    expect(await client.ask('$1;chat;vip;_OnRoomJoin;0;0;')).toBe('$1;chat;vip;_OnRoomJoin;1;0;dropped');
    const joining = connection('ann').namespace('chat')?.joinRoom('vip');
    const wait = String(await client.next()).split(';')[0];
    client.send(`${wait};chat;vip;_OnRoomJoin;0;0;`);
    await expect(joining).rejects.toThrow(new Refusal('dropped'));
    expect(server.roomNames('chat')).toEqual([]);
    client.terminate();
    await disconnects.next();
    expect(told()).toEqual([]);
  });

  test('[MW4] lets a forced leave happen', async () => {
    const stop: Use = {
      lifecycle: true,
      run: (_ns, { event }, next) => (/Leave|Left/.test(event) ? undefined : next()),
    };
    const { client, server, told } = await begin({ use: [stop], namespaces: { chat: {} } });
    await client.join('chat', 'vip');
    expect(await client.ask('$1;chat;vip;_OnRoomLeave;0;0;')).toBe('$1;chat;vip;_OnRoomLeave;1;0;dropped');
    expect(await client.ask('$2;chat;;_OnNamespaceDisconnect;0;0;')).toBe('$2;;;;;;');
    expect([server.roomNames('chat'), told()]).toEqual([[], []]);
  });
});

describe('the options of a namespace', () => {
  const other = contract({ board: { note: fromClient(z.string()) } });
  const app = contract({ board: { note: fromClient(z.string()) } });
  const make = (options: object) => () => Reflect.construct(Server, [options]);
  const declare = (...given: readonly unknown[]): object => Reflect.apply(namespace, undefined, given);
  const list = 'takes a list of functions (ns, message, next), { lifecycle: true, run } and rateLimit({ … })';

  test.each<[string, object, string]>([
    [
      'an unknown option',
      { chat: declare({ usse: [] }, {}) },
      'option "usse" of namespace "chat" is unknown; known are use, rooms',
    ],
    ['handlers first', { chat: declare({ say() {} }, {}) }, 'the options stand before the handlers'],
    [
      'options of text',
      { chat: declare('closed', {}) },
      'namespace "chat" takes an object of options before its handlers, got closed',
    ],
    [
      'rooms of another kind',
      { chat: declare({ rooms: 'shut' }, {}) },
      `option "rooms" of namespace "chat" takes 'open' or 'closed', got shut`,
    ],
    [
      'no list',
      { chat: declare({ use: () => {} }, {}) },
      'option "use" of namespace "chat" takes a list of middleware, got function',
    ],
    [
      'no middleware',
      { chat: declare({ use: [7] }, {}) },
      `option "use" of namespace "chat" ${list}, got number in it`,
    ],
    [
      'lifecycle: false',
      { chat: declare({ use: [{ lifecycle: false, run() {} }] }, {}) },
      `${list}, got an object in it`,
    ],
    ['handlers of null', { chat: declare({}, null) }, 'namespace "chat" takes an object of handlers, got null'],
    [
      'a handler of text',
      { chat: declare({}, { say: 'hi' }) },
      '"chat".say takes a function (ns, message), got string',
    ],
    [
      'another contract',
      { board: declare(other.board, {}, {}) },
      'namespace "board" takes that namespace of the server\'s contract, or none',
    ],
    [
      'another namespace of it',
      { chat: declare(app.board, {}, {}) },
      'namespace "chat" takes that namespace of the server\'s contract',
    ],
    [
      'what no client sends',
      { board: declare(app.board, {}, { tell() {} }) },
      'the contract lets no client send "board".tell',
    ],
  ])('[MW5] [LM2] %s', (_, namespaces, text) => {
    expect(make({ contract: app, namespaces })).toThrow(text);
  });

  test.each<[unknown, string]>([
    [() => {}, 'option "use" takes a list of middleware, got function'],
    [{ run() {} }, 'option "use" takes a list of middleware, got an object'],
    [[undefined], `option "use" ${list}, got undefined in it`],
    [[[]], `option "use" ${list}, got a list in it`],
  ])('[MW5] [LM2] the option use is checked: %o', (use, text) => {
    expect(make({ use, namespaces: { chat: {} } })).toThrow(text);
  });

  test('[MW5] [LM2] namespace takes two arguments, or three', () => {
    expect(() => declare({})).toThrow('namespace(options, handlers) without a contract; got 1 argument');
    expect(() => declare({}, {}, {}, {})).toThrow('got 4 arguments');
    expect(make({ contract: app, namespaces: { board: declare(app.board, {}, {}) } })).not.toThrow();
    expect(make({ contract: app, namespaces: { board: declare({ rooms: 'closed' }, {}) } })).not.toThrow();
  });
});

describe('closed rooms', () => {
  test('[RM8] no client joins one by itself; the server puts it there', async () => {
    const log: string[] = [];
    const note: Handler = (_, { event, room }) => void log.push(`${event} ${room}`);
    const { client, server, connection, told } = await begin({
      use: [{ lifecycle: true, run: (_ns, { event }, next) => [log.push(event), next()][1] }],
      namespaces: {
        chat: namespace({ rooms: 'closed' }, { [OnRoomJoin]: note, [OnRoomJoined]: note }),
        game: namespace({ rooms: 'open' }, {}),
        other: {},
      },
    });
    log.length = 0;
    expect(await client.ask('$1;chat;vip;_OnRoomJoin;0;0;')).toBe('$1;chat;vip;_OnRoomJoin;1;0;rooms are closed');
    expect([log, server.counters.closedJoins, server.roomNames('chat')]).toEqual([[], 1, []]);
    expect(server.metricsText()).toContain('muster_closed_joins_total 1\n');
    const joining = connection('ann').namespace('chat')?.joinRoom('vip');
    const wait = String(await client.next()).split(';')[0];
    client.send(`${wait};chat;vip;_OnRoomJoin;0;0;`);
    await joining;
    expect(log).toEqual([OnRoomJoin, `${OnRoomJoin} vip`, OnRoomJoined, `${OnRoomJoined} vip`]);
    // It is there already.
    expect(await client.ask('$2;chat;vip;_OnRoomJoin;0;0;')).toBe('$2;;;;;;');
    expect(await client.ask('$3;chat;;_OnRoomJoin;0;0;')).toBe('$3;chat;;_OnRoomJoin;1;0;bad room');
    expect(await client.ask('$4;chat;vip;_OnRoomLeave;0;0;')).toBe('$4;;;;;;');
    expect(server.roomNames('chat')).toEqual([]);
    expect(told()).toEqual([]);
  });

  test('[RM8] rooms are open by default', async () => {
    const { client, server } = await begin({ namespaces: { chat: {}, game: namespace({ rooms: 'open' }, {}) } });
    await client.join('chat', 'user:42:private');
    await client.connect('game');
    await client.join('game', 'vip');
    expect([server.roomNames('chat'), server.roomNames('game')]).toEqual([['user:42:private'], ['vip']]);
  });
});

import { afterEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import {
  ask,
  askClient,
  bytes,
  type ContractShape,
  contract,
  event,
  fromClient,
  fromServer,
  type Schema,
} from '../../src/contract/contract.js';
import {
  ErrInvalidPayload,
  HandlerTimeout,
  InvalidPayload,
  type Message,
  type NamespaceBodies,
  type NSConn,
  OnAnyEvent,
  OnNamespaceConnect,
  OnRoomJoin,
  reply,
  Server,
  type ServerOptions,
  type Where,
} from '../../src/index.js';
import { deferred } from '../support/async/promises.js';
import { ReceiveQueue } from '../support/async/receiveQueue.js';
import { memoryBroker } from '../support/exchange/memoryExchange.js';
import { RawClient } from '../support/peers/rawClient.js';

const checks = { count: 0 };
const task = z.object({ task: z.string() }).refine(() => {
  checks.count++;
  return true;
});
const app = contract({
  board: {
    edit: event(task),
    seen: fromClient(z.string().transform((text) => text.length)),
    slow: fromClient(z.string().refine(async (text) => text !== 'bad')),
    broken: fromClient(
      z.string().refine(() => {
        throw new Error('no database');
      }),
    ),
    upload: fromClient(bytes()),
    edited: fromServer(z.object({ task: z.string(), by: z.string() })),
    thumb: fromServer(bytes()),
    tick: fromServer(z.void()),
    stats: ask(z.void(), z.object({ open: z.number() })),
    picture: ask(z.string(), bytes()),
    forget: ask(z.string(), z.void()),
    confirm: askClient(z.string(), z.boolean()),
    scan: askClient(z.void(), bytes()),
    vote: askClient(
      z.void(),
      z.string().refine(async (text) => text !== 'nobody'),
    ),
  },
});

const servers: Server<never, ContractShape, unknown>[] = [];
const clients: RawClient[] = [];
afterEach(async () => {
  for (const client of clients.splice(0)) client.terminate();
  await Promise.all(servers.splice(0).map((server) => server.close({ timeout: 1_000 })));
  checks.count = 0;
});

type BoardOptions<Sent> = ServerOptions<Sent, typeof app>;

/** Starts a server with the contract, and connects a client to `board`. */
const start = async <Sent = NamespaceBodies>(options: Omit<BoardOptions<Sent>, 'contract'> = {}) => {
  const errors: { readonly error: unknown; readonly where: Where }[] = [];
  const server = new Server<Sent, typeof app>({
    onError: (error, where) => errors.push({ error, where }),
    ...options,
    contract: app,
  });
  servers.push(server as never);
  const { port } = await server.listen(0);
  const dial = async (): Promise<RawClient> => {
    const client = await RawClient.dial(`ws://127.0.0.1:${port}/`);
    clients.push(client);
    return client.inNamespace('board');
  };
  return { server, errors, dial, client: await dial() };
};

const board = (server: Server<never, typeof app>) => {
  const [ns] = server.connectionsByNamespace('board');
  if (!ns) throw new Error('nobody is there');
  return ns;
};

describe('handlers', () => {
  test('[CT8] a namespace of the contract is declared without handlers', async () => {
    const { client, server } = await start();
    expect(await client.ask('$1;other;;_OnNamespaceConnect;0;0;')).toBe(
      '$1;other;;_OnNamespaceConnect;1;0;bad namespace',
    );
    expect(server.connectionsByNamespace('board')).toHaveLength(1);
    expect(() => new Server({ contract: contract({ board: {} }) })).not.toThrow();
  });

  test('[CT8] the empty namespace may have a contract, and lifecycle handlers beside it', async () => {
    const seen = new ReceiveQueue<unknown>('seen');
    const server = new Server({
      contract: contract({ '': { say: fromClient(z.string()) } }),
      events: {
        say: (_, { data }) => seen.push(data),
        [OnNamespaceConnect]: (_, message) => seen.push(message.body),
      },
    });
    servers.push(server as never);
    const { port } = await server.listen(0);
    const client = await RawClient.dial(`ws://127.0.0.1:${port}/`);
    clients.push(client);
    await client.inNamespace('');
    client.send(';;;say;0;0;"hello"');
    expect(await seen.take(2)).toEqual(['', 'hello']);
  });

  const make = (handlers: object) => () =>
    new Server({ contract: app, namespaces: { board: handlers } } as ServerOptions);

  test.each([
    ['that only the server sends', { edited() {} }],
    ['that the server asks', { confirm() {} }],
    ['that nobody sends', { edti() {} }],
    ['for native messages, beside the empty namespace', { _OnNativeMessage() {} }],
  ])('[CT8] a handler for an event %s is refused at the start', (_, handlers) => {
    const [name] = Object.keys(handlers);
    expect(make(handlers)).toThrow(
      `the contract lets no client send "board".${name}; handlers are for "edit", "seen", "slow", "broken", "upload", "stats", "picture", "forget", _OnNamespaceConnect`,
    );
    expect(make(handlers)).toThrow(TypeError);
    expect(make({ [OnAnyEvent]() {}, [OnRoomJoin]() {} })).not.toThrow();
  });

  test('[CT8] a contract that is none is refused at the start', () => {
    expect(() => new Server({ contract: 'board' } as ServerOptions)).toThrow('a contract is an object, got string');
    expect(() => new Server({ namespaces: { a: {} }, checkOutgoing: 1 } as unknown as ServerOptions)).toThrow(
      'option "checkOutgoing" takes true or false, got 1',
    );
  });

  test('[CT8] a namespace without a contract stays as it is', async () => {
    const { client, server } = await start({
      namespaces: { chat: { say: (_, { body }) => reply(`said ${String(body)}`) } },
    });
    await client.connect('chat');
    expect(await client.ask('$1;chat;;say;0;0;hello')).toBe('$1;chat;;say;0;0;said hello');
    server.broadcast(null, { namespace: 'chat', event: 'said', body: 'all' });
    expect(await client.next()).toBe(';chat;;said;0;0;all');
    const [chat] = server.connectionsByNamespace('chat');
    chat?.emit('said', 'one');
    chat?.broadcast('said', 'short');
    chat?.broadcast({ event: 'said', body: 'long' });
    expect(await client.frames.take(3)).toEqual([
      ';chat;;said;0;0;one',
      ';chat;;said;0;0;short',
      ';chat;;said;0;0;long',
    ]);
  });
});

describe('what a client sends', () => {
  test('[CT9] reaches its handler as data, validated once', async () => {
    const seen = new ReceiveQueue<unknown>('seen');
    const { client } = await start({
      namespaces: {
        board: {
          edit: (_, message) => seen.push({ ...message }),
          seen: (_, { data }) => seen.push(data),
          upload: (_, { data }) => seen.push(data),
        },
      },
    });
    client.send(';board;;edit;0;0;{"task":"1","more":2}');
    expect(await seen.next()).toEqual({
      namespace: 'board',
      room: '',
      event: 'edit',
      data: { task: '1' },
      setBinary: false,
      isForced: false,
      isLocal: false,
      isNative: false,
    });
    expect(checks.count).toBe(1);
    client.send(Buffer.from(';board;;edit;0;0;{"task":"2"}'));
    client.send(';board;;seen;0;0;"four"');
    client.send(Buffer.from(';board;;upload;0;0;\u0001;'));
    const [edit, ...rest] = await seen.take(3);
    expect(edit).toMatchObject({ data: { task: '2' }, setBinary: true });
    expect(rest).toEqual([4, Uint8Array.of(1, 0x3b)]);
  });

  test('[CT9] keeps its order while a schema takes its time', async () => {
    const order = new ReceiveQueue<unknown>('order');
    const { client } = await start({
      namespaces: {
        board: { slow: (_, { data }) => order.push(data), seen: (_, { data }) => order.push(data) },
      },
    });
    for (const frame of ['slow;0;0;"first"', 'seen;0;0;"ab"', 'slow;0;0;"third"', 'seen;0;0;"abcd"']) {
      client.send(`;board;;${frame}`);
    }
    expect(await order.take(4)).toEqual(['first', 2, 'third', 4]);
  });

  const schemaThat = (validate: () => Promise<{ value: string }>): Schema<string> => ({
    '~standard': { version: 1, vendor: 'test', validate },
  });

  test('[CT9] that is validated for too long reaches no handler, and holds nothing up', async () => {
    const gate = deferred();
    const seen = new ReceiveQueue<unknown>('seen');
    const errors = new ReceiveQueue<unknown>('errors');
    const late = schemaThat(async () => {
      await gate.promise;
      return { value: 'late' };
    });
    const server = new Server({
      contract: contract({ board: { late: ask(late, z.void()), seen: fromClient(z.string()) } }),
      limits: { handlerTimeout: 50 },
      onError: (error) => errors.push(error),
      namespaces: { board: { late: () => seen.push('late'), seen: () => seen.push('seen') } },
    });
    servers.push(server as never);
    const { port } = await server.listen(0);
    const client = await RawClient.dial(`ws://127.0.0.1:${port}/`);
    clients.push(client);
    await client.inNamespace('board');
    client.send('$1;board;;late;0;0;"x"');
    client.send(';board;;seen;0;0;"x"');
    expect(await client.next()).toBe('$1;board;;late;1;0;did not settle within 50 ms');
    expect(await seen.next()).toBe('seen');
    expect(await errors.next()).toBeInstanceOf(HandlerTimeout);
    gate.open();
    await client.expectNoFrame();
    expect(seen.rest()).toEqual([]);
  });

  test('[CT9] reaches no handler once its connection has closed', async () => {
    const gate = deferred();
    const seen: unknown[] = [];
    const asked = new ReceiveQueue<unknown>('asked');
    const late = schemaThat(async () => {
      asked.push('asked');
      await gate.promise;
      return { value: 'late' };
    });
    const ended = deferred();
    const server = new Server({
      contract: contract({ board: { late: fromClient(late) } }),
      onDisconnect: () => ended.open(),
      namespaces: { board: { late: () => void seen.push('late') } },
    });
    servers.push(server as never);
    const { port } = await server.listen(0);
    const client = await RawClient.dial(`ws://127.0.0.1:${port}/`);
    clients.push(client);
    await client.inNamespace('board');
    client.send(';board;;late;0;0;"x"');
    await asked.next();
    server.connections()[0]?.close();
    gate.open();
    await ended.promise;
    expect(seen).toEqual([]);
  });

  test('[CT6] a schema that rejects once its connection has closed is an error of the program all the same', async () => {
    const gate = deferred();
    const ended = deferred();
    const errors: unknown[] = [];
    const asked = new ReceiveQueue<unknown>('asked');
    const broken = schemaThat(async () => {
      asked.push('asked');
      await gate.promise;
      throw new Error('no database');
    });
    const server = new Server({
      contract: contract({ board: { broken: ask(broken, z.void()) } }),
      onDisconnect: () => ended.open(),
      onError: (error) => void errors.push(String(error)),
      namespaces: { board: { broken: () => {} } },
    });
    servers.push(server as never);
    const { port } = await server.listen(0);
    const client = await RawClient.dial(`ws://127.0.0.1:${port}/`);
    clients.push(client);
    await client.inNamespace('board');
    client.send('$1;board;;broken;0;0;"x"');
    await asked.next();
    server.connections()[0]?.close();
    gate.open();
    await ended.promise;
    expect(errors).toEqual(['Error: no database']);
    expect(server.counters).toMatchObject({ handlerErrors: 1, invalidPayloads: 0 });
  });
});

describe('what a contract does not allow', () => {
  const handled: string[] = [];
  const any = (_: unknown, message: { readonly event: string }): void => void handled.push(message.event);
  const startAny = async () => {
    handled.length = 0;
    const started = await start({ namespaces: { board: { [OnAnyEvent]: any as never, edit: any } } });
    handled.length = 0;
    return started;
  };

  test.each([
    ['an event of the server', 'edited', '{"task":"1","by":"me"}'],
    ['an ask of the server', 'confirm', '"sure?"'],
    ['an unknown event', 'edti', ''],
    ['an ask that is sent as an event', 'stats', ''],
    ['a name of Object.prototype', 'constructor', ''],
    ['a framed native message', '_OnNativeMessage', ''],
  ])('[CT10] %s reaches no handler, and is dropped', async (_, name, body) => {
    const { client, server, errors } = await startAny();
    client.send(`;board;;${name};0;0;${body}`);
    await client.expectNoFrame();
    expect(handled).toEqual([]);
    expect(errors).toEqual([]);
    expect(server.counters).toMatchObject({ disallowedEvents: 1, invalidPayloads: 0, ignoredEvents: 0 });
  });

  test.each([
    ['an event of the server', 'edited', '{"task":"1","by":"me"}'],
    ['an ask of the server', 'confirm', '"sure?"'],
    ['an unknown event', 'edti', ''],
    ['an event that is sent as an ask', 'edit', '{"task":"1"}'],
  ])('[CT10] %s with a wait token is answered', async (_, name, body) => {
    const { client, server } = await startAny();
    expect(await client.ask(`$1;board;;${name};0;0;${body}`)).toBe(`$1;board;;${name};1;0;invalid payload`);
    expect(handled).toEqual([]);
    expect(server.counters.disallowedEvents).toBe(1);
  });

  test.each([
    ['data of another type', '{"task":5}'],
    ['no JSON', '{"task":'],
    ['nothing', ''],
  ])('[CT10] an event with %s reaches no handler, and is told with its issues', async (_, body) => {
    const { client, server, errors } = await startAny();
    client.send(`;board;;edit;0;0;${body}`);
    await client.expectNoFrame();
    expect(handled).toEqual([]);
    expect(server.counters).toMatchObject({ disallowedEvents: 0, invalidPayloads: 1, handlerErrors: 0 });
    const [told] = errors;
    expect(told?.where).toEqual({ during: 'edit', namespace: 'board', connection: server.connections()[0]?.id });
    expect(told?.error).toBeInstanceOf(InvalidPayload);
    expect(told?.error instanceof InvalidPayload && told.error.issues.length).toBeGreaterThan(0);
  });

  test('[CT10] an ask with invalid data is answered, also by a schema that takes its time', async () => {
    handled.length = 0;
    const { client, server } = await start({
      namespaces: { board: { forget: any as never, slow: any } },
    });
    expect(await client.ask('$1;board;;forget;0;0;5')).toBe('$1;board;;forget;1;0;invalid payload');
    client.send(';board;;slow;0;0;"bad"');
    await client.expectNoFrame();
    expect(handled).toEqual([]);
    expect(server.counters.invalidPayloads).toBe(2);
  });

  test('[CT10] an error in place of data reaches no handler', async () => {
    const { client, server, errors } = await startAny();
    client.send(';board;;edit;1;0;{"task":"1"}');
    await client.expectNoFrame();
    expect(handled).toEqual([]);
    expect(server.counters.invalidPayloads).toBe(1);
    expect(errors[0]?.error).toBeInstanceOf(InvalidPayload);
  });

  test('[CT10] what has no handler is not validated', async () => {
    const { client, server } = await start();
    client.send(';board;;edit;0;0;{"task":5}');
    await client.expectNoFrame();
    expect(checks.count).toBe(0);
    expect(server.counters).toMatchObject({ unhandledEvents: 1, invalidPayloads: 0 });
  });

  test('[CT6] a schema that throws is an error of the program, and stops nothing', async () => {
    const { client, server, errors } = await start({
      namespaces: { board: { broken: any, forget: () => {} } },
    });
    client.send(';board;;broken;0;0;"x"');
    expect(await client.ask('$1;board;;forget;0;0;"x"')).toBe('$1;board;;forget;0;0;');
    expect(errors.map(({ error }) => String(error))).toEqual(['Error: no database']);
    expect(server.counters).toMatchObject({ handlerErrors: 1, invalidPayloads: 0 });
  });
});

describe('answers of handlers', () => {
  test('[CT11] what the handler of an ask returns is its answer', async () => {
    const { client } = await start({
      namespaces: { board: { stats: () => ({ open: 3 }), picture: async () => Uint8Array.of(7), forget: () => {} } },
    });
    expect(await client.ask('$1;board;;stats;0;0;')).toBe('$1;board;;stats;0;0;{"open":3}');
    expect(await client.ask('$2;board;;forget;0;0;"1"')).toBe('$2;board;;forget;0;0;');
    expect(await client.ask('$3;board;;picture;0;0;"1"')).toEqual(Buffer.from('$3;board;;picture;0;0;\u0007'));
    const fromBinary = Buffer.from('$4;board;;stats;0;0;');
    expect(await client.ask(fromBinary)).toBe('$4;board;;stats;0;0;{"open":3}');
  });

  test('[CT11] a handler that throws answers with its error', async () => {
    const { client, errors } = await start({
      namespaces: {
        board: {
          stats: () => {
            throw new Error('closed');
          },
          edit: async () => {
            throw new Error('locked');
          },
        },
      },
    });
    expect(await client.ask('$1;board;;stats;0;0;')).toBe('$1;board;;stats;1;0;closed');
    expect(await client.ask(';board;;edit;0;0;{"task":"1"}')).toBe(';board;;edit;1;0;locked');
    expect(errors).toHaveLength(2);
  });

  test('[CT11] an answer that cannot be encoded is an error of the handler', async () => {
    const { client, errors } = await start({ namespaces: { board: { stats: () => ({ open: 1n }) as never } } });
    expect(await client.ask('$1;board;;stats;0;0;')).toMatch(/^\$1;board;;stats;1;0;.*BigInt/);
    expect(errors[0]?.error).toBeInstanceOf(TypeError);
  });

  test('[CT11] a reply is no data', async () => {
    const { client, errors } = await start({
      namespaces: { board: { stats: () => reply('3') as never, edit: () => reply('3') as never } },
    });
    const fault = 'a handler of "board".stats returns its data, and no reply(body)';
    expect(await client.ask('$1;board;;stats;0;0;')).toBe(`$1;board;;stats;1;0;${fault}`);
    expect(await client.ask(';board;;edit;0;0;{"task":"1"}')).toMatch(/^;board;;edit;1;0;a handler of "board".edit/);
    expect(errors.map(({ error }) => String(error))[0]).toBe(`TypeError: ${fault}`);
  });

  test('[CT11] what the handler of an event returns is not sent', async () => {
    const { client } = await start({ namespaces: { board: { edit: () => ({ open: 3 }) as never } } });
    client.send(';board;;edit;0;0;{"task":"1"}');
    await client.expectNoFrame();
  });
});

describe('asks of the server', () => {
  const tokenOf = (frame: unknown): string => String(frame).split(';')[0] ?? '';

  test('[CT11] resolve with the data of the answer', async () => {
    const { client, server } = await start();
    const asked = board(server).ask('confirm', 'sure?');
    const frame = await client.next();
    expect(String(frame)).toMatch(/;board;;confirm;0;0;"sure\?"$/);
    client.send(`${tokenOf(frame)};board;;confirm;0;0;true`);
    expect(await asked).toBe(true);

    const scanned = board(server).conn.ask({ namespace: 'board', event: 'scan' }, { timeout: 5_000 });
    client.send(Buffer.from(`${tokenOf(await client.next())};board;;scan;0;0;\u0001`));
    expect(await scanned).toEqual(Uint8Array.of(1));

    const voted = server.ask({ namespace: 'board', event: 'vote' });
    client.send(`${tokenOf(await client.next())};board;;vote;0;0;"joe"`);
    expect(await voted).toBe('joe');
  });

  test.each([
    ['ns.ask', (ns: NSConn<(typeof app)['board'], unknown, typeof app>) => ns.ask('vote')],
    [
      'conn.ask',
      ({ conn }: NSConn<(typeof app)['board'], unknown, typeof app>) => conn.ask({ namespace: 'board', event: 'vote' }),
    ],
    [
      'server.ask',
      ({ conn: { server } }: NSConn<(typeof app)['board'], unknown, typeof app>) =>
        server.ask({ namespace: 'board', event: 'vote' }),
    ],
  ])('[CT11] %s rejects an answer that its schema refuses', async (_, makeAsk) => {
    const { client, server } = await start();
    for (const body of ['5', '"nobody"']) {
      const asked = makeAsk(board(server));
      client.send(`${tokenOf(await client.next())};board;;vote;0;0;${body}`);
      const error: unknown = await asked.catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(InvalidPayload);
      expect(error instanceof InvalidPayload && error.issues).toHaveLength(1);
    }
    expect(server.counters.invalidPayloads).toBe(2);
  });

  test('[CT11] reject when an answer is validated for too long', async () => {
    const never: Schema<string> = {
      '~standard': { version: 1, vendor: 'test', validate: () => deferred().promise.then(() => ({ value: '' })) },
    };
    const server = new Server({
      contract: contract({ board: { vote: askClient(z.void(), never) } }),
      limits: { handlerTimeout: 50 },
    });
    servers.push(server as never);
    const { port } = await server.listen(0);
    const client = await RawClient.dial(`ws://127.0.0.1:${port}/`);
    clients.push(client);
    await client.inNamespace('board');
    const asked = server.ask({ namespace: 'board', event: 'vote' });
    client.send(`${tokenOf(await client.next())};board;;vote;0;0;"joe"`);
    await expect(asked).rejects.toBeInstanceOf(HandlerTimeout);
  });

  test('[CT11] reject with the error that a client answers', async () => {
    const { client, server } = await start();
    const asked = board(server).ask('confirm', 'sure?');
    client.send(`${tokenOf(await client.next())};board;;confirm;1;0;invalid payload`);
    await expect(asked).rejects.toBe(ErrInvalidPayload);
  });
});

describe('what the server sends', () => {
  test('[CT12] emits, broadcasts and writes take data', async () => {
    const { client, server, dial } = await start();
    const other = await dial();
    await client.join('board', 'alpha');
    const ns = board(server);
    const room = ns.room('alpha');
    const data = { task: '1', by: 'joe' };
    const json = '{"task":"1","by":"joe"}';
    expect(ns.emit('edited', data)).toBe(true);
    expect(ns.emit('thumb', Uint8Array.of(1))).toBe(true);
    ns.emit('tick');
    room?.emit('edited', data);
    ns.conn.write({ namespace: 'board', event: 'edited', data });
    ns.broadcast('edited', data);
    ns.broadcast({ event: 'edited', room: 'alpha', data }, { event: 'tick' });
    ns.broadcastOthers('edited', data);
    room?.broadcast('edited', data);
    room?.broadcast({ event: 'tick' });
    room?.broadcastOthers('edited', data);
    server.broadcast(null, { namespace: 'board', room: 'alpha', event: 'edited', data });
    server.broadcast(ns, { namespace: 'board', event: 'tick' });
    server.broadcast(null, { namespace: 'board', event: 'edited', data, to: ns.conn.id });
    expect(await client.frames.take(12)).toEqual([
      `;board;;edited;0;0;${json}`,
      Buffer.from(';board;;thumb;0;0;\u0001'),
      ';board;;tick;0;0;',
      `;board;alpha;edited;0;0;${json}`,
      `;board;;edited;0;0;${json}`,
      `;board;;edited;0;0;${json}`,
      `;board;alpha;edited;0;0;${json}`,
      ';board;;tick;0;0;',
      `;board;alpha;edited;0;0;${json}`,
      ';board;alpha;tick;0;0;',
      `;board;alpha;edited;0;0;${json}`,
      `;board;;edited;0;0;${json}`,
    ]);
    expect(await other.frames.take(4)).toEqual([
      `;board;;edited;0;0;${json}`,
      ';board;;tick;0;0;',
      `;board;;edited;0;0;${json}`,
      ';board;;tick;0;0;',
    ]);
    await client.expectNoFrame();
    await other.expectNoFrame();
  });

  test('[CT12] the short forms of a namespace without a contract take a body', async () => {
    const { client, server, dial } = await start({ namespaces: { chat: {} } });
    const other = await dial();
    for (const one of [client, other]) {
      await one.connect('chat');
      await one.join('chat', 'lobby');
    }
    const room = server.connectionsByNamespace('chat')[0]?.room('lobby');
    room?.broadcast('said', 'to all');
    room?.broadcastOthers('said', 'to others');
    room?.broadcast({ event: 'said', body: 'long' }, { event: 'said', namespace: 'board', room: 'alpha' });
    const lines = (...bodies: readonly string[]): string[] => bodies.map((body) => `;chat;lobby;said;0;0;${body}`);
    expect(await client.frames.take(3)).toEqual(lines('to all', 'long', ''));
    expect(await other.frames.take(4)).toEqual(lines('to all', 'to others', 'long', ''));
    expect(() => room?.broadcast('said', 5 as never)).toThrow('a body is a string or a Uint8Array, got number');
  });

  test('[CT12] data is encoded once for a whole audience', async () => {
    const { client, server, dial } = await start();
    const other = await dial();
    const encoded = { count: 0 };
    const data = {
      task: '1',
      by: 'joe',
      toJSON: () => {
        encoded.count++;
        return { task: '1', by: 'joe' };
      },
    };
    server.broadcast(null, { namespace: 'board', event: 'edited', data });
    for (const one of [client, other]) expect(await one.next()).toBe(';board;;edited;0;0;{"task":"1","by":"joe"}');
    expect(encoded.count).toBe(1);
  });

  test('[CT12] a received message may be broadcast again', async () => {
    const { client, dial } = await start({
      namespaces: { board: { edit: (ns, message) => ns.broadcastOthers(message) } },
    });
    const other = await dial();
    client.send(Buffer.from(';board;;edit;0;0;{"task":"1"}'));
    expect(await other.next()).toBe(';board;;edit;0;0;{"task":"1"}');
    await client.expectNoFrame();
  });

  const wrong: readonly (readonly [string, object, string])[] = [
    [
      'a body',
      { event: 'edited', body: '{}' },
      '"board".edited has a contract: it takes data, and neither body nor err',
    ],
    ['an error', { event: 'tick', err: new Error('no') }, 'it takes data, and neither body nor err'],
    [
      'an event of clients',
      { event: 'seen', data: '1' },
      'the contract has no event "board".seen from the server; the events from it are "edit", "edited", "thumb", "tick"',
    ],
    ['an ask', { event: 'confirm', data: '1' }, 'the contract has no event "board".confirm from the server'],
    ['an unknown event', { event: 'edti' }, 'the contract has no event "board".edti from the server'],
    ['no event', {}, 'the contract has no event "board". from the server'],
    ['text where bytes are meant', { event: 'thumb', data: 'text' }, 'bytes() takes a Uint8Array, got string'],
    ['data that is no JSON', { event: 'edited', data: 1n }, 'BigInt'],
  ];

  test.each(wrong)('[CT12] %s throws, by every way of sending', async (_, message, text) => {
    const { client, server } = await start();
    const ns = board(server);
    const given = { namespace: 'board', ...message } as never;
    for (const send of [
      () => server.broadcast(null, given),
      () => server.supervisor.send({ type: 'BROADCAST', except: null, messages: [given] }),
      () => ns.conn.write(given),
      () => ns.broadcast(given),
    ]) {
      expect(send).toThrow(TypeError);
      expect(send).toThrow(text);
    }
    await client.expectNoFrame();
  });

  test('[CT12] an ask that the contract does not know throws', async () => {
    const { server } = await start();
    const text =
      'the contract has no ask "board".stats from the server; the asks from it are "confirm", "scan", "vote"';
    const given = { namespace: 'board', event: 'stats' } as never;
    expect(() => server.ask(given)).toThrow(text);
    expect(() => board(server).conn.ask(given)).toThrow(text);
    expect(() => (board(server) as unknown as NSConn).ask('stats')).toThrow(text);
  });

  test('[CT12] data that is left out, or that JSON cannot carry, throws where the schema wants some', async () => {
    const { client, server } = await start({});
    const text = '"board".edited does not fit its schema';
    for (const given of [[], [undefined], [() => {}]] as never[][]) {
      expect(() => board(server).emit('edited', ...(given as [never]))).toThrow(text);
      expect(() => board(server).broadcast('edited', ...(given as [never]))).toThrow(text);
    }
    await client.expectNoFrame();
  });

  test('[CT12] one wrong message stops the whole call', async () => {
    const { client, server } = await start();
    const given = { namespace: 'board', event: 'edti' } as never;
    expect(() => server.broadcast(null, { namespace: 'board', event: 'tick' }, given)).toThrow(TypeError);
    await client.expectNoFrame();
  });

  test('[CT12] data throws where there is no contract', async () => {
    const { server } = await start({ namespaces: { chat: {} } });
    const given = { namespace: 'chat', event: 'said', data: 'hello' } as never;
    const text = 'namespace "chat" has no contract: a message has a body in place of data';
    expect(() => server.broadcast(null, given)).toThrow(text);
    expect(() => board(server).conn.write(given)).toThrow(text);
    const plain = new Server({ namespaces: { chat: {} } });
    servers.push(plain as never);
    expect(() => plain.broadcast(null, given)).toThrow(text);
  });
});

describe('several servers', () => {
  const startPair = async () => {
    const broker = memoryBroker();
    const [a, b] = [await start(), await start()];
    for (const { server } of [a, b]) await server.useStackExchange(broker.exchange());
    return { broker, a, b };
  };

  test('[CT12] what one server sends reaches the clients of another as it is', async () => {
    const { broker, a, b } = await startPair();
    a.server.broadcast(null, { namespace: 'board', event: 'edited', data: { task: '1', by: 'joe' } });
    a.server.broadcast(null, { namespace: 'board', event: 'thumb', data: Uint8Array.of(0xff, 0x3b) });
    for (const { client } of [a, b]) {
      expect(await client.next()).toBe(';board;;edited;0;0;{"task":"1","by":"joe"}');
      expect(await client.next()).toEqual(Buffer.from([...Buffer.from(';board;;thumb;0;0;'), 0xff, 0x3b]));
    }
    // A server without this contract, such as a Go server, may send anything.
    const exchange = broker.exchange();
    const session = await exchange.connect({ received() {}, lost() {} });
    const strange = ';board;;edited;0;0;5';
    await session.publish(exchange.channelOf('namespace', 'board'), new TextEncoder().encode(strange));
    for (const { client } of [a, b]) expect(await client.next()).toBe(strange);
    expect(b.server.counters).toMatchObject({ invalidPayloads: 0, disallowedEvents: 0 });
  });

  test('[CT12] an answer that comes through another server is validated', async () => {
    const { a, b } = await startPair();
    a.client.terminate();
    await expect.poll(() => a.server.totalConnections).toBe(0);
    const ask = async (body: string): Promise<unknown> => {
      const asked = a.server.ask({ namespace: 'board', event: 'confirm', data: 'sure?' });
      const [wait] = (await b.client.nextText()).split(';');
      b.client.send(`${wait};board;;confirm;0;0;${body}`);
      return asked.catch((error: unknown) => error);
    };
    expect(await ask('true')).toBe(true);
    expect(await ask('5')).toBeInstanceOf(InvalidPayload);
    expect([a.server.counters.invalidPayloads, b.server.counters.invalidPayloads]).toEqual([1, 0]);
  });
});

describe('checkOutgoing', () => {
  test('[CT13] data that its schema refuses throws with the issues', async () => {
    const { client, server } = await start({ checkOutgoing: true });
    const given = { task: 5, by: 'joe' } as never;
    const text = /^the data of "board".edited does not fit its schema: task: .+/;
    expect(() => board(server).emit('edited', given)).toThrow(text);
    expect(() => board(server).emit('edited', given)).toThrow(TypeError);
    expect(() => board(server).broadcast('edited', given)).toThrow(text);
    expect(() => board(server).ask('confirm', 5 as never)).toThrow('"board".confirm does not fit its schema: data: ');
    await client.expectNoFrame();
    board(server).emit('edited', { task: '5', by: 'joe' });
    expect(await client.next()).toBe(';board;;edited;0;0;{"task":"5","by":"joe"}');
  });

  test('[CT13] an answer that its schema refuses is an error of the handler', async () => {
    const { client, errors } = await start({
      checkOutgoing: true,
      namespaces: { board: { stats: () => ({ open: '3' }) as never } },
    });
    expect(await client.ask('$1;board;;stats;0;0;')).toMatch(
      /^\$1;board;;stats;1;0;the data of "board".stats does not/,
    );
    expect(errors).toHaveLength(1);
  });

  test('[CT13] a schema that takes its time is reported to onError', async () => {
    const slow = z.string().refine(async (text) => text !== 'bad');
    const errors = new ReceiveQueue<{ readonly error: unknown; readonly where: Where }>('errors');
    const server = new Server({
      contract: contract({ board: { said: fromServer(slow) } }),
      checkOutgoing: true,
      onError: (error, where) => errors.push({ error, where }),
    });
    servers.push(server as never);
    const { port } = await server.listen(0);
    const client = await RawClient.dial(`ws://127.0.0.1:${port}/`);
    clients.push(client);
    await client.inNamespace('board');
    server.broadcast(null, { namespace: 'board', event: 'said', data: 'bad' });
    expect(await client.next()).toBe(';board;;said;0;0;"bad"');
    const { error, where } = await errors.next();
    expect(error).toBeInstanceOf(TypeError);
    expect(where).toEqual({ during: 'said', namespace: 'board' });
    server.broadcast(null, { namespace: 'board', event: 'said', data: 'good' });
    await client.next();
    await client.expectNoFrame();
    expect(errors.rest()).toEqual([]);
  });

  test('[CT13] without it only types check the data', async () => {
    const { client, server } = await start();
    board(server).emit('edited', { task: 5 } as never);
    expect(await client.next()).toBe(';board;;edited;0;0;{"task":5}');
  });
});

test('[CT9] a message with data is no message with a body', async () => {
  const seen = new ReceiveQueue<Message | object>('seen');
  const { client } = await start({ namespaces: { board: { edit: (_, message) => seen.push(message) } } });
  client.send(';board;;edit;0;0;{"task":"1"}');
  expect(await seen.next()).not.toHaveProperty('body');
});

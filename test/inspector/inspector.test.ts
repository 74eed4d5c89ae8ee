import { createServer, type IncomingMessage, request as requestOf } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test, vi } from 'vitest';
import {
  type Conn,
  type NSConn,
  OnNamespaceConnect,
  OnNativeMessage,
  reply,
  Server,
  type ServerOptions,
} from '../../src/index.js';
import { type Inspector, inspector } from '../../src/inspector/inspector.js';
import { MessageHistory } from '../../src/inspector/messageHistory.js';
import type { Authorize } from '../../src/inspector/sameOrigin.js';
import { deferred } from '../support/async/promises.js';
import { ReceiveQueue } from '../support/async/receiveQueue.js';
import { heapUsed } from '../support/server/attack.js';
import { useServers } from '../support/server/testServer.js';

const startServer = useServers();
const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

const letIn: Authorize = () => true;

/** A server with an inspector; counts how many watch it. */
const start = async (authorize: Authorize = letIn, options: Partial<ServerOptions> = {}) => {
  const testServer = await startServer({ namespaces: { n: {}, m: {} }, ...options });
  let watchers = 0;
  const { server } = testServer;
  const subscribe = server.watching.subscribe.bind(server.watching);
  vi.spyOn(server.watching, 'subscribe').mockImplementation((listener) => {
    const end = subscribe(listener);
    watchers++;
    return () => {
      watchers--;
      end();
    };
  });
  const page = inspector(server, { authorize });
  const address = `${testServer.url.replace('ws', 'http')}inspector`;
  return { ...testServer, page, address, watchers: () => watchers };
};

interface Told {
  readonly overview: {
    readonly total: number;
    readonly states: readonly { readonly state: string; readonly count: number }[];
    readonly supervisor: readonly string[];
    readonly dropped?: readonly { readonly id: string; readonly code: number; readonly path: readonly object[] }[];
  };
  readonly followed: {
    readonly actor: string;
    readonly id: string;
    readonly isOver: boolean;
    readonly states: readonly string[];
    readonly namespaces: readonly {
      readonly name: string;
      readonly states: readonly string[];
      readonly rooms: readonly { readonly name: string; readonly states: readonly string[] }[];
      readonly more: number;
    }[];
    readonly counts: Readonly<Record<'framesIn' | 'bytesIn' | 'framesOut' | 'bytesOut' | 'writes', number>>;
    readonly usage: { readonly turns: number; readonly asks: number };
    readonly messages: readonly {
      readonly direction: string;
      readonly kind: string;
      readonly event: string;
      readonly namespace: string;
      readonly room: string;
      readonly times: number;
    }[];
    readonly steps: readonly { readonly event: string; readonly why: string; readonly to: readonly string[] }[];
  } | null;
}

/** Opens a stream and reads its messages. */
const look = async (address: string, follow = '') => {
  const messages = new ReceiveQueue<Told>('stream');
  const request = requestOf(`${address}/stream?follow=${follow}`, { agent: false });
  request.on('error', () => {});
  closers.push(() => request.destroy());
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    request.once('response', resolve).once('error', reject).end();
  });
  let text = '';
  response.setEncoding('utf8');
  response.on('error', () => {});
  response.on('data', (part: string) => {
    text += part;
    const events = text.split('\n\n');
    text = events.pop() ?? '';
    for (const event of events) if (event.startsWith('data: ')) messages.push(JSON.parse(event.slice(6)) as Told);
  });
  const ended = new Promise<void>((resolve) => response.once('close', resolve));
  return { messages, ended, status: response.statusCode, close: () => request.destroy() };
};

const sameOrigin = { 'Content-Type': 'application/json', 'Sec-Fetch-Site': 'same-origin' };
const act = async (address: string, command: unknown, headers: Readonly<Record<string, string>> = sameOrigin) =>
  (await fetch(`${address}/command`, { method: 'POST', headers, body: JSON.stringify(command) })).status;

const statusOf = async (path: string, headers: Readonly<Record<string, string>> = {}): Promise<number> => {
  const response = await fetch(path, { headers, redirect: 'manual' });
  await response.body?.cancel();
  return response.status;
};

describe('access', () => {
  test('[IN10] without authorize there is no page', async () => {
    const { server, url } = await startServer({ namespaces: { n: {} } });
    // A program without types may leave it out.
    expect(() => inspector(server, {} as never)).toThrow(/needs authorize/);
    expect(await statusOf(`${url.replace('ws', 'http')}inspector`)).toBe(404);
  });

  test.each(['inspector', '/', '/inspector/', '/a?b', ''])('[IN10] %j is no path for it', async (path) => {
    const server = new Server({ namespaces: { n: {} } });
    expect(() => inspector(server, { authorize: letIn, path })).toThrow(/path begins with/);
    await server.close();
  });

  test('[IN10] it is asked for every request, and only true lets in', async () => {
    const asked: string[] = [];
    let answer: unknown;
    const { address, errors, watchers } = await start((request) => {
      asked.push(`${request.method} ${request.url}`);
      if (answer === 'throw') throw new Error('no idea');
      return answer as boolean;
    });
    const paths = ['', '/', '/app.js', '/charts', '/search', '/stream', '/nowhere'];
    for (answer of [false, undefined, 1, 'yes', Promise.resolve(false)]) {
      for (const path of paths) expect(await statusOf(address + path)).toBe(403);
      expect(await act(address, { actor: 'connection-1', action: 'close' })).toBe(403);
    }
    expect(asked.slice(0, 8)).toEqual([...paths.map((path) => `GET /inspector${path}`), 'POST /inspector/command']);
    expect(watchers()).toBe(0);
    answer = 'throw';
    expect(await statusOf(`${address}/charts`)).toBe(500);
    expect(errors.map(({ error, where }) => `${where.during}: ${String(error)}`)).toEqual([
      'inspector: Error: no idea',
    ]);
    answer = Promise.resolve(true);
    expect(await statusOf(address)).toBe(308);
    expect(await statusOf(`${address}/`)).toBe(200);
    expect(await statusOf(`${address}/nowhere`)).toBe(404);
    expect(await statusOf(`${address}/../package.json`)).toBe(404);
    expect(await statusOf(`${address}/..%2finspector.js`)).toBe(404);
  });

  test('[IN10] a page that stays open is authorized again', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] });
    closers.push(() => vi.useRealTimers());
    let isAllowed = true;
    const { address, watchers } = await start(() => isAllowed);
    const { messages, ended } = await look(address);
    /** Waits a quarter of a second, so that the next change is sent. */
    const spend = async (quarters: number): Promise<void> => {
      for (let count = 0; count < quarters; count++) {
        await messages.next();
        vi.advanceTimersByTime(250);
      }
    };
    await spend(61);
    expect(watchers()).toBe(1);
    isAllowed = false;
    await spend(55);
    expect(watchers()).toBe(1);
    vi.advanceTimersByTime(2_000);
    await ended;
    await expect.poll(watchers).toBe(0);
  });

  test('[IN10] it answers wherever the server is attached, and leaves the rest to the app', async () => {
    const { server, page } = await start();
    const http = createServer((request, response) => response.end(`app ${request.url}`));
    server.attach(http, { path: '/live' });
    await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
    closers.push(() => http.close());
    const address = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
    const textOf = async (path: string): Promise<string> => (await fetch(address + path)).text();
    expect(await textOf('/inspector/')).toContain('<title>Muster inspector</title>');
    expect(await textOf('/inspectors')).toBe('app /inspectors');
    expect(await textOf('/')).toBe('app /');
    expect(await statusOf(`${address}/live`)).toBe(200);
    expect((await fetch(`${address}/live`, { method: 'HEAD', redirect: 'manual' })).status).toBe(302);
    expect(() => inspector(server, { authorize: letIn })).toThrow(/is taken already/);
    page.close();
    expect(await textOf('/inspector/')).toBe('app /inspector/');
  });

  test('[IN11] nothing but its own files and its own server may be asked by it', async () => {
    const { address } = await start();
    const modules = ['drawings.js', 'finder.js', 'overview.js', 'stream.js', 'followed.js', 'view.js'];
    const { headers } = await fetch(`${address}/`);
    expect(headers.get('content-security-policy')).toBe(
      "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; " +
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    );
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    for (const file of ['', 'app.js', 'style.css', 'icon.svg', ...modules]) {
      const text = await (await fetch(`${address}/${file}`)).text();
      const addresses = text.match(/(?:https?:)?\/\/[\w.-]+\.\w+[\w/.]*/g) ?? [];
      expect(addresses.filter((one) => !one.startsWith('http://www.w3.org/'))).toEqual([]);
    }
  });

  test('[IN11] its data and commands are for its own page only', async () => {
    const { address, dial, connection } = await start();
    await (await dial('a')).inNamespace('n');
    const { host } = new URL(address);
    for (const headers of [{ 'Sec-Fetch-Site': 'cross-site' }, { 'Sec-Fetch-Site': 'same-site' }, { Origin: 'null' }]) {
      for (const path of ['stream', 'charts', 'search'])
        expect(await statusOf(`${address}/${path}`, headers)).toBe(403);
    }
    expect(await statusOf(`${address}/search`, { Origin: `http://${host}` })).toBe(200);
    const command = { actor: await refOf(address, 'a'), action: 'close' };
    const json = { 'Content-Type': 'application/json' };
    const refused = [
      json,
      { ...json, Origin: 'http://elsewhere.example' },
      { ...json, 'Sec-Fetch-Site': 'cross-site', Origin: `http://${host}` },
      { ...json, 'Sec-Fetch-Site': 'none' },
      { 'Content-Type': 'text/plain', 'Sec-Fetch-Site': 'same-origin' },
    ];
    for (const headers of refused) expect(await act(address, command, headers)).toBe(403);
    expect((await fetch(`${address}/command`, { headers: sameOrigin })).status).toBe(405);
    expect(connection('a').isClosed).toBe(false);
    expect(await act(address, command, { ...json, Origin: `http://${host}` })).toBe(204);
    await expect.poll(async () => connectionsOf(await found(address))).toEqual([]);
  });
});

interface Found {
  readonly connections: readonly { readonly id: string; readonly actor: string; readonly states: readonly string[] }[];
  readonly total: number;
  readonly places: readonly { readonly namespace: string; readonly room: string; readonly members: number }[];
}
const found = async (address: string, query: Readonly<Record<string, string>> = {}): Promise<Found> => {
  const response = await fetch(`${address}/search?${new URLSearchParams(query)}`);
  return (await response.json()) as Found;
};
const connectionsOf = ({ connections }: Found): string[] => connections.map(({ id }) => id).sort();

/** How the page calls a connection. */
const refOf = async (address: string, id: string): Promise<string> => {
  const { connections } = await found(address, { text: id });
  return connections.find((one) => one.id === id)?.actor ?? '';
};

describe('the feed', () => {
  test('[IN13] nothing is observed without a page', async () => {
    const { address, page, watchers, dial } = await start();
    await (await dial('a')).inNamespace('n');
    await found(address);
    await statusOf(`${address}/charts`);
    expect(watchers()).toBe(0);
    const first = await look(address);
    const second = await look(address);
    expect([page.viewers, watchers()]).toEqual([2, 1]);
    first.close();
    await expect.poll(() => page.viewers).toBe(1);
    expect(watchers()).toBe(1);
    second.close();
    await expect.poll(() => [page.viewers, watchers()]).toEqual([0, 0]);
  });

  test('[IN13] at most 32 look', async () => {
    const { address, page } = await start();
    for (let count = 0; count < 32; count++) expect((await look(address)).status).toBe(200);
    expect(await statusOf(`${address}/stream`)).toBe(503);
    page.close();
    expect(page.viewers).toBe(0);
  });

  test('[IN12] [IN13] counts follow connections as they open and close, four times a second', async () => {
    const { address, dial } = await start();
    const { messages } = await look(address);
    const first = await messages.next();
    expect(first.overview.supervisor).toContain('supervisor.accepting');
    const began = performance.now();
    const clients = await Promise.all(['a', 'b', 'c'].map(dial));
    for (const client of clients) await client.acknowledge();
    const flowing = (): number | undefined =>
      messages.all.at(-1)?.overview.states.find(({ state }) => state === 'connection.open.flow.flowing')?.count;
    await expect.poll(flowing).toBe(3);
    await clients[0]?.close();
    await expect.poll(flowing).toBe(2);
    expect(messages.all.length).toBeLessThanOrEqual(2 + (performance.now() - began) / 250);
  });

  test('[IN14] it finds by id, namespace, room and state', async () => {
    const { address, dial, connection } = await start();
    for (const id of ['ada', 'adam', 'eve']) await (await dial(id)).inNamespace('n');
    const bob = await (await dial('bob')).inNamespace('m');
    await bob.join('m', 'lobby <b>');
    expect(connectionsOf(await found(address))).toEqual(['ada', 'adam', 'bob', 'eve']);
    expect(connectionsOf(await found(address, { text: 'AD' }))).toEqual(['ada', 'adam']);
    expect(connectionsOf(await found(address, { text: 'e', namespace: 'n' }))).toEqual(['eve']);
    expect(connectionsOf(await found(address, { namespace: 'm', room: 'lobby <b>' }))).toEqual(['bob']);
    expect((await found(address, { text: 'lobby' })).places).toEqual([
      { namespace: 'm', room: 'lobby <b>', members: 1 },
    ]);
    const state = 'connection.open.flow.congested';
    expect(connectionsOf(await found(address, { state }))).toEqual([]);
    connection('eve').actor.send({ type: 'CONGESTED' });
    expect(connectionsOf(await found(address, { state }))).toEqual(['eve']);
    expect(await found(address, { namespace: 'nowhere' })).toEqual({ connections: [], total: 0, places: [] });
  });

  test('[IN14] it lists at most fifty, the newest', async () => {
    const { address, dial } = await start();
    for (let count = 0; count < 52; count++) await (await dial(`id-${count}`)).acknowledge();
    const { connections, total } = await found(address);
    expect([connections.length, total, connections[0]?.id, connections.at(-1)?.id]).toEqual([50, 52, 'id-51', 'id-2']);
  });

  test('[IN14] [NS1] a namespace that is still being decided on is shown as that', async () => {
    const decision = deferred();
    const namespaces = { n: { [OnNamespaceConnect]: () => decision.promise }, m: {} };
    const { address, dial, connection } = await start(letIn, { namespaces });
    const client = await dial('a');
    await client.acknowledge();
    client.send('$1;n;;_OnNamespaceConnect;0;0;');
    const { messages } = await look(address, connection('a').actor.id);
    const states = () => messages.all.at(-1)?.followed?.namespaces.map((one) => one.states.at(-1));
    await expect.poll(states).toEqual(['namespace.connecting.deciding']);
    decision.open();
    await expect.poll(states).toEqual(['namespace.connected']);
  });

  test('[IN5] [IN14] an unusual end is shown with the steps that led to it, where they are recorded', async () => {
    const { address, dial, connection } = await start(letIn, { recorder: true });
    const plain = await start();
    const { messages: unrecorded } = await look(plain.address);
    expect((await unrecorded.next()).overview.dropped).toBeUndefined();
    const { messages } = await look(address);
    expect((await messages.next()).overview.dropped).toEqual([]);
    await (await dial('a')).inNamespace('n');
    connection('a').close(4_001, 'enough');
    await expect.poll(() => messages.all.at(-1)?.overview.dropped?.length).toBe(1);
    const [dropped] = messages.all.at(-1)?.overview.dropped ?? [];
    expect(dropped).toMatchObject({
      id: 'a',
      code: 4_001,
      path: expect.arrayContaining([
        expect.objectContaining({ event: 'CLOSE', from: 'open.flow.flowing', to: 'closing', why: '4001 enough' }),
      ]),
    });
  });

  test('[IN14] it follows one: where it is, its steps, and how it ends', async () => {
    const { address, dial, connection, page } = await start();
    const client = await (await dial('a')).inNamespace('n');
    for (const room of ['r', 's']) await client.join('n', room);
    const { actor } = connection('a');
    const { messages } = await look(address, actor.id);
    const first = (await messages.next()).followed;
    expect(first).toMatchObject({ id: 'a', isOver: false, steps: [] });
    expect(first?.states).toContain('connection.open.flow.flowing');
    const joined = { states: ['room', 'room.joined'] };
    const rooms = ['r', 's'].map((name) => ({ name, ...joined }));
    const connected = ['namespace', 'namespace.connected'];
    expect(first?.namespaces).toEqual([{ name: 'n', states: connected, rooms, more: 0 }]);
    const lastSteps = (): string[] =>
      messages.all.at(-1)?.followed?.steps.map(({ event, why }) => `${event} ${why}`) ?? [];
    actor.send({ type: 'CONGESTED' });
    actor.send({ type: 'DRAINED' });
    await expect.poll(lastSteps).toEqual(['CONGESTED ', 'DRAINED ']);
    // By its bare name it might be another one, of the process before this.
    expect(await act(address, { actor: actor.id, action: 'close' })).toBe(404);
    const reference = await refOf(address, 'a');
    expect(await act(address, { actor: reference, action: 'close' })).toBe(204);
    expect((await client.closed).reason).toBe('closed in the inspector');
    await expect.poll(() => messages.all.at(-1)?.followed?.isOver).toBe(true);
    expect(lastSteps()).toContain('CLOSE 1000 closed in the inspector');
    expect(page.viewers).toBe(1);
    expect(await act(address, { actor: reference, action: 'close' })).toBe(404);
  });

  test('[IN14] a page that outlives the process does not take one connection for another', async () => {
    const { address, dial } = await start();
    await (await dial('alice')).acknowledge();
    const alice = await refOf(address, 'alice');
    const again = await start();
    await (await again.dial('bob')).acknowledge();
    const bob = await refOf(again.address, 'bob');
    expect([alice, bob].map((reference) => reference.split('~')[0])).toEqual(['connection-1', 'connection-1']);
    const { messages } = await look(again.address, alice);
    expect((await messages.next()).followed).toBeNull();
    expect(await act(again.address, { actor: alice, action: 'close' })).toBe(404);
    const { messages: itself } = await look(again.address, bob);
    expect((await itself.next()).followed).toMatchObject({ id: 'bob', actor: bob });
  });

  test('[IN14] a page that follows a connection early does not take it from another by closing', async () => {
    const { address, dial, page } = await start();
    const early = await look(address, 'connection-1');
    expect((await early.messages.next()).followed).toBeNull();
    await (await dial('a')).acknowledge();
    const { messages } = await look(address, 'connection-1');
    expect((await messages.next()).followed).toMatchObject({ id: 'a' });
    const another = await look(address, 'connection-1');
    await another.messages.next();
    for (const { close } of [early, another]) close();
    await expect.poll(() => page.viewers).toBe(1);
    const before = messages.all.length;
    await expect.poll(() => messages.all.length).toBeGreaterThan(before + 1);
    expect(messages.all.at(-1)?.followed).toMatchObject({ id: 'a' });
  });

  test('[IN14] [IN12] a closing connection is found by that state', async () => {
    const { address, dial, connection } = await start();
    const client = await (await dial('a')).inNamespace('n');
    client.pause();
    connection('a').close(4_000);
    const closing = async () => (await found(address, { state: 'connection.closing' })).connections;
    await expect.poll(async () => (await closing()).map(({ id }) => id)).toEqual(['a']);
    const { messages } = await look(address);
    const counted = (await messages.next()).overview.states.find(({ state }) => state === 'connection.closing');
    expect(counted?.count).toBe(1);
  });

  test('[IN10] an authorize that does not settle is no permission', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] });
    closers.push(() => vi.useRealTimers());
    let asked = 0;
    const { address, page } = await start(() => ++asked === 1 || new Promise(() => {}));
    const { messages, ended } = await look(address);
    /** Waits a quarter of a second, so that the next change is sent. */
    for (let quarters = 0; quarters < 110; quarters++) {
      await messages.next();
      vi.advanceTimersByTime(250);
    }
    expect([asked, page.viewers]).toEqual([2, 1]);
    vi.advanceTimersByTime(5_000);
    await ended;
    expect([asked, page.viewers]).toEqual([2, 0]);
  });

  test('[IN14] it counts frames and deliveries from then on, and shows what waits for the connection', async () => {
    const decision = deferred();
    const namespaces = { n: { slow: () => decision.promise, quick: (ns: NSConn) => void ns.emit('hi') }, m: {} };
    const { address, dial, connection, server } = await start(letIn, { namespaces });
    const client = await (await dial('a')).inNamespace('n');
    await (await dial('b')).inNamespace('n');
    const { messages } = await look(address, connection('a').actor.id);
    const followed = () => messages.all.at(-1)?.followed;
    await expect
      .poll(() => followed()?.counts)
      .toEqual({ framesIn: 0, bytesIn: 0, framesOut: 0, bytesOut: 0, writes: 0 });
    expect(followed()?.usage).toMatchObject({ turns: 0, asks: 0 });
    const answered = connection('a').ask({ namespace: 'n', event: 'well' });
    const quick = ';n;;quick;0;0;ä';
    for (const said of [quick, ';n;;slow;0;0;', quick, quick]) client.send(said);
    for (const event of ['one', 'two']) server.broadcast(null, { namespace: 'n', event });
    await expect.poll(() => followed()?.usage).toMatchObject({ turns: 2, asks: 1 });
    // The ask, the answer to the first frame, and two at once.
    await expect.poll(() => followed()?.counts.framesOut).toBe(4);
    expect(followed()?.counts).toMatchObject({ framesIn: 4, bytesIn: 3 * Buffer.byteLength(quick) + 13 });
    decision.open();
    await expect.poll(() => followed()?.counts.framesOut).toBe(6);
    expect(followed()?.usage.turns).toBe(0);
    client.close();
    await expect(answered).rejects.toThrow();
    await expect.poll(() => followed()?.usage).toMatchObject({ turns: 0, asks: 0 });
  });

  /** The messages of a followed connection, each in a line. */
  const linesOf = ({ followed }: Told) =>
    followed?.messages.map(({ direction, kind, event, namespace, room, times }) =>
      [direction, kind, event, `${namespace}/${room}`, times].join(' '),
    );

  test('[IN14] it keeps no bodies in memory', async () => {
    const history = new MessageHistory('none', () => 0);
    const before = await heapUsed();
    for (let at = 0; at < 60; at++) {
      const frame = `;a-namespace-with-a-name;a-room-with-a-name;an-event-with-a-name-${at};0;0;${'x'.repeat(60_000)}`;
      // As a frame that was read: one flat text.
      history.received(Buffer.from(frame).toString());
    }
    expect(history.messages).toHaveLength(60);
    expect((await heapUsed()) - before).toBeLessThan(1_000_000);
  });

  test('[IN14] it lists messages by kind and names, equal ones once, and never a body or a token', async () => {
    const fail = (): never => {
      throw new Error('hushhush');
    };
    const say = () => reply('hushhush');
    const { address, dial, connection, server } = await start(letIn, { namespaces: { n: { say, fail }, m: {} } });
    const client = await (await dial('a')).inNamespace('n');
    await client.join('n', 'lobby');
    const { messages } = await look(address, connection('a').actor.id);
    await messages.next();
    for (let count = 0; count < 3; count++) client.send(';n;lobby;hum;0;0;hushhush');
    await expect.poll(() => messages.all.at(-1)?.followed?.counts.framesIn).toBe(3);
    client.send('$hushhush;n;;say;0;0;hushhush');
    await expect.poll(() => messages.all.at(-1)?.followed?.counts.framesOut).toBe(1);
    client.send('$hushhush;n;;fail;0;0;');
    await expect.poll(() => messages.all.at(-1)?.followed?.counts.framesOut).toBe(2);
    const answered = connection('a').ask({ namespace: 'n', event: 'well', body: 'hushhush' });
    answered.catch(() => {});
    await expect.poll(() => messages.all.at(-1)?.followed?.counts.framesOut).toBe(3);
    for (let count = 0; count < 2; count++) server.broadcast(null, { namespace: 'n', event: 'said', body: 'hushhush' });
    await expect.poll(() => messages.all.at(-1)?.followed?.counts.framesOut).toBe(5);
    const told = messages.all.at(-1);
    expect(told && linesOf(told)).toEqual([
      'in event hum n/lobby 3',
      'in ask say n/ 1',
      'out answer say n/ 1',
      'in ask fail n/ 1',
      'out error fail n/ 1',
      'out ask well n/ 1',
      'out event said n/ 2',
    ]);
    expect(JSON.stringify(messages.all)).not.toContain('hushhush');
  });

  test('[IN14] it keeps the names of the last sixty messages, and cuts long ones', async () => {
    const { address, dial, connection } = await start();
    const client = await (await dial('a')).inNamespace('n');
    const { messages } = await look(address, connection('a').actor.id);
    await messages.next();
    for (let nth = 0; nth < 70; nth++) client.send(`;n;;e-${nth};0;0;`);
    client.send(`;n;;${'long'.repeat(40)};0;0;`);
    await expect.poll(() => messages.all.at(-1)?.followed?.counts.framesIn).toBe(71);
    const events = messages.all.at(-1)?.followed?.messages.map(({ event }) => event);
    const last = Array.from({ length: 59 }, (_, at) => `e-${at + 11}`);
    expect(events).toEqual([...last, `${'long'.repeat(25)}…`]);
  });

  test('[IN14] a native message has no name', async () => {
    const heard = vi.fn();
    const { address, dial, connection } = await start(letIn, {
      namespaces: { n: {}, '': { [OnNativeMessage]: heard } },
    });
    const client = await (await dial('a')).inNamespace('n');
    const { messages } = await look(address, connection('a').actor.id);
    await messages.next();
    for (const text of ['hushhush', 'hush;hush;hush;hush;hush;hush;hush']) client.send(text);
    client.send(';n;;e;0;0;');
    await expect.poll(() => messages.all.at(-1)?.followed?.counts.framesIn).toBe(3);
    const told = messages.all.at(-1);
    expect(told && linesOf(told)).toEqual(['in native  / 2', 'in event e n/ 1']);
    expect(JSON.stringify(messages.all)).not.toContain('hush');
  });

  test('[IN13] only followed connections are observed in detail', async () => {
    const { address, dial, connection, server, watchers } = await start();
    for (const id of ['a', 'b']) await (await dial(id)).inNamespace('n');
    const passed: string[] = [];
    const { subscribe } = server.watching;
    const plain = await look(address);
    await plain.messages.next();
    expect(subscribe).toHaveBeenCalledTimes(1);
    const followers = [await look(address, connection('a').actor.id), await look(address, connection('a').actor.id)];
    expect(subscribe).toHaveBeenCalledTimes(2);
    for (const [{ wantsPassed }] of vi.mocked(subscribe).mock.calls.slice(1)) {
      for (const id of ['a', 'b']) if (wantsPassed?.(connection(id).actor)) passed.push(id);
    }
    expect(passed).toEqual(['a']);
    for (const { close } of [...followers, plain]) close();
    await expect.poll(() => watchers()).toBe(0);
  });

  test('[IN14] a connection that is not accepted yet is found, followed and closed', async () => {
    const decision = deferred();
    const decide = ({ id }: Conn) => (id === 'early' ? decision.promise : new Promise(() => {}));
    const { address, dial } = await start(letIn, { onConnect: decide });
    const client = await dial('early');
    for (const said of ['M', '$1;n;;_OnNamespaceConnect;0;0;']) client.send(said);
    await expect.poll(async () => (await found(address)).total).toBe(1);
    const [one] = (await found(address, { text: 'EARLY' })).connections;
    const actor = one?.actor ?? '';
    const { messages } = await look(address, actor);
    expect((await messages.next()).followed).toMatchObject({ id: 'early', isOver: false });
    client.send(';n;;e;0;0;');
    await expect.poll(() => messages.all.at(-1)?.followed?.steps.map(({ event }) => event)).toEqual(['FRAME']);
    decision.open();
    // Both frames had to wait, and are taken once.
    await expect.poll(() => messages.all.at(-1)?.followed?.namespaces.length).toBe(1);
    expect(messages.all.at(-1)?.followed?.counts.framesIn).toBe(2);
    const other = await dial('other');
    await expect.poll(async () => (await found(address)).total).toBe(2);
    const [newest] = (await found(address)).connections;
    expect(newest?.states).toContain('connection.acknowledging.server.undecided');
    expect(await act(address, { actor: newest?.actor, action: 'close' })).toBe(204);
    expect((await other.closed).reason).toBe('closed in the inspector');
  });

  test('[IN14] it keeps the last sixty steps, and equal ones once', async () => {
    const { address, dial, connection } = await start();
    await (await dial('a')).acknowledge();
    const { actor } = connection('a');
    const { messages } = await look(address, actor.id);
    for (let count = 0; count < 40; count++) for (const type of ['CONGESTED', 'DRAINED']) actor.send({ type });
    for (let count = 0; count < 3; count++) actor.send({ type: 'OVERFLOWED' });
    await expect.poll(() => messages.all.at(-1)?.followed?.steps.length).toBe(60);
    expect(messages.all.at(-1)?.followed?.steps.at(-1)).toMatchObject({
      event: 'OVERFLOWED',
      times: 3,
      from: [],
      to: [],
    });
  });

  test('[IN14] it asks a client out of every namespace', async () => {
    const { address, dial } = await start();
    const client = await (await dial('a')).inNamespace('n');
    expect(await act(address, { actor: await refOf(address, 'a'), action: 'disconnect' })).toBe(204);
    expect(await client.nextText()).toMatch(/;n;;_OnNamespaceDisconnect;/);
  });

  test.each([
    {},
    { actor: 'connection-1' },
    { actor: 1, action: 'close' },
    { actor: 'x', action: 'burn' },
    [],
    null,
    'x'.repeat(2_000),
  ])('[IN14] %j is nothing that it can do', async (command) => {
    const { address } = await start();
    expect(await act(address, command)).toBe(400);
  });

  test('[IN10] [DR1] it ends with its server', async () => {
    const { address, server, watchers, page } = await start();
    const { ended } = await look(address);
    await server.close();
    await ended;
    await expect.poll(() => [page.viewers, watchers()]).toEqual([0, 0]);
  });
});

test('[IN10] a program may hand it requests itself', async () => {
  const server = new Server({ namespaces: { n: {} } });
  const page: Inspector = inspector(server, { authorize: letIn, path: '/admin/muster' });
  const http = createServer((request, response) => page.handle(request, response));
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  const address = `http://127.0.0.1:${(http.address() as AddressInfo).port}/admin/muster`;
  expect((await fetch(address, { redirect: 'manual' })).headers.get('location')).toBe('muster/');
  expect(await (await fetch(address)).text()).toContain('<title>Muster inspector</title>');
  http.close();
  await server.close();
});

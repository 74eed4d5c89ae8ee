import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { Inflation } from '../../../src/server/socket/inflation.js';

const servers: WebSocketServer[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) {
    for (const client of server.clients) client.terminate();
    server.close();
  }
});

/** Connects a client that compresses all that it sends, and watches the server's side. */
const connect = async () => {
  const server = new WebSocketServer({
    port: 0,
    host: '127.0.0.1',
    perMessageDeflate: { serverNoContextTakeover: true, clientNoContextTakeover: true },
    maxPayload: 1_000,
  });
  servers.push(server);
  await once(server, 'listening');
  const accepted = once(server, 'connection');
  // An address with a port, as it listens on one.
  const { port } = server.address() as AddressInfo;
  const client = new WebSocket(`ws://127.0.0.1:${port}`, { perMessageDeflate: { threshold: 0 } });
  await once(client, 'open');
  const ws: WebSocket = (await accepted)[0];
  const heard: string[] = [];
  const calls: string[] = [];
  ws.on('message', (data) => heard.push(String(data)));
  ws.on('error', () => {});
  const inflation = Inflation.of(ws, {
    onInflated: () => calls.push('inflated'),
    onCorrupt: () => calls.push('corrupt'),
  });
  if (!inflation) throw new Error('this version of ws has nothing to watch');
  return { client, ws, inflation, heard, calls };
};

/** Resolves with the close code. `once` would reject, as there is an error before. */
const closeOf = (ws: WebSocket): Promise<number> => new Promise((resolve) => ws.once('close', resolve));

/** What zlib keeps for the messages of a WebSocket of `ws`. */
const zlibOf = (ws: WebSocket): unknown => {
  const extension: unknown = Reflect.get(Reflect.get(ws, '_extensions'), 'permessage-deflate');
  return typeof extension === 'object' && extension !== null ? Reflect.get(extension, '_inflate') : extension;
};

describe('messages that are decompressed', () => {
  test('[CP4] in order, and nothing of zlib is kept between two', async () => {
    const { client, ws, heard, calls } = await connect();
    for (const text of ['one', 'two', 'three']) client.send(text);
    await expect.poll(() => heard).toEqual(['one', 'two', 'three']);
    expect(zlibOf(ws)).toBeNull();
    client.send('fo', { fin: false });
    await expect.poll(() => calls).toHaveLength(4);
    expect(zlibOf(ws)).not.toBeNull();
    client.send('ur', { fin: true });
    await expect.poll(() => heard.at(-1)).toBe('four');
    expect(zlibOf(ws)).toBeNull();
    expect(calls).toEqual(Array(5).fill('inflated'));
  });

  test('[CP4] while held the next one waits, with all that comes behind it', async () => {
    const { client, ws, inflation, heard } = await connect();
    inflation.hold(true);
    for (const text of ['one', 'two', 'three']) client.send(text);
    const ping = once(ws, 'ping');
    client.ping();
    await expect.poll(() => Reflect.get(Reflect.get(ws, '_receiver'), '_state')).not.toBe(0);
    expect(heard).toEqual([]);
    ws.once('message', () => inflation.hold(true));
    inflation.hold(false);
    await expect.poll(() => heard).toEqual(['one']);
    inflation.hold(false);
    await expect.poll(() => heard).toEqual(['one', 'two', 'three']);
    await ping;
  });

  test('[CP4] what waits when the socket is lost is dropped, and the WebSocket ends', async () => {
    const { client, ws, inflation, heard } = await connect();
    inflation.hold(true);
    client.send('one');
    await expect.poll(() => Reflect.get(Reflect.get(ws, '_receiver'), '_state')).not.toBe(0);
    const closed = closeOf(ws);
    ws.terminate();
    inflation.lose();
    expect(await closed).toBe(1006);
    expect(heard).toEqual([]);
  });

  test('[CP4] what comes to be held later is dropped too', async () => {
    const { client, ws, inflation, heard } = await connect();
    inflation.lose();
    client.send('one');
    await expect.poll(() => heard).toEqual(['one']);
    inflation.hold(true);
    client.send('two');
    await closeOf(ws);
    expect(heard).toEqual(['one']);
  });

  test('[CP4] one that is too big is not corrupt', async () => {
    const { client, calls } = await connect();
    client.send('x'.repeat(1_001));
    expect(await closeOf(client)).toBe(1009);
    expect(calls).toEqual(['inflated']);
  });
});

test('[CP4] where `ws` has nothing to watch, it does as it documents', () => {
  const listener = { onInflated: vi.fn(), onCorrupt: vi.fn() };
  for (const extensions of [undefined, {}, { 'permessage-deflate': {} }, { 'permessage-deflate': { cleanup() {} } }]) {
    // Stands for a WebSocket of another version.
    const ws = { _extensions: extensions } as unknown as WebSocket;
    expect(Inflation.of(ws, listener)).toBeUndefined();
  }
});

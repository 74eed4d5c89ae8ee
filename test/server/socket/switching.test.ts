import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { WebSocketServer } from 'ws';
import { fastPaths } from '../../../src/actors/runtime/fastPaths.js';
import type { ServerOptions } from '../../../src/index.js';
import { withParts } from '../../../src/server/parts.js';
import { dialAcknowledged, dialTcp, frame, useTcpClients } from '../../support/peers/tcpClient.js';
import { useServers } from '../../support/server/testServer.js';

const start = useServers();
useTcpClients();
afterEach(() => void vi.restoreAllMocks());

const usual: readonly string[] = [
  'Host: x',
  'Upgrade: websocket',
  'Connection: Upgrade',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
];
const without = (name: string): readonly string[] => usual.filter((line) => !line.startsWith(name));

const headOf = (text: string): string => text.split('\r\n\r\n', 1)[0] ?? '';
const requestWith = (headers: readonly string[]): string => `GET / HTTP/1.1\r\n${headers.join('\r\n')}\r\n\r\n`;

/** Returns the head of the answer to an upgrade with these headers, what was reported of it, and whether it is of `ws`. */
const answerTo = async (headers: readonly string[], options: Partial<ServerOptions>, handle: boolean) => {
  const errors: string[] = [];
  const told = { onUpgradeError: (error: unknown) => void errors.push(String(error)) };
  const given = { namespaces: { default: {} }, protocols: ['a', 'b'], ...told, ...options };
  const testServer = await start(withParts(given, { fastPaths: { ...fastPaths, handle } }));
  const byWs = vi.spyOn(WebSocketServer.prototype, 'handleUpgrade');
  const client = dialTcp(testServer);
  client.socket.write(requestWith(headers));
  await client.waitFor('\r\n\r\n');
  return { answer: headOf(client.text()), errors, isByWs: byWs.mock.calls.length > 0 };
};

/** A kind of request, and whether `ws` answers it in any case. */
interface Kind {
  readonly title: string;
  readonly headers: readonly string[];
  readonly isByWs: boolean;
  readonly compression?: boolean;
}

const kinds: readonly Kind[] = [
  { title: 'the usual one', headers: usual, isByWs: false },
  { title: 'one to a server with compression', headers: usual, isByWs: false, compression: true },
  {
    title: 'one that offers compression in vain',
    headers: [...usual, 'Sec-WebSocket-Extensions: permessage-deflate'],
    isByWs: false,
  },
  {
    title: 'one that offers compression',
    headers: [...usual, 'Sec-WebSocket-Extensions: permessage-deflate'],
    isByWs: true,
    compression: true,
  },
  { title: 'one that offers subprotocols', headers: [...usual, 'Sec-WebSocket-Protocol: b, a'], isByWs: true },
  { title: 'one with malformed subprotocols', headers: [...usual, 'Sec-WebSocket-Protocol: a,,b'], isByWs: true },
  {
    title: 'one of version 8',
    headers: [...without('Sec-WebSocket-Version'), 'Sec-WebSocket-Version: 8'],
    isByWs: true,
  },
  { title: 'one without a version', headers: without('Sec-WebSocket-Version'), isByWs: true },
  { title: 'one in capitals', headers: [...without('Upgrade'), 'Upgrade: WebSocket'], isByWs: true },
  { title: 'one to another protocol', headers: [...without('Upgrade'), 'Upgrade: h2c'], isByWs: true },
  { title: 'one without a key', headers: without('Sec-WebSocket-Key'), isByWs: true },
  {
    title: 'one with a short key',
    headers: [...without('Sec-WebSocket-Key'), 'Sec-WebSocket-Key: dGhlIHNhbXBsZQ=='],
    isByWs: true,
  },
];

test.each(kinds)('[HS1] [HS16] $title is answered alike with and without ws', async (kind) => {
  const { headers, isByWs, compression = false } = kind;
  const fast = await answerTo(headers, { compression }, true);
  vi.restoreAllMocks();
  const documented = await answerTo(headers, { compression }, false);
  expect(fast).toEqual({ ...documented, isByWs });
  expect(documented.isByWs).toBe(true);
  expect(fast.answer).toMatch(/^HTTP\/1\.1 (?:101|400) /);
});

describe.each([true, false])('with the handle: %s', (handle) => {
  const paths = { fastPaths: { ...fastPaths, handle } };

  test('[HS4] a frame that comes with the upgrade is read', async () => {
    const client = dialTcp(await start(withParts({ namespaces: { default: {} }, idGenerator: () => 'me' }, paths)));
    client.socket.write(Buffer.concat([Buffer.from(requestWith(usual)), frame('M')]));
    await client.waitFor('\x81\x03Ame');
  });

  test('[HS1] a socket that is a WebSocket already becomes no other one', async () => {
    const errors: unknown[] = [];
    const upgrades: [IncomingMessage, Duplex, Buffer][] = [];
    const options = { namespaces: { default: {} }, onUpgradeError: (error: unknown) => void errors.push(error) };
    const { server } = await start(withParts(options, paths));
    const http = createServer();
    http.on('upgrade', (...upgrade) => {
      upgrades.push(upgrade);
      server.handleUpgrade(...upgrade);
    });
    await new Promise<void>((listening) => http.listen(0, '127.0.0.1', listening));
    // It listens on a port.
    const { port } = http.address() as AddressInfo;
    const client = await dialAcknowledged({ url: `ws://127.0.0.1:${port}/` });
    for (const upgrade of upgrades) server.handleUpgrade(...upgrade);
    await expect.poll(() => errors).toMatchObject([{ message: expect.stringContaining('more than once') }]);
    client.socket.destroy();
    await new Promise((closed) => http.close(closed));
  });
});

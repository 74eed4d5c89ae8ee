import { once } from 'node:events';
import { setImmediate as turn } from 'node:timers/promises';
import { beforeAll, describe, expect, test } from 'vitest';
import type { FastPaths } from '../../src/actors/runtime/fastPaths.js';
import { type Namespaces, reply, Server } from '../../src/index.js';
import { withParts } from '../../src/server/parts.js';
import { frame, upgrade } from '../support/peers/clientFrames.js';
import { dialTcp, useTcpClients } from '../support/peers/tcpClient.js';
import { close, encode, inParts, opcodes, ping } from '../support/rfc6455/clientFrame.js';
import { allShortcuts, noShortcuts } from '../support/server/shortcuts.js';

useTcpClients();
const timeout = 60_000;

const namespaces: Namespaces = {
  n: {
    echo: (_, { body }) => reply(body),
    tell(ns) {
      ns.emit('one');
      ns.conn.server.broadcast(null, { namespace: 'n', event: 'two', room: 'r' });
      ns.emit('three');
      return reply('told');
    },
    async later(ns) {
      ns.emit('before');
      await turn();
      ns.emit('after');
      ns.conn.server.broadcast(null, { namespace: 'n', event: 'behind' });
      return reply('late');
    },
    fail() {
      throw new Error('no');
    },
    end(ns) {
      ns.emit('last');
      ns.conn.server.broadcast(null, { namespace: 'n', event: 'very last' });
      ns.conn.close(4_001, 'bye');
    },
  },
};

const ask = (token: string, event: string, body = ''): Buffer => frame(`$${token};n;;${event};0;0;${body}`);
const enter = [frame('M'), frame('$n;n;;_OnNamespaceConnect;0;0;'), frame('$r;n;r;_OnRoomJoin;0;0;')];
const echoes = (count: number): string[] => Array.from({ length: count }, (_, at) => `e${at}`);

/** What a client sends, packet by packet, and what it waits for after each. */
const packets: readonly (readonly [frames: readonly Buffer[], last: string])[] = [
  [echoes(200).map((token) => ask(token, 'echo', `body of ${token}`)), '$e199;'],
  [[ask('big', 'echo', 'x'.repeat(60_000)), ping('p'), ask('wide', 'echo', 'é€\u{1f600}')], '$wide;'],
  [[encode({ opcode: opcodes.binary, payload: '$bin;n;;echo;0;0;binary' })], '$bin;'],
  [[...inParts(opcodes.text, ['$parts;n;;ec', 'ho;0;0;in ', 'parts']), ask('behind', 'echo')], '$behind;'],
  [[ask('tell', 'tell'), ask('fail', 'fail'), ask('tell2', 'tell')], '$tell2;'],
  [[ask('later', 'later'), ask('next', 'echo')], '$next;'],
  [[frame('$leave;n;r;_OnRoomLeave;0;0;'), ask('gone', 'tell')], '$gone;'],
  [[ask('end', 'end'), ask('never', 'echo')], '\x0f\xa1bye'],
];

/** In pieces of sizes that meet no bound of a frame. */
const pieces = (bytes: Buffer): Buffer[] => {
  const all: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += 1_777) all.push(bytes.subarray(at, at + 1_777));
  return all;
};

/** Plays the packets to a server with these shortcuts. Resolves with all that two clients and the program have seen. */
const playTo = async (paths: FastPaths) => {
  const ends: unknown[] = [];
  const errors: string[] = [];
  const options = {
    namespaces,
    idGenerator: ({ url }: { readonly url?: string | undefined }) => url?.slice(2) ?? '',
    onDisconnect: ({ id }: { id: string }, reason: object) => void ends.push([id, reason]),
    onError: (error: unknown) => void errors.push(String(error)),
  };
  const server = new Server(withParts(options, { fastPaths: paths }));
  const { port } = await server.listen(0);
  const open = async (id: string) => {
    const client = dialTcp({ url: `ws://127.0.0.1:${port}` });
    client.socket.setNoDelay(true).write(upgrade(`/?${id}`));
    await client.waitFor('\r\n\r\n');
    client.socket.write(Buffer.concat(enter));
    await client.waitFor('$r;');
    return client;
  };
  const listener = await open('listener');
  const client = await open('client');
  for (const [frames, last] of packets) {
    for (const piece of pieces(Buffer.concat(frames))) {
      client.socket.write(piece);
      await turn();
    }
    await client.waitFor(last);
  }
  client.socket.write(close(4_001));
  await client.closed;
  await listener.waitFor(';very last;');
  const { received, sent } = server.metrics();
  const seen = { client: client.text(), listener: listener.text(), ends: [...ends], errors, received, sent };
  listener.socket.end();
  await once(listener.socket, 'close');
  await server.close({ timeout: 1_000 });
  return seen;
};

describe('with each choice of shortcuts', { timeout }, () => {
  let usual: Awaited<ReturnType<typeof playTo>>;
  beforeAll(async () => {
    usual = await playTo(noShortcuts);
  }, timeout);

  test('[BC3] the usual way answers all', () => {
    expect(usual.client.match(/\$e\d+;n;;echo;0;0;body of e\d+/g)).toHaveLength(200);
    expect(usual.errors).toEqual(['Error: no']);
    expect(usual.ends).toEqual([['client', expect.objectContaining({ code: 4_001, text: 'bye' })]]);
  });

  test.each(allShortcuts.map((paths) => [JSON.stringify(paths), paths] as const))(
    '[BC2] [BC3] [BC15] [FR11] [SV7] clients get the same bytes, and the program counts the same: %s',
    async (_, paths) => {
      expect(await playTo(paths)).toEqual(usual);
    },
  );
});

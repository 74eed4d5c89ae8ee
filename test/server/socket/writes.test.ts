import type { Duplex } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { type FastPaths, fastPaths } from '../../../src/actors/runtime/fastPaths.js';
import type { UpgradedSocket } from '../../../src/actors/transport/socket.js';
import { type Conn, type Namespaces, reply, type ServerOptions } from '../../../src/index.js';
import { withParts } from '../../../src/server/parts.js';
import { makeHandshake, type Transport } from '../../../src/server/socket/handshake.js';
import { dialAcknowledged, frame, useTcpClients } from '../../support/peers/tcpClient.js';
import { useServers } from '../../support/server/testServer.js';

const start = useServers();
useTcpClients();

/** Notes what each write to the kernel holds, by whichever way the server writes. */
const spyOn = (socket: Duplex, writes: string[]): void => {
  const handle: object = Reflect.get(socket, '_handle');
  const write: unknown = Reflect.get(handle, 'writeBuffer');
  if (typeof write !== 'function') throw new Error('no handle');
  Reflect.set(handle, 'writeBuffer', (request: unknown, bytes: Buffer) => {
    writes.push(bytes.toString('latin1'));
    return write.call(handle, request, bytes);
  });
};

/** Starts a server whose writes are noted, and connects one client to its namespace. */
const open = async (options: Partial<ServerOptions>, paths: Partial<FastPaths> = {}) => {
  const writes: string[] = [];
  const sockets: UpgradedSocket[] = [];
  const transport: Transport = (given, context, onBad) => {
    const handshake = makeHandshake(given, context, onBad);
    return (request, socket, head, done) =>
      handshake(request, socket, head, (upgraded) => {
        spyOn(socket, writes);
        sockets.push(upgraded);
        done(upgraded);
      });
  };
  const parts = { transport, fastPaths: { ...fastPaths, ...paths } };
  const testServer = await start(withParts({ namespaces: { default: {} }, ...options }, parts));
  const client = await dialAcknowledged(testServer);
  client.socket.write(frame('$1;default;;_OnNamespaceConnect;0;0;'));
  await client.waitFor('$1;');
  writes.length = 0;
  const [conn] = testServer.server.connections();
  if (!conn) throw new Error('no connection');
  return { writes, client, conn, testServer, sockets };
};

const ask = (token: string, event: string): Buffer => frame(`$${token};default;;${event};0;0;`);
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const sayTo = (conn: Conn, ...bodies: readonly string[]): void => {
  for (const body of bodies) conn.write({ namespace: 'default', event: 'said', body });
};
/** Tells of a broadcast before it and behind it. */
const telling: Namespaces = {
  default: {
    tell: (ns) => {
      sayTo(ns.conn, 'one');
      ns.conn.server.broadcast(null, { namespace: 'default', event: 'said', body: 'two' });
      sayTo(ns.conn, 'three');
    },
  },
};
/** The bodies and tokens in a write, in short. */
const inShort = (write: string): string =>
  [...write.matchAll(/\$(\d+);|0;0;(\w+)/g)].map(([, a, b]) => a ?? b).join(' ');

const ways: readonly Partial<FastPaths>[] = [{ handle: true }, { handle: false }];

describe.each(ways)('with %o', (paths) => {
  test('[BC15] the answers of one read leave in one write', async () => {
    const { writes, client } = await open({ namespaces: { default: { echo: () => reply('') } } }, paths);
    client.socket.write(Buffer.concat(Array.from({ length: 16 }, (_, n) => ask(`${n + 10}`, 'echo'))));
    await client.waitFor('$25;');
    expect(writes.map(inShort)).toEqual(['10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25']);
  });

  test('[BC15] one ask has one write, with the emits before it', async () => {
    const { writes, client } = await open(
      {
        namespaces: {
          default: {
            echo: (ns) => {
              sayTo(ns.conn, 'one', 'two');
              return reply('');
            },
          },
        },
      },
      paths,
    );
    for (const token of ['10', '11']) {
      client.socket.write(ask(token, 'echo'));
      await client.waitFor(`$${token};`);
    }
    expect(writes.map(inShort)).toEqual(['one two 10', 'one two 11']);
  });

  test('[BC15] the answers of asynchronous handlers leave in one write once they have resumed', async () => {
    let resume = (): void => {};
    const gate = new Promise<void>((resolve) => {
      resume = resolve;
    });
    const { writes, client, conn } = await open(
      {
        namespaces: {
          default: {
            wait: async (ns) => {
              await gate;
              sayTo(ns.conn, 'one');
              await null;
              sayTo(ns.conn, 'two');
              return reply('');
            },
          },
        },
      },
      paths,
    );
    client.socket.write(ask('10', 'wait'));
    await expect.poll(() => conn.isClosed).toBe(false);
    await turn();
    resume();
    await client.waitFor('$10;');
    expect(writes.map(inShort)).toEqual(['one two 10']);
  });

  test('[BC15] what a timer sends leaves in one write, in the same tick', async () => {
    const { writes, conn } = await open({}, paths);
    const seen = await new Promise<readonly string[]>((resolve) => {
      setTimeout(() => {
        sayTo(conn, 'one');
        void Promise.resolve().then(() => sayTo(conn, 'two'));
        setImmediate(() => resolve(writes.map(inShort)));
      }, 1);
    });
    expect(seen).toEqual(['one two']);
  });

  test('[BC15] what a read leads to for other connections leaves at its end as well', async () => {
    const { writes, client, testServer } = await open(
      {
        namespaces: {
          default: {
            tell: (ns) => {
              for (const conn of ns.conn.server.connections()) sayTo(conn, 'one', 'two');
            },
          },
        },
      },
      paths,
    );
    const other = await dialAcknowledged(testServer);
    other.socket.write(frame('$1;default;;_OnNamespaceConnect;0;0;'));
    await other.waitFor('$1;');
    writes.length = 0;
    client.socket.write(frame(';default;;tell;0;0;'));
    await Promise.all([client.waitFor('two'), other.waitFor('two')]);
    expect(writes.map(inShort)).toEqual(['one two', 'one two']);
  });

  test('[BC15] [BC3] a close frame comes behind what waits', async () => {
    const { client } = await open(
      {
        namespaces: {
          default: {
            leave: (ns) => {
              sayTo(ns.conn, 'one', 'two');
              ns.conn.close(4_000, 'bye');
            },
          },
        },
      },
      paths,
    );
    client.socket.write(frame(';default;;leave;0;0;'));
    await client.waitFor('bye');
    expect(client.text()).toMatch(/one.*two.*bye$/s);
  });

  test('[BC15] what waits leaves before the server destroys the socket', async () => {
    const { client, sockets, conn } = await open({}, paths);
    sayTo(conn, 'one', 'two');
    for (const socket of sockets) socket.destroy();
    await client.closed;
    expect(client.text()).toMatch(/one.*two$/s);
  });

  test('[BC15] [LM7] pongs and answers of one read share a write, in order', async () => {
    const { writes, client } = await open({ namespaces: { default: { echo: () => reply('') } } }, paths);
    const ping = frame('3', { opcode: 9 });
    client.socket.write(Buffer.concat([ask('10', 'echo'), ping, ask('11', 'echo'), ping]));
    await client.waitFor('\x8a\x013', 2);
    expect(writes).toHaveLength(1);
    const pong = '\x8a\x013';
    expect(writes[0]?.split(pong).map(inShort)).toEqual(['10', '11', '']);
  });

  test('[BC15] [BC3] a broadcast that is written at once takes along what waits', async () => {
    const { writes, client } = await open({ syncBroadcaster: true, namespaces: telling }, paths);
    client.socket.write(frame(';default;;tell;0;0;'));
    await client.waitFor('three');
    expect(writes.map(inShort)).toEqual(['one two', 'three']);
  });

  test('[BC15] [BC3] a delivery and the answers around it share a write', async () => {
    const { writes, client } = await open({ namespaces: telling }, paths);
    client.socket.write(frame(';default;;tell;0;0;'));
    await client.waitFor('three');
    expect(writes.map(inShort)).toEqual(['one two three']);
  });

  test('[BC15] what waits counts as pressure', async () => {
    const pressures: number[] = [];
    const { client } = await open(
      {
        namespaces: {
          default: {
            tell: (ns) => {
              sayTo(ns.conn, 'x'.repeat(1_000));
              pressures.push(ns.conn.pressure);
              return reply('');
            },
          },
        },
      },
      paths,
    );
    client.socket.write(ask('10', 'tell'));
    await client.waitFor('$10;');
    expect(pressures[0]).toBeGreaterThan(1_000);
    expect(pressures[0]).toBeLessThan(1_100);
  });

  test('[BC15] [BP1] a client that does not read is congested by its answers, and gets them all once it reads', async () => {
    const body = 'x'.repeat(60_000);
    let answered = 0;
    const big = () => {
      answered++;
      return reply(body);
    };
    const { client, conn, testServer } = await open({ namespaces: { default: { big } } }, paths);
    const before = client.text().length;
    client.socket.pause();
    const isCongested = (): boolean => testServer.server.metrics().counters.congestions > 0;
    let last = 99;
    // The kernel takes a few MB.
    while (!isCongested() && last < 900) {
      client.socket.write(Buffer.concat(Array.from({ length: 8 }, () => ask(`${++last}`, 'big'))));
      await expect.poll(() => answered, { interval: 1 }).toBe(last - 99);
    }
    expect(conn.pressure).toBeGreaterThan(65_536);
    client.socket.resume();
    const head = 4 + '$100;default;;big;0;0;'.length;
    await expect.poll(() => client.text().length, { timeout: 10_000 }).toBe(before + answered * (head + body.length));
    const tokens = [...client.text().matchAll(/\$(\d{3});/g)].map(([, token]) => Number(token));
    expect(tokens).toEqual(Array.from({ length: answered }, (_, n) => n + 100));
    await expect.poll(() => conn.pressure).toBe(0);
  });
});

describe('[BC15] on a plain TCP socket, one write holds what waits and then', () => {
  const leave: Namespaces = {
    default: {
      echo: () => reply(''),
      leave: (ns) => {
        sayTo(ns.conn, 'one', 'two');
        ns.conn.close(4_000, 'bye');
      },
    },
  };

  test('[BC3] the close frame of the server', async () => {
    const { writes, client } = await open({ namespaces: leave });
    client.socket.write(frame(';default;;leave;0;0;'));
    await client.waitFor('bye');
    expect(writes.map(inShort)).toEqual(['one two']);
    expect(writes[0]?.endsWith('\x88\x05\x0f\xa0bye')).toBe(true);
  });

  test.each([
    { name: 'with a code and a reason', payload: '\x0f\xa1so', answer: '\x88\x04\x0f\xa1so' },
    { name: 'with a code', payload: '\x03\xe8', answer: '\x88\x02\x03\xe8' },
    { name: 'without a code', payload: '', answer: '\x88\x00' },
  ])('[FR11] the answer to a close frame $name, and the end of the socket', async ({ payload, answer }) => {
    const { writes, client } = await open({ namespaces: leave });
    const close = frame(Buffer.from(payload, 'latin1'), { opcode: 8 });
    client.socket.write(Buffer.concat([ask('10', 'echo'), close]));
    await client.closed;
    expect(writes.map(inShort)).toEqual(['10']);
    expect(writes[0]?.endsWith(`;${answer}`)).toBe(true);
  });

  test('[FR11] no code that a close frame may not carry', async () => {
    const { writes, sockets } = await open({ namespaces: leave });
    expect(() => sockets[0]?.close(1_006, '')).toThrow(TypeError);
    expect(() => sockets[0]?.close(4_000, 'x'.repeat(124))).toThrow(RangeError);
    expect(writes).toEqual([]);
  });
});

test('[BC15] without it each frame has a write', async () => {
  const { writes, client } = await open({ namespaces: { default: { echo: () => reply('') } } }, { gather: false });
  client.socket.write(Buffer.concat([ask('10', 'echo'), ask('11', 'echo')]));
  await client.waitFor('$11;');
  expect(writes.map(inShort)).toEqual(['10', '11']);
});

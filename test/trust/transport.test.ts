import { deflateRawSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { type Message, type NSConn, OnRoomJoined } from '../../src/index.js';
import { RawClient } from '../support/peers/rawClient.js';
import { dialAcknowledged, dialTcp, frame, upgrade } from '../support/peers/tcpClient.js';
import { heapUsed, useAttacks } from '../support/server/attack.js';

const attack = useAttacks();
const MiB = 1_048_576;

/** The close code in the last frame of a line, 1006 when there is none. */
const closeCode = (text: string): number => {
  const at = text.lastIndexOf('\x88');
  return at === -1 ? 1006 : Buffer.from(text, 'latin1').readUInt16BE(at + 2);
};

/** A masked header that promises so many bytes. */
const promise = (length: bigint): Buffer => {
  const head = Buffer.from([0x81, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
  head.writeBigUInt64BE(length, 2);
  return head;
};

describe('sizes', () => {
  test.each([
    2n ** 31n - 1n,
    2n ** 31n,
    2n ** 32n,
    2n ** 53n - 1n,
    2n ** 53n,
    2n ** 53n + 1n,
    2n ** 63n - 1n,
    2n ** 63n,
    65_537n,
  ])('[LM1] a frame of %d announced bytes is closed with 1009 before they arrive', async (length) => {
    await attack({}, async ({ target: testServer }) => {
      const client = await dialAcknowledged(testServer);
      client.socket.write(promise(length));
      await client.closed;
      expect([1009, 1002]).toContain(closeCode(client.text()));
    });
  });

  test('[LM1] 65 536 bytes are accepted, one more is not', async () => {
    await attack({}, async ({ attacker }) => {
      const client = await attacker();
      await client.acknowledge();
      client.send('x'.repeat(65_536));
      await client.expectNoFrame();
      client.send('x'.repeat(65_537));
      expect((await client.closed).code).toBe(1009);
    });
  });

  test('[LM6] fragments without an end are closed, and cost little meanwhile', async () => {
    await attack({ limits: { messageTimeout: 1_000, closeTimeout: 100 } }, async ({ target: testServer }) => {
      const clients = await Promise.all(Array.from({ length: 100 }, () => dialAcknowledged(testServer)));
      const before = await heapUsed();
      const parts = Array.from({ length: 60 }, (_, at) => frame('x', { opcode: at === 0 ? 1 : 0, isLast: false }));
      const writing = clients.flatMap(({ socket }) =>
        parts.map((part) => new Promise((written) => socket.write(part, written))),
      );
      // What this side still has to write is none of the server's.
      await Promise.all(writing.splice(0));
      expect((await heapUsed()) - before).toBeLessThan(8 * MiB);
      await Promise.all(clients.map(({ closed: ended }) => ended));
      expect(clients.map((client) => closeCode(client.text()))).toEqual(clients.map(() => 1008));
    });
  });

  test('[LM6] a message that arrives byte by byte is closed long before its end', async () => {
    await attack({}, async ({ target: testServer }) => {
      const client = await dialAcknowledged(testServer);
      client.socket.setNoDelay(true);
      const bytes = frame('x'.repeat(60_000));
      let sent = 0;
      while (!client.text().includes('too many parts') && sent < bytes.length) {
        client.socket.write(bytes.subarray(sent, ++sent));
        await new Promise((resolve) => setImmediate(resolve));
      }
      expect(client.text()).toContain('\x03\xf0too many parts');
      expect(sent).toBeLessThan(10_000);
    });
  });

  test('[HS5] [FR7] early bytes do not keep the buffers that they were read into', async () => {
    await attack(
      {
        onConnect: ({ id }) => (id === 'healthy' ? undefined : new Promise(() => {})),
        limits: { ackTimeout: 120_000, connectTimeout: 120_000 },
      },
      async ({ target: testServer }) => {
        const clients = await Promise.all(
          Array.from({ length: 4 }, async () => {
            const client = dialTcp(testServer);
            client.socket.write(upgrade());
            await client.waitFor('\r\n\r\n');
            return client;
          }),
        );
        await heapUsed();
        const before = process.memoryUsage().arrayBuffers;
        const padding = Buffer.concat(Array.from({ length: 10_000 }, () => frame('', { opcode: 10 })));
        for (let at = 0; at < 15; at++) {
          for (const { socket } of clients) socket.write(Buffer.concat([frame('x', { opcode: 2 }), padding]));
          // An answer to this says that all of it was read.
          for (const { socket } of clients) socket.write(frame(`${at}`, { opcode: 9 }));
          await Promise.all(clients.map(({ waitFor: has }) => has(`\x8a${at < 10 ? '\x01' : '\x02'}${at}`)));
        }
        await heapUsed();
        expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(MiB);
        for (const { socket } of clients) socket.destroy();
      },
    );
  });

  test('[HS16] a compressed frame without the extension is a protocol error', async () => {
    await attack({}, async ({ target: testServer }) => {
      const clients = await Promise.all(Array.from({ length: 20 }, () => dialAcknowledged(testServer)));
      const bomb = deflateRawSync(Buffer.alloc(16 * MiB));
      for (const { socket } of clients) {
        const head = Buffer.from([0xc1, 0xfe, 0, 0, 0, 0, 0, 0]);
        head.writeUInt16BE(bomb.length, 2);
        socket.write(Buffer.concat([head, bomb]));
      }
      await Promise.all(clients.map(({ closed: ended }) => ended));
      expect(clients.map((client) => closeCode(client.text()))).toEqual(clients.map(() => 1002));
    });
  });

  test.each<[string, Buffer]>([
    ['without a mask', Buffer.from([0x81, 1, 65])],
    ['with an unknown opcode', Buffer.from([0x83, 0x80, 0, 0, 0, 0])],
    ['that goes on with nothing', frame('x', { opcode: 0 })],
    ['of text that is no UTF-8', Buffer.from([0x81, 0x81, 0, 0, 0, 0, 0xff])],
    ['of a ping with 126 bytes', frame('x'.repeat(126), { opcode: 9 })],
    ['of a close with half a code', Buffer.from([0x88, 0x81, 0, 0, 0, 0, 3])],
  ])('[LM1] [SV3] a frame %s ends its own connection', async (_, bytes) => {
    await attack({}, async ({ target: testServer }) => {
      const client = await dialAcknowledged(testServer);
      client.socket.write(bytes);
      await client.closed;
      expect([1002, 1007]).toContain(closeCode(client.text()));
    });
  });
});

describe('upgrades', () => {
  test.each([
    ['a header named like a part of every object', 'Sec-WebSocket-Extensions: constructor; __proto__=1\r\n', 101],
    ['a protocol of 10 000 characters', `Sec-WebSocket-Protocol: ${'a'.repeat(10_000)}\r\n`, 101],
    ['a protocol of spaces', `Sec-WebSocket-Protocol: a${' '.repeat(5_000)}b\r\n`, 400],
    ['a thousand headers', Array.from({ length: 1_000 }, (_, at) => `X-${at}: 1\r\n`).join(''), 101],
    ['headers of 20 KiB', `X-Long: ${'x'.repeat(20_480)}\r\n`, 431],
  ])('[HS1] %s', async (_, headers, status) => {
    await attack({}, async ({ target: testServer }) => {
      const client = dialTcp(testServer);
      client.socket.write(upgrade('/', headers));
      await client.waitFor('\r\n\r\n');
      expect(client.text()).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
      client.socket.destroy();
    });
  });

  test.each([
    '/?X-Websocket-Header-Authorization=evil',
    '/?X-Websocket-Header-Cookie=a&X-Websocket-Header-Host=b',
    '/?X-Websocket-Header-__proto__=a',
    '/?X-Websocket-Header-X-Forwarded-For=1',
  ])('[HS14] %s calls no handler', async (path) => {
    const seen: unknown[] = [];
    const onUpgrade = ({ headers }: { headers: object }): void => void seen.push(Object.keys(headers).sort());
    await attack({ onUpgrade }, async ({ target: testServer }) => {
      seen.length = 0;
      for (const asked of ['/', path]) {
        const client = dialTcp(testServer);
        client.socket.write(upgrade(asked));
        await client.waitFor('\r\n\r\n');
        client.socket.destroy();
      }
      expect(seen[1]).toEqual(seen[0]);
    });
  });

  test('[LM8] two hundred requests without an end are cut, while others connect', async () => {
    await attack({ limits: { headersTimeout: 400 } }, async ({ target: testServer, attacker }) => {
      const clients = Array.from({ length: 200 }, () => dialTcp(testServer));
      for (const { socket } of clients) socket.write('GET / HTTP/1.1\r\nHost: loopback\r\nX-');
      expect(await (await attacker('quick')).acknowledge()).toBe('quick');
      await Promise.all(clients.map(({ closed: ended }) => ended));
    });
  });

  test('[HS5] [HS6] [HS15] two hundred connections that never send M, and fifty thousand frames before it', async () => {
    await attack(
      { limits: { ackTimeout: 400, admission: 500, admissionPerAddress: 0 } },
      async ({ target: testServer, attacker, handled: ran }) => {
        const before = await heapUsed();
        const silent = await Promise.all(Array.from({ length: 200 }, (_, at) => attacker(`silent${at}`)));
        const loud = await attacker('loud');
        for (let sent = 0; sent < 50_000; sent++) loud.send(';default;;x;0;0;');
        expect((await loud.closed).code).toBe(1008);
        expect((await Promise.all(silent.map(({ closed }) => closed))).map(({ code }) => code)).toEqual(
          silent.map(() => 1008),
        );
        expect(await (await testServer.dial('after')).acknowledge()).toBe('after');
        expect(ran).toEqual([]);
        expect((await heapUsed()) - before).toBeLessThan(64 * MiB);
      },
    );
  });

  test('[HS15] a socket waits in the queue once, however much it sends ahead', async () => {
    await attack(
      { limits: { admission: 3, ackTimeout: 60_000, admissionTimeout: 60_000 } },
      async ({ target: testServer }) => {
        const silent = Array.from({ length: 3 }, () => dialTcp(testServer));
        for (const { socket } of silent) socket.write(upgrade());
        await Promise.all(silent.map(({ waitFor: has }) => has('\r\n\r\n')));
        const greedy = dialTcp(testServer);
        greedy.socket.write('HEAD / HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(2));
        await greedy.closed;
        expect(greedy.text()).toBe('');
        const patient = dialTcp(testServer);
        patient.socket.write('HEAD / HTTP/1.1\r\nHost: x\r\n\r\n');
        silent[0]?.socket.destroy();
        await patient.waitFor('302');
        patient.socket.destroy();
        for (const { socket } of silent) socket.destroy();
      },
    );
  });

  test('[HS1] [SV8] three hundred connect at once, disconnect at once, and reconnect at once', async () => {
    await attack({}, async ({ target: testServer }) => {
      for (let round = 0; round < 3; round++) {
        const comes = async (id: string) => (await testServer.dial(id)).inDefault();
        const clients = await Promise.all(Array.from({ length: 300 }, (_, at) => comes(`r${round}.${at}`)));
        expect(testServer.server.totalConnections).toBe(301);
        for (const client of clients) client.terminate();
        await expect.poll(() => testServer.server.totalConnections).toBe(1);
      }
    });
  });
});

describe('floods', () => {
  test('[LM9] of a burst, only a little is handled before other connections take turns', async () => {
    let isCounting = true;
    let now = 0;
    const counts: number[] = [];
    const count = (): void => {
      counts.push(now);
      now = 0;
      if (isCounting) setImmediate(count);
    };
    await attack(
      { handlers: { work: () => void now++ }, sliceMs: 0.01 },
      async ({ target: testServer, handled: ran }) => {
        const client = await dialAcknowledged(testServer);
        client.socket.write(frame('$1;default;;_OnNamespaceConnect;0;0;'));
        await client.waitFor('$1;;;;;;');
        setImmediate(count);
        client.socket.write(Buffer.concat(Array.from({ length: 20_000 }, () => frame(';default;;work;0;0;'))));
        client.socket.write(frame('$2;default;;ping;0;0;'));
        await client.waitFor('$2;default;;ping;0;0;pong');
        isCounting = false;
        expect(ran).toHaveLength(20_000);
        expect(Math.max(...counts)).toBeLessThan(200);
      },
    );
  });

  test('[BP3] eight clients that send without end to handlers that take their time', async () => {
    const later = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
    await attack({ handlers: { work: later } }, async ({ attacker, healthy, handled: ran }) => {
      const clients = await Promise.all(
        Array.from({ length: 8 }, async (_, at) => (await attacker(`f${at}`)).inDefault()),
      );
      const before = await heapUsed();
      for (const client of clients) for (let sent = 0; sent < 5_000; sent++) client.send(';default;;work;0;0;');
      healthy.send('$mid;default;;ping;0;0;');
      expect((await heapUsed()) - before).toBeLessThan(32 * MiB);
      await Promise.all(clients.map((client) => client.expectNoFrame()));
      expect(ran.length).toBe(40_000);
    });
  });

  test('[BP3] a client that floods the handler which asks it is closed, and no other', async () => {
    const handlers = {
      work: (ns: NSConn) =>
        ns.ask('question').then(
          () => {},
          () => {},
        ),
    };
    await attack({ handlers }, async ({ attacker }) => {
      const client = await (await attacker()).inDefault();
      for (let sent = 0; sent < 1_000; sent++) client.send(';default;;work;0;0;');
      expect(await client.closed).toEqual({ code: 1008, reason: 'too many frames while a handler waits' });
    });
  });

  test('[BC5] [BP2] a client whose every event is broadcast to all, beside ten that do not read', async () => {
    const handlers = {
      all: (ns: NSConn, message: Message) => ns.conn.server.broadcast(null, { ...message, room: '' }),
    };
    await attack({ handlers, limits: { slowConsumerTimeout: 700 } }, async ({ target: testServer, attacker }) => {
      const deaf = await Promise.all(
        Array.from({ length: 10 }, async (_, at) => (await attacker(`deaf${at}`)).inDefault()),
      );
      for (const client of deaf) client.pause();
      const loud = await (await attacker('loud')).inDefault();
      const frame = `;default;;all;0;0;${'x'.repeat(10_000)}`;
      // It reads what it is sent, so it is as well as anybody.
      const some = Array.from({ length: 20 }, () => frame);
      for (let round = 0; round < 150; round++) {
        for (const one of some) loud.send(one);
        for (const heard of await loud.frames.take(some.length)) if (heard !== frame) throw new Error(String(heard));
      }
      await expect
        .poll(() => testServer.server.connections().filter(({ id }) => id.startsWith('deaf')).length, {
          timeout: 10_000,
        })
        .toBe(0);
      const reasons = testServer.disconnects.rest().map(({ reason }) => reason.text);
      expect(reasons).toEqual(Array(10).fill('slow consumer'));
    });
  });

  test('[LM7] pings without end from a client that reads nothing', async () => {
    await attack({ limits: { slowConsumerTimeout: 300 } }, async ({ target: testServer }) => {
      const client = await dialAcknowledged(testServer);
      client.socket.pause();
      const pings = Buffer.concat(Array.from({ length: 1_000 }, () => frame('x'.repeat(100), { opcode: 9 })));
      const flood = (): void => {
        while (!client.socket.destroyed && client.socket.write(pings));
      };
      client.socket.on('drain', flood);
      flood();
      const { reason } = await testServer.disconnects.next();
      expect(reason).toMatchObject({ code: 1013, text: 'pongs not read' });
      expect(testServer.server.metrics().closes.unreadPongs).toBe(1);
      expect(testServer.server.counters.skippedPings).toBeGreaterThan(0);
    });
  });

  test('[LM10] floods of garbage in as few writes as possible end, each by a close frame', async () => {
    await attack({}, async ({ target: testServer }) => {
      for (const [payload, counter] of [
        ['', 'emptyFrames'],
        [';;;', 'invalidFrames'],
        ['x;;;;0;0;', 'strayAnswers'],
      ] as const) {
        const client = await dialAcknowledged(testServer);
        client.socket.write(Buffer.concat(Array.from({ length: 200_000 }, () => frame(payload))));
        const { reason } = await testServer.disconnects.next();
        expect(reason).toMatchObject({ code: 1008, text: 'too many invalid frames' });
        await client.waitFor('\x03\xf0too many invalid frames');
        client.socket.destroy();
        expect(testServer.server.counters[counter]).toBeGreaterThan(10_000);
      }
      expect(testServer.server.metrics().closes.garbage).toBe(3);
    });
  });

  test('[LM3] clients that have vanished are found, with their last events', async () => {
    const left: string[] = [];
    const handlers = {
      [OnRoomJoined]() {},
      _OnRoomLeft: ({ conn }: NSConn, { isForced }: Message) => void (isForced && left.push(conn.id)),
    };
    await attack({ handlers, limits: { pingInterval: 200, pingTimeout: 1_500 } }, async ({ target: testServer }) => {
      const clients = await Promise.all(Array.from({ length: 30 }, () => dialAcknowledged(testServer)));
      for (const { socket } of clients) {
        socket.write(frame('$1;default;;_OnNamespaceConnect;0;0;'));
        socket.write(frame('$2;default;gone;_OnRoomJoin;0;0;'));
      }
      await Promise.all(clients.map((client) => client.waitFor('$2;;;;;;')));
      await Promise.all(clients.map(({ closed: ended }) => ended));
      expect(left).toHaveLength(30);
      expect(new Set(left).size).toBe(30);
    });
  });
});

test('[HS13] a page of another host cannot connect, one of this host can', async () => {
  await attack({}, async ({ target: testServer }) => {
    const { host } = new URL(testServer.url);
    for (const origin of [
      'https://evil',
      'null',
      `http://${host}.evil`,
      `http://${host}@evil`,
      'file://',
      `http://x.${host}`,
    ]) {
      await expect(RawClient.dial(testServer.url, { Origin: origin }), origin).rejects.toThrow('403');
    }
    (await RawClient.dial(testServer.url, { Origin: `http://${host}` })).terminate();
  });
});

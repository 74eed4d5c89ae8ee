import { describe, expect, test, vi } from 'vitest';
import { type Conn, type Message, reply } from '../../src/index.js';
import { closeReasons } from '../../src/protocol/errors.js';
import { deflated, deflatedFrame, dialDeflatingTcp } from '../support/peers/deflating.js';
import { dialAcknowledged, frame, type TcpClient } from '../support/peers/tcpClient.js';
import { useAttacks } from '../support/server/attack.js';
import type { TestServer } from '../support/server/testServer.js';

const attack = useAttacks();
const compression = { threshold: 0 };

const join = async (client: TcpClient): Promise<void> => {
  client.socket.write(frame('$c;default;;_OnNamespaceConnect;0;0;'));
  await client.waitFor('$c;;;;;;');
};

/** A client in the default namespace, and its connection. */
const dialMember = async (target: TestServer): Promise<{ readonly client: TcpClient; readonly conn: Conn }> => {
  const known = new Set(target.server.connections());
  const client = await dialDeflatingTcp(target);
  await join(client);
  const conn = target.server.connections().find((one) => !known.has(one));
  if (!conn) throw new Error('the client is connected');
  return { client, conn };
};

/** Returns what a close frame has in it. */
const closing = (code: number, text: string): string =>
  `${Buffer.from([code >> 8, code & 0xff]).toString('latin1')}${text}`;

/** A promise that a handler waits for. */
const gate = (): { readonly opened: Promise<void>; open(): void } => {
  let open = (): void => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open: () => open() };
};

const large = 'x'.repeat(65_000);
const bomb = (at: number): Buffer => deflatedFrame(`;default;;say;0;0;${at} ${large}`);

describe('messages that grow', () => {
  test('[CP4] [BP3] a packet of many is decompressed only as far as its connection is read', async () => {
    const { opened, open } = gate();
    const heard: number[] = [];
    const say = async (_: unknown, { body }: Message): Promise<void> => {
      heard.push(Number.parseInt(String(body), 10));
      await opened;
    };
    await attack({ compression, handlers: { say } }, async ({ target }) => {
      const { client, conn } = await dialMember(target);
      const bombs = Array.from({ length: 400 }, (_, at) => bomb(at));
      const packet = Buffer.concat(bombs);
      expect(packet.length).toBeLessThan(65_536);
      client.socket.write(packet);
      await vi.waitFor(() => expect(heard).toEqual([0]));
      const turns = (): number => target.server.watching.usageOf(conn).turns;
      await vi.waitFor(() => expect(turns()).toBeGreaterThan(3));
      const other = await target.dial();
      for (let times = 0; times < 20; times++) await other.ping();
      // 256 KiB, and the message that fills it.
      expect(turns()).toBeLessThanOrEqual(6);
      open();
      await vi.waitFor(() => expect(heard).toEqual(bombs.map((_, at) => at)), 10_000);
      client.socket.destroy();
      other.terminate();
    });
  });

  test.each([
    ['in one', [deflatedFrame(Buffer.alloc(65_537))]],
    ['by far', [deflatedFrame(Buffer.alloc(16 * 1_048_576))]],
    [
      'in parts',
      ((): Buffer[] => {
        const data = deflated(Buffer.alloc(65_537));
        return [frame(data.subarray(0, 20), { opcode: 0x42, isLast: false }), frame(data.subarray(20), { opcode: 0 })];
      })(),
    ],
    ['on the wire', [Buffer.from([0xc1, 0xff, 0, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0])]],
  ])('[CP4] [LM1] one that is too big %s closes with 1009', async (_, parts) => {
    await attack({ compression }, async ({ target }) => {
      const client = await dialDeflatingTcp(target);
      client.socket.write(Buffer.concat(parts));
      await client.waitFor(closing(1009, closeReasons.tooBig.text));
      expect((await target.disconnects.next()).reason).toMatchObject(closeReasonOf('tooBig'));
    });
  });

  test('[CP4] 65 536 bytes are taken, in one frame or in parts', async () => {
    const heard: number[] = [];
    await attack(
      { compression, handlers: { say: (_, { body }) => void heard.push(body.length) } },
      async ({ target }) => {
        const { client } = await dialMember(target);
        const head = ';default;;say;0;0;';
        const data = deflated(head + 'x'.repeat(65_536 - head.length));
        client.socket.write(frame(data, { opcode: 0x41 }));
        client.socket.write(frame(data.subarray(0, 9), { opcode: 0x41, isLast: false }));
        client.socket.write(frame(data.subarray(9), { opcode: 0 }));
        await vi.waitFor(() => expect(heard).toEqual([65_536 - head.length, 65_536 - head.length]));
        client.socket.destroy();
      },
    );
  });

  test('[CP4] many tiny ones delay no other client', async () => {
    let count = 0;
    await attack({ compression, handlers: { say: () => void count++ } }, async ({ target, healthy }) => {
      const { client } = await dialMember(target);
      const tiny = Array.from({ length: 2_000 }, () => deflatedFrame(';default;;say;0;0;'));
      client.socket.write(Buffer.concat(tiny));
      await healthy.ping();
      expect(count).toBeLessThan(2_000);
      await vi.waitFor(() => expect(count).toBe(2_000), 10_000);
      client.socket.destroy();
    });
  });
});

const closeReasonOf = (name: keyof typeof closeReasons): { readonly code: number; readonly text: string } => {
  const { code, text } = closeReasons[name];
  return { code, text };
};

describe('messages that are wrong', () => {
  test.each([
    ['notDeflated', 'no compressed data', frame(Buffer.from([0xff, 0xff, 0xff]), { opcode: 0x41 })],
    ['notUtf8', 'a text that is not UTF-8', deflatedFrame(Buffer.from([0xff, 0xfe]))],
    ['malformed', 'a compressed ping', frame(deflated('x'), { opcode: 0x49 })],
    ['malformed', 'a compressed continuation', frame(deflated('x'), { opcode: 0x40 })],
    ['malformed', 'another reserved bit', frame(deflated('x'), { opcode: 0x61 })],
  ] as const)('[CP4] [FR11] %s: %s', async (name, _, bytes) => {
    await attack({ compression }, async ({ target }) => {
      const client = await dialDeflatingTcp(target);
      client.socket.write(bytes);
      const { code, text } = closeReasonOf(name);
      await client.waitFor(closing(code, text));
      expect((await target.disconnects.next()).reason).toMatchObject({ code, text });
      expect(target.server.metrics().closes[name]).toBe(1);
    });
  });

  test('[CP4] a compressed message of a client that has not agreed closes with 1002', async () => {
    await attack({ compression }, async ({ target }) => {
      const client = await dialAcknowledged(target);
      client.socket.write(deflatedFrame('x'));
      await client.waitFor(closing(1002, closeReasons.malformed.text));
      await client.closed;
    });
  });
});

describe('what comes behind a compressed message', () => {
  test('[CP4] [LM7] a ping in the same packet is answered', async () => {
    await attack({ compression, handlers: { echo: (_, { body }) => reply(body) } }, async ({ target }) => {
      const { client } = await dialMember(target);
      client.socket.write(
        Buffer.concat([deflatedFrame('$1;default;;echo;0;0;first'), frame('are you there', { opcode: 9 })]),
      );
      await client.waitFor('\x8a\x0dare you there');
      expect(client.text()).toContain(';first');
      client.socket.destroy();
    });
  });

  test('[CP4] [SV5] a close frame is the end of it, and what comes later is not passed on', async () => {
    await attack({ compression }, async ({ target }) => {
      const { client, conn } = await dialMember(target);
      let frames = 0;
      target.server.inspect((event) => {
        if (event.type === '@xstate.event' && event.event.type === 'FRAME') frames++;
      });
      // The client does not see that the server ends the socket.
      client.socket.pause();
      client.socket.write(
        Buffer.concat([deflatedFrame(';default;;say;0;0;'), frame(Buffer.from([0x03, 0xe8]), { opcode: 8 })]),
      );
      expect((await target.disconnects.next()).reason).toMatchObject({ code: 1000 });
      const { socket } = conn.request;
      const { bytesRead } = socket;
      client.socket.write(frame(';default;;say;0;0;late'));
      await vi.waitFor(() => expect(socket.bytesRead).toBeGreaterThan(bytesRead));
      expect(frames).toBe(1);
    });
  });

  test('[CP4] [LM6] a part of a message in the same packet must be completed in time', async () => {
    await attack({ compression, limits: { messageTimeout: 100, closeTimeout: 100 } }, async ({ target }) => {
      const { client } = await dialMember(target);
      client.socket.write(Buffer.concat([deflatedFrame(';default;;say;0;0;'), frame('never complete').subarray(0, 9)]));
      await client.waitFor(closing(1008, closeReasons.incomplete.text));
      await client.closed;
    });
  });

  test('[CP4] [SV5] a close frame is found, though the connection was paused', async () => {
    const { opened, open } = gate();
    await attack({ compression, handlers: { say: () => opened } }, async ({ target }) => {
      const { client, conn } = await dialMember(target);
      client.socket.write(
        Buffer.concat([...Array.from({ length: 20 }, (_, at) => bomb(at)), frame('\x03\xe8', { opcode: 8 })]),
      );
      await vi.waitFor(() => expect(target.server.watching.usageOf(conn).turns).toBeGreaterThan(3));
      conn.close(1000, 'enough');
      await client.waitFor('enough');
      await client.closed;
      open();
      expect((await target.disconnects.next()).reason).toMatchObject({ text: 'enough' });
    });
  });

  test('[CP4] [SV6] a line that is lost while its connection is paused ends', async () => {
    const { opened, open } = gate();
    await attack({ compression, handlers: { say: () => opened } }, async ({ target }) => {
      const { client, conn } = await dialMember(target);
      client.socket.write(Buffer.concat(Array.from({ length: 100 }, (_, at) => bomb(at))));
      await vi.waitFor(() => expect(target.server.watching.usageOf(conn).turns).toBeGreaterThan(3));
      client.socket.resetAndDestroy();
      target.server.broadcast(null, { namespace: 'default', event: 'said', body: 'written to a lost line' });
      await vi.waitFor(() => expect(conn.isClosed).toBe(true));
      open();
      expect((await target.disconnects.next()).reason).toMatchObject(closeReasonOf('lost'));
    });
  });
});

import { describe, expect, test } from 'vitest';
import { AskTimeout, ErrBadRoom, type Message, OnRoomJoin, rateLimit, reply } from '../../src/index.js';
import type { RawClient } from '../support/peers/rawClient.js';
import { type Attack, heapUsed, useAttacks } from '../support/server/attack.js';
import { SupervisorHarness } from '../support/server/supervisorHarness.js';

const attack = useAttacks();
const MiB = 1_048_576;

/** Sends these; resolves when the server has read them, and nothing has come back. */
const flood = async (client: RawClient, frames: readonly string[]): Promise<void> => {
  for (const frame of frames) client.send(frame);
  await client.expectNoFrame();
};

describe('identity', () => {
  test.each(['A', 'Ahealthy', 'Avictim-id', 'H', 'Hno', 'MM', 'M ', 'm'])(
    '[HS2] [HS7] %j acknowledges nothing, while onConnect thinks it over and refuses',
    async (first) => {
      const decided: (() => void)[] = [];
      const onConnect: Parameters<typeof attack>[0]['onConnect'] = ({ id }) =>
        id === 'healthy'
          ? undefined
          : new Promise<void>((_, refuse) => {
              decided.push(() => refuse(new Error('unknown')));
            });
      await attack({ onConnect, handlers: { chat() {} } }, async ({ attacker, handled: ran, target: testServer }) => {
        const client = await attacker();
        client.send(first);
        client.send('$1;default;;_OnNamespaceConnect;0;0;');
        client.send(';default;;chat;0;0;x');
        await client.ping();
        expect(testServer.server.connections().map(({ id }) => id)).toEqual(['healthy']);
        for (const decide of decided) decide();
        expect(await client.closed).toEqual({ code: 1008, reason: 'unknown' });
        expect(client.frames.all).toEqual(['Hunknown']);
        expect(ran).toEqual([]);
      });
    },
  );

  test('[HS11] [BC1] a shared id addresses all its connections, and no others', async () => {
    await attack({}, async ({ target: testServer, attacker }) => {
      const [one, two, other] = [await attacker('same'), await attacker('same'), await attacker('*')];
      for (const client of [one, two, other]) await client.inDefault();
      testServer.server.broadcast(null, { namespace: 'default', event: 'secret', to: 'same' });
      expect([await one.next(), await two.next()]).toEqual([';default;;secret;0;0;', ';default;;secret;0;0;']);
      await other.expectNoFrame();
    });
  });

  test.each(['', 'default', 'a;b', 'a b', 'a\u0000', 'x'.repeat(129)])('[HS11] the id %j is refused', async (id) => {
    await attack({}, async ({ target: testServer }) => {
      await expect(testServer.dial(id)).rejects.toThrow('400');
    });
  });

  test('[SV5] a user can be put out by id, wherever he sits', async () => {
    await attack({}, async ({ target: testServer, attacker }) => {
      const [one, two] = [await attacker('joe'), await attacker('joe')];
      await Promise.all([one.acknowledge(), two.acknowledge()]);
      for (const conn of testServer.server.connections()) if (conn.id === 'joe') conn.close(4_001, 'session over');
      const over = { code: 4_001, reason: 'session over' };
      expect(await Promise.all([one.closed, two.closed])).toEqual([over, over]);
    });
  });
});

describe('tokens', () => {
  test('[AK2] [AK1] fifty thousand guesses, replays and answers of others settle nothing', async () => {
    await attack({ limits: { garbageFrames: 0 } }, async ({ target: testServer, attacker }) => {
      const asked = await (await attacker('asked')).inDefault();
      const other = await (await attacker('other')).inDefault();
      const asking = testServer.connection('asked').namespace('default')?.ask('approve');
      const token = String(await asked.next()).split(';', 1)[0] ?? '';
      const guesses = Array.from(
        { length: 50_000 },
        (_, at) => `${(at * 7_919).toString(36)}-${token.split('-')[1]};default;;approve;0;0;forged`,
      );
      await flood(other, [`${token};default;;approve;0;0;forged`, ...guesses]);
      asked.send(`${token};default;;approve;0;0;mine`);
      expect((await asking)?.body).toBe('mine');
      await flood(asked, [`${token};default;;approve;0;0;again`]);
    });
  });

  test('[AK4] a late answer is ignored, and later events are handled', async () => {
    await attack({ handlers: { chat() {} } }, async ({ target: testServer, attacker, handled: ran }) => {
      const client = await (await attacker()).inDefault();
      const asking = testServer.connection('attacker').namespace('default')?.ask('question', '', { timeout: 50 });
      const token = String(await client.next()).split(';', 1)[0];
      await expect(asking).rejects.toBeInstanceOf(AskTimeout);
      await flood(client, [`${token};default;;question;0;0;late`, ...Array(10).fill(';default;;chat;0;0;x')]);
      expect(ran.length).toBe(10);
    });
  });

  test('[BC9] a forwarded ask asks no client, and ends nothing', async () => {
    const handlers = {
      chat: (
        { conn }: Parameters<NonNullable<Parameters<typeof attack>[0]['handlers']>[string]>[0],
        message: Message,
      ) => conn.server.broadcast(conn, message),
    };
    await attack({ handlers }, async ({ attacker }) => {
      const client = await (await attacker('a')).inDefault();
      const other = await (await attacker('b')).inDefault();
      await flood(client, ['$2;default;;chat;0;0;x']);
      expect(await other.next()).toBe(';default;;chat;0;0;x');
    });
  });

  test('[AK4] [AK9] asks without an answer end with the connection, all of them', async () => {
    await attack({}, async ({ target: testServer, attacker }) => {
      const client = await (await attacker()).inDefault();
      const ns = testServer.connection('attacker').namespace('default');
      const asks = Array.from({ length: 1_100 }, () =>
        ns?.ask('q').then(
          () => 'answered',
          (error: Error) => error.message,
        ),
      );
      await client.next();
      client.terminate();
      const ends = await Promise.all(asks);
      expect(ends.filter((end) => end === 'write closed')).toHaveLength(1_000);
      expect(ends.filter((end) => end === '1000 asks are pending already')).toHaveLength(100);
    });
  });
});

describe('names', () => {
  test('[RM6] [MW6] rooms, namespaces and keys of limits keep no frames in memory', async () => {
    const names = Array.from({ length: 60 }, (_, at) => `a-namespace-with-a-name-${at}`);
    const limit = rateLimit({ events: 1, per: 60_000, key: (_, { room }) => room });
    const namespaces = Object.fromEntries(names.map((name) => [name, { say() {} }]));
    const harness = new SupervisorHarness({ namespaces, use: [limit] });
    const { socket } = harness.open('ann');
    const before = await heapUsed();
    const sendWide = async (head: string): Promise<void> => {
      // As a frame that was read: one flat text.
      socket.receive(Buffer.from(`${head}${'x'.repeat(60_000)}`).toString());
      await harness.settle();
      socket.sent.length = 0;
    };
    for (const name of names) await sendWide(`$1;${name};;_OnNamespaceConnect;0;0;`);
    for (let at = 0; at < 120; at++) {
      await sendWide(`$1;${names[0]};a-room-with-a-name-${at};_OnRoomJoin;0;0;`);
      await sendWide(`;${names[0]};a-room-with-a-name-${at};say;0;0;`);
    }
    expect(harness.supervisor.roomNames(names[0] ?? '')).toHaveLength(120);
    expect((await heapUsed()) - before).toBeLessThan(MiB);
  });

  test('[NS1] [NS8] fifty thousand unknown namespaces leave nothing behind', async () => {
    await attack({}, async ({ attacker }) => {
      const client = await (await attacker()).inDefault();
      const names = (from: number) => Array.from({ length: 10_000 }, (_, at) => `;n${from + at};;e;0;0;`);
      await flood(client, names(0));
      const before = await heapUsed();
      for (let round = 1; round < 5; round++) await flood(client, names(round * 10_000));
      expect((await heapUsed()) - before).toBeLessThan(MiB);
    });
  });

  test('[RM6] ten thousand rooms are 128, and as many again when those are left', async () => {
    await attack({}, async ({ target: testServer, attacker }) => {
      const client = await (await attacker()).inDefault();
      for (let at = 0; at < 10_000; at++) client.send(`$${at};default;r${at};_OnRoomJoin;0;0;`);
      const answers = await client.frames.take(10_000);
      expect(answers.filter((answer) => String(answer).endsWith(';1;0;too many rooms'))).toHaveLength(9_872);
      expect(testServer.server.roomNames('default')).toHaveLength(129);
      await client.ask('$l;default;r1;_OnRoomLeave;0;0;');
      expect(await client.ask('$j;default;new;_OnRoomJoin;0;0;')).toBe('$j;;;;;;');
    });
  });

  const prototypes = ['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'then'];

  test.each(prototypes)('[FR2] [RM1] %s is a name like any other', async (name) => {
    const handlers = { echo: (_: unknown, { room, body }: Message) => reply(`${room} ${body}`) };
    await attack({ handlers }, async ({ target: testServer, attacker }) => {
      const client = await (await attacker(name)).inDefault();
      expect(await client.ask(`$1;${name};;_OnNamespaceConnect;0;0;`)).toBe(
        `$1;${name};;_OnNamespaceConnect;1;0;bad namespace`,
      );
      expect(await client.ask(`$2;default;${name};_OnRoomJoin;0;0;`)).toBe('$2;;;;;;');
      expect(await client.ask(`$3;default;${name};echo;0;0;x`)).toBe(`$3;default;${name};echo;0;0;${name} x`);
      client.send(`$4;default;;${name};0;0;`);
      await client.expectNoFrame();
      const conn = testServer.connection(name);
      expect(await Promise.resolve(conn)).toBe(conn);
      conn.set(name, 1);
      expect([conn.increment(name), conn.get('valueOf')]).toEqual([2, undefined]);
    });
  });

  test('[FR1] [RM1] a veto handler decides on the very name that is joined, in any encoding', async () => {
    const seen: string[] = [];
    const handlers = {
      [OnRoomJoin](_: unknown, { room }: Message) {
        seen.push(room);
        if (room === 'a;b') throw ErrBadRoom;
      },
    };
    await attack({ handlers }, async ({ target: testServer, attacker }) => {
      const client = await (await attacker()).inDefault();
      seen.length = 0;
      expect(await client.ask('$1;default;a@%!semicolon@%!b;_OnRoomJoin;0;0;')).toContain(';1;0;bad room');
      expect(await client.ask('$2;default;a@%!semi;_OnRoomJoin;0;0;')).toBe('$2;;;;;;');
      expect(seen).toEqual(['a;b', 'a@%!semi']);
      expect(testServer.server.roomNames('default')).toEqual(['lobby', 'a@%!semi']);
    });
  });

  test('[FR8] an error text of 64 KiB is kept short, and a known one decides nothing', async () => {
    const errors: unknown[] = [];
    const handlers = { oops: (_: unknown, { err }: Message) => void errors.push(err) };
    await attack({ handlers }, async ({ attacker }) => {
      const client = await (await attacker()).inDefault();
      await flood(client, [`;default;;oops;1;0;${'x'.repeat(65_000)}`, ';default;;oops;1;0;bad room']);
      expect(errors).toMatchObject([{ message: 'x'.repeat(1_024) }, ErrBadRoom]);
      expect(await client.ask('$1;default;;ping;0;0;')).toBe('$1;default;;ping;0;0;pong');
    });
  });

  test.each([';', '\n', '[', '@%!semicolon@%!'])('[FR2] 64 KiB of %j are a frame at most', async (piece) => {
    const whole = piece.repeat(Math.floor(65_000 / piece.length));
    await attack({}, async ({ attacker }) => {
      const client = await (await attacker()).inDefault();
      await flood(client, Array(20).fill(whole));
      expect(await client.ask('$1;default;;ping;0;0;')).toBe('$1;default;;ping;0;0;pong');
    });
  });
});

describe('memory', () => {
  test('[FR7] small bodies that a program keeps do not keep the buffers that they were read into', async () => {
    const kept: unknown[] = [];
    const handlers = { keep: (_: unknown, { body }: Message) => void kept.push(body) };
    const external = async (): Promise<number> => {
      await heapUsed();
      return process.memoryUsage().arrayBuffers;
    };
    await attack({ handlers }, async ({ attacker }: Attack) => {
      const client = await (await attacker()).inDefault();
      const before = await external();
      const frame = Buffer.from(';default;;keep;0;0;0123456789');
      for (let sent = 0; sent < 10_000; sent++) client.send(frame);
      await client.expectNoFrame();
      expect(kept).toHaveLength(10_000);
      expect((await external()) - before).toBeLessThan(2 * MiB);
    });
  });
});

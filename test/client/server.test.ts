import { afterEach, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { type Client, reply as clientReply, type DialOptions, dial, type Recovery } from '../../src/client/client.js';
import { type ClientEnvironment, withParts } from '../../src/client/line/parts.js';
import { CloseError, OnRoomJoin, reply, type ServerOptions } from '../../src/index.js';
import { useServers } from '../support/server/testServer.js';

const start = useServers();
const clients: Client[] = [];
afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.close()));
});

/** A server with handlers, and a client of it. */
const pair = async (options: DialOptions = {}, serverOptions: Partial<ServerOptions> = {}, onPort = 0) => {
  const testServer = await start(
    {
      namespaces: {
        chat: {
          echo: (_, { body }) => reply(body),
          boom() {
            throw new Error('boom; with semicolon');
          },
          say: (ns, message) => ns.broadcast(message),
          [OnRoomJoin](_, { room }) {
            if (room === 'secret') throw new Error('room denied');
          },
        },
      },
      ...serverOptions,
    },
    onPort,
  );
  const client = dial(testServer.url, { WebSocket, ...options });
  clients.push(client);
  return { ...testServer, client };
};

describe('with a Muster server', () => {
  test('[CL5] [CL6] [CL12] it is aware, and a pong proves what has arrived', async () => {
    const notes: string[] = [];
    let onVisible = (): void => {};
    const environment: ClientEnvironment = {
      isOffline: () => false,
      base: () => undefined,
      listen(listener) {
        onVisible = () => listener('VISIBLE');
        return () => {};
      },
    };
    const { client, server } = await pair(withParts({}, { environment }), { debug: ({ what }) => notes.push(what) });
    await client.ready;
    expect(server.metrics().aware).toBe(1);
    expect(server.connections().map(({ id }) => id)).toEqual([client.id]);
    const chat = await client.connect('chat');
    chat.emit('say', 'once');
    onVisible();
    await expect.poll(() => notes.filter((what) => what.includes('pong'))).toHaveLength(1);
    chat.emit('say', 'twice');
    server.connections()[0]?.close(1012, 'retry=1');
    await expect.poll(() => client.counters.lines).toBe(2);
    expect(client.counters).toMatchObject({ inDoubt: 1, silences: 0 });
  });

  test('[CL10] 200 asks at once each get their own answer, as text and as bytes', async () => {
    const { client } = await pair();
    const chat = await client.connect('chat');
    const texts = Array.from({ length: 200 }, (_, at) => `a;b${at}`);
    const answers = await Promise.all(texts.map((text) => chat.ask('echo', text)));
    expect(answers.map(({ body }) => body)).toEqual(texts);
    const { body } = await chat.ask('echo', new Uint8Array([0, 255, 59]));
    expect(body).toEqual(new Uint8Array([0, 255, 59]));
    await expect(chat.ask('boom')).rejects.toThrow('boom; with semicolon');
  });

  test('[CL13] the server connects, joins, asks and ends', async () => {
    const { client, server } = await pair({
      namespaces: { chat: { confirm: (_, { body }) => clientReply(`yes ${body}`) } },
    });
    await client.ready;
    const [conn] = server.connections();
    const ns = await conn?.connect('chat');
    const chat = await client.waitServerConnect('chat');
    await ns?.joinRoom('lobby');
    expect(chat.room('lobby')?.isJoined).toBe(true);
    expect((await ns?.ask('confirm', 'sure?'))?.body).toBe('yes sure?');
    await ns?.room('lobby')?.leave();
    await ns?.disconnect();
    expect([chat.rooms(), chat.isConnected]).toEqual([[], false]);
    await expect(conn?.connect('other')).rejects.toThrow('bad namespace');
  });

  test('[CL8] [CL12] a server that starts again gets its client back, with its rooms and what waited', async () => {
    const recoveries: Recovery[] = [];
    const { client, server, url } = await pair({ onReconnect: (recovery) => recoveries.push(recovery) });
    const chat = await client.connect('chat');
    const heard: unknown[] = [];
    const room = await chat.joinRoom('lobby', { on: { say: ({ body }) => void heard.push(body) } });
    await expect(chat.joinRoom('secret')).rejects.toThrow('room denied');
    await server.close();
    await expect.poll(() => client.state).not.toBe('online');
    expect(room.emit('say', 'still here')).toBe(true);
    await start({ namespaces: { chat: { say: (ns, message) => ns.broadcast(message) } } }, Number(new URL(url).port));
    await expect.poll(() => heard).toEqual(['still here']);
    expect([room.isJoined, chat.room('lobby'), chat.rooms()]).toEqual([true, room, [room]]);
    expect(recoveries).toMatchObject([{ recovered: false, inDoubt: 0, refused: [] }]);
  });

  test('[CL21] a kick is final, and told with code and text', async () => {
    const { client, server } = await pair();
    await client.ready;
    server.connections()[0]?.close(4001, 'kicked');
    await expect.poll(() => client.state).toBe('closed');
    expect(client.reason).toEqual({ code: 4001, text: 'kicked' });
  });

  test('[CL2] [CL21] a refusal is told with its text', async () => {
    const refuse = (): never => {
      throw new Error('members only');
    };
    const { client } = await pair({}, { onConnect: refuse });
    await expect(client.ready).rejects.toMatchObject({ code: 1008, text: 'members only' });
  });

  test('[CL7] [CL21] a token that the server does not know is asked for again', async () => {
    const tokens = ['expired', 'joe'];
    const { client, server } = await pair(
      { auth: async () => tokens.shift() ?? '' },
      {
        authenticate({ token }) {
          if (token !== 'joe') throw new CloseError(4401, 'who are you?');
          return { id: token };
        },
      },
    );
    const reasons: unknown[] = [];
    client.subscribe(() => reasons.push(client.reason));
    await client.ready;
    expect(reasons).toContainEqual({ code: 4401, text: 'who are you?' });
    expect(server.connections()[0]?.user).toEqual({ id: 'joe' });
  });
});

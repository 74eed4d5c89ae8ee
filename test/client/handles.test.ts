import { expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { dial } from '../../src/client/client.js';
import { reply } from '../../src/index.js';
import { useServers } from '../support/server/testServer.js';

const start = useServers();
test('smoke', async () => {
  const { server, url } = await start({
    namespaces: {
      chat: {
        ping: (_n, m) => reply(`pong ${m.body}`),
        say: (ns, m) => ns.broadcast(m),
        boom() {
          throw new Error('boom');
        },
      },
    },
  });
  const states: string[] = [];
  const client = dial(url, {
    WebSocket,
    namespaces: { chat: { confirm: (_n, m) => reply(`yes ${m.body}`) } },
    onReconnect: (r) => states.push(JSON.stringify(r)),
  });
  client.subscribe((s) => states.push(s));
  const early = client.connect('chat');
  await client.ready;
  const chat = await early;
  expect((await chat.ask('ping', 'a')).body).toBe('pong a');
  const answers = await Promise.all(Array.from({ length: 200 }, (_, i) => chat.ask('ping', String(i))));
  expect(answers.map((m) => m.body)).toEqual(answers.map((_, i) => `pong ${i}`));
  await expect(chat.ask('boom')).rejects.toThrow('boom');
  const heard: unknown[] = [];
  const room = await chat.joinRoom('x', { on: { say: (m) => void heard.push(m.body) } });
  room.emit('say', 'hey');
  await expect.poll(() => heard).toEqual(['hey']);
  const conn = server.connections()[0]!;
  expect((await conn.ask({ namespace: 'chat', event: 'confirm', body: '1' })).body).toBe('yes 1');
  conn.close(1001, 'retry=50');
  await expect.poll(() => client.state).not.toBe('online');
  chat.emit('say', 'queued');
  room.emit('say', 'queued2');
  await expect.poll(() => heard).toEqual(['hey', 'queued2']);
  await server.connections()[0]!.namespace('chat')!.joinRoom('srv');
  expect(chat.rooms().map((r) => r.name)).toEqual(['x', 'srv']);
  await room.leave();
  await chat.disconnect();
  await client.close();
  console.log(states, client.counters, client.reason);
});

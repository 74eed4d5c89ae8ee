import { describe, expect, test } from 'vitest';
import { exclude } from '../../../src/index.js';
import { useNodes } from '../../support/cluster/nodes.js';
import { memoryBroker } from '../../support/exchange/memoryExchange.js';

const makeNode = useNodes();

/** Two servers on one broker. */
const pair = async (options = {}) => {
  const broker = memoryBroker();
  return { broker, a: await makeNode(broker.exchange(), options), b: await makeNode(broker.exchange(), options) };
};

const chat = { namespace: 'default', event: 'chat' };

describe('broadcasts', () => {
  test('[EX4] [EX6] reach the clients of both servers, once each', async () => {
    const { a, b } = await pair();
    const [here, there] = [await a.enter('here'), await b.enter('there')];
    a.server.broadcast(null, { ...chat, body: 'one' }, { ...chat, body: 'two' });
    for (const client of [here, there]) {
      expect(await client.frames.take(2)).toEqual([';default;;chat;0;0;one', ';default;;chat;0;0;two']);
    }
    b.server.broadcast(null, { ...chat, body: 'back' });
    for (const client of [here, there]) {
      expect(await client.next()).toBe(';default;;chat;0;0;back');
      await client.expectNoFrame();
    }
    expect(a.server.exchange?.status.published).toBe(2);
  });

  test('[EX6] reach rooms, one id, and all but one id', async () => {
    const { a, b } = await pair();
    const [inRoom, outside] = [await b.enter('in', 'r1'), await b.enter('out')];
    a.server.broadcast(null, { ...chat, room: 'r1', body: 'room' });
    a.server.broadcast(null, { ...chat, to: 'out', body: 'to' });
    a.server.broadcast(exclude('in'), { ...chat, body: 'but one' });
    a.server.broadcast(null, { ...chat, body: 'end' });
    expect(await inRoom.frames.take(2)).toEqual([';default;r1;chat;0;0;room', ';default;;chat;0;0;end']);
    const expected = [';default;;chat;0;0;to', ';default;;chat;0;0;but one', ';default;;chat;0;0;end'];
    expect(await outside.frames.take(3)).toEqual(expected);
  });
});

describe('asks', () => {
  test('[EX7] a client of another server answers', async () => {
    const { a, b } = await pair();
    const there = await b.enter('there');
    const asked = a.server.ask({ namespace: 'default', event: 'q', body: '?', to: 'there' });
    const question = await there.nextText();
    const [wait = ''] = question.split(';');
    expect(question).toBe(`${wait};default;;q;0;0;?`);
    there.send(`${wait};default;;q;0;0;fine`);
    expect((await asked).body).toBe('fine');
    expect(a.server.exchange?.status.lost).toMatchObject({ broken: 0 });
  });
});

describe('missing messages', () => {
  test('[EX9] a message to an id without connections is missing to no client', async () => {
    const { broker, a, b } = await pair();
    const client = await b.enter('x');
    const say = (body: string): void => a.server.broadcast(null, { namespace: 'default', event: 'e', to: 'x', body });
    const release = broker.hold('taking');
    say('to the one who goes');
    client.terminate();
    await b.disconnects.next();
    say('between the two');
    const next = b.enter('x');
    await expect.poll(() => broker.waiting).toBe(4);
    release();
    const newcomer = await next;
    say('to the one who has come');
    expect(await newcomer.next()).toBe(';default;;e;0;0;to the one who has come');
    expect(b.server.exchange?.status.lost.missing).toBe(0);
  });
});

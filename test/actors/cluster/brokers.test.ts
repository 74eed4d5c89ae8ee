import { expect, test } from 'vitest';
import { natsExchange } from '../../../src/exchange/nats.js';
import { redisExchange } from '../../../src/exchange/redis.js';
import { useNodes } from '../../support/cluster/nodes.js';
import { askRedis, natsServer, redisServer, startNats, startRedis } from '../../support/peers/brokers.js';
import { describeWith } from '../../support/peers/installed.js';

const makeNode = useNodes();
const many = 200;
const question = { namespace: 'default', event: 'q' };

/** Two servers of which the second has a client that answers what the first asks. */
const asksAcross = async (makeExchange: () => Parameters<typeof makeNode>[0]) => {
  const [asking, asked] = [await makeNode(makeExchange()), await makeNode(makeExchange())];
  const client = await asked.enter('there');
  const answer = asking.server.ask({ ...question, to: 'there' });
  const [wait = ''] = (await client.nextText()).split(';');
  client.send(`${wait};default;;q;0;0;fine`);
  expect((await answer).body).toBe('fine');
  for (const { server, errors } of [asking, asked]) {
    expect([server.exchange?.status.state, server.exchange?.status.lost.unsubscribed, errors]).toEqual([
      'online',
      0,
      [],
    ]);
  }
};

describeWith(redisServer, 'servers on Redis', () => {
  test('[EX2] have two connections each, for any number of clients', async () => {
    const broker = await startRedis();
    const nodes = [1, 2].map(() => makeNode(redisExchange({ url: broker.url, channel: 'app' })));
    for (const node of await Promise.all(nodes)) {
      await Promise.all(Array.from({ length: many }, (_, at) => node.enter(`client-${at}`)));
    }
    expect(await broker.connections()).toBe(4);
  });

  test('[EX7] [EX13] ask and answer on channels of their own alone, as a broker may limit them', async () => {
    const { url, port } = await startRedis();
    await askRedis(port, 'ACL SETUSER app on >secret ~* resetchannels &app.* +@all\r\n', /\+OK/);
    const limited = url.replace('redis://', 'redis://app:secret@');
    await asksAcross(() => redisExchange({ url: limited, channel: 'app' }));
  });
});

describeWith(natsServer, 'servers on NATS', () => {
  test('[EX2] have one connection each, for any number of clients', async () => {
    const broker = await startNats();
    const nodes = [1, 2].map(() => makeNode(natsExchange({ servers: broker.url, prefix: 'app' })));
    for (const node of await Promise.all(nodes)) {
      await Promise.all(Array.from({ length: many }, (_, at) => node.enter(`client-${at}`)));
    }
    expect(await broker.connections()).toBe(2);
  });

  test('[EX7] ask and answer', async () => {
    const { url } = await startNats();
    await asksAcross(() => natsExchange({ servers: url, prefix: 'app' }));
  });
});

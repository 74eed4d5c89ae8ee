import { expect, it } from 'vitest';
import { watch } from '../support/async/promises.js';
import { bodyOfMessage, goPeers } from '../support/peers/goPeer.js';
import { describeWith } from '../support/peers/installed.js';
import type { RawClient } from '../support/peers/rawClient.js';
import { type Cluster, describeNodes, isOlderLine } from './goCluster.js';

const question = (wait: string): string => `${wait};default;;q;0;0;?`;

/** The second node has taken an answer for an event of its own. */
const runAsEvent = (cluster: Cluster): Promise<void> =>
  expect.poll(() => cluster.nodes[1].log.all).toContain('q default: yes');

/**
 * Says this to whoever asks there, until it is heard: the older line on NATS has its question out before the broker
 * knows where it listens, and an answer that is quick enough is lost.
 */
const settle = async (cluster: Cluster, asked: Promise<unknown>, channel: string, payload: string): Promise<void> => {
  const seen = watch(asked);
  await expect
    .poll(async () => {
      await cluster.tap.publish(channel, payload);
      return seen.state;
    })
    .not.toBe('pending');
};

describeNodes(({ kind, isOlder, start, answersOf }) => {
  /** A raw client of the second node that is there to be asked. */
  const startWithBob = async (otherPath?: string) => {
    const cluster = await start(undefined, otherPath);
    const client = await cluster.dial(1, 'bob');
    await client.inDefault();
    return { cluster, client };
  };
  const asking = { namespace: 'default', event: 'q', body: '?', to: 'bob', timeout: 4_000 } as const;

  /** Has the first node ask the raw client of the second; the token as it went over the broker, and as it came. */
  const ask = async (cluster: Cluster, client: RawClient) => {
    const asked = cluster.nodes[0].do('serverAsk', asking);
    const [channel, payload = ''] = (await cluster.next()).split(' ');
    expect(channel).toBe(cluster.channelOf('bob'));
    const [marked = '', ...rest] = payload.split(';');
    expect(rest.join(';')).toBe('default;;q;0;0;?');
    const [token = '', ...same] = (await client.nextText()).split(';');
    expect(same).toEqual(rest);
    return { asked, marked, token };
  };

  it('[EX7] a node that asks: its token, its marker, and where it listens', async () => {
    const { cluster, client } = await startWithBob();
    const { asked, marked, token } = await ask(cluster, client);
    if (isOlder) {
      expect(marked).toMatch(/^R\d{18}$/);
      expect(token).toBe(marked);
    } else {
      expect(marked).toMatch(/^[0-9a-z]![0-9a-z]+-[0-9a-z]+-[0-9a-f]{8}$/);
      expect(token).toBe(marked.replace('!', ''));
    }
    await settle(cluster, asked, answersOf(cluster, token), ';default;;q;0;0;from outside');
    expect(bodyOfMessage(await asked)).toBe('from outside');
  });

  it('[EX7] a node that asks, and its answer: the older release line handles it as an event', async () => {
    const { cluster, client } = await startWithBob();
    const { asked, token } = await ask(cluster, client);
    client.send(`${token};default;;q;0;0;yes`);
    if (isOlder) {
      await runAsEvent(cluster);
      expect(await cluster.said()).toEqual([]);
      await settle(cluster, asked, token, ';default;;q;1;0;never mind');
      await expect(asked).rejects.toThrow('never mind');
    } else {
      expect(await cluster.next()).toBe(`${answersOf(cluster, token)} ;default;;q;0;0;yes`);
      expect(bodyOfMessage(await asked)).toBe('yes');
    }
  });

  it.each([
    ['an answer', 'default;;q;0;0;yes', ';default;;q;0;0;yes'],
    ['an error', 'default;;q;1;0;no; not here', ';default;;q;1;0;no; not here'],
    ['an empty one', ';;;;;', ';;;;0;0;'],
  ])('[EX7] a question with three markers, %s of a client that echoes', async (_, answer, payload) => {
    const { cluster, client } = await startWithBob();
    await cluster.tap.publish(cluster.channelOf('bob'), question('k!!!abc-1f'));
    expect(await cluster.next()).toBe(`${cluster.channelOf('bob')} ${question('k!!!abc-1f')}`);
    expect(await client.next()).toBe(question('k!!abc-1f'));
    client.send(`k!!abc-1f;${answer}`);
    expect(await cluster.next()).toBe(`${answersOf(cluster, 'k!abc-1f')} ${payload}`);
  });

  it('[EX7] a question with one marker, and a client that echoes', async () => {
    const { cluster, client } = await startWithBob();
    await cluster.tap.publish(cluster.channelOf('bob'), question('k!abc-1f'));
    expect(await client.next()).toBe(question('kabc-1f'));
    await cluster.said();
    client.send('kabc-1f;default;;q;0;0;yes');
    if (isOlder) await runAsEvent(cluster);
    else expect(await cluster.next()).toBe(`${answersOf(cluster, 'kabc-1f')} ;default;;q;0;0;yes`);
    expect(await cluster.said()).toEqual([]);
  });

  for (const other of goPeers)
    describeWith(other, `a client of ${other.name}`, (clientPath) => {
      const isOlderClient = isOlderLine(other);

      it('[EX7] a question with three markers, and one with one', async () => {
        const cluster = await start();
        await cluster.enterGo(1, 'joe', clientPath);
        const place = cluster.channelOf('joe');
        await cluster.tap.publish(place, question('k!!!abc-1f'));
        const token = isOlderClient ? 'kabc-1f' : 'k!abc-1f';
        expect(await cluster.next()).toBe(`${place} ${question('k!!!abc-1f')}`);
        expect(await cluster.next()).toBe(`${answersOf(cluster, token)} ;default;;q;0;0;yes`);
        await cluster.tap.publish(place, question('k!def-1f'));
        expect(await cluster.next()).toBe(`${place} ${question('k!def-1f')}`);
        if (isOlder) await runAsEvent(cluster);
        else expect(await cluster.next()).toBe(`${answersOf(cluster, 'kdef-1f')} ;default;;q;0;0;yes`);
        expect(await cluster.said()).toEqual([]);
      });
    });

  it('[EX7] a node publishes for any token that its client invents', async () => {
    const cluster = await start();
    const client = await cluster.enter(1, 'bob');
    const place = cluster.channelOf('default');
    client.send(`${place.slice(0, 1)}!${place.slice(1)};default;;all;0;0;x`);
    const channel = isOlder ? place : `${cluster.prefix}.ask.${kind === 'nats' ? place.replaceAll('.', '_') : place}`;
    expect(await cluster.next()).toBe(`${channel} ;default;;all;0;0;x`);
    // The older release line has sent that to all.
    expect(await cluster.heardOn(place, client)).toEqual(isOlder ? [';default;;all;0;0;x'] : []);
  });

  for (const other of goPeers.filter((one) => isOlderLine(one) !== isOlder))
    describeWith(other, `asking by way of a node of ${other.name}`, (otherPath) => {
      it('[EX7] neither release line gets its own asks answered there', async () => {
        const { cluster, client } = await startWithBob(otherPath);
        const { asked, token } = await ask(cluster, client);
        client.send(`${token};default;;q;0;0;yes`);
        // The newer line answers where its own kind would listen.
        if (isOlder) expect(await cluster.next()).toBe(`${cluster.prefix}.ask.${token} ;default;;q;0;0;yes`);
        else await runAsEvent(cluster);
        expect(await cluster.said()).toEqual([]);
        await settle(cluster, asked, answersOf(cluster, token), ';default;;q;1;0;never mind');
        await expect(asked).rejects.toThrow('never mind');
      });
    });
});

import { describe, expect, it } from 'vitest';
import { goPeers } from '../support/peers/goPeer.js';
import { describeWith } from '../support/peers/installed.js';
import type { RawClient } from '../support/peers/rawClient.js';
import { type Cluster, describeNodes } from './goCluster.js';

const chat = { namespace: 'default', event: 'chat' } as const;
const header = ';default;;chat;0;0;';
/** The id of a node that is none of theirs. */
const ours = '11111111-2222-3333-4444-555555555555';
const uuid = '[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}';

/** What came to these clients by way of the channel of `default`. */
const received = (cluster: Cluster, ...clients: RawClient[]) =>
  Promise.all(clients.map((client) => cluster.heardOn(cluster.channelOf('default'), client)));

describeNodes(({ kind, path, isOlder, start }) => {
  describe('frames that they publish', () => {
    it('[EX6] a broadcast is one frame, on the channel of its namespace for any room', async () => {
      const cluster = await start();
      const here = await cluster.enter(0, 'ann', 'room1');
      const there = await cluster.enter(1, 'bob', 'room1');
      const other = await cluster.enter(1, 'eve');
      const place = cluster.channelOf('default');
      expect(await cluster.broadcast({ body: 'all; of you' })).toEqual([`${place} ;default;;chat;0;0;all; of you`]);
      expect(await cluster.broadcast({ body: 'r', room: 'room1' })).toEqual([`${place} ;default;room1;chat;0;0;r`]);
      const all = [';default;;chat;0;0;all; of you', ';default;room1;chat;0;0;r'];
      expect(await received(cluster, here, there, other)).toEqual([all, all, all.slice(0, 1)]);
    });

    it('[EX6] several in one call are one payload each, in order', async () => {
      const cluster = await start();
      const there = await cluster.enter(1, 'bob');
      const lines = await cluster.broadcast({ body: 'n', count: 3 }, 3);
      const frames = [0, 1, 2].map((n) => `;default;;chat;0;0;n${n}`);
      expect(lines).toEqual(frames.map((frame) => `${cluster.channelOf('default')} ${frame}`));
      expect(await received(cluster, there)).toEqual([frames]);
    });

    it('[EX6] a message to one id goes on its channel, without naming it', async () => {
      const cluster = await start();
      const here = await cluster.enter(0, 'bob');
      const there = await cluster.enter(1, 'bob');
      const other = await cluster.enter(1, 'eve');
      const place = cluster.channelOf('bob');
      const frame = ';default;;chat;0;0;hi';
      expect(await cluster.broadcast({ body: 'hi', to: 'bob' })).toEqual([`${place} ${frame}`]);
      expect(await cluster.heardOn(place, here)).toEqual([frame]);
      expect(await cluster.heardOn(place, there)).toEqual([frame]);
      expect(await received(cluster, other)).toEqual([[]]);
    });

    it('[EX6] an excluded sender is named in front, by its kind: others with its id get the message', async () => {
      const cluster = await start({ default: { chat: 'broadcastOthers' } });
      const sender = await cluster.enter(0, 'alice');
      const namesake = await cluster.enter(1, 'alice');
      const form = new RegExp(
        `^${cluster.channelOf('default')} neffos\\(0x${uuid}\\(alice0x[0-9a-f]+\\)\\);default;;chat;0;0;hey$`,
      );
      const [byNode] = await cluster.broadcast({ body: 'hey', except: 'alice' });
      sender.send(';default;;chat;0;0;hey');
      const byHandler = await cluster.next();
      expect(byNode).toMatch(form);
      expect(byHandler).toBe(byNode);
      const frame = ';default;;chat;0;0;hey';
      expect(await received(cluster, sender, namesake)).toEqual([[], [frame, frame]]);
    });

    it('[EX6] an id to leave out', async () => {
      const cluster = await start();
      const here = await cluster.enter(0, 'alice');
      const there = await cluster.enter(1, 'bob');
      const frame = ';default;;chat;0;0;hey';
      const [known] = await cluster.broadcast({ body: 'hey', exclude: 'alice' });
      const [unknown] = await cluster.broadcast({ body: 'hey', exclude: 'bob' });
      // One that the node has no connection of is carried by neither line.
      expect(unknown).toBe(`${cluster.channelOf('default')} ${frame}`);
      if (isOlder) expect(known).toBe(unknown);
      else expect(known).toMatch(new RegExp(`neffos\\(0x${uuid}\\(alice0x[0-9a-f]+\\)\\)${frame}$`));
      const excluded = isOlder ? [frame, frame] : [frame];
      expect(await received(cluster, here, there)).toEqual([excluded, [frame, frame]]);
    });

    it('[EX6] a body of bytes is published as it is, and arrives as text: a strict client closes', async () => {
      const cluster = await start();
      const raw = await cluster.enter(1, 'bob');
      const go = await cluster.enterGo(1, 'joe', path);
      const place = cluster.channelOf('joe');
      const plain = new TextEncoder().encode('plain');
      expect(await cluster.broadcast({ body: plain })).toEqual([`${cluster.channelOf('default')} ${header}plain`]);
      expect(await received(cluster, raw)).toEqual([[`${header}plain`]]);
      const body = new Uint8Array([0xff, 0x3b, 0xfe]);
      const bytes = `<${Buffer.from(header).toString('hex')}ff3bfe>`;
      expect(await cluster.broadcast({ body, to: 'joe' })).toEqual([`${place} ${bytes}`]);
      expect(await cluster.broadcast({ body })).toEqual([`${cluster.channelOf('default')} ${bytes}`]);
      // A Go client takes what it gets.
      await expect.poll(() => go.log.all).toContain('chat default: <ff3bfe>');
      // It tells the node why, and itself that no close frame came.
      expect((await raw.closed).code).toBe(1006);
      expect(raw.frames.rest()).toEqual([]);
    });

    it('[EX6] a node counts its own connections', async () => {
      const cluster = await start();
      await cluster.enter(0, 'ann');
      await cluster.enter(1, 'bob');
      await cluster.enter(1, 'eve');
      expect(await Promise.all(cluster.nodes.map((node) => node.do('total')))).toEqual([1, 2]);
    });
  });

  describe('frames of Muster that they receive', () => {
    it.each([
      `neffos(0x${ours}(1.7))`,
      `neffos(0x${ours}(12.345.b.616c696365))`,
      `neffos(0x${ours}(*))`,
      'neffos(0x',
      '',
    ])('[EX6] the tag %j is removed, and excludes no connection', async (tag) => {
      const cluster = await start();
      const client = await cluster.enter(0, 'bob', 'room1');
      for (const room of ['', 'room1', 'elsewhere'])
        await cluster.tap.publish(cluster.channelOf('default'), `${tag};default;${room};chat;0;0;hi`);
      expect(await received(cluster, client)).toEqual([[';default;;chat;0;0;hi', ';default;room1;chat;0;0;hi']]);
      await cluster.tap.publish(cluster.channelOf('bob'), `${tag};default;;chat;0;0;you`);
      expect(await cluster.heardOn(cluster.channelOf('bob'), client)).toEqual([';default;;chat;0;0;you']);
    });
  });

  describe('native messages', () => {
    const native = { namespace: '', isNative: true } as const;
    const tag = `neffos(0x${ours}(1.7))`;
    /** The older line has no subject for the empty namespace. */
    const isMute = isOlder && kind === 'nats';
    /** What carries the empty namespace. */
    const emptyOf = (cluster: Cluster): string => (kind === 'nats' ? `${cluster.prefix}._` : cluster.channelOf(''));

    /** Beside events. */
    const startMixed = async () => {
      const cluster = await start({ default: { chat: '' }, '': { _OnNativeMessage: '' } });
      const client = await cluster.dial(0, 'bob');
      await client.acknowledge();
      await client.connect('');
      return { cluster, client, place: cluster.channelOf('bob') };
    };

    it('[EX6] beside events: nothing but the body, on the channel of the empty namespace, and no tag', async () => {
      const { cluster, client, place } = await startMixed();
      if (!isMute) await cluster.settled(client, emptyOf(cluster), 'probe');
      await cluster.nodes[0].do('broadcast', { ...native, body: 'na;tive', except: 'bob' });
      const toAll = isMute ? [] : [`${emptyOf(cluster)} na;tive`];
      const all = [...toAll, `${place} one`];
      expect(await cluster.broadcast({ ...native, body: 'one', to: 'bob' }, all.length)).toEqual(all);
      const received = isMute ? ['one'] : ['na;tive', 'one'];
      const said = () => client.frames.all.filter((frame) => frame === 'na;tive' || frame === 'one');
      await expect.poll(() => said().sort()).toEqual(received);
    });

    it('[EX6] beside events: seven fields are a frame, and a framed native is its body', async () => {
      const { cluster, client, place } = await startMixed();
      const payloads = [
        ';;;_OnNativeMessage;0;0;x',
        `${tag};;;_OnNativeMessage;0;0;y`,
        // A body that looks like a frame of a namespace without members.
        '1;2;3;4;5;6;7',
        // One with too few fields keeps its tag.
        `${tag};z`,
      ];
      for (const payload of payloads) await cluster.tap.publish(place, payload);
      expect(await cluster.heardOn(place, client, '')).toEqual(['x', 'y', `${tag};z`]);
    });

    it('[EX6] native-only: only messages to an id arrive, and everything goes out as it was', async () => {
      const cluster = await start({ '': { _OnNativeMessage: '' } });
      const client = await cluster.dial(0, 'bob');
      const place = cluster.channelOf('bob');
      await cluster.settled(client, place, 'probe');
      await cluster.nodes[0].do('broadcast', { ...native, body: 'to all' });
      const toAll = isMute ? [] : [`${emptyOf(cluster)} to all`];
      const all = [...toAll, `${place} one`];
      expect(await cluster.broadcast({ ...native, body: 'one', to: 'bob' }, all.length)).toEqual(all);
      const payloads = [';;;_OnNativeMessage;0;0;x', `${tag};;;_OnNativeMessage;0;0;y`, `${tag};z`];
      for (const payload of payloads) await cluster.tap.publish(place, payload);
      await expect.poll(() => client.frames.all).toContain(`${tag};z`);
      expect(client.frames.all.filter((frame) => frame !== 'probe')).toEqual(['one', ...payloads]);
    });
  });

  for (const other of goPeers)
    describeWith(other, `beside a node of ${other.name}`, (otherPath) => {
      it('[EX6] each release line receives from the other, and only the sender is excluded', async () => {
        const cluster = await start({ default: { chat: '' } }, otherPath);
        const sender = await cluster.enter(0, 'alice');
        const namesake = await cluster.enter(1, 'alice');
        await cluster.broadcast({ body: 'hey', except: 'alice' });
        await cluster.nodes[1].do('broadcast', { ...chat, body: 'back', except: 'alice' });
        await cluster.next();
        expect(await received(cluster, sender, namesake)).toEqual([[`${header}back`], [`${header}hey`]]);
      });
    });
});

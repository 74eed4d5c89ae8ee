import { describe, expect, it } from 'vitest';
import { useOurClients } from '../support/peers/ourClient.js';
import { describeNodes } from './goCluster.js';

const secret = 'tell-nobody';

describeNodes(({ start }) => {
  const dial = useOurClients();

  describe('our client on their server', () => {
    it('[CL4] [CL7] what it says of itself, and its token, is not published; its events are', async () => {
      const cluster = await start({ default: { chat: 'broadcastOthers', _OnAnyEvent: '' } });
      const other = await cluster.enter(1, 'bob');
      await cluster.said();
      const { client } = dial(cluster.urlOf(0, 'ann'), { default: {} }, { auth: () => secret });
      const ns = await client.connect('default');
      expect(await cluster.said()).toEqual([]);
      expect(ns.emit('chat', 'hi')).toBe(true);
      expect(await cluster.next()).toContain(';default;;chat;0;0;hi');
      expect(await cluster.heardOn(cluster.channelOf('default'), other)).toEqual([';default;;chat;0;0;hi']);
      await client.close();
      expect(cluster.tap.received.all.join('\n')).not.toMatch(/#m|tell-nobody/);
      expect(client.counters).toMatchObject({ invalid: 0, unknownVerbs: 0, silences: 0 });
    });
  });
});

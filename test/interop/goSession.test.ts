import { describe, expect, it } from 'vitest';
import { fromClient } from '../../src/protocol/session.js';
import { hello, hint, resume } from '../support/sessions/hinted.js';
import { describeNodes } from './goCluster.js';

const secret = 'tell-nobody';
const opening = { hello: hello(secret), resume: resume(secret) } as const;
/** What an aware client would send if it took its server for one of ours. */
const later = [fromClient('ping', '0'), fromClient('ack', '0 0'), fromClient('auth', secret), '$#m;;;later;0;0;'];

describeNodes(({ start }) => {
  describe('a client of ours on their server', () => {
    it.each(['hello', 'resume'] as const)('[SS12] a %s and pings are neither answered nor published', async (verb) => {
      const cluster = await start({ default: { chat: 'broadcastOthers', _OnAnyEvent: '' } });
      const other = await cluster.enter(1, 'bob');
      await cluster.said();
      const client = await cluster.dial(0, 'ann', hint);
      client.send(opening[verb]);
      client.send('M');
      expect(await client.nextText()).toBe('Aann');
      for (const frame of later) client.send(frame);
      await client.expectNoFrame();
      await client.connect('default');
      for (const frame of later) client.send(frame);
      await client.expectNoFrame();
      expect(await cluster.said()).toEqual([]);
      // The broker carries what is no frame of the session layer.
      client.send(';default;;chat;0;0;hi');
      expect(await cluster.next()).toContain(';default;;chat;0;0;hi');
      expect(await cluster.heardOn(cluster.channelOf('default'), other)).toEqual([';default;;chat;0;0;hi']);
      expect(cluster.tap.received.all.join('\n')).not.toMatch(/#m|tell-nobody/);
    });
  });
});

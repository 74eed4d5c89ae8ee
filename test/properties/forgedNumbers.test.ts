import { createClient } from 'redis';
import { expect, onTestFinished, test } from 'vitest';
import { redisExchange } from '../../src/exchange/redis.js';
import { ExchangeLoss } from '../../src/index.js';
import { readTag, writeTag } from '../../src/protocol/tag.js';
import { useNodes } from '../support/cluster/nodes.js';
import { redisServer, startRedis } from '../support/peers/brokers.js';
import { describeWith } from '../support/peers/installed.js';

const makeNode = useNodes();
const channel = 'muster.default.';
/** Time between two forged numbers, and between two messages, in ms. */
const forgedInterval = 100;
const interval = 20;
const patience = { timeout: 60_000 };
const count = Number(process.env['MUSTER_HONEST'] ?? 100);

describeWith(redisServer, 'a program that publishes on Redis', () => {
  /** Two servers, and a program that sees the tags of the first one and forges others. */
  const open = async () => {
    const broker = await startRedis();
    const exchange = () => redisExchange({ url: broker.url, channel: 'muster' });
    const [honest, other] = [await makeNode(exchange()), await makeNode(exchange())];
    const client = await other.enter('client');
    const [seeing, forging] = [createClient({ url: broker.url }), createClient({ url: broker.url })];
    await Promise.all([seeing.connect(), forging.connect()]);
    onTestFinished(() => {
      seeing.destroy();
      forging.destroy();
    });
    const forged = new Set<string>();
    let times = 0;
    let tag = readTag('');
    await seeing.subscribe(channel, (payload) => {
      const [wait = ''] = payload.split(';');
      if (!forged.has(wait)) tag = readTag(wait) ?? tag;
    });
    const forge = async (numberAfter: (last: number, times: number) => number): Promise<void> => {
      if (!tag) throw new Error('the first server has sent nothing yet');
      const wait = writeTag({ ...tag, number: numberAfter(tag.number, times) });
      forged.add(wait);
      times++;
      await forging.publish(channel, `${wait};default;;e;0;0;forged`);
    };
    const bodies = (): string[] =>
      client.frames.all.flatMap((frame) => /;e;0;0;(\d+|forged)$/.exec(String(frame))?.[1] ?? []);
    const say = (number: number): void =>
      honest.server.broadcast(null, { namespace: 'default', event: 'e', body: String(number) });
    /** Forges now and then, while the first server sends. Returns the messages of that server that came. */
    const run = async (numberAfter: (last: number, times: number) => number): Promise<number[]> => {
      say(0);
      await expect.poll(bodies).toContain('0');
      await expect.poll(() => tag?.number).toBe(1);
      const forgery = setInterval(() => void forge(numberAfter), forgedInterval);
      onTestFinished(() => clearInterval(forgery));
      let number = 0;
      const talk = setInterval(() => {
        if (number < count) say(++number);
      }, interval);
      onTestFinished(() => clearInterval(talk));
      await expect.poll(() => number, patience).toBe(count);
      clearInterval(forgery);
      // Among the last ones none is forged any more.
      say(count + 1);
      await expect.poll(bodies).toContain(String(count + 1));
      return bodies().flatMap((body) => (body === 'forged' ? [] : [Number(body)]));
    };
    return { other, run, times: () => times };
  };
  const all = Array.from({ length: count + 2 }, (_, at) => at);

  test.each<[string, (last: number, times: number) => number]>([
    ['any', (_, times) => 999_999_999_999_000 - times * 7_777_777_777_777],
    ['the highest', () => 999_999_999_999_999],
    ['just too high', (last, times) => last + 70_000 * (times + 1)],
  ])(
    '[EX9] [EX14] [EX18] cannot keep a server from being heard by a number that is forged: %s',
    async (_, numberAfter) => {
      const { other, run, times } = await open();
      expect(await run(numberAfter)).toEqual(all);
      const { lost } = other.server.exchange?.status ?? {};
      console.log(`${all.length} of ${all.length} heard among ${times()} forged: ${JSON.stringify(lost)}`);
      expect(times()).toBeGreaterThan(0);
      expect(lost?.missing).toBe(0);
      expect(lost?.renumbered).toBeGreaterThan(0);
      await expect
        .poll(() => other.errors.map(({ error }) => error instanceof ExchangeLoss && error.loss))
        .toContain('renumbered');
    },
  );

  test('[EX9] [EX14] makes it late for a second by a number a little higher, and no longer', async () => {
    const { other, run } = await open();
    const heard = await run((last) => last + 1_000);
    const missed = all.filter((number) => !heard.includes(number));
    console.log(`${heard.length} of ${all.length} heard, ${missed.length} late`);
    expect(heard).toEqual(heard.toSorted((one, other) => one - other));
    expect(new Set(heard).size).toBe(heard.length);
    // They are late in one go.
    expect((missed.at(-1) ?? 0) - (missed[0] ?? 0)).toBe(missed.length - 1);
    expect(other.server.exchange?.status.lost).toMatchObject({ late: expect.any(Number), renumbered: 1 });
  });
});

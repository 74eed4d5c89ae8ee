import { existsSync, readFileSync } from 'node:fs';
import { type Browser, type Page, chromium as playwright } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { ended, type RunningExample, useExample } from '../support/docs/exampleProcess.js';
import { type RunningBroker, redisServer, startRedis } from '../support/peers/brokers.js';
import { chromium, describeWith } from '../support/peers/installed.js';
import { RawClient } from '../support/peers/rawClient.js';

const { run, start: startExample, stopAll } = useExample('cluster');

/** A killed example leaves its Redis behind, so each is stopped by SIGTERM. */
const stops: (() => Promise<unknown>)[] = [];

const start = async (): Promise<RunningExample> => {
  const example = await startExample();
  const end = ended(example.process);
  stops.push(() => {
    example.process.kill('SIGTERM');
    return end;
  });
  return example;
};

const stopExamples = async (): Promise<void> => {
  await Promise.all(stops.splice(0).map((stop) => stop()));
  await stopAll();
};

beforeEach(() => void vi.stubEnv('REDIS_URL', ''));
afterEach(async () => {
  await stopExamples();
  vi.unstubAllEnvs();
});

/** Returns the addresses of both nodes. */
const addressesOf = async ({ address }: RunningExample): Promise<string[]> => {
  const nodes = (await (await fetch(`${address}/nodes.json`)).json()) as { readonly address: string }[];
  return nodes.map((node) => node.address);
};

describe('the cluster example without a Redis', () => {
  it('[EX1] names the missing service, and exits with 1', async () => {
    vi.stubEnv('REDIS_SERVER', '/nowhere/redis-server');
    const { code, out, err } = await ended(run('0'));
    expect([code, out]).toEqual([1, '']);
    expect(err.trim().split('\n')).toEqual([
      'This example needs Redis, and redis-server is not installed.',
      'Install it, or name a running one: REDIS_URL=redis://127.0.0.1:6379 node examples/cluster/server.js',
    ]);
  });

  it('[EX1] [EX17] reports that the named Redis does not answer, without its password, and exits with 1', async () => {
    vi.stubEnv('REDIS_URL', 'redis://:hushhush@127.0.0.1:1');
    const { code, out, err } = await ended(run('0'));
    expect([code, out]).toEqual([1, '']);
    expect(err).toMatch(/node [AB] cannot reach Redis: /);
    expect(err).not.toContain('hushhush');
  });
});

describeWith(redisServer, 'the cluster example as a program', (redis) => {
  beforeEach(() => void vi.stubEnv('REDIS_SERVER', redis));

  const dial = async (address: string): Promise<RawClient> => {
    const client = await RawClient.dial(`${address.replace('http', 'ws')}/live`);
    await client.inNamespace('wall');
    return client;
  };
  /** Returns the next chat message, skipping status messages. */
  const nextSaid = async (client: RawClient): Promise<unknown> => {
    for (;;) {
      const [, body] = /^;wall;;said;0;0;(.*)$/.exec(await client.nextText()) ?? [];
      if (body !== undefined) return JSON.parse(body);
    }
  };

  it('[EX4] messages from a client of one node reach the clients of both, in order', async () => {
    const [a = '', b = ''] = await addressesOf(await start());
    const [ann, bob] = [await dial(a), await dial(b)];
    for (const text of ['one', 'two; three', '<b>four</b>']) ann.send(`;wall;;say;0;0;${text}`);
    for (const client of [ann, bob]) {
      for (const text of ['one', 'two; three', '<b>four</b>'])
        expect(await nextSaid(client)).toMatchObject({ text, node: 'A' });
    }
  });

  it('[DR1] [EX16] exits with 0 on SIGTERM, closes its connections, and leaves no process behind', async () => {
    const example = await start();
    const [, b = ''] = await addressesOf(example);
    const client = await dial(b);
    const { pid } = example.process;
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ');
    expect(children).toHaveLength(3);
    const end = ended(example.process);
    example.process.kill('SIGTERM');
    expect((await client.closed).code).toBe(1001);
    expect(await end).toMatchObject({ code: 0, err: '' });
    expect(children.filter((child) => existsSync(`/proc/${child}`))).toEqual([]);
  });

  it('[DR1] exits with 1 when one of its nodes ends', async () => {
    const example = await start();
    const { pid } = example.process;
    const [, , node] = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ');
    const end = ended(example.process);
    process.kill(Number(node), 'SIGKILL');
    expect((await end).code).toBe(1);
  });

  it('[HS12] serves its page and named files only', async () => {
    const { address } = await start();
    const statusOf = async (path: string): Promise<number> => {
      const response = await fetch(address + path);
      await response.arrayBuffer();
      return response.status;
    };
    for (const path of ['/', '/app.js', '/style.css', '/icon.svg', '/musterjs/client/client.js'])
      expect([path, await statusOf(path)]).toEqual([path, 200]);
    for (const path of ['/server.js', '/..%2fnode%2fserver.js', '/musterjs/index.js'])
      expect([path, await statusOf(path)]).toEqual([path, 404]);
  });

  describeWith(chromium, 'in a browser', (executablePath) => {
    let browser: Browser;
    beforeAll(async () => {
      const args = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run'];
      const quiet = ['--disable-background-networking', '--disable-component-update', '--disable-sync'];
      browser = await playwright.launch({ executablePath, args: [...args, ...quiet] });
    }, 60_000);
    afterEach(() => Promise.all(browser.contexts().map((context) => context.close())));
    afterAll(() => browser?.close());

    /** Opens the page, and records its errors and the hosts of its requests. */
    const open = async (address: string) => {
      const complaints: string[] = [];
      const hosts = new Set<string>();
      const page = await (await browser.newContext()).newPage();
      page.setDefaultTimeout(60_000);
      page.on('pageerror', (error) => complaints.push(error.message));
      page.on('console', (message) => {
        if (message.type() === 'error') complaints.push(message.text());
      });
      page.on('request', (request) => hosts.add(new URL(request.url()).hostname));
      page.on('websocket', (socket) => hosts.add(new URL(socket.url()).hostname));
      await page.goto(address);
      await stand(page, 'online');
      return { page, complaints, hosts };
    };
    const panel = (page: Page, node: string) => page.locator(`.panel[data-node="${node}"]`);
    /** Resolves when the page shows both nodes in this state. */
    const stand = async (page: Page, state: string): Promise<void> => {
      for (const node of ['A', 'B'])
        await panel(page, node).locator('.state').getByText(state, { exact: true }).waitFor();
    };
    const say = async (page: Page, node: string, text: string): Promise<void> => {
      await panel(page, node).locator('input').fill(text);
      await panel(page, node).locator('input').press('Enter');
    };
    const sees = (page: Page, node: string, text: string): Promise<void> =>
      panel(page, node).locator('.bubble').getByText(text, { exact: true }).waitFor();
    const via = (page: Page, node: string): Promise<string[]> => panel(page, node).locator('.via').allInnerTexts();
    const counts = (page: Page, node: string, name: string, value: number): Promise<void> =>
      panel(page, node).locator(`[data-count="${name}"]`).getByText(String(value), { exact: true }).waitFor();

    it('[EX4] [EX2] a message from one side appears on both, with its node; nothing leaves the machine', async () => {
      const { page, complaints, hosts } = await open((await start()).address);
      await say(page, 'A', 'Hello; B <b>&amp;</b> 😀');
      for (const node of ['A', 'B']) await sees(page, node, 'Hello; B <b>&amp;</b> 😀');
      await say(page, 'B', 'Hello, A');
      for (const node of ['A', 'B']) await sees(page, node, 'Hello, A');
      expect(await via(page, 'A')).toEqual(['sent here', 'from node B']);
      expect(await via(page, 'B')).toEqual(['from node A', 'sent here']);
      for (const node of ['A', 'B']) {
        await counts(page, node, 'published', 1);
        await counts(page, node, 'received', 2);
        await counts(page, node, 'waiting', 0);
        await counts(page, node, 'lost', 0);
      }
      const badges = await page.evaluate<string[]>(
        "[...document.querySelectorAll('.badge')].map((badge) => getComputedStyle(badge).backgroundColor)",
      );
      expect(new Set(badges).size).toBe(2);
      expect([...hosts]).toEqual(['127.0.0.1']);
      expect(complaints).toEqual([]);
    });

    it('[EX10] [EX11] without Redis each side continues, and waiting messages arrive after the reconnect', async () => {
      const { page, complaints } = await open((await start()).address);
      await say(page, 'A', 'first');
      await sees(page, 'B', 'first');
      await page.getByRole('button', { name: 'Stop Redis' }).click();
      await stand(page, 'degraded');
      await say(page, 'A', 'by ourselves');
      await sees(page, 'A', 'by ourselves');
      await counts(page, 'A', 'waiting', 1);
      expect(await panel(page, 'B').locator('.bubble').allInnerTexts()).toEqual(['first']);
      await page.getByRole('button', { name: 'Start Redis' }).click();
      await stand(page, 'online');
      await say(page, 'A', 'together again');
      await sees(page, 'B', 'together again');
      await counts(page, 'A', 'waiting', 0);
      const heard = await panel(page, 'B').locator('.bubble').allInnerTexts();
      expect(heard).toEqual(['first', 'by ourselves', 'together again']);
      expect(complaints).toEqual([]);
    });

    it('[EX10] the page cannot stop a Redis that the example did not start', async () => {
      const broker: RunningBroker = await startRedis();
      vi.stubEnv('REDIS_URL', broker.url);
      const { page } = await open((await start()).address);
      expect(await page.getByRole('button', { name: /Redis/ }).count()).toBe(0);
      await broker.kill();
      await stand(page, 'degraded');
      await page.locator('#broker-state').getByText('away', { exact: true }).waitFor();
    });
  });
});

import { type Browser, chromium as playwright } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect, it, test, vi } from 'vitest';
import { type Authorize, inspector } from '../../src/inspector/inspector.js';
import { deferred } from '../support/async/promises.js';
import { chromium, describeWith } from '../support/peers/installed.js';
import { useServers } from '../support/server/testServer.js';

const startServer = useServers();
afterEach(() => void vi.useRealTimers());

const open = async (authorize: Authorize = () => true) => {
  const testServer = await startServer({ namespaces: { n: {} } });
  const shown = inspector(testServer.server, { authorize });
  return { ...testServer, shown, address: `${testServer.url.replace('ws', 'http')}inspector` };
};

test('[IN6] [IN10] the stream is for authorized requests only', async () => {
  const { address } = await open(() => false);
  expect((await fetch(`${address}/stately-stream`)).status).toBe(403);
  expect((await fetch(`${address}/stately`)).status).toBe(403);
});

test('[IN6] [IN4] the stream carries the root actor and the followed connection', async () => {
  const { address, dial } = await open();
  const [first, second] = [await dial('a'), await dial('b')];
  await first.acknowledge();
  const stop = new AbortController();
  const response = await fetch(`${address}/stately-stream?follow=connection-2`, { signal: stop.signal });
  const { body } = response;
  if (!body) throw new Error('a stream was due');
  let text = '';
  const reading = (async () => {
    for await (const part of body.pipeThrough(new TextDecoderStream())) text += part;
  })().catch(() => {});
  await second.acknowledge();
  await expect.poll(() => text).toContain('{"open":{"flow":"flowing"}}');
  const names = [...text.matchAll(/"name":"([^"]+)"/g)].map(([, name]) => name);
  expect(names).toEqual(['supervisor', 'connection-2']);
  stop.abort();
  await reading;
});

test('[IN13] its viewers count as viewers, share their bound, and end with the page', async () => {
  const { address, shown } = await open();
  const streams = await Promise.all(Array.from({ length: 32 }, () => fetch(`${address}/stately-stream`)));
  expect(shown.viewers).toBe(32);
  expect((await fetch(`${address}/stately-stream`)).status).toBe(503);
  expect((await fetch(`${address}/stream`)).status).toBe(503);
  shown.close();
  // Each of them comes to its end.
  await Promise.all(streams.map((response) => response.text()));
  expect(shown.viewers).toBe(0);
});

test('[IN10] an open stream is authorized again', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'Date'] });
  let isAllowed = true;
  const { address, shown } = await open(() => isAllowed);
  const stream = await fetch(`${address}/stately-stream`);
  vi.advanceTimersByTime(16_000);
  expect(shown.viewers).toBe(1);
  isAllowed = false;
  vi.advanceTimersByTime(15_000);
  expect(await stream.text()).toContain('"name":"supervisor"');
  expect(shown.viewers).toBe(0);
});

test('[IN13] [IN10] a request or page that ends while authorize decides leaves nothing behind', async () => {
  const decision = deferred();
  const { address, shown, server } = await open(async () => {
    await decision.promise;
    return true;
  });
  let watchers = 0;
  const observe = server.inspect.bind(server);
  server.inspect = (...given) => {
    watchers++;
    return observe(...given);
  };
  const gone = new AbortController();
  const left = fetch(`${address}/stately-stream`, { signal: gone.signal }).catch(() => undefined);
  const late = fetch(`${address}/stream`);
  await expect.poll(() => server.totalConnections).toBe(0);
  gone.abort();
  await left;
  shown.close();
  decision.open();
  expect((await late).status).toBe(404);
  expect([watchers, shown.viewers]).toEqual([0, 0]);
});

test('[IN6] the address without a slash redirects as well', async () => {
  const { address } = await open();
  const response = await fetch(`${address}?ui=stately&follow=connection-7`);
  expect(new URL(response.url).pathname).toBe('/inspector/stately');
  expect(new URL(response.url).search).toMatch(/^\?follow=connection-7~\w+$/);
  const typed = await fetch(`${address}/stately?follow=connection-7`);
  expect(typed.url).toBe(response.url);
});

describeWith(chromium, 'the way to Stately’s inspector in a browser', (executablePath) => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await playwright.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu'] });
  }, 60_000);
  afterAll(() => browser?.close());

  it('[IN6] forwards messages to the page in its frame only, once that is ready', async () => {
    const { address, dial } = await open();
    const client = await dial('a');
    const page = await (await browser.newContext()).newPage();
    const asked: string[] = [];
    page.on('request', (request) => asked.push(new URL(request.url()).origin));
    // The test answers for that address, and records what it receives.
    const theirs = `<script>
      addEventListener('message', ({ data }) => { document.title = data.type; document.body.append(JSON.stringify(data)); });
      parent.postMessage({ type: '@statelyai.connected' }, '*');
    </script>`;
    await page.route('https://stately.ai/inspect', (route) =>
      route.fulfill({ contentType: 'text/html', body: theirs }),
    );
    await page.goto(`${address}/?ui=stately&follow=connection-1`);
    const inner = page.frameLocator('#stately').locator('body');
    await inner.getByText('"name":"supervisor"').waitFor();
    await client.acknowledge();
    await inner.getByText('{"open":{"flow":"flowing"}}').waitFor();
    await page.locator('#status').getByText('Following the root actor and connection-1').waitFor();
    expect([...new Set(asked)].sort()).toEqual([new URL(address).origin, 'https://stately.ai']);
  });
});

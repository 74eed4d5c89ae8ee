import type { IncomingMessage } from 'node:http';
import { type Browser, type Locator, type Page, chromium as playwright } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { connectionMachine, type ServerOptions } from '../../src/index.js';
import { type Authorize, inspector } from '../../src/inspector/inspector.js';
import { connectionSetup } from '../../src/machines/connection.js';
import { deferred } from '../support/async/promises.js';
import { memoryBroker } from '../support/exchange/memoryExchange.js';
import { chromium, describeWith } from '../support/peers/installed.js';
import type { RawClient } from '../support/peers/rawClient.js';
import { useServers } from '../support/server/testServer.js';

/** What of a chart is edited here; xstate itself types a config so loosely that it takes none of its own back. */
interface Editable {
  readonly states: {
    readonly open: { readonly states: { readonly flow: { readonly states: Readonly<Record<string, object>> } } };
  };
}

/** The usual chart with one more state, in which every connection begins when it is open. */
const withAway = (): typeof connectionMachine => {
  const config: unknown = connectionMachine.config;
  const { states } = config as Editable;
  const { open } = states;
  const { flow } = open.states;
  const away = { description: 'Nothing has come for a while.', on: { CONGESTED: { target: 'congested' } } };
  const edited = { ...flow, initial: 'away', states: { ...flow.states, away } };
  const whole = { ...connectionMachine.config, states: { ...states, open: { ...open, states: { flow: edited } } } };
  const made: unknown = connectionSetup.createMachine(whole as never);
  return made as typeof connectionMachine;
};

describeWith(chromium, 'the page of the inspector in a browser', (executablePath) => {
  const startServer = useServers();
  let browser: Browser;

  beforeAll(async () => {
    const args = ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update'];
    browser = await playwright.launch({ executablePath, args });
  }, 60_000);
  afterEach(async () => {
    await Promise.all(browser.contexts().map((context) => context.close()));
  });
  afterAll(() => browser?.close());

  /** A server, its page in a browser, and what the page has asked for and complained about. */
  const open = async (options: Partial<ServerOptions> = {}, authorize: Authorize = () => true) => {
    const testServer = await startServer({ namespaces: { n: {} }, ...options });
    const { viewers } = inspectorOf(testServer.server, authorize);
    const page = await (await browser.newContext({ viewport: { width: 1440, height: 900 } })).newPage();
    page.setDefaultTimeout(60_000);
    const complaints: string[] = [];
    const asked: string[] = [];
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
    page.on('request', (request) => asked.push(new URL(request.url()).origin));
    const origin = testServer.url.replace('ws', 'http').replace(/\/$/, '');
    const response = await page.goto(`${origin}/inspector`);
    return { ...testServer, page, complaints, asked, origin, status: response?.status(), viewers };
  };
  const inspectorOf = (server: Parameters<typeof inspector>[0], authorize: Authorize) => {
    const shown = inspector(server, { authorize });
    return { viewers: () => shown.viewers };
  };

  const shows = (page: Page, selector: string, text: string | RegExp): Promise<void> =>
    page.locator(selector).filter({ hasText: text }).first().waitFor();
  const now = (page: Page, state: string, count: number): Promise<void> =>
    shows(page, `[data-row="connection.${state}"] .now`, new RegExp(`^${count.toLocaleString('en')}$`));
  const isActive = (page: Page, state: string): Promise<void> =>
    page.locator(`#drawing [data-state="connection.${state}"].active`).waitFor({ state: 'attached' });
  const choose = (page: Page, id: string): Promise<void> => page.locator('#found .row').filter({ hasText: id }).click();

  it('[IN5] [IN14] it lists the steps of a dropped connection', async () => {
    const { page, dial, connection, complaints } = await open({ recorder: true });
    await shows(page, '#dropped', 'None so far.');
    await (await dial('<i>joe</i>')).inNamespace('n');
    connection('<i>joe</i>').close(4_001, 'enough');
    await page.locator('#dropped summary').filter({ hasText: '<i>joe</i>' }).click();
    await shows(page, '#dropped .why', '4001 enough');
    await shows(page, '#dropped .way', 'open.flow.flowing → closing');
    expect(complaints).toEqual([]);
  });

  it('[IN5] [IN14] it lists the newest dropped connections', async () => {
    const { page, dial, connection } = await open({ recorder: true });
    for (let nth = 0; nth < 12; nth++) {
      await (await dial(`id-${nth}`)).acknowledge();
      connection(`id-${nth}`).close(4_001, 'enough');
    }
    await shows(page, '#dropped', 'id-11');
    expect(await page.locator('#dropped .name').allTextContents()).toEqual(
      Array.from({ length: 8 }, (_, at) => `id-${11 - at}`),
    );
  });

  it('[IN5] [IN14] a followed connection is shown with its recorded steps', async () => {
    const { page, dial, complaints } = await open({ recorder: true });
    await (await dial('a')).acknowledge();
    await choose(page, 'a');
    await shows(page, '#followed .step .way', 'open.flow.flowing');
    await shows(page, '#followed .steps', 'None yet.');
    expect(complaints).toEqual([]);
  });

  it('[IN13] a page has one stream, even if the choice changes quickly', async () => {
    const decision = deferred();
    const authorize = ({ url = '' }: IncomingMessage) =>
      url.includes('follow=connection') ? decision.promise.then(() => true) : true;
    const { page, dial, viewers, complaints } = await open({}, authorize);
    await (await dial('a')).acknowledge();
    await choose(page, 'a');
    await page.locator('.back').click();
    decision.open();
    await page.locator('#live.on').waitFor();
    await expect.poll(viewers).toBe(1);
    await choose(page, 'a');
    await shows(page, '.followed-state', 'open.flow.flowing');
    await expect.poll(viewers).toBe(1);
    expect(complaints).toEqual([]);
  });

  it('[IN13] [IN14] many choices do not lock the page up while authorize is slow', async () => {
    const decision = deferred();
    const authorize = ({ url = '' }: IncomingMessage) =>
      url.includes('/stream?') ? decision.promise.then(() => true) : true;
    const { page, dial, viewers, complaints } = await open({}, authorize);
    await (await dial('a')).acknowledge();
    for (let times = 0; times < 8; times++) {
      await choose(page, 'a');
      await page.locator('.back').click();
    }
    await choose(page, 'a');
    decision.open();
    await shows(page, '.followed-state', 'open.flow.flowing');
    await expect.poll(viewers).toBe(1);
    expect(complaints).toEqual([]);
  });

  it('[IN16] details can be chosen before the first snapshot', async () => {
    const authorize = ({ url = '' }: IncomingMessage) => !url.includes('/stream?');
    const { page, complaints } = await open({}, authorize);
    await page.locator('[data-row="connection.open"]').waitFor({ state: 'attached' });
    await page.getByRole('button', { name: 'details' }).click();
    // The browser itself says that the stream was refused.
    expect(complaints.filter((complaint) => !complaint.includes('403'))).toEqual([]);
  });

  it('[IN13] a page that is opened in a hidden tab watches nothing', async () => {
    const { page, viewers, origin } = await open();
    await expect.poll(viewers).toBe(1);
    const become = (state: string): string =>
      `Object.defineProperty(document, 'visibilityState', { configurable: true, get: () => '${state}' });`;
    await page.addInitScript(become('hidden'));
    await page.goto(`${origin}/inspector/#%`);
    await page.reload();
    await page.locator('[data-row="connection.open"]').waitFor();
    await expect.poll(viewers).toBe(0);
    await page.evaluate(`${become('visible')} document.dispatchEvent(new Event('visibilitychange'));`);
    await page.locator('#live.on').waitFor();
    await expect.poll(viewers).toBe(1);
  });

  it('[IN14] a page that stays open over a restart does not mix up connections', async () => {
    const first = await open();
    const { page, server } = first;
    await (await first.dial('alice')).acknowledge();
    // As typed by hand.
    await page.goto(`${first.origin}/inspector/#connection-1`);
    await shows(page, '.followed-id', 'alice');
    const { port } = new URL(first.origin);
    await server.close({ timeout: 1 });
    const second = await startServer({ namespaces: { n: {} } }, Number(port));
    inspectorOf(second.server, () => true);
    await (await second.dial('bob')).acknowledge();
    await shows(page, '.followed-state', 'Not connected.');
    await page.locator('.back').click();
    await choose(page, 'bob');
    await shows(page, '.followed-id', 'bob');
  });

  it('[IN12] [IN11] it opens, counts connections, and sends requests to its own server only', async () => {
    const { page, dial, complaints, asked, origin } = await open();
    await page.locator('#live.on').waitFor();
    await shows(page, '#total', /^0$/);
    const clients = await Promise.all(['a', 'b', 'c'].map(dial));
    for (const client of clients) await client.inNamespace('n');
    await shows(page, '#total', /^3$/);
    await now(page, 'open.flow.flowing', 3);
    await isActive(page, 'open.flow.flowing');
    await shows(page, '#drawing .badge[data-of="connection.open.flow.flowing"]', /^3$/);
    await clients[0]?.close();
    await now(page, 'open.flow.flowing', 2);
    await page.getByRole('tab', { name: 'Supervisor' }).click();
    await page.locator('#drawing [data-state="supervisor.accepting"].active').waitFor({ state: 'attached' });
    expect([...new Set(asked)]).toEqual([origin]);
    expect(complaints).toEqual([]);
  });

  it('[IN14] it follows a connection into congested and out again', async () => {
    const { page, server, dial, complaints } = await open({ limits: { highWaterMark: 16_384 } });
    const client = await (await dial('slow')).inNamespace('n');
    await client.join('n', 'lobby');
    await choose(page, 'slow');
    await isActive(page, 'open.flow.flowing');
    await shows(page, '#followed .row', 'lobby');
    client.pause();
    const body = 'x'.repeat(65_536);
    const isCongested = (): boolean => server.connections()[0]?.actor.getSnapshot().hasTag('congested');
    while (!isCongested()) {
      server.broadcast(null, { namespace: 'n', event: 'e', body });
      await server.flush();
    }
    await isActive(page, 'open.flow.congested');
    await shows(page, '.followed-state', 'open.flow.congested');
    await now(page, 'open.flow.congested', 1);
    client.resume();
    await isActive(page, 'open.flow.flowing');
    await shows(page, '.step', 'DRAINED');
    await page.getByRole('tab', { name: 'Room' }).click();
    await page.locator('#drawing [data-state="room.joined"].active').waitFor({ state: 'attached' });
    expect(complaints).toEqual([]);
  });

  it('[IN14] it closes a connection, and shows the close reason', async () => {
    const { page, dial, complaints } = await open();
    const client = await (await dial('a')).inNamespace('n');
    await choose(page, 'a');
    const close = page.locator('.command').filter({ hasText: 'Close' });
    await close.click();
    await close.filter({ hasText: 'Press again' }).click();
    expect((await client.closed).reason).toBe('closed in the inspector');
    await shows(page, '.followed-state.over', 'closed');
    await shows(page, '.step', 'closed in the inspector');
    await page.locator('.back').click();
    await shows(page, '#found-more', 'No connections.');
    expect(complaints).toEqual([]);
  });

  it('[IN14] names from clients are shown as text', async () => {
    const { page, dial, complaints } = await open();
    const name = '<img/src=x/onerror=alert(1)>';
    const client = await (await dial(name)).inNamespace('n');
    await client.join('n', '<b>bold</b>');
    await shows(page, '#places .name', 'n / <b>bold</b>');
    await choose(page, name);
    await shows(page, '.followed-id', name);
    await shows(page, '#followed .row.room', '<b>bold</b>');
    expect(await page.locator('main img, main b').count()).toBe(0);
    expect(complaints).toEqual([]);
  });

  it('[IN14] an edited machine is drawn and counted as edited', async () => {
    const { page, dial, complaints } = await open({ machines: { connection: withAway() } });
    await (await dial('a')).acknowledge();
    await now(page, 'open.flow.away', 1);
    await shows(page, '#drawing [data-state="connection.open.flow.away"]', 'Nothing has come for a while.');
    await isActive(page, 'open.flow.away');
    expect(complaints).toEqual([]);
  });

  it('[IN16] charts are outlined, and shown in full as details', async () => {
    const { page, dial, complaints } = await open();
    await (await dial('a')).acknowledge();
    await isActive(page, 'open.flow.flowing');
    const means = 'The socket is full; deliveries wait in the outbox.';
    const written = async () => (await page.locator('#drawing text').allTextContents()).join(' ');
    expect(await written()).toContain('CONGESTED');
    expect(await written()).not.toContain('countCongestion');
    await page.locator('#drawing [data-state="connection.open.flow.congested"] > title', { hasText: means }).waitFor({
      state: 'attached',
    });
    await page.getByRole('button', { name: 'details' }).click();
    await isActive(page, 'open.flow.flowing');
    expect(await written()).toContain('countCongestion');
    await page.getByRole('button', { name: 'details' }).click();
    expect(await written()).not.toContain('countCongestion');
    expect(complaints).toEqual([]);
  });

  /** The size of the smallest text of the drawing on the screen, in px. */
  const smallestText = (page: Page): Promise<number> =>
    page.evaluate<number>(`(() => {
      const chart = document.querySelector('#drawing .chart');
      const sizes = [...chart.querySelectorAll('tspan')].map((text) => Number(text.getAttribute('font-size')));
      return Math.min(...sizes) * chart.getScreenCTM().a;
    })()`);
  const frameOf = async (locator: Locator) => {
    const frame = await locator.boundingBox();
    if (!frame) throw new Error('it is not on the page');
    return { ...frame, right: frame.x + frame.width, bottom: frame.y + frame.height };
  };
  /** Whether the middle of an element is within another one. */
  const isInView = async (element: Locator, frame: Locator): Promise<boolean> => {
    const [inner, outer] = [await frameOf(element), await frameOf(frame)];
    const [x, y] = [inner.x + inner.width / 2, inner.y + inner.height / 2];
    return x > outer.x && x < outer.right && y > outer.y && y < outer.bottom;
  };
  const chartBox = (page: Page, state: string): Locator =>
    page.locator(`#drawing [data-state="connection.${state}"] > .box`);

  it.each([
    [1_440, 900],
    [1_280, 800],
    [820, 1_100],
    [390, 844],
  ])('[IN19] at a width of %i px a click makes the chart readable where it was clicked', async (width, height) => {
    const { page, dial, complaints } = await open();
    await page.setViewportSize({ width, height });
    await (await dial('a')).acknowledge();
    await isActive(page, 'open.flow.flowing');
    const whole = await frameOf(page.locator('#drawing .chart'));
    expect(whole.width).toBeLessThanOrEqual(width);
    await shows(page, '#hint', 'zoom in');
    for (const state of ['closing', 'acknowledging.client.unacknowledged', 'closed']) {
      await chartBox(page, state).scrollIntoViewIfNeeded();
      const { x, y, width: wide } = await frameOf(chartBox(page, state));
      await page.mouse.click(x + wide / 2, y + 4);
      expect(await smallestText(page)).toBeGreaterThanOrEqual(11);
      expect(await isInView(chartBox(page, state), page.locator('#drawing'))).toBe(true);
      await shows(page, '#hint', 'Escape');
      await page.keyboard.press('Escape');
      await expect
        .poll(async () => Math.round((await frameOf(page.locator('#drawing .chart'))).width))
        .toBe(Math.round(whole.width));
    }
    expect(complaints).toEqual([]);
  });

  it('[IN19] the keyboard zooms in on the active state, and out again', async () => {
    const { page, dial } = await open();
    await page.setViewportSize({ width: 1_280, height: 800 });
    await (await dial('a')).acknowledge();
    await isActive(page, 'open.flow.flowing');
    const button = page.getByRole('button', { name: 'zoom in' });
    await button.focus();
    await page.keyboard.press('Enter');
    expect(await smallestText(page)).toBeGreaterThanOrEqual(11);
    expect(await isInView(chartBox(page, 'open.flow.flowing'), page.locator('#drawing'))).toBe(true);
    await page.getByRole('button', { name: 'zoom out' }).waitFor();
    await page.locator('#search').press('Escape');
    expect(await smallestText(page)).toBeGreaterThanOrEqual(11);
    await button.or(page.getByRole('button', { name: 'zoom out' })).press('Escape');
    await button.waitFor();
    expect(await smallestText(page)).toBeLessThan(11);
  });

  it.each([
    [1_440, 900],
    [1_280, 800],
  ])('[IN19] at a width of %i px the counts cover no text', async (width, height) => {
    const { page, dial, connection } = await open();
    await page.setViewportSize({ width, height });
    for (let nth = 0; nth < 12; nth++) await (await dial(`id-${nth}`)).acknowledge();
    // It congests no client by itself.
    connection('id-1').actor.send({ type: 'CONGESTED' });
    await now(page, 'open.flow.congested', 1);
    await shows(page, '#drawing .badge[data-of="connection.open.flow.flowing"]', /^11$/);
    const covered = await page.evaluate<string[]>(`(() => {
      const framesOf = (selector) =>
        [...document.querySelectorAll(selector)].map((one) => [one.getBoundingClientRect(), one.textContent]);
      const texts = framesOf('#drawing .chart text').filter(([, text]) => !/^\\d*$/.test(text));
      const isOver = (one, other) =>
        one.left < other.right && one.right > other.left && one.top < other.bottom && one.bottom > other.top;
      return framesOf('#drawing .badge:not(.empty) rect').flatMap(([badge]) =>
        texts.filter(([frame]) => isOver(frame, badge)).map(([, text]) => text),
      );
    })()`);
    expect(covered).toEqual([]);
  });

  it.each([
    [1_280, 800],
    [390, 844],
  ])('[IN14] at a width of %i px no button of the stage wraps in a word', async (width, height) => {
    const { page, dial } = await open();
    await page.setViewportSize({ width, height });
    const client = await (await dial('a')).inNamespace('n');
    await client.join('n', 'lobby');
    await choose(page, 'a');
    await page.getByRole('tab', { name: 'Room' }).waitFor();
    const lines = await page.evaluate<string[]>(`(() => {
      const linesOf = (element) => {
        const range = document.createRange();
        range.selectNodeContents(element);
        return new Set([...range.getClientRects()].map(({ top }) => Math.round(top))).size;
      };
      const buttons = [...document.querySelectorAll('.stage-top button:not([hidden])')];
      return buttons.map((button) => button.textContent + ' ' + linesOf(button));
    })()`);
    const tabs = ['All connections', 'Supervisor', 'Connection', 'Namespace', 'Room'];
    expect(lines).toEqual([...tabs, 'zoom in', 'details'].map((text) => `${text} 1`));
    expect(await page.evaluate('document.documentElement.scrollWidth - innerWidth')).toBeLessThanOrEqual(0);
  });

  it('[IN19] without drawings it lists the states, and tells what to install', async () => {
    const { page, dial, origin, complaints } = await open();
    await page.route('**/charts', async (route) => {
      const charts = (await (await route.fetch()).json()) as Record<string, object>;
      const missing = 'Drawing a machine needs the package @viz-js/viz. Install it with: npm install @viz-js/viz';
      for (const [name, chart] of Object.entries(charts))
        charts[name] = { ...chart, outline: null, whole: null, missing };
      await route.fulfill({ json: charts });
    });
    await page.goto(`${origin}/inspector/`);
    await (await dial('a')).acknowledge();
    await shows(page, '.missing', /npm install @viz-js\/viz\. Then restart the server\.$/);
    await page.locator('.chart-list [data-state="connection.open.flow.flowing"].active').waitFor();
    for (const name of ['zoom in', 'details']) expect(await page.getByRole('button', { name }).isVisible()).toBe(false);
    expect(complaints).toEqual([]);
  });

  it('[IN14] the messages of a followed connection are listed by name, and their bodies are not', async () => {
    const { page, server, dial, complaints } = await open();
    const client = await (await dial('a')).inNamespace('n');
    await client.join('n', '<b>bold</b>');
    await choose(page, 'a');
    await shows(page, '.messages', 'None yet.');
    await shows(page, '.steps', 'A step is an event that the chart');
    client.send(';n;<b>bold</b>;<i>say</i>;0;0;a secret');
    await shows(page, '.message.in', /in<i>say<\/i>n \/ <b>bold<\/b>$/);
    for (let times = 0; times < 3; times++) server.broadcast(null, { namespace: 'n', event: 'said', body: 'a secret' });
    await shows(page, '.message.out', /outsaid × 3n$/);
    expect(await page.locator('main').innerText()).not.toContain('a secret');
    expect(await page.locator('main i, main b').count()).toBe(0);
    expect(complaints).toEqual([]);
  });

  it('[IN12] a state in which nothing moves has a dash for its rates, with the reason', async () => {
    const { page, dial } = await open();
    await page.locator('#live.on').waitFor();
    const cell = (name: string): Locator => page.locator(`[data-row="connection.open.flow.congested"] .${name}`);
    for (const name of ['rates', 'mean']) {
      await shows(page, `[data-row="connection.open.flow.congested"] .${name}`, /^–$/);
      expect(await cell(name).getAttribute('title')).toMatch(/connection/);
    }
    await (await dial('a')).acknowledge();
    const moved = page.locator('[data-row="connection.open.flow.flowing"] .rates', { hasText: /^\S+ \/ 0$/ });
    await moved.waitFor();
    expect(await moved.getAttribute('title')).toBe('');
  });

  it('[IN14] with an exchange it shows the link to the broker', async () => {
    const { page, server, complaints } = await open();
    await page.locator('#live.on').waitFor();
    const broker = memoryBroker();
    await server.useStackExchange(broker.exchange());
    await page.getByRole('tab', { name: 'Broker' }).click();
    await page.locator('#drawing [data-state="link.online"].active').waitFor({ state: 'attached' });
    broker.lose();
    await page.locator('#drawing [data-state="link.degraded"].active').waitFor({ state: 'attached' });
    expect(complaints).toEqual([]);
  });

  it('[IN10] an unauthorized request gets no page', async () => {
    const { page, status, viewers } = await open({}, () => false);
    expect(status).toBe(403);
    expect((await page.locator('body').innerText()).trim()).toBe('Forbidden');
    expect(viewers()).toBe(0);
  });

  it('[IN13] a page that is closed watches nothing', async () => {
    const { page, viewers } = await open();
    await expect.poll(viewers).toBe(1);
    await page.close();
    await expect.poll(viewers).toBe(0);
  });

  it('[IN12] it stays responsive with 2,000 connections', async () => {
    const { page, dial, complaints, server } = await open();
    const clients: RawClient[] = [];
    while (clients.length < 2_000) {
      const more = await Promise.all(Array.from({ length: 100 }, (_, at) => dial(`client-${clients.length + at}`)));
      await Promise.all(more.map((client) => client.inNamespace('n')));
      clients.push(...more);
    }
    await shows(page, '#total', /^2,000$/);
    await now(page, 'open.flow.flowing', 2_000);
    const speaking = setInterval(() => server.broadcast(null, { namespace: 'n', event: 'e' }), 20);
    // Processor time of the page, as a busy machine makes any other time longer.
    const inspected = await page.context().newCDPSession(page);
    await inspected.send('Performance.enable', { timeDomain: 'threadTicks' });
    const busy = async (): Promise<number> => {
      const { metrics } = await inspected.send('Performance.getMetrics');
      return metrics.find(({ name }) => name === 'TaskDuration')?.value ?? Number.NaN;
    };
    const before = await busy();
    await page.waitForTimeout(2_000);
    const used = (await busy()) - before;
    clearInterval(speaking);
    expect(used).toBeGreaterThan(0);
    expect(used).toBeLessThan(0.5);
    await page.locator('#search').fill('client-1234');
    await shows(page, '#found .name', /^client-1234$/);
    expect(server.totalConnections).toBe(2_000);
    expect(complaints).toEqual([]);
  }, 60_000);
});

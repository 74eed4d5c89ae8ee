import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { type Browser, type Page, chromium as playwright } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, type ExpectStatic, expect, it } from 'vitest';
import { useGateways } from '../interop/gateway.js';
import { type PageServer, startPageServer } from '../support/client/pageServer.js';
import { type HidingBrowser, startHidingBrowser, type Tab } from '../support/peers/hidingBrowser.js';
import { chromium, describeWith } from '../support/peers/installed.js';

/** How long a page is hidden, frozen or stopped, in ms: longer than its ping and the time to answer it. */
const pause = 60_000;

/** Resolves after this time. It is the time of a browser, which no clock of ours can advance. */
const real = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Keeps this process from doing anything. */
const stand = (ms: number): void => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);

describeWith(chromium, 'a client whose page does not run', (executablePath) => {
  let browser: HidingBrowser;
  let pages: PageServer;

  beforeAll(async () => {
    pages = await startPageServer();
    browser = await startHidingBrowser(executablePath);
  }, 60_000);
  afterAll(async () => {
    await browser?.close();
    await pages?.close();
  });

  // Tests that run at once have an `expect` each.
  const open = async (id: string, own: ExpectStatic): Promise<Tab> => {
    const tab = await browser.open(`${pages.origin}/?id=${id}`);
    await own.poll(() => tab.evaluate('globalThis.tests?.entered.then(() => tests.client.state)')).toBe('online');
    return tab;
  };

  /** Speaks to the page from before the pause to its end; expects that the page has missed nothing, on the same line. */
  const staysWell = async (
    own: ExpectStatic,
    id: string,
    tab: Tab,
    stop: () => unknown,
    go: () => unknown,
  ): Promise<void> => {
    const states = await tab.evaluate('tests.states');
    const conn = pages.connection(id);
    const ns = conn.namespace('default');
    const said: string[] = [];
    const say = (): void => {
      said.push(`${said.length}`);
      own(ns?.emit('say', said.at(-1))).toBe(true);
    };
    say();
    await own.poll(() => tab.evaluate('tests.said')).toEqual(said);
    await stop();
    for (let spent = 0; spent < pause; spent += pause / 20) {
      say();
      await real(pause / 20);
    }
    await go();
    say();
    await own.poll(() => tab.evaluate('tests.said')).toEqual(said);
    own(await tab.evaluate('tests.askAtOnce(1)')).toEqual(['0']);
    // A page that is shown again asks whether its line lives, and gives the server 3 s.
    await real(4_000);
    own(await tab.evaluate('tests.states')).toEqual(states);
    own(await tab.evaluate('tests.client.counters')).toMatchObject({ lines: 1, silences: 0, strays: 0 });
    own(await tab.evaluate('tests.recoveries')).toEqual([]);
    own(pages.connection(id)).toBe(conn);
    own(tab.complaints).toEqual([]);
  };

  /** The process that runs a page: the one without which the page does not answer. */
  const processOf = async (tab: Tab): Promise<number> => {
    for (const renderer of await browser.renderers()) {
      process.kill(renderer, 'SIGSTOP');
      const answer = tab.evaluate('true');
      const answers = await Promise.race([answer, real(2_000)]);
      process.kill(renderer, 'SIGCONT');
      await answer;
      if (answers !== true) return renderer;
    }
    throw new Error('no process runs the page');
  };

  /** The longest time between two messages, as the page heard them. */
  const silenceOf = (tab: Tab): Promise<unknown> =>
    tab.evaluate('Math.max(...tests.heardAt.map((time, nth) => time - (tests.heardAt[nth - 1] ?? time)))');

  const limit = { timeout: 3 * pause };

  describe.concurrent('for a minute', () => {
    it('[CL6] hidden, with its timers throttled: its line stays', limit, async ({ expect: own }) => {
      const tab = await open('hidden', own);
      await tab.evaluate('globalThis.ticks = []; setInterval(() => ticks.push(performance.now()), 100); 0');
      await staysWell(
        own,
        'hidden',
        tab,
        async () => (await browser.open('about:blank')).show(),
        async () => {
          own(await tab.evaluate('document.visibilityState')).toBe('hidden');
          // In a page that is shown there would be 600.
          own(await tab.evaluate('ticks.length')).toBeLessThan(100);
          await tab.show();
        },
      );
      own(await silenceOf(tab)).toBeLessThan(pause / 2);
    });

    it('[CL6] its process is stopped, as by sleep, and continued: its line stays', limit, async ({ expect: own }) => {
      const tab = await open('stopped', own);
      await tab.show();
      const renderer = await processOf(tab);
      let probing: Promise<unknown> | undefined;
      try {
        await staysWell(
          own,
          'stopped',
          tab,
          () => {
            // This process is the server: while it stands, the client waits for the answer to its ping.
            probing = tab.evaluate('tests.probe(2_000)');
            stand(700);
            process.kill(renderer, 'SIGSTOP');
          },
          () => {
            process.kill(renderer, 'SIGCONT');
            return probing;
          },
        );
      } finally {
        // A browser does not end while one of its processes stands.
        process.kill(renderer, 'SIGCONT');
      }
      own(await silenceOf(tab)).toBeGreaterThan(pause * 0.9);
    });
  });

  it('[CL1] [CL12] kept for a way back, its line ended: it is there again with the page, and tells the loss', async () => {
    const tab = await open('frozen', expect);
    const blank = await browser.open('about:blank');
    await blank.show();
    await expect.poll(() => tab.evaluate('document.visibilityState')).toBe('hidden');
    await tab.setFrozen(true);
    pages.connection('frozen').namespace('default')?.emit('say', 'while frozen');
    await blank.evaluate('new Promise((resolve) => setTimeout(resolve, 3_000))');
    expect(await tab.evaluate('tests.said')).toEqual([]);
    await tab.setFrozen(false);
    await tab.show();
    // This browser ends the lines of a frozen page, before or after their last message. Another one may keep them.
    await expect.poll(() => tab.evaluate('tests.said.length + tests.recoveries.length')).toBeGreaterThan(0);
    await expect.poll(() => tab.evaluate('tests.askAtOnce(1).catch(() => [])')).toEqual(['0']);
    expect(await tab.evaluate('tests.client.state')).toBe('online');
    expect(tab.complaints.filter((complaint) => !complaint.includes('Back-Forward Cache'))).toEqual([]);
  });
});

describeWith(chromium, 'a client in a page', (executablePath) => {
  const openGateway = useGateways();
  let browser: Browser;
  let pages: PageServer;

  beforeAll(async () => {
    const args = ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update'];
    browser = await playwright.launch({ executablePath, args });
    pages = await startPageServer();
  }, 60_000);
  afterEach(async () => {
    await Promise.all(browser.contexts().map((context) => context.close()));
  });
  afterAll(async () => {
    await browser?.close();
    await pages?.close();
  });

  /** Opens the page as this client, and collects what it complains about. */
  const open = async (id: string, origin = pages.origin): Promise<{ page: Page; complaints: string[] }> => {
    const page = await (await browser.newContext()).newPage();
    const complaints: string[] = [];
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
    await page.goto(`${origin}/?id=${id}`);
    await page.waitForFunction('globalThis.tests');
    return { page, complaints };
  };
  const state = (page: Page): Promise<unknown> => page.evaluate('tests.client.state');
  const online = (page: Page): Promise<void> => expect.poll(() => state(page)).toBe('online');

  it('[CL10] two hundred asks at once get their own answers', async () => {
    const { page, complaints } = await open('joe');
    const answers = await page.evaluate('tests.askAtOnce(200)');
    expect(answers).toEqual(Array.from({ length: 200 }, (_, nth) => `${nth}`));
    expect(complaints).toEqual([]);
  });

  it('[CL4] it says hello by the URL, and the server speaks the session layer to it', async () => {
    const { page, complaints } = await open('aware');
    await online(page);
    const { url, headers } = pages.connection('aware').request;
    expect(url).toMatch(/[?&]X-Websocket-Header-X-Muster=hello/i);
    expect(headers['x-muster']).toBe('hello');
    expect(pages.server.counters.hellos).toBeGreaterThan(0);
    expect(complaints).toEqual([]);
  });

  it('[CL1] [CL11] the machine goes offline and online again: it dials at once, and only then', async () => {
    const gateway = await openGateway(pages.origin.replace('http', 'ws'));
    const { page, complaints } = await open('roamer', gateway.url.replace('ws', 'http').replace(/\/$/, ''));
    await online(page);
    await page.context().setOffline(true);
    // A browser that says that it is offline keeps its lines on loopback.
    gateway.cut(0);
    await expect.poll(() => state(page)).toBe('offline');
    gateway.seen.rest();
    expect(await page.evaluate("tests.entered.then(({ room }) => room.emit('say', 'queued'))")).toBe(true);
    expect(gateway.seen.rest()).toEqual([]);
    await page.context().setOffline(false);
    await online(page);
    await expect.poll(() => page.evaluate('tests.said')).toEqual(['queued']);
    expect(gateway.seen.rest()).toEqual(['GET 101']);
    expect(await page.evaluate('tests.states')).toEqual([
      ...['greeting', 'entering', 'online', 'offline', 'dialing', 'greeting', 'entering', 'online'],
    ]);
    expect(await page.evaluate('tests.recoveries')).toMatchObject([{ recovered: false, inDoubt: 0, refused: [] }]);
    expect(complaints).toEqual([]);
  });

  it('[CL5] [CL2] a refused upgrade is told with its reason', async () => {
    const { page, complaints } = await open('unwanted');
    const refusal = page.evaluate('tests.client.ready.catch(({ code, message }) => ({ code, message }))');
    expect(await refusal).toEqual({ code: 1008, message: 'not you' });
    expect(await page.evaluate('tests.client.reason')).toEqual({ code: 1008, text: 'not you' });
    expect(await state(page)).toBe('closed');
    expect(complaints).toEqual([]);
  });

  it('[CL1] [CL2] a kick with 4001 is told with its reason, and is final', async () => {
    const { page, complaints } = await open('kicked');
    await page.evaluate("tests.entered.then(({ ns }) => ns.emit('kick'))");
    await expect.poll(() => state(page)).toBe('closed');
    expect(await page.evaluate('tests.client.reason')).toEqual({ code: 4001, text: 'go' });
    expect(complaints).toEqual([]);
  });

  it('[CL2] [CL12] a payload over the limit is told with its reason, and the client comes back', async () => {
    const { page, complaints } = await open('shouter');
    await page.evaluate("tests.entered.then(({ ns }) => ns.emit('echo', 'x'.repeat(100_000)))");
    await expect.poll(() => page.evaluate('tests.recoveries.length')).toBe(1);
    expect(await page.evaluate('tests.client.reason')).toEqual({ code: 1009, text: 'message too big' });
    expect(await page.evaluate('tests.recoveries')).toMatchObject([{ inDoubt: 1, reason: { code: 1009 } }]);
    await online(page);
    expect(complaints).toEqual([]);
  });

  it('[CL1] [CL4] [CL12] in a worker it talks, comes back to a new server, is refused and kicked', async () => {
    const startServer = async (port = '0') => {
      const file = fileURLToPath(new URL('../support/client/server.js', import.meta.url));
      const child = spawn(process.execPath, [file, port], { stdio: ['ignore', 'pipe', 'inherit'] });
      // The server prints its port.
      const [line] = (await once(createInterface(child.stdout), 'line')) as [string];
      return { child, port: line };
    };
    const { page } = await open('joe');
    const first = await startServer();
    await page.evaluate(`
      globalThis.lines = [];
      const script = '/test/support/client/worker.js?server=' + encodeURIComponent('ws://127.0.0.1:${first.port}/');
      const worker = new Worker(script, { type: 'module' });
      worker.onmessage = ({ data }) => lines.push(data);
      worker.onerror = ({ message }) => lines.push('error: ' + message);
    `);
    const lines = (): Promise<unknown> => page.evaluate('lines');
    await expect.poll(lines).toContain('kill me: online');
    first.child.kill('SIGKILL');
    const next = await startServer(first.port);
    await expect.poll(lines, { timeout: 60_000 }).toContain('end');
    next.child.kill('SIGKILL');
    expect(await lines()).toEqual([
      'online: joe',
      'joined: r1',
      'ask: pong',
      'emit: hello',
      '200 asks: true',
      'binary: 1,255,59,2',
      'server ask: client said yes to sure?',
      'server join: in r1,srv',
      'kill me: online',
      'back: false 0',
      'same objects: true',
      'ask: pong',
      'emit: hello,again',
      'refused: closed 1008 not allowed; sorry',
      'kicked: 4001 go',
      'closed: closed 1000',
      'end',
    ]);
  }, 120_000);
});

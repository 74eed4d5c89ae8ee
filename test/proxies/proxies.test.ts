import { once } from 'node:events';
import { chromium as playwright } from 'playwright-core';
import { expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { freePort } from '../../bench/daemon.js';
import type { ServerOptions } from '../../src/index.js';
import { startPageServer } from '../support/client/pageServer.js';
import { type Certificate, certify, openssl } from '../support/peers/certificate.js';
import { chromium, describeWith, type Peer } from '../support/peers/installed.js';
import { useOurClients } from '../support/peers/ourClient.js';
import { request, webSocketOf } from '../support/peers/secureClient.js';
import { type Edit, haproxyConfiguration, nginxConfiguration, type Place } from '../support/proxies/configurations.js';
import { haproxy, nginx, type ProxyProgram, type RunningProxy, useProxies } from '../support/proxies/proxy.js';
import { type Upstream, useUpstreams } from '../support/proxies/upstream.js';

interface Kind {
  readonly program: ProxyProgram;
  readonly configuration: (place: Place) => string;
  /** What it answers while no server is there. */
  readonly withoutServer: number;
  /** An idle timeout of 2 s in place of the page's. */
  readonly briefIdle: Edit;
  /** A host of its own in place of the browser's. */
  readonly withoutHost: Edit;
}

const kinds: readonly Kind[] = [
  {
    program: nginx,
    configuration: nginxConfiguration,
    withoutServer: 502,
    briefIdle: ['proxy_read_timeout 60s', 'proxy_read_timeout 2s'],
    withoutHost: ['proxy_set_header Host              $http_host;', ''],
  },
  {
    program: haproxy,
    configuration: haproxyConfiguration,
    withoutServer: 503,
    briefIdle: ['timeout tunnel 60s', 'timeout tunnel 2s'],
    withoutHost: ['  default_backend', '  http-request set-header Host chat\n  default_backend'],
  },
];

/** The first of these that is missing, or the last one. */
const all = (first: Peer, ...others: readonly Peer[]): Peer =>
  [first, ...others].find(({ path }) => path === undefined) ?? others.at(-1) ?? first;

/** A proxy with its servers, reached by TLS only. */
interface Site {
  readonly origin: string;
  readonly url: string;
  readonly proxy: RunningProxy;
  readonly upstreams: readonly [Upstream, ...Upstream[]];
  /** A `WebSocket` class that trusts the proxy and has this origin. It records each answer that is no upgrade. */
  classOf(origin: string, refusals?: string[]): ReturnType<typeof webSocketOf>;
  /** Sends a request; resolves with the status and the body. */
  request(method: string, path: string): Promise<string>;
}

const useSites = ({ program, configuration }: Kind) => {
  const startUpstream = useUpstreams();
  const startProxy = useProxies();
  let made: Certificate | undefined;

  return async (options: ServerOptions = {}, edits: readonly Edit[] = [], count: 1 | 2 = 1): Promise<Site> => {
    made ??= certify();
    const certificate = made;
    const { ca } = certificate;
    const upstream = await startUpstream(options);
    const others = count === 2 ? [await startUpstream(options)] : [];
    const port = await freePort();
    const place = { port, servers: [upstream.port, others[0]?.port], certificate, edits } as const;
    const proxy = await startProxy(program, configuration(place), port);
    const origin = `https://localhost:${port}`;
    return {
      origin,
      url: `wss://localhost:${port}/live`,
      proxy,
      upstreams: [upstream, ...others],
      classOf: (from, refusals) => webSocketOf({ ca, origin: from }, refusals),
      async request(method, path) {
        const { status, body } = await request(`${origin}${path}`, { method, ca });
        return `${status} ${body}`.trim();
      },
    };
  };
};

for (const kind of kinds)
  describeWith(all(openssl, kind.program.peer), `behind ${kind.program.peer.name}`, () => {
    const start = useSites(kind);
    const dial = useOurClients();

    /** Dials as a page of the site, or of another origin. */
    const enter = async (site: Site, { url = site.url, refusals = [] as string[] } = {}) => {
      const { client, log } = dial(url, { default: {} }, { WebSocket: site.classOf(site.origin, refusals) });
      const ns = await client.connect('default');
      return { client, ns, log };
    };

    /** Opens a WebSocket that says `M` and then nothing; the pings that it gets are counted. */
    const openIdle = async ({ url, origin, classOf }: Site) => {
      const ws = new (classOf(origin))(url);
      let pings = 0;
      ws.on('ping', () => pings++);
      const closed = once(ws, 'close').then(([code]) => Number(code));
      await once(ws, 'open');
      ws.send('M');
      return { ws, closed, pings: () => pings };
    };

    it('[HS1] [AK8] [BC1] a client opens a line by wss, asks, and hears a broadcast', async () => {
      const site = await start();
      const [{ ns, client }, other] = await Promise.all([enter(site), enter(site)]);
      expect((await ns.ask('echo', 'x'.repeat(60_000))).body).toHaveLength(60_000);
      ns.emit('say', 'hello');
      await expect.poll(() => other.log.all).toContain('say default: hello');
      await client.close();
      expect(client.reason).toMatchObject({ code: 1000 });
    });

    it('[HS12] a HEAD probe of the path is answered, and other paths are those of the app', async () => {
      const site = await start();
      expect(await site.request('HEAD', '/live')).toBe('302');
      expect(await site.request('GET', '/page')).toBe('200 the app');
    });

    it('the server gets the host, the scheme and the address of the client', async () => {
      const site = await start();
      await site.request('GET', '/page');
      const host = new URL(site.origin).host;
      expect(site.upstreams[0].requests.filter((line) => line.startsWith('GET'))).toEqual([
        `GET /page ${host} ${host} https 127.0.0.1`,
      ]);
    });

    it('[HS1] [HS12] below the path prefix, everything works as at the top', async () => {
      const site = await start();
      const { ns } = await enter(site, { url: site.url.replace('/live', '/app/live') });
      expect((await ns.ask('echo', 'hello')).body).toBe('hello');
      expect(await site.request('HEAD', '/app/live')).toBe('302');
      await site.request('GET', '/app/page');
      expect(site.upstreams[0].requests.join()).toMatch(/GET \/page /);
    });

    it("[HS13] the site's own origin is allowed, and no other", async () => {
      const site = await start();
      const refusals: string[] = [];
      new (site.classOf('https://elsewhere.example', refusals))(site.url);
      await expect.poll(() => refusals).toEqual(['Unexpected server response: 403']);
      const { ns } = await enter(site);
      expect((await ns.ask('echo', 'allowed')).body).toBe('allowed');
    });

    it('[HS13] [HS17] where Host is not passed on, X-Forwarded-Host of a trusted proxy stands for it', async () => {
      const refusals: string[] = [];
      const wary = await start({}, [kind.withoutHost]);
      new (wary.classOf(wary.origin, refusals))(wary.url);
      await expect.poll(() => refusals).toEqual(['Unexpected server response: 403']);
      const { ns } = await enter(await start({ trustProxy: 1 }, [kind.withoutHost]));
      expect((await ns.ask('echo', 'allowed')).body).toBe('allowed');
    });

    it('[HS17] the address of a client is what the counted proxies say, and not what the client says', async () => {
      const addressAt = async (trustProxy: number): Promise<unknown> => {
        const site = await start({ trustProxy });
        const headers = { 'X-Forwarded-For': '203.0.113.7' };
        const { client } = dial(site.url, { default: {} }, { WebSocket: site.classOf(site.origin), headers });
        await client.ready;
        return site.upstreams[0].server.connections()[0]?.remoteAddress;
      };
      expect(await addressAt(1)).toBe('127.0.0.1');
      expect(await addressAt(2)).toBe('203.0.113.7');
    });

    it('[LM3] pings below the idle timeout of the proxy keep an idle line', async () => {
      const site = await start({ limits: { pingInterval: 500 } }, [kind.briefIdle]);
      const { ws, pings } = await openIdle(site);
      // More than twice the timeout.
      await expect.poll(pings).toBeGreaterThan(10);
      expect(ws.readyState).toBe(WebSocket.OPEN);
      ws.terminate();
    });

    it('without them the proxy ends it, as the page says', async () => {
      const site = await start({}, [kind.briefIdle]);
      const { closed, pings } = await openIdle(site);
      expect([await closed, pings()]).toEqual([1006, 0]);
    });

    it('[CL12] a client comes back to a server that was killed, by way of refusals', async () => {
      const site = await start();
      const [server] = site.upstreams;
      const refusals: string[] = [];
      const { client, ns } = await enter(site, { refusals });
      await server.kill();
      expect(await site.request('HEAD', '/live')).toBe(`${kind.withoutServer}`);
      await expect.poll(() => refusals).toContain(`Unexpected server response: ${kind.withoutServer}`);
      await server.start();
      await expect.poll(() => client.state).toBe('online');
      expect((await ns.ask('echo', 'again')).body).toBe('again');
    });

    it('[DR1] [DR2] while servers are restarted one after the other, no client is refused', async () => {
      const site = await start({}, [], 2);
      const [one, other = one] = site.upstreams;
      const refusals: string[] = [];
      const clients = await Promise.all(Array.from({ length: 12 }, () => enter(site, { refusals })));
      const counts = () => [one.server.connections().length, other.server.connections().length];
      expect(counts()).toEqual([6, 6]);
      await one.drain();
      await expect.poll(counts).toEqual([0, 12]);
      await one.start();
      // The proxy has noticed that it is there again once it sends requests to it.
      await expect
        .poll(async () => {
          await site.request('GET', '/page');
          return one.requests.length;
        })
        .toBeGreaterThan(0);
      await other.drain();
      await expect.poll(counts).toEqual([12, 0]);
      expect(await Promise.all(clients.map(async ({ ns }) => (await ns.ask('echo', 'here')).body))).toEqual(
        clients.map(() => 'here'),
      );
      expect(refusals).toEqual([]);
    });

    it('[CL12] a client comes back when the proxy was restarted', async () => {
      const site = await start();
      const { client, ns } = await enter(site);
      await site.proxy.stop();
      await expect.poll(() => client.state).not.toBe('online');
      await site.proxy.start();
      await expect.poll(() => client.state).toBe('online');
      expect((await ns.ask('echo', 'again')).body).toBe('again');
    });

    it('a reload of the proxy ends no line', async () => {
      const site = await start();
      const { client, ns } = await enter(site);
      await site.proxy.reload();
      const later = await enter(site);
      expect((await ns.ask('echo', 'still')).body).toBe('still');
      expect((await later.ns.ask('echo', 'new')).body).toBe('new');
      expect(client.counters.lines).toBe(1);
    });
  });

describeWith(all(openssl, nginx.peer, haproxy.peer, chromium), 'a page in a browser', (executablePath) => {
  const startProxy = useProxies();

  it.each(kinds)('[CL4] [HS13] comes by https, and talks by wss: $program.peer.name', async (kind) => {
    const pages = await startPageServer();
    const port = await freePort();
    const servers = [Number(new URL(pages.origin).port)] as const;
    await startProxy(kind.program, kind.configuration({ port, servers, certificate: certify() }), port);
    const browser = await playwright.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu'] });
    try {
      const page = await (await browser.newContext({ ignoreHTTPSErrors: true })).newPage();
      await page.goto(`https://localhost:${port}/?id=joe`);
      await expect.poll(() => page.evaluate('globalThis.tests?.client.state')).toBe('online');
      expect(await page.evaluate('tests.askAtOnce(3)')).toEqual(['0', '1', '2']);
      const { headers } = pages.connection('joe').request;
      expect([headers.origin, headers.host]).toEqual([`https://localhost:${port}`, `localhost:${port}`]);
    } finally {
      await browser.close();
      await pages.close();
    }
  });
});

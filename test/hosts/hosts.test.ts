import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { connect as connectHttp2 } from 'node:http2';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { certify, openssl } from '../support/peers/certificate.js';
import { describeWith, type Peer } from '../support/peers/installed.js';
import { useOurClients } from '../support/peers/ourClient.js';
import { RawClient } from '../support/peers/rawClient.js';
import { type HttpAnswer, request, webSocketOf } from '../support/peers/secureClient.js';

const file = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

/** The packages of this folder, which `node tools/install.js test/hosts` installs. */
const packages: Peer = {
  name: 'the packages of test/hosts',
  path: existsSync(file('node_modules/.installed')) ? file('node_modules') : undefined,
  why: 'the packages of test/hosts are missing (node tools/install.js test/hosts)',
};

interface Host {
  readonly name: string;
  readonly isSecure?: true;
  /** The path of a WebSocket of its own. */
  readonly own: string;
  /** What its app has set on the answer for a page. */
  readonly header?: readonly [name: string, value: RegExp];
}

const hosts: readonly Host[] = [
  { name: 'express', own: '/own', header: ['content-encoding', /^gzip$/] },
  { name: 'fastify', own: '/own', header: ['content-type', /^text\/plain/] },
  { name: 'hono', own: '/own', header: ['content-type', /^text\/plain/] },
  { name: 'next', own: '/_next/hmr', header: ['x-powered-by', /^Next\.js$/] },
  { name: 'https', own: '/own', isSecure: true },
  { name: 'http2', own: '/own', isSecure: true, header: ['x-http-version', /^1\.1$/] },
  { name: 'several', own: '/own' },
];

const children: ChildProcess[] = [];

afterAll(async () => {
  const running = children.filter(({ exitCode, signalCode }) => exitCode === null && signalCode === null);
  const exits = running.map((child) => once(child, 'exit'));
  for (const child of running) child.kill('SIGKILL');
  await Promise.all(exits);
});

/** Starts a host; resolves with the addresses that it prints, when these are so many. */
const start = async (name: string, count: number, env: NodeJS.ProcessEnv) => {
  const child = spawn(process.execPath, [file(`${name}.js`)], {
    // Next.js knows these three environments only.
    env: { ...process.env, NODE_ENV: 'development', ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.push(child);
  const addresses: string[] = [];
  for await (const line of createInterface(child.stdout)) {
    // Next.js prints more than its address.
    if (/^https?:/.test(line)) addresses.push(line);
    if (addresses.length === count) break;
  }
  child.stdout.resume();
  return { child, addresses };
};

describeWith(openssl.path === undefined ? openssl : packages, 'beside an app', () => {
  const dial = useOurClients();

  describe.each(hosts)('of $name', ({ name, isSecure, own, header }) => {
    let child: ChildProcess;
    /** The host itself is the last one. */
    let addresses: readonly string[];
    let address: string;
    let ca: string | undefined;

    beforeAll(async () => {
      const { key, cert, ca: trusted } = certify();
      ca = isSecure && trusted;
      ({ child, addresses } = await start(name, name === 'several' ? 2 : 1, { KEY: key, CERT: cert }));
      address = addresses.at(-1) ?? '';
      // Next.js makes a page when it is asked for first.
      await page();
    }, 120_000);

    const wsUrl = (path: string, at = address): string => `${at.replace('http', 'ws')}${path}`;
    const page = (at = address): Promise<HttpAnswer> =>
      request(`${at}/page`, { ca, headers: name === 'express' ? { 'accept-encoding': 'gzip' } : {} });
    const enter = async (url = wsUrl('/live'), origin = address) => {
      const { client, log } = dial(url, { default: {} }, { WebSocket: webSocketOf({ ca, origin }) });
      return { ns: await client.connect('default'), log };
    };

    it('[HS12] the app keeps its routes', async () => {
      const { status, headers, body } = await page();
      expect(status).toBe(200);
      if (header) expect(headers[header[0]]).toMatch(header[1]);
      if (name === 'express') expect(headers['x-content-type-options']).toBe('nosniff');
      else expect(body).toContain('the app');
    });

    it('[HS12] a probe of the path is answered', async () => {
      const { status, headers } = await request(`${address}/live`, { method: 'HEAD', ca });
      expect([status, headers.location]).toEqual([302, undefined]);
    });

    it('[HS1] [AK8] [BC1] clients open lines, ask, and hear a broadcast', async () => {
      const [one, other] = await Promise.all([enter(), enter()]);
      expect((await one.ns.ask('echo', 'x'.repeat(60_000))).body).toHaveLength(60_000);
      one.ns.emit('say', 'hello');
      await expect.poll(() => other.log.all).toContain('say default: hello');
    });

    it('[HS1] so does one of ws', async () => {
      const ws = new (webSocketOf({ ca }))(wsUrl('/live'));
      const client = RawClient.over(ws);
      await once(ws, 'open');
      await client.inDefault();
      expect(await client.ask('$1;default;;echo;0;0;hello')).toBe('$1;default;;echo;0;0;hello');
      expect((await client.close()).code).toBe(1000);
    });

    it('[HS12] the WebSocket of the app is its own', async () => {
      const ws = new (webSocketOf({ ca, origin: address }))(wsUrl(own));
      const greeting = once(ws, 'message');
      await once(ws, 'open');
      if (name !== 'next') ws.send('hi');
      expect(String((await greeting)[0])).toMatch(name === 'next' ? /./ : /^own hi$/);
      ws.terminate();
    });

    // Next.js leaves such a socket open, and says nothing.
    it.skipIf(name === 'next')('[HS12] an upgrade on another path is refused', async () => {
      const refusals: string[] = [];
      new (webSocketOf({ ca }, refusals))(wsUrl('/elsewhere'));
      await expect.poll(() => refusals.join()).toMatch(/hang up|404|closed|Parse Error/);
    });

    if (name === 'http2')
      it('[HS12] the app is there by HTTP/2 as well', async () => {
        const session = connectHttp2(address, { ca: ca ?? '' });
        const stream = session.request({ ':path': '/page' });
        const [headers] = await once(stream, 'response');
        stream.resume();
        await once(stream, 'end');
        session.close();
        expect(headers).toMatchObject({ ':status': 200, 'x-http-version': '2.0' });
      });

    if (name === 'several')
      it('[HS12] each path has its server, and a server may be on several http servers', async () => {
        const [elsewhere = address] = addresses;
        const [first, second] = await Promise.all([
          enter(wsUrl('/live', elsewhere), elsewhere),
          enter(wsUrl('/second')),
        ]);
        const there = await enter();
        there.ns.emit('say', 'to /live');
        await expect.poll(() => first.log.all).toContain('say default: to /live');
        expect((await second.ns.ask('echo', 'last')).body).toBe('last');
        expect(second.log.all).not.toContain('say default: to /live');
        expect((await page(elsewhere)).body).toBe('the other app');
      });

    it('[DR1] it ends on SIGTERM, after a close frame', async () => {
      const ws = new (webSocketOf({ ca }))(wsUrl('/live'));
      const client = RawClient.over(ws);
      await once(ws, 'open');
      await client.acknowledge();
      const exit = once(child, 'exit');
      child.kill('SIGTERM');
      expect(await client.closed).toEqual({ code: 1001, reason: 'retry=1000' });
      expect((await exit)[0]).toBe(0);
    });
  });
});

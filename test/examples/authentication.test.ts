import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import type { Server as HttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { type Browser, type BrowserContext, type Page, chromium as playwright } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { dial } from '../../src/client/client.js';
import type { Server } from '../../src/index.js';
import { filesOf } from '../support/docs/docBlocks.js';
import { chromium, describeWith } from '../support/peers/installed.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
/** Inside of the package, so that the package finds itself by its name. */
const folder = join(root, 'test/.blocks/authentication');

/** What a server of the page exports. */
interface Program {
  readonly server: Server;
  readonly http: HttpServer;
  signOut(id: string): void;
}

const files = filesOf(readFileSync(join(root, 'docs/authentication.md'), 'utf8'));
const running: Program[] = [];

/** Runs a server of the page, with these variables. */
const run = async (
  name: string,
  variables: NodeJS.ProcessEnv = {},
): Promise<Program & { readonly address: string }> => {
  Object.assign(process.env, { PORT: '0', ...variables });
  // A module is run once, so each server is a file of its own.
  const file = join(folder, `${name}${running.length}.js`);
  writeFileSync(file, files.get(`${name}.js`) ?? '');
  // The page exports these.
  const program = (await import(/* @vite-ignore */ file)) as Program;
  running.push(program);
  if (!program.http.listening) await new Promise((done) => program.http.once('listening', done));
  // An http server that listens on a port has this kind of address.
  return { ...program, address: `127.0.0.1:${(program.http.address() as AddressInfo).port}` };
};

beforeAll(() => {
  mkdirSync(folder, { recursive: true });
  rmSync(join(folder, 'node_modules'), { force: true });
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  for (const name of ['tokenPage.js', 'cookiePage.js']) writeFileSync(join(folder, name), files.get(name) ?? '');
});
afterAll(async () => {
  for (const { server, http } of running) {
    await server.close({ timeout: 1_000 });
    http.closeAllConnections();
    http.close();
  }
  rmSync(folder, { recursive: true, force: true });
});

/** Asks the app for a token, as its page does. */
const tokenOf = async (address: string, password = 'letmein'): Promise<string> => {
  const body = new URLSearchParams({ name: 'joe', password });
  return (await fetch(`http://${address}/token`, { method: 'POST', body })).text();
};
const namespaces = { chat: {} };
const sign = (address: string, auth: () => string | Promise<string>) =>
  dial(`ws://${address}/live`, { auth, namespaces, WebSocket });

describe('the server with tokens', () => {
  test('[SS9] knows a user by the token, and makes the id of it', async () => {
    const { server, address } = await run('tokens');
    const client = sign(address, () => tokenOf(address));
    const chat = await client.connect('chat');
    expect((await chat.ask('whoAmI')).body).toBe('joe');
    expect(server.connections().map(({ id, user }) => [id, user])).toEqual([['user-joe', { id: 'joe' }]]);
    await client.close();
  });

  test('[SS9] takes no token that it has not signed, and none that has expired', async () => {
    const { address } = await run('tokens', { JWT_SECONDS: '0' });
    const expired = await tokenOf(address);
    const good = await tokenOf((await run('tokens', { JWT_SECONDS: '60' })).address);
    const [head, claims, signature] = good.split('.');
    const forged = Buffer.from(JSON.stringify({ sub: 'ann', iat: 9e9, exp: 9e9 })).toString('base64url');
    const none = Buffer.from('{"alg":"none"}').toString('base64url');
    const tokens = [
      expired,
      '',
      'a.b.c',
      `${head}.${forged}.${signature}`,
      `${none}.${claims}.`,
      `${good}.x`,
      await tokenOf(address, 'wrong'),
    ];
    for (const token of tokens) {
      const client = sign(address, () => token);
      await expect.poll(() => client.reason).toEqual({ code: 4401, text: 'please sign in' });
      await client.close();
    }
  });

  test('[SS15] [SS16] gets another token on the same line before the old one expires', async () => {
    const { server, address } = await run('tokens', { JWT_SECONDS: '2' });
    const client = sign(address, () => tokenOf(address));
    await client.ready;
    const [conn] = server.connections();
    await expect.poll(() => server.counters.renewedTokens, { timeout: 5_000 }).toBeGreaterThan(0);
    expect(server.connections()).toEqual([conn]);
    await client.close();
  });

  test('[SS9] signs a user out everywhere', async () => {
    const { address, signOut } = await run('tokens', { JWT_SECONDS: '60' });
    const old = await tokenOf(address);
    const client = sign(address, () => old);
    await client.ready;
    signOut('joe');
    await expect.poll(() => [client.state, client.reason]).toEqual(['closed', { code: 4_003, text: 'signed out' }]);
    const again = sign(address, () => old);
    await expect.poll(() => again.reason).toEqual({ code: 4401, text: 'please sign in' });
    await again.close();
  });
});

describe('the server with cookies', () => {
  test('[SS9] knows a user by the cookie, until the user signs out', async () => {
    const { server, address, signOut } = await run('cookies');
    const body = new URLSearchParams({ name: 'joe', password: 'letmein' });
    const login = await fetch(`http://${address}/login`, { method: 'POST', body });
    const [cookie = ''] = login.headers.getSetCookie();
    expect(cookie).toMatch(/^sid=[0-9a-f-]{36}; HttpOnly; SameSite=Lax; Path=\/; Max-Age=28800$/);
    const headers = { cookie: `a=b; ${cookie.split(';')[0]}` };
    const enter = () => dial(`ws://${address}/live`, { headers, namespaces, WebSocket });
    const client = enter();
    const chat = await client.connect('chat');
    expect((await chat.ask('whoAmI')).body).toBe('joe');
    expect(server.connections()[0]?.id).toBe('user-joe');
    signOut('joe');
    await expect.poll(() => [client.state, client.reason]).toEqual(['closed', { code: 4_003, text: 'signed out' }]);
    await expect(enter().ready).rejects.toThrow('please sign in');
  });

  test('[SS9] refuses a client without one for good', async () => {
    const { address } = await run('cookies');
    for (const cookie of ['', 'sid=unknown', 'sid=__proto__']) {
      const client = dial(`ws://${address}/live`, { headers: { cookie }, namespaces, WebSocket });
      await expect(client.ready).rejects.toThrow('please sign in');
      expect(client.reason).toEqual({ code: 1008, text: 'please sign in' });
    }
  });
});

describeWith(chromium, 'the pages of the guide, in a browser', (executablePath) => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await playwright.launch({ executablePath, args: ['--no-sandbox'] });
  });
  afterAll(() => browser.close());

  const open = async (context: BrowserContext, address: string, script: string): Promise<Page> => {
    const page = await context.newPage();
    const [bundle] = (
      await build({ entryPoints: [join(folder, `${script}.js`)], bundle: true, format: 'esm', write: false })
    ).outputFiles;
    await page.route('**/page.js', (route) =>
      route.fulfill({ contentType: 'text/javascript', body: bundle?.text ?? '' }),
    );
    await page.goto(`http://${address}`);
    return page;
  };

  test.each([
    ['tokens', 'tokenPage'],
    ['cookies', 'cookiePage'],
  ])('[SS9] %s: every tab is let in, and closed by signing out', async (program, script) => {
    const { server, address, signOut } = await run(program, { JWT_SECONDS: '60' });
    const context = await browser.newContext();
    const pages = [await open(context, address, script), await open(context, address, script)];
    for (const page of pages) await expect.poll(() => page.textContent('body')).toBe('joe');
    expect(server.connections().map(({ id }) => id)).toEqual(['user-joe', 'user-joe']);
    signOut('joe');
    for (const page of pages) await expect.poll(() => page.title()).toBe('signed out');
    await context.close();
  });

  test('[HS13] a page of another site is refused, though the browser would send the cookie', async () => {
    const { server, address } = await run('cookies');
    const context = await browser.newContext();
    await expect.poll(async () => (await open(context, address, 'cookiePage')).textContent('body')).toBe('joe');
    const { address: elsewhere } = await run('cookies');
    const foreign = await context.newPage();
    await foreign.goto(`http://${elsewhere}/`);
    const outcome = await foreign.evaluate(
      `new Promise((done) => {
        const socket = new WebSocket('ws://${address}/live');
        socket.onopen = () => done('open');
        socket.onerror = () => done('refused');
      })`,
    );
    expect(outcome).toBe('refused');
    expect(server.counters.refusedUpgrades).toBe(1);
    await context.close();
  });
});

import { once } from 'node:events';
import { createServer } from 'node:net';
import { type Browser, type Locator, type Page, chromium as playwright } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { dial } from '../../src/client/client.js';
import { CloseError, OnRoomJoined, Server, type ServerOptions } from '../../src/index.js';
import { ended, type RunningExample, useExample } from '../support/docs/exampleProcess.js';
import { chromium, describeWith } from '../support/peers/installed.js';
import { RawClient } from '../support/peers/rawClient.js';

const { run: spawnChat, start: startChat, stopAll } = useExample('chat');

describe('the chat example as a program', () => {
  afterEach(stopAll);

  it('[DR1] exits with 0 on SIGTERM, and closes its connections', async () => {
    const chat = await startChat();
    const client = await RawClient.dial(`${chat.address.replace('http', 'ws')}/live`);
    await client.inNamespace('chat');
    const end = ended(chat.process);
    chat.process.kill('SIGTERM');
    expect((await client.closed).code).toBe(1001);
    expect(await end).toMatchObject({ code: 0, err: '' });
  });

  it('[DR1] exits with 0 on SIGINT, without connections', async () => {
    const chat = await startChat();
    const end = ended(chat.process);
    chat.process.kill('SIGINT');
    expect(await end).toMatchObject({ code: 0, err: '' });
  });

  it('[HS1] names a port in use, and exits with 1', async () => {
    const other = createServer();
    other.listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as { readonly port: number };
    const { code, out, err } = await ended(spawnChat(String(port)));
    other.close();
    expect(code).toBe(1);
    expect(out).toBe('');
    expect(err.trim().split('\n')).toEqual([
      expect.stringMatching(`^Port ${port} is already in use\\. Choose another one: PORT=\\d+ npm start$`),
    ]);
  });

  it('[LM2] names an invalid port, and exits with 1', async () => {
    const { code, err } = await ended(spawnChat('eighty'));
    expect(code).toBe(1);
    expect(err).toBe('PORT must be a number from 0 to 65535, not "eighty".\n');
  });

  it('[HS12] serves its page and named files only', async () => {
    const { address } = await startChat();
    const statusOf = async (path: string, method = 'GET'): Promise<number> => {
      const response = await fetch(address + path, { method, redirect: 'manual' });
      await response.arrayBuffer();
      return response.status;
    };
    const client = ['/musterjs/client/client.js', '/musterjs/contract/contract.js', '/musterjs/protocol/session.js'];
    const scripts = ['app', 'avatars', 'composer', 'contract', 'drawers', 'links', 'log', 'page', 'rooms'];
    for (const path of ['/', ...scripts.map((name) => `/${name}.js`), '/style.css', '/icon.svg', ...client])
      expect([path, await statusOf(path)]).toEqual([path, 200]);
    const others = [
      '/musterjs/index.js',
      '/musterjs/client/client.d.ts',
      '/musterjs/client/..%2findex.js',
      '/musterjs/',
    ];
    for (const path of ['/server.js', ...others]) expect([path, await statusOf(path)]).toEqual([path, 404]);
    expect(await statusOf('/..%2fserver.js')).toBe(404);
    expect(await statusOf('/live', 'HEAD')).toBe(302);
  });
});

describeWith(chromium, 'the chat example in a browser', (executablePath) => {
  let browser: Browser;

  beforeAll(async () => {
    const args = [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ];
    browser = await playwright.launch({ executablePath, args });
  }, 60_000);
  afterEach(async () => {
    await Promise.all(browser.contexts().map((context) => context.close()));
    await stopAll();
  });
  afterAll(() => browser?.close());

  /** Errors of the pages. */
  const complaints: string[] = [];
  /** The names of the pages that opened a socket, once for each. */
  const sockets: string[] = [];

  /** Opens the page in a profile of its own, and signs in with this name. */
  const comeIn = async ({ address }: RunningExample, name: string, hash = ''): Promise<Page> => {
    const context = await browser.newContext();
    const page = await context.newPage();
    page.setDefaultTimeout(60_000);
    page.on('pageerror', (error) => complaints.push(`${name}: ${error.message}`));
    page.on('console', (message) => {
      if (message.type() === 'error') complaints.push(`${name}: ${message.text()}`);
    });
    page.on('websocket', () => sockets.push(name));
    await page.goto(`${address}/${hash}`);
    await page.locator('#name').fill(name);
    await page.locator('#enter-button').click();
    await page.locator('#app').waitFor();
    return page;
  };
  const say = async (page: Page, text: string): Promise<void> => {
    await page.locator('#draft').fill(text);
    await page.locator('#draft').press('Enter');
  };
  /** Resolves when the page shows exactly this text there. */
  const shows = (page: Page, selector: string, text: string): Promise<void> =>
    page.locator(selector).getByText(text, { exact: true }).waitFor();
  const log = (page: Page): Locator => page.locator('#logs > :not([hidden])');
  const sees = (page: Page, text: string): Promise<void> =>
    log(page).locator('.bubble').getByText(text, { exact: true }).waitFor();
  const notices = (page: Page, text: string): Promise<void> =>
    log(page).locator('.notice').filter({ hasText: text }).waitFor();
  const people = (page: Page): Promise<string[]> => page.locator('#people .person > span:last-child').allInnerTexts();
  const openRoom = async (page: Page, room: string): Promise<void> => {
    await page.locator('#room-name').fill(room);
    await page.locator('#room-name').press('Enter');
    await shows(page, '#room-title', room);
  };

  it('[HS1] [BC1] two people meet, talk, and see the count', async () => {
    complaints.length = 0;
    const chat = await startChat();
    const ann = await comeIn(chat, 'Ann');
    await ann.locator('#total', { hasText: /^1 connected$/ }).waitFor();
    await notices(ann, 'You joined');
    const bob = await comeIn(chat, 'Bob');
    await notices(ann, 'Bob joined');
    await notices(bob, 'You joined');
    for (const page of [ann, bob]) {
      await page.locator('#total', { hasText: /^2 connected$/ }).waitFor();
      await page.locator('#room-sub', { hasText: '2 people here' }).waitFor();
      expect((await people(page)).map((line) => line.replace(/\s*you$/, '')).sort()).toEqual(['Ann', 'Bob']);
    }
    await say(ann, 'Hello; Bob <b>&amp;</b> 😀');
    await sees(bob, 'Hello; Bob <b>&amp;</b> 😀');
    await sees(ann, 'Hello; Bob <b>&amp;</b> 😀');
    await say(bob, 'Hello, Ann');
    await sees(ann, 'Hello, Ann');
    expect(await log(ann).locator('.bubble').allInnerTexts()).toEqual(['Hello; Bob <b>&amp;</b> 😀', 'Hello, Ann']);
    expect(await log(bob).locator('.bubble').allInnerTexts()).toEqual(['Hello; Bob <b>&amp;</b> 😀', 'Hello, Ann']);
    expect(complaints).toEqual([]);
  });

  it('[RM1] [RM2] two clients join a room, talk, and see each other leave', async () => {
    complaints.length = 0;
    const chat = await startChat();
    const ann = await comeIn(chat, 'Ann');
    const bob = await comeIn(chat, 'Bob', '#garden');
    await shows(bob, '#room-title', 'garden');
    const eve = await comeIn(chat, 'Eve');
    await openRoom(ann, 'garden');
    await notices(bob, 'Ann joined');
    await say(bob, 'only here');
    await sees(ann, 'only here');
    await say(ann, 'to the lobby too?');
    await sees(bob, 'to the lobby too?');
    await ann.locator('#leave-room').click();
    await shows(ann, '#room-title', 'lobby');
    await notices(bob, 'Ann left');
    await bob.locator('#room-sub', { hasText: 'Only you so far' }).waitFor();
    await say(eve, 'lobby only');
    await sees(ann, 'lobby only');
    expect(await log(eve).locator('.bubble').allInnerTexts()).toEqual(['lobby only']);
    expect(await log(bob).locator('.bubble').allInnerTexts()).toEqual(['only here', 'to the lobby too?']);
    expect(complaints).toEqual([]);
  });

  it('[NS7] [DO5] a closed page leaves its rooms and the count', async () => {
    complaints.length = 0;
    const chat = await startChat();
    const ann = await comeIn(chat, 'Ann');
    const bob = await comeIn(chat, 'Bob');
    await notices(ann, 'Bob joined');
    await ann.locator('#total', { hasText: /^2 connected$/ }).waitFor();
    await bob.context().close();
    await notices(ann, 'Bob left');
    await ann.locator('#total', { hasText: /^1 connected$/ }).waitFor();
    await ann.locator('#room-sub', { hasText: 'Only you so far' }).waitFor();
    expect((await people(ann)).length).toBe(1);
    expect(complaints).toEqual([]);
  });

  it('[BC13] typing shows to the others, not to the sender', async () => {
    complaints.length = 0;
    const chat = await startChat();
    const ann = await comeIn(chat, 'Ann');
    const bob = await comeIn(chat, 'Bob');
    await notices(ann, 'Bob joined');
    await bob.locator('#draft').pressSequentially('Hm');
    await ann.locator('#typing.on', { hasText: 'Bob is typing' }).waitFor();
    await bob.locator('#draft').press('Enter');
    await sees(bob, 'Hm');
    expect(await bob.locator('#typing.on').count()).toBe(0);
    expect(complaints).toEqual([]);
  });

  it('[DR1] the page shows that the server is down', async () => {
    const chat = await startChat();
    const ann = await comeIn(chat, 'Ann');
    const end = ended(chat.process);
    chat.process.kill('SIGTERM');
    await ann.locator('#banner', { hasText: /connection/i }).waitFor();
    expect(await end).toMatchObject({ code: 0, err: '' });
  });

  it('[CL8] [CL2] after an outage both rooms are joined again; the draft and the messages stay', async () => {
    complaints.length = 0;
    sockets.length = 0;
    const chat = await startChat();
    const ann = await comeIn(chat, 'Ann', '#garden');
    await shows(ann, '#room-title', 'garden');
    await say(ann, 'before the outage');
    await sees(ann, 'before the outage');
    expect(sockets).toEqual(['Ann']);
    expect(complaints).toEqual([]);

    const end = ended(chat.process);
    chat.process.kill('SIGKILL');
    await end;
    await ann.locator('#banner', { hasText: /^The connection is lost\. Reconnecting…/ }).waitFor();
    await ann.locator('#draft').fill('half a thought');
    await ann.locator('#draft').press('Enter');
    await ann.locator('#toast', { hasText: 'Your message stays here' }).waitFor();

    const again = await startChat(new URL(chat.address).port);
    await ann.locator('#status', { hasText: /^Online$/ }).waitFor();
    expect(await ann.locator('#banner').isVisible()).toBe(false);
    await notices(ann, 'You are back');
    expect(await ann.locator('#draft').inputValue()).toBe('half a thought');
    await ann.locator('#total', { hasText: /^1 connected$/ }).waitFor();
    const bob = await comeIn(again, 'Bob');
    await say(bob, 'in the lobby');
    await ann.locator('#rooms .room-link', { hasText: 'lobby' }).locator('.room-unread').waitFor();
    await openRoom(bob, 'garden');
    await notices(ann, 'Bob joined');
    await ann.locator('#draft').press('Enter');
    await sees(bob, 'half a thought');
    await sees(ann, 'half a thought');
    expect(await log(ann).locator('.bubble').allInnerTexts()).toEqual(['before the outage', 'half a thought']);
    expect(await ann.locator('#draft').inputValue()).toBe('');
    await ann.locator('#rooms .room-link', { hasText: 'lobby' }).click();
    await sees(ann, 'in the lobby');
  });

  /** Options of a server that closes each connection soon. */
  const closing = (code: number, text: string): ServerOptions => ({
    onConnect: (conn) => void conn.waitConnect('chat').then(() => conn.close(code, text)),
  });
  const authenticate = (): never => {
    throw new CloseError(4000, 'not today');
  };

  it.each([
    [
      'refuses it',
      { authenticate },
      'The server has closed the connection: not today',
      'Disconnected',
      'Connect again',
    ],
    [
      'puts it out',
      closing(4000, 'be nice'),
      'The server asked you to leave: be nice',
      'Disconnected',
      'Connect again',
    ],
    ['is busy', closing(1013, 'retry=3600000'), 'The server is busy. Reconnecting…', 'Reconnecting…', 'Try now'],
  ])(
    '[CL21] [CL22] the page says why when the server %s, and connects on demand',
    async (_, options, why, status, button) => {
      const chat = await startChat();
      const ann = await comeIn(chat, 'Ann');
      await notices(ann, 'You joined');
      const end = ended(chat.process);
      chat.process.kill('SIGKILL');
      await end;
      const { port } = new URL(chat.address);
      const stranger = new Server({ namespaces: { chat: {} }, ...options });
      await stranger.listen(Number(port), '127.0.0.1', { path: '/live' });
      await shows(ann, '#banner-text', why);
      await shows(ann, '#status', status);
      await stranger.close();
      await startChat(port);
      await ann.getByRole('button', { name: button }).click();
      await ann.locator('#status', { hasText: /^Online$/ }).waitFor();
      await notices(ann, 'You are back');
      await say(ann, 'here again');
      await sees(ann, 'here again');
    },
  );

  it('[CL2] [CL7] a refused name is told at the door; a reload of the tab brings an accepted one back', async () => {
    complaints.length = 0;
    const chat = await startChat();
    const ann = await comeIn(chat, 'Ann');
    await ann.reload();
    await ann.locator('#app').waitFor();
    await shows(ann, '#my-name', 'Ann');
    await notices(ann, 'You joined');
    await ann.locator('#sign-out').click();
    await ann.evaluate(`document.querySelector('#name').removeAttribute('maxlength')`);
    await ann.locator('#name').fill('A name that is longer than the server allows');
    await ann.locator('#enter-button').click();
    await shows(ann, '#enter-error', 'Your name must have 1 to 24 characters.');
    expect(await ann.locator('#app').isVisible()).toBe(false);
    expect(complaints).toEqual([]);
  });

  it('[CL17] addresses in messages are links, and nothing else is', async () => {
    complaints.length = 0;
    const chat = await startChat();
    const [ann, cy] = [await comeIn(chat, 'Ann'), await comeIn(chat, 'Cy')];
    await notices(ann, 'Cy joined');
    const said =
      'See https://example.com/a?b=1, (or http://localhost/) javascript:alert(1) data:text/html,x <a href="x">';
    await say(cy, said);
    await sees(ann, said);
    const found = await ann.evaluate<string[][]>(
      "[...document.querySelectorAll('.bubble a')].map((one) => [one.textContent, one.href, one.rel])",
    );
    expect(found).toEqual([
      ['https://example.com/a?b=1', 'https://example.com/a?b=1', 'noopener noreferrer'],
      ['http://localhost/', 'http://localhost/', 'noopener noreferrer'],
    ]);
    expect(complaints).toEqual([]);
  });

  it('[CL17] eight people in a room have eight colors, the same on every page', async () => {
    complaints.length = 0;
    const chat = await startChat();
    const ann = await comeIn(chat, 'Ann');
    const clients = [];
    for (const name of ['Cy', 'Bo', 'Dee', 'Eve', 'Fay', 'Gus', 'Hal']) {
      const client = dial(`${chat.address}/live`, { auth: () => name, namespaces: { chat: {} }, WebSocket });
      clients.push(client);
      await (await client.connect('chat')).joinRoom('lobby');
    }
    await ann.locator('#room-sub', { hasText: '8 people here' }).waitFor();
    const looksOn = (page: Page): Promise<string[][]> =>
      page.evaluate<string[][]>(`[...document.querySelectorAll('#people .person')].map(({ children: [face, label] }) =>
        [label.firstChild.data, face.textContent, face.dataset.shape, face.style.getPropertyValue('--hue')])`);
    await expect.poll(async () => new Set((await looksOn(ann)).map(([name]) => name)).size).toBe(8);
    const looks = await looksOn(ann);
    expect(new Set(looks.map(([, , , hue]) => hue)).size).toBe(8);
    const bob = await comeIn(chat, 'Bob');
    await bob.locator('#room-sub', { hasText: '9 people here' }).waitFor();
    expect((await looksOn(bob)).filter(([name]) => name !== 'Bob').sort()).toEqual(looks.sort());
    await Promise.all(clients.map((client) => client.close()));
    expect(complaints).toEqual([]);
  });

  it('[CL2] [CL7] a reload keeps the name, the rooms, the draft, and which messages are own ones', async () => {
    complaints.length = 0;
    const chat = await startChat();
    const ann = await comeIn(chat, 'Ann');
    const bob = await comeIn(chat, 'Bob', '#garden');
    await openRoom(ann, 'garden');
    await say(ann, 'mine');
    await sees(bob, 'mine');
    await say(bob, 'not mine');
    await sees(ann, 'not mine');
    await openRoom(ann, 'kitchen');
    await ann.locator('#draft').fill('half a thought');
    await ann.reload();
    await shows(ann, '#room-title', 'kitchen');
    await shows(ann, '#my-name', 'Ann');
    expect(await ann.locator('#draft').inputValue()).toBe('half a thought');
    await notices(bob, 'Ann left');
    await say(bob, 'while Ann looks elsewhere');
    await ann.locator('#rooms .room-link', { hasText: 'garden' }).locator('.room-unread', { hasText: '1' }).waitFor();
    await ann.locator('#rooms .room-link', { hasText: 'garden' }).click();
    await sees(ann, 'while Ann looks elsewhere');
    expect(await log(ann).locator('.bubble').allInnerTexts()).toEqual([
      'mine',
      'not mine',
      'while Ann looks elsewhere',
    ]);
    expect(await log(ann).locator('.group.mine .bubble').allInnerTexts()).toEqual(['mine']);
    expect(complaints).toEqual([]);
  });

  it('[CL10] [CL17] a name can be changed, and everyone learns it', async () => {
    complaints.length = 0;
    const chat = await startChat();
    const ann = await comeIn(chat, 'Ann');
    const bob = await comeIn(chat, 'Bob');
    await notices(ann, 'Bob joined');
    await ann.locator('#rename').click();
    await ann.locator('#new-name').fill('Anna');
    await ann.locator('#new-name').press('Enter');
    await notices(bob, 'Ann is now Anna');
    await notices(ann, 'You are now Anna');
    await shows(ann, '#my-name', 'Anna');
    await expect.poll(() => people(bob)).toEqual(['Bobyou', 'Anna']);
    await say(ann, 'same person');
    await bob.locator('.group-head b', { hasText: /^Anna$/ }).waitFor();
    await ann.locator('#rename').click();
    await ann.locator('#new-name').fill('Nobody');
    await ann.locator('#new-name').press('Escape');
    await shows(ann, '#my-name', 'Anna');
    await ann.reload();
    await shows(ann, '#my-name', 'Anna');
    await notices(bob, 'Anna joined');
    expect(complaints).toEqual([]);
  });

  it('[RM1] who joins sees the last fifty messages of the room, and is told that there may be more', async () => {
    complaints.length = 0;
    const chat = await startChat();
    const client = await RawClient.dial(`${chat.address.replace('http', 'ws')}/live`);
    await client.inNamespace('chat');
    for (const room of ['lobby', 'garden']) client.send(`$${room};chat;${room};_OnRoomJoin;0;0;`);
    for (let nth = 1; nth <= 60; nth++) {
      client.send(`$${nth};chat;;say;0;0;${JSON.stringify({ room: 'lobby', text: `line ${nth}` })}`);
    }
    client.send(`$last;chat;;say;0;0;${JSON.stringify({ room: 'garden', text: 'elsewhere' })}`);
    const ann = await comeIn(chat, 'Ann');
    await sees(ann, 'line 60');
    await notices(ann, 'this example keeps the last 50');
    await notices(ann, 'You joined');
    const lines = Array.from({ length: 50 }, (_, at) => `line ${at + 11}`);
    expect(await log(ann).locator('.bubble').allInnerTexts()).toEqual(lines);
    expect(await ann.locator('#rooms .room-unread').count()).toBe(0);
    expect(complaints).toEqual([]);
  });

  it('[CL8] [RM1] what was said during an outage is shown once it is over, and nothing twice', async () => {
    const chat = await startChat();
    const ann = await comeIn(chat, 'Ann');
    await say(ann, 'before');
    await sees(ann, 'before');
    const at = Date.parse((await log(ann).locator('.group time').first().getAttribute('datetime')) ?? '');
    const end = ended(chat.process);
    chat.process.kill('SIGKILL');
    await end;
    await ann.locator('#banner').waitFor();
    // A server that has kept what the page has, and one line more.
    const person = { id: 'bob', name: 'Bob' };
    const lines = [
      { ...person, text: 'before', at },
      { ...person, text: 'meanwhile', at: at + 1 },
    ];
    const stranger = new Server({
      namespaces: {
        chat: {
          [OnRoomJoined]: (ns, { room }) => void ns.room(room)?.emit('history', JSON.stringify({ lines, limit: 50 })),
        },
      },
    });
    await stranger.listen(Number(new URL(chat.address).port), '127.0.0.1', { path: '/live' });
    await sees(ann, 'meanwhile');
    expect(await log(ann).locator('.bubble').allInnerTexts()).toEqual(['before', 'meanwhile']);
    await stranger.close();
  });

  it.each([
    [1_440, 900],
    [820, 1_100],
    [390, 844],
    [844, 300],
  ])('[CL22] at %i × %i px a toast covers neither the banner nor its button', async (width, height) => {
    const chat = await startChat();
    const ann = await comeIn(chat, 'Ann');
    await ann.setViewportSize({ width, height });
    await ann.locator('#draft').fill('half a thought');
    const end = ended(chat.process);
    chat.process.kill('SIGKILL');
    await end;
    await ann.locator('#banner').waitFor();
    await ann.locator('#draft').press('Enter');
    await ann.locator('#toast').waitFor();
    const [banner, toast, frame] = [
      await ann.locator('#banner').boundingBox(),
      await ann.locator('#toast').boundingBox(),
      await ann.locator('#composer').boundingBox(),
    ];
    if (!banner || !toast || !frame) throw new Error('all three are on the page');
    expect(toast.y).toBeGreaterThanOrEqual(banner.y + banner.height);
    expect(toast.y + toast.height).toBeLessThanOrEqual(frame.y);
    await startChat(new URL(chat.address).port);
    // The click fails if anything lies above the button. By itself the page may be faster.
    await ann
      .getByRole('button', { name: 'Try now' })
      .click({ timeout: 1_000 })
      .catch(async (error: unknown) => {
        if (await ann.locator('#banner').isVisible()) throw error;
      });
    await ann.locator('#status[data-state="online"]').waitFor({ state: 'attached' });
    expect(await ann.locator('#draft').inputValue()).toBe('half a thought');
  });
});

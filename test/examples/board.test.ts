import { type Browser, type Locator, type Page, chromium as playwright } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { ended, useExample } from '../support/docs/exampleProcess.js';
import { cuttable } from '../support/peers/cuttable.js';
import { chromium, describeWith } from '../support/peers/installed.js';
import { RawClient } from '../support/peers/rawClient.js';

const { run: spawnBoard, start: startBoard, stopAll } = useExample('board', 'start.js');

describe('the board example as a program', () => {
  afterEach(stopAll);

  it('[DR1] [HS12] serves its page and named files only, and exits with 0 on SIGTERM', async () => {
    const board = await startBoard();
    const get = (path: string): Promise<Response> => fetch(board.address + path, { redirect: 'manual' });
    for (const path of ['/', '/app.js', '/style.css', '/icon.svg']) {
      const response = await get(path);
      expect(response.status).toBe(200);
      expect(response.headers.get('content-security-policy')).toBe("default-src 'self'");
      expect(response.headers.get('x-content-type-options')).toBe('nosniff');
      await response.arrayBuffer();
    }
    for (const path of ['/server.js', '/server.ts', '/..%2fserver.ts', '/login']) {
      expect((await get(path)).status).toBe(404);
    }
    const end = ended(board.process);
    board.process.kill('SIGTERM');
    expect(await end).toMatchObject({ code: 0, err: '' });
  });

  it('[LM2] names an invalid port, and exits with 1', async () => {
    const { code, err } = await ended(spawnBoard('eighty'));
    expect(code).toBe(1);
    expect(err).toBe('PORT must be a number from 0 to 65535, not "eighty".\n');
  });

  it('[SS9] gives a token for the right password only, and lets nobody in without one', async () => {
    const { address } = await startBoard();
    const logIn = (body: string, type = 'application/json'): Promise<Response> =>
      fetch(`${address}/login`, { method: 'POST', headers: { 'Content-Type': type }, body });
    const right = JSON.stringify({ name: 'Ann', password: 'muster' });
    const bad = [JSON.stringify({ name: 'Ann', password: 'nope' }), '{}', 'no json', `"${'a'.repeat(2_000)}"`];
    for (const body of bad) expect((await logIn(body)).status).toBe(401);
    expect((await logIn(right, 'text/plain')).status).toBe(401);
    const response = await logIn(right);
    expect(await response.json()).toMatchObject({ user: { id: 'ann', name: 'Ann' } });
    await expect(RawClient.dial(`${address.replace('http', 'ws')}/live`)).rejects.toThrow('401');
  });
});

describeWith(chromium, 'the board example in a browser', (executablePath) => {
  let browser: Browser;
  const complaints: string[] = [];

  beforeAll(async () => {
    const args = ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update'];
    browser = await playwright.launch({ executablePath, args });
  }, 60_000);
  afterEach(async () => {
    await Promise.all(browser.contexts().map((context) => context.close()));
    await stopAll();
    expect(complaints.splice(0)).toEqual([]);
  });
  afterAll(() => browser?.close());

  const fill = async (page: Page, name: string, password = 'muster'): Promise<void> => {
    await page.getByLabel('Name').fill(name);
    await page.getByLabel('Password').fill(password);
    await page.getByRole('button', { name: 'Sign in' }).click();
  };
  /** Opens the page in a profile of its own. */
  const open = async (address: string): Promise<Page> => {
    const page = await (await browser.newContext()).newPage();
    page.setDefaultTimeout(60_000);
    page.on('pageerror', (error) => complaints.push(error.message));
    await page.goto(address);
    return page;
  };
  const comeIn = async (address: string, name: string): Promise<Page> => {
    const page = await open(address);
    await fill(page, name);
    await card(page, 'To do', 'Open this page').waitFor();
    return page;
  };
  const column = (page: Page, name: string): Locator => page.getByRole('region', { name, exact: true });
  const card = (page: Page, where: string, title: string): Locator =>
    column(page, where).getByRole('listitem').filter({ hasText: title });
  const tool = (page: Page, where: string, title: string, name: string): Locator =>
    card(page, where, title).getByRole('button', { name });
  const add = async (page: Page, where: string, title: string): Promise<void> => {
    await page.getByRole('button', { name: `Add a card to ${where}` }).click();
    await page.getByLabel(`New card in ${where}`).fill(title);
    await page.getByLabel(`New card in ${where}`).press('Enter');
  };

  it('[SS9] a wrong password is told, and a session outlives a reload, not a sign-out', async () => {
    const { address } = await startBoard();
    const page = await open(address);
    await fill(page, 'Ann', 'nope');
    await page.getByRole('alert').filter({ hasText: 'Wrong name or password.' }).waitFor();
    await fill(page, 'Ann');
    await page.getByRole('list', { name: 'Here now' }).getByText('Ann (you)').waitFor();
    await page.reload();
    await page.getByRole('list', { name: 'Here now' }).getByText('Ann (you)').waitFor();
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByRole('button', { name: 'Sign in' }).waitFor();
    await page.reload();
    await page.getByRole('button', { name: 'Sign in' }).waitFor();
  });

  it('[RC4] [RC7] two people see each other and what the other does', async () => {
    const { address } = await startBoard();
    const ann = await comeIn(address, 'Ann');
    const bob = await comeIn(address, 'Bob');
    for (const page of [ann, bob]) await expect.poll(() => page.locator('.people li').count()).toBe(2);
    await add(ann, 'To do', 'Write <b>docs</b>');
    await card(bob, 'To do', 'Write <b>docs</b>').waitFor();

    await card(bob, 'To do', 'Write').hover();
    await tool(bob, 'To do', 'Write', 'Rename').click();
    await card(ann, 'To do', 'Bob is editing').waitFor();
    await bob.getByLabel('Title').fill('Write the docs');
    await bob.getByLabel('Title').press('Enter');
    await card(ann, 'To do', 'Write the docs').waitFor();
    await expect.poll(() => ann.getByText('is editing').count()).toBe(0);

    await card(ann, 'To do', 'Write the docs').dragTo(card(ann, 'Done', 'Start the board'), {
      targetPosition: { x: 20, y: 2 },
    });
    await card(bob, 'Done', 'Write the docs').waitFor();
    expect(await column(bob, 'Done').locator('.title').allInnerTexts()).toEqual(['Write the docs', 'Start the board']);

    await tool(bob, 'Done', 'Write the docs', 'Delete').press('Delete');
    await expect.poll(() => card(ann, 'Done', 'Write the docs').count()).toBe(0);
    await bob.context().close();
    await expect.poll(() => ann.locator('.people li').count()).toBe(1);
  });

  it('[RC2] a card moves by the keyboard, and keeps the focus', async () => {
    const { address } = await startBoard();
    const page = await comeIn(address, 'Ann');
    await tool(page, 'To do', 'Open this page', 'Rename').focus();
    await page.keyboard.press('Alt+ArrowUp');
    await expect.poll(() => column(page, 'To do').locator('.title').first().innerText()).toMatch('Open this page');
    await page.keyboard.press('Alt+ArrowRight');
    await card(page, 'Doing', 'Open this page').waitFor();
    await page.keyboard.press('Alt+ArrowRight');
    await card(page, 'Done', 'Open this page').waitFor();
    await tool(page, 'Done', 'Open this page', 'Rename').and(page.locator(':focus')).waitFor();
    await page.getByRole('status').filter({ hasText: 'Moved to Done.' }).waitFor({ state: 'attached' });
  });

  it('[CT11] what the server refuses is taken back, with the reason', async () => {
    const { address } = await startBoard();
    const page = await comeIn(address, 'Ann');
    for (const title of ['one', 'two', 'three', 'four']) await add(page, 'Doing', title);
    await page.getByRole('alert').filter({ hasText: 'takes at most 4 cards' }).waitFor();
    await expect.poll(() => column(page, 'Doing').locator('.title').count()).toBe(4);
    expect(await card(page, 'Doing', 'four').count()).toBe(0);
    await page.getByRole('button', { name: 'Dismiss' }).click();
    await expect.poll(() => page.getByText('takes at most').count()).toBe(0);
  });

  it('[CL11] [RC6] what is done offline is shown at once, is kept, and is sent after the return', async () => {
    const { address } = await startBoard();
    const line = await cuttable(address);
    const ann = await comeIn(line.address, 'Ann');
    const bob = await comeIn(address, 'Bob');
    line.cut();
    await ann.getByRole('status').filter({ hasText: 'Reconnecting' }).waitFor();
    await add(ann, 'To do', 'while away');
    await card(ann, 'To do', 'while away').waitFor();
    await ann.getByText('1 change is kept').waitFor();
    await add(bob, 'To do', 'meanwhile');
    await card(bob, 'To do', 'meanwhile').waitFor();
    expect(await card(bob, 'To do', 'while away').count()).toBe(0);
    line.mend();
    await card(bob, 'To do', 'while away').waitFor({ timeout: 30_000 });
    await card(ann, 'To do', 'meanwhile').waitFor();
    expect(await card(ann, 'To do', 'while away').count()).toBe(1);
    await ann.getByRole('status').filter({ hasText: 'Live' }).waitFor();
  });

  it('[SS9] [RC2] a server that knows the token no more asks for a new login', async () => {
    const first = await startBoard();
    const line = await cuttable(first.address);
    const page = await comeIn(line.address, 'Ann');
    first.process.kill('SIGTERM');
    await ended(first.process);
    const second = await startBoard();
    line.lead(second.address);
    await page.getByRole('alert').filter({ hasText: 'Please sign in again.' }).waitFor({ timeout: 30_000 });
    await fill(page, 'Ann');
    await card(page, 'To do', 'Open this page').waitFor();
  });
});

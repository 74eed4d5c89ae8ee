import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Browser, type Page, chromium as playwright } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { filesOf } from '../support/docs/docBlocks.js';
import { chromium, describeWith } from '../support/peers/installed.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
/** Inside of the package, so that the package finds itself by its name. */
const folder = join(root, 'test/.blocks/readme');

describeWith(chromium, 'the contract, server and page of the README', (executablePath) => {
  let server: ChildProcess;
  let browser: Browser;
  let address: string;

  beforeAll(async () => {
    mkdirSync(folder, { recursive: true });
    for (const [name, code] of filesOf(readFileSync(join(root, 'README.md'), 'utf8'))) {
      writeFileSync(join(folder, name), code);
    }
    rmSync(join(folder, 'node_modules'), { force: true });
    symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
    const child = spawn(process.execPath, ['server.js'], { cwd: folder, env: { ...process.env, PORT: '0' } });
    server = child;
    let output = '';
    for await (const bytes of child.stdout) {
      output += String(bytes);
      if (output.includes('port')) break;
    }
    address = `http://127.0.0.1:${/port: (\d+)/.exec(output)?.[1]}`;
    browser = await playwright.launch({ executablePath, args: ['--no-sandbox'] });
  });
  afterAll(async () => {
    await browser.close();
    server.kill('SIGKILL');
    await once(server, 'exit');
    rmSync(folder, { recursive: true, force: true });
  });

  const texts = (page: Page): Promise<string[]> => page.locator('li').allTextContents();

  const open = async (): Promise<Page> => {
    const page = await browser.newPage();
    await page.goto(address);
    await page.waitForFunction('document.querySelector("form").onsubmit !== null');
    await expect.poll(() => page.title()).toBe('online');
    await expect
      .poll(() => texts(page))
      .toEqual(['Welcome to lobby!', expect.stringMatching(/^It is \d{4}-.* on the server\.$/)]);
    return page;
  };

  test('[BC1] a message of one tab appears in the other', async () => {
    const [ann, ben] = [await open(), await open()];
    await ann.fill('input', 'hello');
    await ann.press('input', 'Enter');
    for (const page of [ann, ben]) await expect.poll(async () => (await texts(page)).slice(2)).toEqual(['hello']);
  });
});

import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium as playwright } from 'playwright-core';
import { expect, it, onTestFinished } from 'vitest';
import { bundlers, scriptsIn } from '../../tools/bundle.js';
import { startPageServer } from '../support/client/pageServer.js';
import { chromium, describeWith } from '../support/peers/installed.js';

const dist = fileURLToPath(new URL('../../dist/', import.meta.url));

/** What a page takes from the package. */
const entry = `
  import { dial } from ${JSON.stringify(`${dist}client/client.js`)};
  import { ask, contract, fromClient } from ${JSON.stringify(`${dist}contract/contract.js`)};
  const any = { '~standard': { version: 1, vendor: 'test', validate: (value) => ({ value }) } };
  const app = contract({ default: { echo: ask(any, any), kick: fromClient(any) } });
  const client = dial('/live?id=bundled', { contract: app });
  globalThis.answered = client.connect('default').then((ns) => ns.ask('echo', { n: 42 }));
`;

describeWith(chromium, 'a page that is bundled', (executablePath) => {
  it.each(bundlers)('[CL4] [CL17] by %s talks to a server', async (_, bundle) => {
    const folder = await mkdtemp(join(tmpdir(), 'bundled-'));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    await writeFile(join(folder, 'page.js'), entry);
    await bundle(join(folder, 'page.js'), join(folder, 'out'));
    const [script = '', ...others] = scriptsIn(join(folder, 'out'));
    expect(others).toEqual([]);
    const pages = await startPageServer({ '/bundle.js': await readFile(script, 'utf8') });
    onTestFinished(() => pages.close());
    const args = ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update'];
    const browser = await playwright.launch({ executablePath, args });
    onTestFinished(() => browser.close());
    const page = await browser.newPage();
    const complaints: string[] = [];
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
    await page.goto(`${pages.origin}/?script=/bundle.js`);
    await page.waitForFunction('globalThis.answered');
    expect(await page.evaluate('answered')).toEqual({ n: 42 });
    expect(complaints).toEqual([]);
  });
});

import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { type Browser, type Page, chromium as playwright } from 'playwright-core';
import { afterAll, afterEach, beforeAll } from 'vitest';
import type { Scene } from './scene.js';

/** A browser would ask for one, and complain. */
const icon = '<link rel="icon" href="data:,">';
const args = ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update'];

/** A page that shows scenes. */
export interface ReactPage {
  readonly page: Page;
  /** What the page has complained about. */
  readonly complaints: string[];
  /** Shows a scene, in StrictMode. */
  show(scene: Scene): Promise<void>;
  /** Unmounts the scene, and shows another one in the same macrotask. */
  replace(scene: Scene): Promise<void>;
  /** Unmounts the scene. */
  clear(): Promise<void>;
  /** Takes over what a server rendered. Returns the texts of a part before the page has run an effect. */
  hydrate(scene: Scene): Promise<void>;
  /** Returns the text of a part of a pane. */
  read(pane: string, part: string): Promise<string>;
  /** Presses a button of a pane. */
  press(pane: string, button: string): Promise<void>;
}

/** Opens pages in a browser, which is closed after the tests. */
export const useReactPages = (executablePath: string) => {
  let browser: Browser;
  let script = '';
  let markup = '';
  let address = '';
  const files = createServer(({ url }, response) => {
    const isScript = url === '/script';
    response.setHeader('Content-Type', isScript ? 'text/javascript' : 'text/html');
    response.end(
      isScript ? script : `<!doctype html>${icon}<div id="root">${markup}</div><script src="/script"></script>`,
    );
  });
  beforeAll(async () => {
    const bundled = build({
      entryPoints: [fileURLToPath(new URL('page.ts', import.meta.url))],
      bundle: true,
      write: false,
      format: 'iife',
      define: { 'process.env.NODE_ENV': '"development"' },
    });
    [browser, script] = await Promise.all([
      playwright.launch({ executablePath, args }),
      bundled.then(({ outputFiles: [file] }) => file?.text ?? ''),
    ]);
    files.listen(0, '127.0.0.1');
    await once(files, 'listening');
    // A server that listens on a port has an address with that port.
    address = `http://127.0.0.1:${(files.address() as AddressInfo).port}/`;
  }, 60_000);
  afterEach(async () => {
    await Promise.all(browser.contexts().map((context) => context.close()));
  });
  afterAll(async () => {
    files.close();
    await browser?.close();
  });

  /** Opens the page. `html` is what a server has rendered. */
  return async (html = ''): Promise<ReactPage> => {
    const page = await (await browser.newContext()).newPage();
    page.setDefaultTimeout(60_000);
    const complaints: string[] = [];
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
    markup = html;
    await page.goto(address);
    const call = (method: string, scene?: Scene): Promise<void> =>
      page.evaluate(`stage.${method}(${scene ? JSON.stringify(scene) : ''})`);
    return {
      page,
      complaints,
      show: (scene) => call('show', scene),
      replace: (scene) => call('replace', scene),
      clear: () => call('clear'),
      hydrate: (scene) => call('hydrate', scene),
      read: async (pane, part) => (await page.locator(`#${pane} .${part}`).textContent()) ?? '',
      press: (pane, button) => page.locator(`#${pane} button.${button}`).click(),
    };
  };
};

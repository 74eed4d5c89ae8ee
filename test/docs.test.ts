import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, describe, expect, test } from 'vitest';
import { defaultLimits } from '../src/index.js';

const root = fileURLToPath(new URL('..', import.meta.url));
/** Inside the package, so that the blocks import it by its name as a reader would. */
const scratch = join(root, 'test', '.blocks');
const run = promisify(execFile);

const pages = [
  'README.md',
  ...readdirSync(join(root, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
];
const blocks = pages.flatMap((page) =>
  [...readFileSync(join(root, page), 'utf8').matchAll(/^```js\n(.*?)^```$/gms)].map(([, code = ''], at) => ({
    name: `${page}, block ${at + 1}`,
    code,
  })),
);

describe('the documentation', () => {
  afterAll(() => rmSync(scratch, { recursive: true, force: true }));

  test.each(blocks)('$name runs as it stands', async ({ name, code }) => {
    mkdirSync(scratch, { recursive: true });
    const file = join(scratch, `${name.replaceAll(/\W+/g, '-')}.mjs`);
    const end = /\bconst server\b/.test(code) ? '\nawait server.close();\n' : '';
    writeFileSync(file, `${code}${end}\nprocess.exit(0);\n`);
    const { stderr } = await run(process.execPath, [file], { timeout: 15_000 });
    expect(stderr).toBe('');
  });

  test('[LM2] the table of limits is what the code does', () => {
    const rows = [...readFileSync(join(root, 'README.md'), 'utf8').matchAll(/^\| `(\w+)` \| (\d+) \|/gm)];
    expect(Object.fromEntries(rows.map(([, name, value]) => [name, Number(value)]))).toEqual({ ...defaultLimits });
  });

  test('every file that a page points to is there', () => {
    const missing = [...pages, 'ARCHITECTURE.md'].flatMap((page) =>
      [
        ...readFileSync(join(root, page), 'utf8')
          .replaceAll(/^```.*?^```/gms, '')
          .matchAll(/\]\(([^):]+)\)/g),
      ]
        .map(([, target = '']) => join(root, page, '..', target))
        .filter((target) => !existsSync(target)),
    );
    expect(missing).toEqual([]);
  });
});

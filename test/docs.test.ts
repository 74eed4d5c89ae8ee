import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, describe, expect, test } from 'vitest';
import { defaultLimits } from '../src/index.js';
import { closeReasons } from '../src/protocol/errors.js';

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
  [...readFileSync(join(root, page), 'utf8').matchAll(/^```(js|ts)\n(.*?)^```$/gms)].map(
    ([, language = '', code = ''], at) => ({ name: `${page}, block ${at + 1}`, language, code }),
  ),
);

describe('the documentation', () => {
  afterAll(() => rmSync(scratch, { recursive: true, force: true }));

  test.each(blocks)('$name runs as it stands', async ({ name, language, code }) => {
    mkdirSync(scratch, { recursive: true });
    const source = join(scratch, `${name.replaceAll(/\W+/g, '-')}.m${language}`);
    const end = /\bconst server\b/.test(code) ? '\nawait server.close();\n' : '';
    writeFileSync(source, `${code}${end}\nprocess.exit(0);\n`);
    if (language === 'ts') {
      const flags = [
        '--ignoreConfig',
        '--strict',
        '--skipLibCheck',
        '--target',
        'es2023',
        '--module',
        'nodenext',
        '--types',
        'node',
      ];
      await run(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), ...flags, source], { cwd: root });
    }
    const file = source.replace(/\.mts$/, '.mjs');
    const { stderr } = await run(process.execPath, [file], { timeout: 15_000 });
    expect(stderr).toBe('');
  });

  test('[LM2] the table of limits is what the code does', () => {
    const rows = [...readFileSync(join(root, 'docs/limits.md'), 'utf8').matchAll(/^\| `(\w+)` \| (\d+) \|/gm)];
    expect(Object.fromEntries(rows.map(([, name, value]) => [name, Number(value)]))).toEqual({ ...defaultLimits });
  });

  test('[BP2] the table of close reasons is what the code does', () => {
    const page = readFileSync(join(root, 'docs/errors.md'), 'utf8');
    const rows = [...page.matchAll(/^\| `(\w+)` \| (\d+) \| (.*?)\s?\| (yes|no) \|$/gm)];
    const reasons = rows.map(([, name = '', code, text, back]) => [
      name,
      { code: Number(code), text, retry: back === 'yes' },
    ]);
    expect(Object.fromEntries(reasons)).toEqual(closeReasons);
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

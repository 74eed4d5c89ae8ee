import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { defaultLimits } from '../src/index.js';
import { closeReasons } from '../src/protocol/errors.js';
import { type Block, blocksOf, type Complaint, compileBlocks, removeBlocks, runBlock } from './support/docBlocks.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const read = (page: string): string => readFileSync(join(root, page), 'utf8');

const pages = [
  'README.md',
  ...readdirSync(join(root, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
];
const blocks = pages.flatMap((page) => blocksOf(page, read(page)));

/** Each line with this mark names something that there is not. */
const mark = '// misspelt';
const misspelt: readonly Block[] = [
  {
    name: 'a misspelt js',
    language: 'js',
    code: `
import { connectionMachine, exclude, OnRoomJoin, reply, Server } from 'muster';
import { OnRoomJoins } from 'muster'; ${mark}
const server = new Server({
  namespaces: {
    chat: {
      [OnRoomJoin](ns, msg) {
        ns.noSuchMethod(); ${mark}
        if (msg.rooom === 'staff') throw new Error('no'); ${mark}
      },
      async say(ns, msg) {
        ns.conn.nope(); ${mark}
        ns.broadcast({ evnt: 'said', body: msg.body }); ${mark}
        const room = await ns.joinRoom('lobby');
        room.emti('said'); ${mark}
        return reply(msg.json().anything);
      },
    },
  },
  async onConnect(conn) {
    await conn.waitConect('chat'); ${mark}
  },
  onDisconnect: (conn, { code, txt }) => console.log(conn.id, code, txt), ${mark}
  onError(error, where) {
    console.log(error, where.durng); ${mark}
  },
  onUpgrade: (request) => request.hedaers.host, ${mark}
  debug: ({ wat, bytes }) => console.log(wat, bytes), ${mark}
});
new Server({ namespaces: { chat: {} }, limits: { palyoad: 1 } }); ${mark}
new Server({ namespaces: { chat: {} }, onConect() {} }); ${mark}
server.broadcast(exclude('joe'), { namespace: 'chat', event: 'said', bdoy: '' }); ${mark}
await server.do((conn) => conn.clsoe()); ${mark}
const putOut = (id) => {
  for (const conn of server.connections()) if (conn.idd === id) conn.close(); ${mark}
};
putOut('joe');
connectionMachine.provide({ delays: { akTimeout: 1 } }); ${mark}
connectionMachine.provide({ actions: { noteEviction: ({ context }) => console.log(context.idd) } }); ${mark}
`,
  },
  {
    name: 'a misspelt ts',
    language: 'ts',
    code: `
import { Server } from 'muster';
new Server<{ chat: { said: string } }>({
  namespaces: {
    chat: {
      say(ns) {
        ns.emit('sayed'); ${mark}
      },
    },
  },
});
const loose = (conn) => conn.id; ${mark}
`,
  },
];

describe('the documentation', () => {
  let complaints: ReadonlyMap<string, readonly Complaint[]>;
  beforeAll(async () => {
    complaints = await compileBlocks([...blocks, ...misspelt]);
  });
  afterAll(removeBlocks);

  test('no block goes by another name', () => {
    const fences = pages.flatMap((page) => read(page).match(/^ *```.+$/gm) ?? []);
    expect([...new Set(fences)].sort()).toEqual(['```js', '```mermaid', '```sh', '```ts']);
    expect(fences.filter((fence) => /js|ts/.test(fence))).toHaveLength(blocks.length);
  });

  test.each(misspelt)('$name block is found out, line by line', ({ name, code }) => {
    const marked = code.split('\n').flatMap((line, at) => (line.endsWith(mark) ? [at + 1] : []));
    expect(marked.length).toBeGreaterThan(0);
    expect([...new Set(complaints.get(name)?.map(({ line }) => line))]).toEqual(marked);
  });

  test.each(blocks)('$name names only what there is, and runs as it stands', async (block) => {
    expect(complaints.get(block.name)).toEqual([]);
    expect(await runBlock(block)).toBe('');
  });

  test('[LM2] the table of limits is what the code does', () => {
    const rows = [...read('docs/limits.md').matchAll(/^\| `(\w+)` \| (\d+) \|/gm)];
    expect(Object.fromEntries(rows.map(([, name, value]) => [name, Number(value)]))).toEqual({ ...defaultLimits });
  });

  test('[LM2] and so is the short one on the first page', () => {
    const units: Readonly<Record<string, number>> = { '': 1, s: 1_000, KiB: 1_024 };
    const [, section = ''] = read('README.md').split('\n## Limits\n');
    const [, , ...rows] = section.split('\n## ', 1)[0]?.match(/^\|.*$/gm) ?? [];
    const told = rows.map((row) => {
      const [, name = '', value, unit = ''] = /^\| `(\w+)` \| (\d+) ?(KiB|s)? \|/.exec(row) ?? [];
      return [name, Number(value) * (units[unit] ?? Number.NaN)] as const;
    });
    const limits: Readonly<Record<string, number>> = defaultLimits;
    expect(told.length).toBeGreaterThan(0);
    expect(told).toEqual(told.map(([name]) => [name, limits[name]]));
  });

  test('[BP2] the table of close reasons is what the code does', () => {
    const rows = [...read('docs/errors.md').matchAll(/^\| `(\w+)` \| (\d+) \| (.*?)\s?\| (yes|no) \|$/gm)];
    const reasons = rows.map(([, name = '', code, text, back]) => [
      name,
      { code: Number(code), text, retry: back === 'yes' },
    ]);
    expect(Object.fromEntries(reasons)).toEqual(closeReasons);
  });

  test('every place that a page points to is there', () => {
    /** A heading, as it stands in an address. */
    const slug = (heading: string): string =>
      heading
        .toLowerCase()
        .replaceAll(/[^\w\- ]/g, '')
        .replaceAll(' ', '-');
    const isThere = (page: string, target: string): boolean => {
      const [path = '', anchor] = target.split('#');
      const file = path === '' ? page : join(page, '..', path);
      if (!existsSync(join(root, file))) return false;
      const headings = Array.from(read(file).matchAll(/^#+ (.+)$/gm), ([, heading = '']) => slug(heading));
      return anchor === undefined || headings.includes(anchor);
    };
    const missing = [...pages, 'ARCHITECTURE.md'].flatMap((page) => {
      const prose = read(page).replaceAll(/^```.*?^```/gms, '');
      const targets = Array.from(prose.matchAll(/\]\(([^):]+)\)/g), ([, target = '']) => target);
      return targets.filter((target) => !isThere(page, target)).map((target) => `${page}: ${target}`);
    });
    expect(missing).toEqual([]);
  });
});

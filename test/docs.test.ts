import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeLostCounters } from '../src/actors/cluster/losses.js';
import { type NatsNames, natsNames, natsSubjects, redisNames } from '../src/exchange/naming.js';
import { defaultLimits, linkMachine } from '../src/index.js';
import { closeReasons } from '../src/protocol/errors.js';
import { withLimitMembers, withLimits, withMetrics } from '../tools/tables.js';
import {
  type Block,
  type BlockError,
  blocksOf,
  brokersOf,
  compileBlocks,
  filesOf,
  removeBlocks,
  runBlock,
} from './support/docs/docBlocks.js';
import { natsServer, redisServer, startNats, startRedis } from './support/peers/brokers.js';
import { describeWith } from './support/peers/installed.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const read = (page: string): string => readFileSync(join(root, page), 'utf8');

const pages = [
  'README.md',
  ...readdirSync(join(root, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
];
const blocks = pages.flatMap((page) => blocksOf(page, read(page)));

/** What a block gets that imports `musterjs/redis` or `musterjs/nats`, and where it looks for it. */
const redis = { peer: redisServer, variable: 'REDIS_URL', start: startRedis };
const nats = { peer: natsServer, variable: 'NATS_URL', start: startNats };

/** Each line with this mark names something that there is not. */
const mark = '// misspelt';
const misspelt: readonly Block[] = [
  {
    name: 'a misspelt js',
    language: 'js',
    code: `
import { connectionMachine, exclude, OnRoomJoin, reply, Server } from 'musterjs';
import { OnRoomJoins } from 'musterjs'; ${mark}
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
import { Server } from 'musterjs';
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
  let complaints: ReadonlyMap<string, readonly BlockError[]>;
  beforeAll(async () => {
    complaints = await compileBlocks([...blocks, ...misspelt]);
  }, 60_000);
  afterAll(removeBlocks);

  test('every block has a known language', () => {
    const fences = pages.flatMap((page) => read(page).match(/^ *```.+$/gm) ?? []);
    const programs = ['js', 'mermaid', 'sh', 'ts', 'tsx'];
    // Of docs/deploying.md. Tests start nginx and HAProxy with them.
    const configurations = ['caddyfile', 'haproxy', 'ini', 'nginx', 'yaml'];
    const known = [...programs, ...configurations].sort().map((language) => `\`\`\`${language}`);
    expect([...new Set(fences)].sort()).toEqual(known);
    // A test of the examples runs the files of the README.
    const files = pages.map((page) => filesOf(read(page)).size).reduce((sum, size) => sum + size);
    expect(fences.filter((fence) => /js|ts/.test(fence))).toHaveLength(blocks.length + files);
  });

  test.each(misspelt)('errors in $name are found with their lines', ({ name, code }) => {
    const marked = code.split('\n').flatMap((line, at) => (line.endsWith(mark) ? [at + 1] : []));
    expect(marked.length).toBeGreaterThan(0);
    expect([...new Set(complaints.get(name)?.map(({ line }) => line))]).toEqual(marked);
  });

  test.each(blocks)('$name uses existing names only', ({ name }) => {
    expect(complaints.get(name)).toEqual([]);
  });

  const isAlone = (block: Block): boolean => brokersOf(block).length === 0;
  test.each(blocks.filter(isAlone))('$name runs unchanged', async (block) => {
    // Any free port, where a program of the page names one.
    expect(await runBlock(block, { PORT: '0' })).toBe('');
  });

  describe.each(blocks.filter((block) => !isAlone(block)))('$name, with a broker', (block) => {
    const wanted = brokersOf(block).map((broker) => (broker === 'redis' ? redis : nats));
    const missing = wanted.find(({ peer }) => peer.path === undefined);
    describeWith((missing ?? wanted[0] ?? redis).peer, block.name, () => {
      test('runs unchanged', async () => {
        const started = await Promise.all(wanted.map(async ({ variable, start }) => [variable, (await start()).url]));
        expect(await runBlock(block, Object.fromEntries(started))).toBe('');
      });
    });
  });

  /** The first column of the table under a heading, as far as it is code. */
  const namesUnder = (heading: string): string[] => {
    const [, section = ''] = read('docs/scale-out.md').split(`\n## ${heading}\n`);
    return Array.from((section.split('\n## ', 1)[0] ?? '').matchAll(/^\| `(\w+)` \|/gm), ([, name = '']) => name);
  };

  test('[EX18] the table of losses equals the counters', () => {
    expect(namesUnder('What is lost is counted')).toEqual(Object.keys(makeLostCounters()));
  });

  test('[EX10] the table of states is that of the chart', () => {
    expect(namesUnder('While the broker is away')).toEqual(Object.keys(linkMachine.config.states ?? {}));
  });

  test('[EX13] the tables of names equal those of the code', () => {
    const page = read('docs/scale-out.md');
    const rows = [...page.matchAll(/^\| .* \| `(app\S+)` \| `(app\S+)` \|$/gm)].map(([, ...channels]) => channels);
    const places = [
      ['namespace', 'chat'],
      ['namespace', ''],
      ['connection', 'joe'],
      ['answers', 'k7-n1'],
    ] as const;
    const subject = natsSubjects('app', 'san');
    expect(rows).toEqual(places.map(([kind, name]) => [redisNames('app')(kind, name), subject(kind, name)]));

    const address = 'joe@example.com';
    const carried = (names: NatsNames) => () => natsSubjects('app', names)('connection', address);
    expect(namesUnder('Names')).toEqual(natsNames);
    expect(carried('san')).toThrow(RangeError);
    expect(carried('hashed')()).not.toContain('joe');
    expect(page).toContain(`| \`plain\` | \`${carried('plain')()}\` |`);
    // The example of two applications that would meet.
    expect(redisNames('app')('connection', 'b.c')).toBe(redisNames('app.b')('connection', 'c'));
  });

  test('[LM2] the table of limits equals the limits of the code', () => {
    const page = read('docs/limits.md');
    expect(withLimits(page)).toBe(page);
    const rows = [...page.matchAll(/^\| `(\w+)` \| \w* ?\| (\d+) \|/gm)];
    expect(Object.fromEntries(rows.map(([, name, value]) => [name, Number(value)]))).toEqual({ ...defaultLimits });
    expect(withLimitMembers(read('src/limits.ts'))).toBe(read('src/limits.ts'));
  });

  test('[IN8] the tables of metrics equal the metrics of the code', () => {
    const page = read('docs/metrics.md');
    expect(withMetrics(page)).toBe(page);
  });

  test('[LM2] and so is the short one on the first page', () => {
    const units: Readonly<Record<string, number>> = { '': 1, s: 1_000, KiB: 1_024 };
    const [, section = ''] = read('README.md').split('\n## Limits\n');
    const [, , ...rows] = section.split('\n## ', 1)[0]?.match(/^\|.*$/gm) ?? [];
    const told = rows.map((row) => {
      const [, name = '', value, unit = ''] = /^\| `(\w+)` \| (\d+) ?(KiB|s)? \|/.exec(row) ?? [];
      return [name, Number(value) * (units[unit] ?? Number.NaN)] as const;
    });
    const limits: Readonly<Record<string, number>> = { ...defaultLimits };
    expect(told.length).toBeGreaterThan(0);
    expect(told).toEqual(told.map(([name]) => [name, limits[name]]));
  });

  test('[BP2] the table of close reasons equals that of the code', () => {
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

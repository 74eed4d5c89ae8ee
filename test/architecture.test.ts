import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import * as surface from '../src/index.js';

const root = fileURLToPath(new URL('../src', import.meta.url));

interface SourceFile {
  readonly path: string;
  readonly folder: string;
  readonly lines: number;
  readonly imports: readonly string[];
  /** Those of them that are there at run time. */
  readonly values: readonly string[];
}

const importPattern = /^(?:import|export)\s(type\s)?[^;]*?from\s+'([^']+)'|^import\s+'([^']+)'|import\('([^']+)'\)/gm;

/** A file that stands beside folders is one by itself. */
const folderOf = (path: string): string => {
  const folder = dirname(path);
  // Of the client, this file alone needs a package.
  if (path === 'client/machine.ts') return 'client/machine';
  return folder === '.' || folder === 'actors' ? path.replace(/\.ts$/, '') : folder;
};

const files: readonly SourceFile[] = readdirSync(root, { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.ts'))
  .map((path) => {
    const text = readFileSync(join(root, path), 'utf8');
    const found = Array.from(text.matchAll(importPattern), ([, isType, from, bare, dynamic]) => ({
      isType: isType !== undefined,
      specifier: from ?? bare ?? dynamic ?? '',
    }));
    const imports = found.map(({ specifier }) => specifier);
    const values = found.filter(({ isType }) => !isType).map(({ specifier }) => specifier);
    return { path, folder: folderOf(path), lines: text.split('\n').length - 1, imports, values };
  });

/** The source file that a relative import names. */
const target = ({ path }: SourceFile, specifier: string): string =>
  normalize(join(dirname(path), specifier)).replace(/\.js$/, '.ts');

/** The files that a program can import: what package.json exports. */
const entries: readonly string[] = [
  ...readFileSync(join(root, '../package.json'), 'utf8').matchAll(/"default": "\.\/dist\/(.+)\.js"/g),
].map(([, name]) => `${name}.ts`);

const isRelative = (specifier: string): boolean => specifier.startsWith('.');

/** The layers of `actors` that all parts above them share, the lowest first. */
const layers = ['actors/runtime', 'actors/charts', 'actors/transport', 'actors/telemetry', 'actors/api'] as const;
/** What the parts of a running server stand on. */
const ground = ['limits', 'protocol', 'protocol/incoming', 'contract', 'machines'] as const;
/** What the face of a server may name. */
const parts = [
  ...ground,
  'exchange',
  ...layers,
  'actors/sessions',
  'actors/context',
  'actors/cluster',
  'actors/supervisor',
] as const;

/** Which folders, and which packages, a folder may import from. */
const arrows: Readonly<Record<string, { readonly folders: readonly string[]; readonly packages: readonly string[] }>> =
  {
    protocol: { folders: [], packages: [] },
    /** How a server decodes what it receives. It needs Node. */
    'protocol/incoming': { folders: ['protocol'], packages: [] },
    limitRow: { folders: [], packages: [] },
    limitTable: { folders: ['limitRow'], packages: [] },
    limits: { folders: ['limitTable'], packages: [] },
    /** Both ends share it. */
    contract: { folders: ['protocol'], packages: ['@standard-schema/spec'] },
    /** Runs in a browser: no package, and nothing of Node. */
    'client/line': { folders: ['protocol'], packages: [] },
    client: { folders: ['protocol', 'contract', 'client/line'], packages: [] },
    /** Runs in a browser, beside React. */
    react: { folders: ['protocol', 'contract', 'client', 'client/line'], packages: ['react'] },
    'client/machine': { folders: ['client', 'client/line'], packages: ['xstate'] },
    machines: { folders: [], packages: ['xstate'] },
    /** What a program extends the charts with. */
    charts: { folders: ['machines'], packages: ['xstate'] },
    broadcast: { folders: ['limits', 'protocol'], packages: ['node:zlib'] },
    exchange: {
      folders: ['protocol', 'actors/runtime'],
      packages: ['redis', '@nats-io/transport-node', 'node:crypto'],
    },
    'actors/runtime': { folders: [], packages: ['xstate'] },
    /** How charts run: stepped, memoised, and with the server's implementations. */
    'actors/charts': { folders: ['actors/runtime'], packages: ['xstate', 'xstate/guards'] },
    'actors/transport': { folders: ['limits', 'protocol', 'protocol/incoming', 'actors/runtime'], packages: [] },
    'actors/telemetry': {
      folders: ['protocol', 'protocol/incoming', 'actors/runtime', 'actors/charts'],
      packages: ['xstate'],
    },
    'actors/api': {
      folders: ['limits', 'protocol', 'contract', 'machines', 'actors/runtime', 'actors/transport', 'actors/telemetry'],
      packages: ['xstate'],
    },
    /** Middleware of our own. A program may have others in its place. */
    'actors/middleware': {
      folders: ['protocol', 'contract', 'actors/api'],
      packages: [],
    },
    /** Asked by `connection` and by `supervisor`; it knows no connection. */
    'actors/sessions': {
      folders: ['limits', 'protocol', 'protocol/incoming', 'actors/runtime', 'actors/transport', 'actors/telemetry'],
      packages: ['xstate'],
    },
    /** What all parts of one server share. */
    'actors/context': {
      folders: [...ground, 'broadcast', ...layers, 'actors/sessions'],
      packages: [],
    },
    /** The frames of one connection that wait for their turn. It knows no connection. */
    'actors/inbox': { folders: ['limits', 'protocol', 'actors/runtime'], packages: [] },
    'actors/connection': {
      folders: [...ground, 'broadcast', ...layers, 'actors/sessions', 'actors/context', 'actors/inbox'],
      packages: ['xstate', 'immer'],
    },
    'actors/cluster': {
      folders: [
        'limits',
        'protocol',
        'machines',
        'exchange',
        'actors/runtime',
        'actors/charts',
        'actors/telemetry',
        'actors/api',
        'actors/context',
      ],
      packages: ['xstate'],
    },
    'actors/supervisor': {
      folders: [
        ...ground,
        'broadcast',
        'exchange',
        ...layers,
        'actors/sessions',
        'actors/context',
        'actors/connection',
        'actors/cluster',
      ],
      packages: ['xstate'],
    },
    /** Which requests may become connections, and how many at a time. It knows no actor. */
    'server/admission': {
      folders: ['limits', 'actors/runtime', 'actors/sessions'],
      packages: ['node:http', 'node:net', 'node:stream'],
    },
    /** One WebSocket, from the 101 on. It knows no actor. */
    'server/socket': {
      folders: ['limits', 'protocol', 'actors/runtime', 'actors/transport', 'actors/telemetry'],
      packages: ['node:buffer', 'node:crypto', 'node:http', 'node:net', 'node:stream', 'node:util', 'ws'],
    },
    server: {
      folders: [...parts, 'broadcast', 'server/admission', 'server/socket'],
      packages: ['node:http', 'node:net', 'node:stream', 'node:crypto', 'xstate'],
    },
    'inspector/draw': {
      folders: ['machines', 'actors/runtime', 'actors/context'],
      packages: ['xstate', 'node:module', 'node:worker_threads'],
    },
    'inspector/stately': {
      folders: ['protocol', 'actors/runtime', 'actors/telemetry', 'actors/supervisor', 'server', 'inspector/draw'],
      packages: ['xstate'],
    },
    /** Watches; nothing imports it. */
    inspector: {
      folders: [
        'protocol',
        'contract',
        'machines',
        'actors/runtime',
        'actors/telemetry',
        'actors/api',
        'actors/context',
        'actors/connection',
        'actors/cluster',
        'actors/supervisor',
        'server',
        'inspector/draw',
        'inspector/stately',
      ],
      packages: ['xstate', 'node:http', 'node:fs'],
    },
    index: {
      folders: [...parts, 'broadcast', 'actors/middleware', 'server', 'charts'],
      packages: [],
    },
  };

describe('the architecture', () => {
  test('imports point down the layers, types included', () => {
    const wrong = files.flatMap((file) =>
      file.imports.filter(isRelative).flatMap((specifier) => {
        const to = folderOf(target(file, specifier));
        const isAllowed = to === file.folder || (arrows[file.folder]?.folders.includes(to) ?? false);
        return isAllowed ? [] : [`${file.path} imports ${specifier}`];
      }),
    );
    expect(wrong).toEqual([]);
  });

  test('packages are imported only where they belong', () => {
    const wrong = files.flatMap((file) =>
      file.imports
        .filter((specifier) => !isRelative(specifier) && !arrows[file.folder]?.packages.includes(specifier))
        .map((specifier) => `${file.path} imports ${specifier}`),
    );
    expect(wrong).toEqual([]);
  });

  test.each([
    ['redis', 'exchange/redis.ts'],
    ['@nats-io/transport-node', 'exchange/nats.ts'],
    // It finds the package that draws, which a thread loads.
    ['node:worker_threads', 'inspector/draw/graphviz.ts'],
  ])('one file alone imports %s', (name, importer) => {
    expect(files.filter(({ imports }) => imports.includes(name)).map(({ path }) => path)).toEqual([importer]);
  });

  test('one folder alone imports ws', () => {
    const importers = files.filter(({ imports }) => imports.includes('ws')).map(({ folder }) => folder);
    expect([...new Set(importers)]).toEqual(['server/socket']);
  });

  test('optional packages are imported by their own entries only, never from the surface', () => {
    expect(entries).toEqual([
      'index.ts',
      'client/client.ts',
      'client/machine.ts',
      'exchange/redis.ts',
      'exchange/nats.ts',
      'inspector/inspector.ts',
      'contract/contract.ts',
      'react/react.ts',
    ]);
    const within = files.flatMap((file) => file.imports.filter(isRelative).map((specifier) => target(file, specifier)));
    expect(within.filter((path) => entries.includes(path))).toEqual([]);
  });

  test('there are no import cycles at run time; types may form one inside a folder', () => {
    const imports = new Map(
      files.map((file) => [file.path, file.values.filter(isRelative).map((specifier) => target(file, specifier))]),
    );
    const cycles: string[] = [];
    const walk = (path: string, trail: readonly string[]): void => {
      if (trail.includes(path)) cycles.push([...trail.slice(trail.indexOf(path)), path].join(' -> '));
      else for (const next of imports.get(path) ?? []) walk(next, [...trail, path]);
    };
    for (const entry of entries) walk(entry, []);
    expect(cycles).toEqual([]);
  });

  test('one file reads the clock of the machine, and one its random numbers; for the client, one does both', () => {
    const given =
      /\b(?:Date\.now|performance\.now|Math\.random)\b|(?<![.\w])(?:set|clear)(?:Timeout|Interval|Immediate)\(|\bcrypto\.|\brandom(?:UUID|Bytes)\b|getRandomValues/;
    const takers = files.filter(({ path }) => given.test(readFileSync(join(root, path), 'utf8')));
    expect(takers.map(({ path }) => path).sort()).toEqual([
      'actors/runtime/clock.ts',
      'actors/runtime/random.ts',
      'client/line/parts.ts',
    ]);
  });

  test('every import names a file, and every file is reachable from the surface', () => {
    const paths = new Set(files.map(({ path }) => path));
    const named = new Set(files.flatMap((file) => file.imports.filter(isRelative).map((from) => target(file, from))));
    expect([...named].filter((path) => !paths.has(path))).toEqual([]);
    expect([...paths].filter((path) => !entries.includes(path) && !named.has(path))).toEqual([]);
  });

  test('a folder has at most 14 files', () => {
    const counts = new Map<string, number>();
    for (const { path } of files) counts.set(dirname(path), (counts.get(dirname(path)) ?? 0) + 1);
    expect([...counts].filter(([, count]) => count > 14)).toEqual([]);
  });

  test('a file has at most 300 lines, and no catch-all name', () => {
    expect(files.filter(({ lines }) => lines > 300).map(({ path, lines }) => `${path}: ${lines}`)).toEqual([]);
    const drawers = files.filter(({ path }) => /(^|\/)(utils?|types|helpers?|common|misc)\.ts$/.test(path));
    expect(drawers.map(({ path }) => path)).toEqual([]);
  });

  test('the surface exports the documented names', () => {
    expect(relative('.', root)).toBe('src');
    expect(Object.keys(surface).sort()).toEqual(
      [
        'AskTimeout',
        'CloseError',
        'Conn',
        'ErrBadNamespace',
        'ErrBadRoom',
        'ErrClosedRooms',
        'ErrInvalidPayload',
        'ErrNoAudience',
        'ErrWrite',
        'ExchangeLoss',
        'Exclusion',
        'HandlerTimeout',
        'IdRefused',
        'InvalidPayload',
        'NSConn',
        'OnAnyEvent',
        'OnNamespaceConnect',
        'OnNamespaceConnected',
        'OnNamespaceDisconnect',
        'OnNativeMessage',
        'OnRoomJoin',
        'OnRoomJoined',
        'OnRoomLeave',
        'OnRoomLeft',
        'Refusal',
        'Reply',
        'Room',
        'Server',
        'TooManyAsks',
        'UpgradeRefused',
        'connectionConfig',
        'connectionMachine',
        'connectionSetup',
        'decodeFrame',
        'defaultLimits',
        'exclude',
        'isSystemEvent',
        'linkConfig',
        'linkMachine',
        'linkSetup',
        'namespace',
        'namespaceConfig',
        'namespaceMachine',
        'namespaceSetup',
        'rateLimit',
        'registerKnownError',
        'reply',
        'roomConfig',
        'roomMachine',
        'roomSetup',
        'supervisorConfig',
        'supervisorMachine',
        'supervisorSetup',
      ].sort(),
    );
  });
});

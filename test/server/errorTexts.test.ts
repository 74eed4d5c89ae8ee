import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { ask, contract } from '../../src/contract/contract.js';
import type { Schema } from '../../src/contract/schema.js';
import {
  CloseError,
  type Handler,
  OnNamespaceConnect,
  OnNamespaceConnected,
  OnNamespaceDisconnect,
  OnNativeMessage,
  OnRoomJoin,
  OnRoomJoined,
  OnRoomLeave,
  OnRoomLeft,
  Refusal,
  registerKnownError,
  type ServerOptions,
  UpgradeRefused,
} from '../../src/index.js';
import { fromClient, readFromServer } from '../../src/protocol/session.js';
import { hello } from '../support/sessions/hinted.js';
import { type HintedClient, HintedServer } from '../support/sessions/hintedServer.js';

type Options = Partial<ServerOptions>;

/** One way to throw an error: the options that do it, and what a client does that leads there. */
interface Place {
  readonly options: (fail: () => never) => Options;
  readonly act: (host: HintedServer) => Promise<HintedClient>;
}

const ErrKnown = new Error('text');
registerKnownError(ErrKnown, () => false);

/** A plain client in namespace `n`, after these frames. Only what the last one leads to counts. */
const enter = async (host: HintedServer, ...frames: readonly string[]): Promise<HintedClient> => {
  const client = await host.dial({});
  await host.send(client, 'M', '$0;n;;_OnNamespaceConnect;0;0;');
  client.socket.sent.length = 0;
  for (const frame of frames) {
    client.socket.sent.length = 0;
    await host.send(client, frame);
  }
  return client;
};

/** Connects to namespace `n`. */
const connect = async (host: HintedServer): Promise<HintedClient> => {
  const client = await host.dial({});
  await host.send(client, 'M');
  client.socket.sent.length = 0;
  await host.send(client, '$1;n;;_OnNamespaceConnect;0;0;');
  return client;
};

/** A client of the session layer, with its token. */
const greet = async (host: HintedServer, ...frames: readonly string[]): Promise<HintedClient> => {
  const client = await host.dial();
  await host.send(client, hello('one'), 'M');
  client.socket.sent.splice(0, frames.length === 0 ? 0 : Number.POSITIVE_INFINITY);
  await host.send(client, ...frames);
  return client;
};

const disconnect = '$9;n;;_OnNamespaceDisconnect;0;0;';
const isFree = (isForced: boolean): boolean => !isForced;
const join = '$1;n;r;_OnRoomJoin;0;0;';
const leave = '$2;n;r;_OnRoomLeave;0;0;';

/** Runs a handler of `n` by these frames of a client. */
const handler = (
  name: string,
  frames: readonly string[],
  when: (isForced: boolean) => boolean = () => true,
): Place => ({
  options: (fail) => {
    const handle: Handler = (_, { isForced }) => (when(isForced) ? fail() : undefined);
    return { namespaces: { n: { [name]: handle } } };
  },
  act: (host) => enter(host, ...frames),
});

const dialPlainly = (host: HintedServer): Promise<HintedClient> => host.dial({});
const failingSchema = (fail: () => never): Schema => ({
  '~standard': { version: 1, vendor: 'test', validate: fail },
});

/** A server that takes the first token, and fails for the next. */
const onSecond = (fail: () => never) => {
  let isFirst = true;
  return (): unknown => {
    if (!isFirst) return fail();
    isFirst = false;
    return { id: 'ann' };
  };
};

/** The rows of the first table. */
const places: Readonly<Record<string, Place>> = {
  'a handler of an event': handler('e', [';n;;e;0;0;']),
  'a handler of an ask': handler('e', ['$1;n;;e;0;0;']),
  'a handler of `OnNativeMessage`': {
    options: (fail) => ({ namespaces: { n: {} }, events: { [OnNativeMessage]: fail } }),
    act: (host) => enter(host, '$3;;;_OnNamespaceConnect;0;0;', 'native'),
  },
  'a schema of a [contract](contract.md), for an ask': {
    options: (fail) => ({
      namespaces: { n: { e: () => {} } },
      // The types of these options know no contract.
      ...({ contract: contract({ n: { e: ask(failingSchema(fail), z.void()) } }) } as object),
    }),
    act: (host) => enter(host, '$1;n;;e;0;0;1'),
  },
  '`OnNamespaceConnect`, when the client connects': {
    options: (fail) => ({ namespaces: { n: { [OnNamespaceConnect]: fail } } }),
    act: connect,
  },
  '`OnNamespaceDisconnect`, when the client disconnects': handler(OnNamespaceDisconnect, [disconnect], isFree),
  '`OnRoomJoin`, when the client joins': handler(OnRoomJoin, [join]),
  '`OnRoomLeave`, when the client leaves': handler(OnRoomLeave, [join, leave], isFree),
  '`OnNamespaceConnected`': {
    options: (fail) => ({ namespaces: { n: { [OnNamespaceConnected]: fail } } }),
    act: connect,
  },
  '`OnRoomJoined`': handler(OnRoomJoined, [join]),
  '`OnRoomLeft`': handler(OnRoomLeft, [join, leave]),
  'a forced event': handler(OnRoomLeave, [join, disconnect], (isForced) => isForced),
  '`onConnect`': { options: (onConnect) => ({ onConnect }), act: dialPlainly },
  '`onUpgrade`': { options: (onUpgrade) => ({ onUpgrade }), act: dialPlainly },
  '`onUpgrade`, for a client of the session layer': {
    options: (onUpgrade) => ({ onUpgrade }),
    act: (host) => host.dial(),
  },
  '`authenticate`': { options: (authenticate) => ({ authenticate }), act: dialPlainly },
  '`authenticate`, for a client of the session layer': {
    options: (authenticate) => ({ authenticate }),
    act: (host) => greet(host),
  },
  '`authenticate`, for a new token': {
    options: (fail) => ({ authenticate: onSecond(fail) }),
    act: (host) => greet(host, fromClient('auth', 'two')),
  },
  '`sameUser`': {
    options: (sameUser) => ({ authenticate: () => 'ann', sameUser }),
    act: (host) => greet(host, fromClient('auth', 'two')),
  },
  '`idGenerator`': { options: (idGenerator) => ({ idGenerator }), act: dialPlainly },
  '`idGenerator`, for a client of the session layer': {
    options: (idGenerator) => ({ idGenerator }),
    act: (host) => greet(host),
  },
};

/** Returns what a client was sent, in the words of the table. */
const wordsFor = (line: string): string => {
  const [, code, text] = /^close (\d+) (.*)$/.exec(line) ?? [];
  if (code !== undefined) return `${code} \`${text}\``;
  const payload = line.slice(2);
  if (payload.startsWith('H')) return `\`${payload}\``;
  const session = readFromServer(payload);
  if (session) return `\`${session.verb}\`, \`${JSON.parse(session.body).error}\``;
  const fields = payload.split(';');
  if (payload.endsWith(';;;;;;')) return 'success';
  return fields[4] === '1' ? `error \`${fields[6]}\`` : payload;
};

const clientCell = (client: HintedClient): string => {
  const [, status, body] = /^HTTP\/1\.1 (\d+) [^|]*\| (.*)$/s.exec(client.answer() ?? '') ?? [];
  if (status !== undefined) return `${status} \`${body?.trim()}\``;
  return client.socket.lines.map(wordsFor).join(', then ') || 'nothing';
};

const run = async ({ options, act }: Place, error: Error, exposeErrors: boolean) => {
  const fail = (): never => {
    throw error;
  };
  const host = new HintedServer({ ...options(fail), exposeErrors });
  const client = await act(host);
  const reported = [
    ...host.errors.map(({ error: one }) => ({ hook: '`onError`', one })),
    ...host.refusals.map((one) => ({ hook: '`onUpgradeError`', one })),
  ];
  // A hook is told the whole error, or another one that it caused.
  for (const { one } of reported) expect(one instanceof UpgradeRefused && one.cause ? one.cause : one).toBe(error);
  return [clientCell(client), reported.map(({ hook }) => hook).join(', ') || 'no hook'];
};

const page = readFileSync(new URL('../../docs/errors.md', import.meta.url), 'utf8');
/** The rows of the table under a heading, without its head. */
const tableUnder = (heading: string): string[][] => {
  const [, section = ''] = page.split(`\n### ${heading}\n`);
  const [, , ...rows] = section.split('\n#', 1)[0]?.match(/^\|.*$/gm) ?? [];
  return rows.map((row) =>
    row
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
};

describe('the tables of errors', () => {
  const rows = tableUnder('What a client is told');

  test('[SV26] have a row for every hook and handler', () => {
    expect(rows.map(([place]) => place)).toEqual(Object.keys(places));
  });

  test.each(rows)('[SV26] %s', async (place = '', ...cells) => {
    const where = places[place];
    if (!where) throw new Error(`no place is called ${place}`);
    const error = new Error('text');
    expect([...(await run(where, error, true)), ...(await run(where, error, false))]).toEqual(cells);
  });
});

describe('errors that are meant for the client', () => {
  const rows = tableUnder('Errors that are meant for the client');
  /** What a place does with and without `exposeErrors`. */
  const both = async (where: Place, error: Error): Promise<string[]> => {
    const [exposed, hidden] = [await run(where, error, true), await run(where, error, false)];
    expect(hidden).toEqual(exposed);
    return exposed;
  };

  test('[SV26] the table has a row for every hook and handler', () => {
    expect(rows.map(([place]) => place)).toEqual(Object.keys(places));
  });

  test.each(rows)('[SV26] [MW8] [MW9] [AK10] %s', async (place = '', ...cells) => {
    const where = places[place];
    if (!where) throw new Error(`no place is called ${place}`);
    const refused = await both(where, new Refusal('text'));
    expect([...refused, ...(await both(where, new CloseError(4_003, 'text')))]).toEqual(cells);
    const isHttp = /^`(?:onUpgrade|authenticate)`/.test(place);
    // Before there is a connection a known error has no meaning of its own.
    if (!isHttp) expect(await both(where, ErrKnown)).toEqual(refused);
  });

  test.each(['`onUpgrade`', '`authenticate`'])('[SV26] [HS1] in %s an error with a status below 500', async (place) => {
    const where = places[place];
    if (!where) throw new Error(`no place is called ${place}`);
    const error = (status: number): Error => Object.assign(new Error('text'), { status });
    expect(await run(where, error(404), true)).toEqual(['404 `text`', '`onUpgradeError`']);
    expect(await run(where, error(404), false)).toEqual(['404 `Not Found`', '`onUpgradeError`']);
    expect(await both(where, error(500))).toEqual(['500 `Internal Server Error`', '`onUpgradeError`']);
    expect(await both(where, new UpgradeRefused(503, 'text'))).toEqual(['503 `text`', '`onUpgradeError`']);
  });
});

test('[SV26] what Muster itself says is told in any case', async () => {
  const host = new HintedServer({ namespaces: { n: {} }, exposeErrors: false, limits: { rooms: 1 } });
  const client = await enter(host, join, '$1;n;other;_OnRoomJoin;0;0;', '$2;nowhere;;e;0;0;');
  expect(client.socket.lines).toEqual(['t $2;nowhere;;e;1;0;bad namespace']);
  await host.send(client, '$3;n;other;_OnRoomJoin;0;0;');
  expect(client.socket.lines.at(-1)).toBe('t $3;n;other;_OnRoomJoin;1;0;too many rooms');
});

test('[SV26] a call of the program rejects with the whole error', async () => {
  const failure = new Error('text');
  const host = new HintedServer({
    namespaces: {
      n: {
        [OnRoomJoin]() {
          throw failure;
        },
      },
    },
    exposeErrors: false,
  });
  const client = await enter(host);
  const joining = host.server.connections()[0]?.namespace('n')?.joinRoom('r');
  const refused = expect(joining).rejects.toBe(failure);
  await host.settle();
  const wait = client.socket.lines.at(-1)?.slice(2).split(';')[0];
  await host.send(client, `${wait};;;;;;`);
  await refused;
  expect(host.errors).toEqual([]);
});

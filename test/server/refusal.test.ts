import { request } from 'node:http';
import { describe, expect, test } from 'vitest';
import {
  CloseError,
  ErrBadRoom,
  type Events,
  OnNamespaceConnected,
  OnNamespaceDisconnect,
  OnNativeMessage,
  OnRoomJoin,
  OnRoomJoined,
  OnRoomLeave,
  Refusal,
  registerKnownError,
  type ServerOptions,
  type Where,
} from '../../src/index.js';
import { RawClient } from '../support/peers/rawClient.js';
import { useServers } from '../support/server/testServer.js';
import { hello, hint } from '../support/sessions/hinted.js';

const start = useServers();
const ErrSoldOut = new Error('sold out');
registerKnownError(ErrSoldOut);

/** Asks for an upgrade that is refused. Resolves with the status and the body. */
const refusedUpgrade = (url: string): Promise<readonly [status: number | undefined, body: string]> =>
  new Promise((resolve, reject) => {
    const headers = { Connection: 'Upgrade', Upgrade: 'websocket', 'Sec-WebSocket-Version': '13' };
    request(url.replace('ws:', 'http:'), { headers: { ...headers, 'Sec-WebSocket-Key': 'AAAAAAAAAAAAAAAAAAAAAA==' } })
      .on('response', (response) => {
        let body = '';
        response.setEncoding('utf8').on('data', (part: string) => {
          body += part;
        });
        response.on('end', () => resolve([response.statusCode, body]));
      })
      .on('error', reject)
      .end();
  });

const raise = (error: unknown): never => {
  throw error;
};
const begin = async (shop: Events, options: ServerOptions = {}) => {
  const testServer = await start({ namespaces: { shop }, ...options });
  const client = await (await testServer.dial('ann')).inNamespace('shop');
  const told = (): string[] => testServer.errors.map(({ error, where }) => `${where.during} ${error}`);
  return { ...testServer, client, told };
};

describe('a refusal', () => {
  test.each<[string, Events[string], string]>([
    ['that is thrown', () => raise(new Refusal('slow down')), 'slow down'],
    ['that is rejected with', () => Promise.reject(new Refusal('slow down')), 'slow down'],
    // Plain JavaScript may return an error.
    ['that is returned', (() => new Refusal('slow down')) as unknown as Events[string], 'slow down'],
    ['by a known error', () => raise(ErrSoldOut), 'sold out'],
    ['by an error of Muster that both ends know', () => raise(ErrBadRoom), 'bad room'],
    ['for JSON that is none', (_, message) => message.json<void>(), 'invalid payload'],
  ])('[MW8] [AK8] %s is told and counted, and is no fault', async (_, buy, text) => {
    const { client, server, told } = await begin({ buy });
    expect(await client.ask('$1;shop;;buy;0;0;{')).toBe(`$1;shop;;buy;1;0;${text}`);
    expect(await client.ask(';shop;;buy;0;0;{')).toBe(`;shop;;buy;1;0;${text}`);
    expect(server.counters).toMatchObject({ refusals: 2, handlerErrors: 0 });
    expect(server.metricsText()).toContain('muster_refusals_total 2\n');
    expect(told()).toEqual([]);
  });

  test('[MW8] [SV2] every other error is a fault still', async () => {
    const { client, server, told } = await begin({
      text: () => raise(new Error('sold out')),
      close: () => raise(new CloseError(4_000, 'bye')),
    });
    expect(await client.ask('$1;shop;;text;0;0;')).toBe('$1;shop;;text;1;0;sold out');
    expect(await client.ask('$1;shop;;close;0;0;')).toBe('$1;shop;;close;1;0;bye');
    expect(server.counters).toMatchObject({ refusals: 0, handlerErrors: 2 });
    expect(told()).toEqual(['text Error: sold out', 'close CloseError: bye']);
  });

  test('[MW8] by a veto handler is told to the side that began', async () => {
    const { client, connection, server, told } = await begin({
      [OnRoomJoin]: (_, { isLocal }) => raise(isLocal ? ErrSoldOut : new Refusal('members only')),
    });
    expect(await client.ask('$1;shop;vip;_OnRoomJoin;0;0;')).toBe('$1;shop;vip;_OnRoomJoin;1;0;members only');
    const joining = connection('ann').namespace('shop')?.joinRoom('vip');
    const wait = String(await client.next()).split(';')[0];
    client.send(`${wait};shop;vip;_OnRoomJoin;0;0;`);
    await expect(joining).rejects.toBe(ErrSoldOut);
    expect(server.counters).toMatchObject({ refusals: 2, handlerErrors: 0 });
    expect(told()).toEqual([]);
  });

  test('[MW8] that refuses nothing is an error like any other', async () => {
    const no = (): never => raise(new Refusal('no'));
    const { client, server, told } = await begin(
      {
        [OnNamespaceConnected]: no,
        [OnRoomJoined]: no,
        [OnRoomLeave]: (_, { isForced }) => (isForced ? no() : undefined),
        [OnNamespaceDisconnect]: (_, { isForced }) => (isForced ? no() : undefined),
      },
      { onDisconnect: no },
    );
    await client.join('shop', 'vip');
    await expect(server.do(no)).rejects.toBeInstanceOf(AggregateError);
    client.send('$2;shop;;_OnNamespaceDisconnect;0;0;');
    await client.next();
    await client.connect('shop');
    client.terminate();
    await expect
      .poll(told)
      .toEqual([
        '_OnNamespaceConnected Refusal: no',
        '_OnRoomJoined Refusal: no',
        'do AggregateError: 1 visit failed',
        '_OnRoomLeave Refusal: no',
        '_OnNamespaceConnected Refusal: no',
        '_OnNamespaceDisconnect Refusal: no',
        'onDisconnect Refusal: no',
      ]);
    expect(server.counters.refusals).toBe(0);
  });

  test('[MW8] of a native message is counted; no frame can carry it', async () => {
    const testServer = await start({ events: { [OnNativeMessage]: () => raise(new Refusal('no')), other() {} } });
    const client = await (await testServer.dial()).inNamespace('');
    client.send('hello');
    await client.expectNoFrame();
    expect(testServer.server.counters).toMatchObject({ refusals: 1, handlerErrors: 0 });
    expect(testServer.errors).toEqual([]);
  });

  test('[MW8] [LM2] takes a text and a status', () => {
    expect(new Refusal('no', { cause: ErrSoldOut })).toMatchObject({ name: 'Refusal', status: 403, cause: ErrSoldOut });
    expect(() => Reflect.construct(Refusal, [7])).toThrow(new TypeError('Refusal takes a text, got number'));
    for (const status of [200, 399, 600, 450.5, '403', null]) {
      expect(() => Reflect.construct(Refusal, ['no', { status }])).toThrow(
        new RangeError(`the status of a Refusal is a whole number from 400 to 599, got ${status}`),
      );
    }
  });
});

describe('a refusal in a hook', () => {
  test.each<[string, Refusal, number]>([
    ['without a status', new Refusal('members only'), 403],
    ['with a status', new Refusal('pay first', { status: 402 }), 402],
    ['with a status of the server', new Refusal('closed on Sundays', { status: 503 }), 503],
  ])('[MW9] [HS1] [SS9] %s answers the upgrade with its text', async (_, refusal, status) => {
    for (const hook of ['onUpgrade', 'authenticate'] as const) {
      const told: unknown[] = [];
      const { url, errors } = await start({
        namespaces: { shop: {} },
        [hook]: () => raise(refusal),
        onUpgradeError: (error) => void told.push(error),
      });
      expect(await refusedUpgrade(url)).toEqual([status, refusal.message]);
      expect([told, errors]).toEqual([[refusal], []]);
    }
  });

  test('[MW9] [SS9] tells a hinted client its text', async () => {
    const { url } = await start({ namespaces: { shop: {} }, authenticate: () => raise(new Refusal('members only')) });
    const client = await RawClient.dial(url, hint);
    client.send(hello());
    expect(await client.nextText()).toBe('Hmembers only');
    expect(await client.closed).toEqual({ code: 1008, reason: 'members only' });
  });

  test('[MW9] [HS7] tells a client its text in onConnect', async () => {
    const faults: Where[] = [];
    const { dial } = await start({
      namespaces: { shop: {} },
      onConnect: () => raise(new Refusal('members only')),
      onError: (_error, where) => void faults.push(where),
    });
    const client = await dial();
    expect(await client.nextText()).toBe('Hmembers only');
    expect(await client.closed).toEqual({ code: 1008, reason: 'members only' });
    expect(faults).toEqual([]);
  });
});

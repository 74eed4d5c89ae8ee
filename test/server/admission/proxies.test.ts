import type { IncomingHttpHeaders } from 'node:http';
import { fc, test as property } from '@fast-check/vitest';
import { describe, expect, test } from 'vitest';
import { networkOf, plainAddress } from '../../../src/server/admission/addresses.js';
import { Proxies, type Sent, type TrustProxy } from '../../../src/server/admission/proxies.js';
import { checkOptions } from '../../../src/server/checkOptions.js';
import { Server } from '../../../src/server/server.js';

/** A request of a peer. No more of it is read. */
const from = (remoteAddress: string | undefined, headers: IncomingHttpHeaders = {}): Sent => ({
  socket: { remoteAddress },
  headers,
});

const addressOf = (trustProxy: TrustProxy, peer: string | undefined, forwarded?: string): string | undefined =>
  new Proxies(trustProxy).addressOf(from(peer, forwarded === undefined ? {} : { 'x-forwarded-for': forwarded }));

describe('addresses', () => {
  test.each([
    ['127.0.0.1', '127.0.0.1'],
    ['::ffff:127.0.0.1', '127.0.0.1'],
    ['::FFFF:7f00:1', '127.0.0.1'],
    ['0:0:0:0:0:ffff:192.168.1.254', '192.168.1.254'],
    ['2001:DB8:0:0:0:0:0:1', '2001:db8::1'],
    ['2001:0db8::0001', '2001:db8::1'],
    ['::1', '::1'],
    ['::', '::'],
    ['fe80::1%eth0', 'fe80::1'],
    ['01.2.3.4', undefined],
    ['1.2.3', undefined],
    ['localhost', undefined],
    ['', undefined],
    [undefined, undefined],
  ])('[HS17] %s is %s', (text, plain) => {
    expect(plainAddress(text)).toBe(plain);
  });

  test.each([
    ['10.1.2.3', '10.1.2.3'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
    ['2001:db8:1:2::', '2001:db8:1:2'],
    ['::1', '0:0:0:0'],
    ['2001:db8::1', '2001:db8:0:0'],
  ])('[HS15] the network of %s is %s', (address, network) => {
    expect(networkOf(address)).toBe(network);
  });
});

describe('the address of a client', () => {
  const peer = '10.0.0.1';
  type Row = readonly [trust: TrustProxy, forwarded: string | undefined, address: string];

  test.each<Row>([
    [false, '1.1.1.1', peer],
    [0, '1.1.1.1', peer],
    [[], '1.1.1.1', peer],
    [['192.168.0.0/16', '10.0.0.2'], '1.1.1.1', peer],
    [true, undefined, peer],
    [true, '', peer],
    [true, '1.1.1.1', '1.1.1.1'],
    [true, '3.3.3.3, 2.2.2.2,1.1.1.1', '3.3.3.3'],
    [1, '3.3.3.3, 2.2.2.2, 1.1.1.1', '1.1.1.1'],
    [2, '3.3.3.3, 2.2.2.2, 1.1.1.1', '2.2.2.2'],
    [9, '3.3.3.3, 2.2.2.2, 1.1.1.1', '3.3.3.3'],
    [['10.0.0.0/8'], '3.3.3.3, 1.1.1.1', '1.1.1.1'],
    [['10.0.0.1'], '3.3.3.3, 10.0.0.7', '10.0.0.7'],
    [['10.0.0.0/8'], '3.3.3.3, 1.1.1.1, 10.0.0.7', '1.1.1.1'],
    [['10.0.0.0/8', '1.1.1.1'], '10.9.9.9, 3.3.3.3, 1.1.1.1, 10.0.0.7', '3.3.3.3'],
    [['10.0.0.0/8'], '10.0.0.8, 10.0.0.7', '10.0.0.8'],
    [['::ffff:10.0.0.0/104'], '1.1.1.1', '1.1.1.1'],
    // What is no address ends the walk.
    [true, '1.1.1.1, unknown', peer],
    [1, '1.1.1.1, ', peer],
    [2, '3.3.3.3, _hidden, 1.1.1.1', '1.1.1.1'],
    // Some proxies write the port too.
    [1, '1.1.1.1:5678', '1.1.1.1'],
    [1, '[2001:db8::1]:5678', '2001:db8::1'],
    [1, '[2001:DB8::1]', '2001:db8::1'],
    [1, '::ffff:1.1.1.1', '1.1.1.1'],
    [1, '[1.1.1.1', peer],
  ])('[HS17] with trustProxy %j and X-Forwarded-For %j it is %s', (trust, forwarded, address) => {
    expect(addressOf(trust, peer, forwarded)).toBe(address);
    expect(addressOf(trust, `::ffff:${peer}`, forwarded)).toBe(address);
  });

  test('[HS17] an address of IPv6 is in a range of IPv6 only', () => {
    expect(addressOf(['2001:db8::/32'], '2001:db8:5::9', '1.1.1.1')).toBe('1.1.1.1');
    expect(addressOf(['2001:db8::/32'], '2001:db9::9', '1.1.1.1')).toBe('2001:db9::9');
    expect(addressOf(['0.0.0.0/0'], '2001:db9::9', '1.1.1.1')).toBe('2001:db9::9');
  });

  test('[HS17] a socket without an address is trusted by its place, and in no list', () => {
    expect(addressOf(false, undefined, '1.1.1.1')).toBeUndefined();
    expect(addressOf(1, undefined, '1.1.1.1')).toBe('1.1.1.1');
    expect(addressOf(['0.0.0.0/0', '::/0'], undefined, '1.1.1.1')).toBeUndefined();
  });

  test('[HS17] a request without a socket has no address', () => {
    expect(new Proxies(false).addressOf({ headers: {} })).toBeUndefined();
  });

  test('[HS17] 32 entries are read at most', () => {
    const entries = Array.from({ length: 40 }, (_, at) => `1.1.1.${at}`);
    expect(addressOf(true, peer, entries.join(', '))).toBe('1.1.1.8');
  });
});

describe('the host of a request', () => {
  const host = 'inner:8080';
  const said = { host, 'x-forwarded-host': 'App.example, inner', 'x-forwarded-proto': 'https, http' };

  test('[HS17] a trusted proxy names it, and whether TLS was used', () => {
    const proxies = new Proxies(['10.0.0.1']);
    expect(proxies.hostOf(from('10.0.0.1', said))).toEqual({ host: 'App.example', isSecure: true, ignored: undefined });
    expect(proxies.hostOf(from('10.0.0.1', { host }))).toEqual({ host, isSecure: false, ignored: undefined });
    expect(proxies.hostOf(from('10.0.0.2', said))).toEqual({
      host,
      isSecure: false,
      ignored: 'App.example',
    });
  });

  test.each([
    ['https', true],
    ['WSS', true],
    ['http', false],
    ['ws', false],
    ['http, https', false],
    ['', false],
  ])('[HS17] X-Forwarded-Proto %j: TLS %s', (proto, isSecure) => {
    expect(new Proxies(1).hostOf(from('10.0.0.1', { host, 'x-forwarded-proto': proto })).isSecure).toBe(isSecure);
  });
});

describe('whom nobody trusts', () => {
  const address = fc.oneof(fc.ipV4(), fc.ipV6());
  const headers = fc.record(
    {
      'x-forwarded-for': fc.array(fc.oneof(address, fc.string()), { maxLength: 40 }).map((all) => all.join(', ')),
      'x-forwarded-host': fc.oneof(fc.domain(), fc.string()),
      'x-forwarded-proto': fc.constantFrom('http', 'https', 'wss', 'https, http', ''),
      forwarded: fc.string(),
      'x-real-ip': address,
    },
    { requiredKeys: [] },
  );
  const trusting = fc.oneof(
    fc.constantFrom<TrustProxy>(false, 0),
    fc.array(fc.constantFrom('10.0.0.0/8', '192.168.1.1', 'fd00::/8', '2001:db8::1')),
  );
  const outside = fc.constantFrom('1.2.3.4', '11.0.0.1', '::ffff:192.168.1.2', '2001:db8::2', 'fe00::1');

  property.prop([trusting, outside, headers])('[HS17] changes nothing by any header', (trust, peer, said) => {
    const proxies = new Proxies(trust);
    const plain = from(peer, { host: 'app.example' });
    const telling = from(peer, { host: 'app.example', ...said });
    expect(proxies.addressOf(telling)).toBe(proxies.addressOf(plain));
    expect({ ...proxies.hostOf(telling), ignored: undefined }).toEqual(proxies.hostOf(plain));
  });

  property.prop([fc.constantFrom<TrustProxy>(1, ['10.0.0.0/8']), fc.string(), fc.ipV4()])(
    '[HS17] nor by what a client says to a proxy that adds to it',
    (trust, spoken, client) => {
      fc.pre(!client.startsWith('10.'));
      expect(addressOf(trust, '10.0.0.1', `${spoken}, ${client}`)).toBe(client);
    },
  );

  property.prop([fc.oneof(fc.boolean(), fc.nat({ max: 32 })), fc.string(), address])(
    '[HS17] an address is in one spelling, whatever a header says',
    (trust, spoken, peer) => {
      const found = addressOf(trust, peer, spoken);
      expect(plainAddress(found)).toBe(found);
      expect(found).toBeDefined();
    },
  );
});

describe('the option', () => {
  const check = (given: unknown): unknown => Reflect.apply(checkOptions, undefined, [given]);
  const namespaces = { default: {} };

  test.each([
    ['a text', '10.0.0.1', 'got "10.0.0.1"'],
    ['a fraction', 1.5, 'got 1.5'],
    ['less than nothing', -1, 'got -1'],
    ['too many', 33, 'got 33'],
    ['no number', Number.NaN, 'got NaN'],
    ['null', null, 'got null'],
    ['a function', () => true, 'got () => true'],
  ])('[HS17] [LM2] takes no %s', (_, trustProxy, got) => {
    expect(() => check({ namespaces, trustProxy })).toThrow(
      'option "trustProxy" takes true, false, the number of proxies up to 32, or a list of their addresses',
    );
    expect(() => check({ namespaces, trustProxy })).toThrow(got);
  });

  test.each(['', 'localhost', '10.0.0.0/33', '10.0.0.0/', '10.0.0.0/8/8', '10.0.0.0/08', '::1/129', '10.0.0/8', 7])(
    '[HS17] [LM2] takes no list with %j',
    (entry) => {
      expect(() => check({ namespaces, trustProxy: ['::1', entry] })).toThrow(
        `option "trustProxy" lists addresses and ranges, such as ['10.0.0.0/8', '::1'], got "${entry}"`,
      );
    },
  );

  test.each(['Forwarded', 'X-Forwarded-For', 'x-forwarded-host', 'X-FORWARDED-PROTO'])(
    '[HS17] [HS14] no link can set %s',
    (name) => {
      expect(() => new Server({ namespaces, urlHeaders: [name] })).toThrow(
        `option "urlHeaders" never takes "${name.toLowerCase()}": a link could set it`,
      );
    },
  );
});

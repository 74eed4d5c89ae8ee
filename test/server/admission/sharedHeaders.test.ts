import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { fc, test as property } from '@fast-check/vitest';
import { expect, test } from 'vitest';
import { shareHeaders } from '../../../src/server/admission/sharedHeaders.js';

/** A request with these headers, as Node parses them: names in lower case, of which the first value counts. */
const requestWith = (pairs: readonly (readonly [string, string])[]): IncomingMessage => {
  const request = new IncomingMessage(new Socket());
  for (const [name, value] of pairs) {
    request.rawHeaders.push(name, value);
    request.headers[name.toLowerCase()] ??= value;
  }
  return request;
};

const headersOf = ({ rawHeaders, headers }: IncomingMessage): unknown => ({
  raw: [...rawHeaders],
  parsed: { ...headers },
});

const usualName = fc.constantFrom('Host', 'host', 'Origin', 'User-Agent', 'Cookie', 'Upgrade', 'X-Own');
const name = fc.oneof(usualName, fc.stringMatching(/^[A-Za-z-]{1,20}$/));
const value = fc.oneof(fc.constantFrom('websocket', '', 'a'.repeat(300)), fc.string());

property.prop([fc.array(fc.array(fc.tuple(name, value), { maxLength: 30 }), { maxLength: 40 })])(
  '[HS14] requests keep their headers, whatever others had before',
  (requests) => {
    for (const pairs of requests) {
      const request = requestWith(pairs);
      const before = headersOf(request);
      shareHeaders(request);
      expect(headersOf(request)).toEqual(before);
    }
  },
);

test('[HS14] more different headers than are kept do no harm', () => {
  for (let at = 0; at < 2_000; at++) {
    const request = requestWith([
      [`X-${at}`, 'own'],
      ['User-Agent', `agent ${at}`],
    ]);
    shareHeaders(request);
    expect(request.rawHeaders).toEqual([`X-${at}`, 'own', 'User-Agent', `agent ${at}`]);
    expect(request.headers['user-agent']).toBe(`agent ${at}`);
  }
});

test('[HS14] a request that a program has made is left as it is', () => {
  const headers = Object.freeze({ host: 'inside' });
  expect(() => shareHeaders({ headers })).not.toThrow();
  expect(() => shareHeaders({ headers, rawHeaders: ['Host', 'inside'] })).not.toThrow();
  expect(() => shareHeaders({})).not.toThrow();
});

test('[HS14] what a hook has changed stays', () => {
  const request = requestWith([['Host', 'outside']]);
  request.headers.host = 'inside';
  shareHeaders(request);
  expect(request.headers.host).toBe('inside');
  expect(request.rawHeaders).toEqual(['Host', 'outside']);
});

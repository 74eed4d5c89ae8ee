import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { expect, test } from 'vitest';
import { originRefusal } from '../../../src/server/admission/origin.js';
import { Proxies } from '../../../src/server/admission/proxies.js';

const isAllowed = (origin: string, headers: Readonly<Record<string, string>>): boolean => {
  const request = new IncomingMessage(new Socket());
  Object.assign(request.headers, { origin, ...headers });
  return !originRefusal(request, { origins: 'same-host', proxies: new Proxies(true) });
};

test('[HS13] an origin that was allowed before is asked about again at another host, and by another scheme', () => {
  const page = 'http://chat.example';
  for (let round = 0; round < 2; round++) {
    expect(isAllowed(page, { host: 'chat.example' })).toBe(true);
    expect(isAllowed(page, { host: 'chat.example' })).toBe(true);
    expect(isAllowed(page, { host: 'mail.example' })).toBe(false);
    expect(isAllowed('http://mail.example', { host: 'chat.example' })).toBe(false);
    expect(isAllowed(page, { host: 'chat.example', 'x-forwarded-proto': 'https' })).toBe(false);
    expect(isAllowed(page, { host: 'chat.example:80' })).toBe(true);
    expect(isAllowed(page, { host: 'chat.example' })).toBe(true);
  }
});

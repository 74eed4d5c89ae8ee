import { describe, expect, test, vi } from 'vitest';
import { type AuthenticationAttempt, CloseError, HandlerTimeout, UpgradeRefused } from '../../../src/index.js';
import { fromClient } from '../../../src/protocol/session.js';
import { deferred } from '../../support/async/promises.js';
import { authedIn, hello, resume, welcome } from '../../support/sessions/hinted.js';
import { type HintedClient, HintedServer } from '../../support/sessions/hintedServer.js';

const close = (code: number, text: string): string => `close ${code} ${text}`;
const auth = (token: string): string => fromClient('auth', token);

/** The bodies of the `authed` that a client has been sent. */
const authed = ({ socket }: HintedClient): unknown[] =>
  socket.payloads.filter((payload) => payload.startsWith('#m;;;authed')).map(authedIn);

describe('who a client is', () => {
  test('[SS9] runs between onUpgrade and idGenerator, with the token and the request', async () => {
    const calls: string[] = [];
    const host = new HintedServer({
      onUpgrade: ({ url }) => void calls.push(`onUpgrade ${url}`),
      authenticate: async ({ token, request }: AuthenticationAttempt) => {
        calls.push(`authenticate ${token} ${request.url}`);
        return { id: `user of ${token}` };
      },
      idGenerator: (_, user) => {
        calls.push(`idGenerator ${JSON.stringify(user)}`);
        return `c${calls.length}`;
      },
      onConnect: ({ user }) => void calls.push(`onConnect ${JSON.stringify(user)}`),
    });
    await host.dial({}, '/plain');
    expect(calls.splice(0)).toEqual([
      'onUpgrade /plain',
      'authenticate undefined /plain',
      'idGenerator {"id":"user of undefined"}',
      'onConnect {"id":"user of undefined"}',
    ]);
    const client = await host.dial(undefined, '/aware');
    expect(calls.splice(0)).toEqual(['onUpgrade /aware']);
    await host.send(client, hello('t1'));
    expect(calls.splice(0)).toEqual([
      'authenticate t1 /aware',
      'idGenerator {"id":"user of t1"}',
      'onConnect {"id":"user of t1"}',
    ]);
    await host.send(await host.dial(undefined, '/again'), resume('t2'));
    expect(calls.splice(0)).toContain('authenticate t2 /again');
    await host.send(await host.dial(undefined, '/late'), 'M');
    expect(calls.splice(0)).toContain('authenticate undefined /late');
  });

  test('[SS9] a user may be anything; only own keys make it one that expires', async () => {
    const inherited: unknown = Object.create({ user: 1, expiresAt: 'never' });
    const half: unknown = Object.assign(Object.create({ expiresAt: 'never' }), { user: 1 });
    const returned: unknown[] = [undefined, null, 0, 'ann', inherited, half, { user: 'x' }, { expiresAt: 1 }];
    const wanted = [...returned];
    const host = new HintedServer({ authenticate: () => returned.shift() });
    for (const user of wanted) {
      await host.dial({});
      expect(host.server.connections().at(-1)?.user).toBe(user);
    }
    const plain = new HintedServer();
    await plain.dial({});
    expect(plain.server.connections().at(-1)?.user).toBe(undefined);
  });

  test.each([
    { error: new Error('secret'), answer: '401 Unauthorized | Unauthorized\n', text: 'secret', code: 1008 },
    { error: new CloseError(4401, 'expired'), answer: '401 Unauthorized | expired', text: 'expired', code: 4401 },
    { error: new CloseError(4003, 'banned'), answer: '401 Unauthorized | banned', text: 'banned', code: 4003 },
    { error: new UpgradeRefused(403, 'not you'), answer: '403 Forbidden | not you', text: 'not you', code: 1008 },
    {
      error: { statusCode: 404, message: 'x' },
      answer: '404 Not Found | [object Object]',
      text: '[object Object]',
      code: 1008,
    },
    {
      error: new UpgradeRefused(503, 'later'),
      answer: '503 Service Unavailable | later',
      text: 'later',
      code: 1013,
      reason: 'retry=1000',
    },
    {
      error: Object.assign(new Error('secret'), { status: 502 }),
      answer: '502 Bad Gateway | Bad Gateway\n',
      text: 'refused',
      code: 1013,
      reason: 'retry=1000',
    },
  ])('[SS9] [HS1] a refusal is $answer, or H$text and $code', async ({ error, answer, text, code, reason = text }) => {
    const host = new HintedServer({ authenticate: () => Promise.reject(error) });
    const plain = await host.dial({});
    expect(plain.answer()).toBe(`HTTP/1.1 ${answer}`);
    const aware = await host.dial();
    await host.send(aware, hello('t'), 'M');
    expect(aware.socket.lines).toEqual([`t H${text}`, close(code, reason)]);
    expect([host.refusals, host.errors, host.connected]).toEqual([[error, error], [], []]);
    expect(host.server.counters).toMatchObject({ refusedUpgrades: 2, refusedAuthentications: 2, hellos: 0 });
  });

  test.each([
    ['a text', '2030-01-01', '2030-01-01'],
    ['no number', Number.NaN, 'NaN'],
    ['no date', new Date(Number.NaN), 'an invalid Date'],
    ['nothing', undefined, 'undefined'],
  ])('[SS9] an expiresAt that is %s fails the program', async (_, expiresAt, got) => {
    const host = new HintedServer({ authenticate: () => ({ user: 'ann', expiresAt }) });
    const plain = await host.dial({});
    expect(plain.answer()).toBe('HTTP/1.1 500 Internal Server Error | internal error');
    const aware = await host.dial();
    await host.send(aware, hello());
    expect(aware.socket.lines).toEqual(['t Hinternal error', close(1011, 'internal error')]);
    expect(host.server.counters).toMatchObject({ refusedUpgrades: 2, refusedAuthentications: 2 });
    expect(host.refusals.map((error) => (error instanceof Error ? error.cause : undefined))).toEqual(
      [1, 2].map(() => new TypeError(`"expiresAt" of authenticate takes a Date or the ms since 1970, got ${got}`)),
    );
  });

  test.each([
    ['exp of a JWT', 1_764_514_800, '1764514800'],
    ['a Date of seconds', new Date(1_764_514_800), 'a Date of 1764514800 ms'],
    ['zero', 0, '0'],
    ['the last second', 99_999_999_999, '99999999999'],
  ])('[SS9] an expiresAt in seconds says so: %s', async (_, expiresAt, got) => {
    const host = new HintedServer({ authenticate: () => ({ user: 'ann', expiresAt }) });
    const plain = await host.dial({});
    expect(plain.answer()).toBe('HTTP/1.1 500 Internal Server Error | internal error');
    expect(host.refusals.map((error) => (error instanceof Error ? error.cause : undefined))).toEqual([
      new RangeError(
        `"expiresAt" of authenticate takes a Date or the ms since 1970, got ${got}: these are seconds, as in "exp" of a JWT. Multiply them by 1,000`,
      ),
    ]);
  });

  test('[SS9] an expiresAt of old, and one that never comes, are times', async () => {
    const expiries: (Date | number)[] = [100_000_000_000, new Date(100_000_000_000), Number.POSITIVE_INFINITY];
    const host = new HintedServer({ authenticate: () => ({ user: 'ann', expiresAt: expiries.shift() }) });
    for (let at = 0; at < 3; at++) await host.dial({});
    expect([host.server.totalConnections, host.refusals]).toEqual([3, []]);
  });

  test('[SS9] without onUpgradeError the process is warned of a wrong expiresAt, once', async () => {
    const warn = vi.spyOn(process, 'emitWarning').mockReturnValue();
    try {
      const authenticate = () => ({ user: 'ann', expiresAt: 1_764_514_800 });
      const told = new HintedServer({ authenticate });
      await told.dial({});
      expect(warn).not.toHaveBeenCalled();
      const host = new HintedServer({ authenticate }, false);
      for (let at = 0; at < 3; at++) await host.dial({});
      expect(warn.mock.calls).toEqual([[expect.stringContaining('Multiply them by 1,000'), 'MusterWarning']]);
    } finally {
      warn.mockRestore();
    }
  });

  test('[SS9] [HS8] a plain client whose authenticate does not settle is dropped', async () => {
    const host = new HintedServer({ authenticate: () => new Promise(() => {}) });
    const client = await host.dial({});
    await host.advance(5_000);
    expect(client.answer()).toBe('destroyed');
    expect(host.refusals).toEqual([new HandlerTimeout(5_000)]);
  });

  test('[SS9] an onUpgradeError that throws is reported to onError', async () => {
    const failure = new Error('of the hook');
    const host = new HintedServer({
      authenticate: () => Promise.reject(new Error('no')),
      onUpgradeError() {
        throw failure;
      },
    });
    await host.send(await host.dial(), hello());
    expect(host.errors).toEqual([{ error: failure, where: { during: 'onUpgradeError' } }]);
  });
});

interface User {
  readonly id: string;
  readonly token: string | undefined;
}

/** A server whose tokens are `<user>` or `<user>:<ms until it expires>`. */
const withTokens = (options: ConstructorParameters<typeof HintedServer>[0] = {}): HintedServer => {
  const host: HintedServer = new HintedServer({
    authenticate: async ({ token }: AuthenticationAttempt) => {
      if (token === 'bad') throw new CloseError(4401, 'expired');
      if (token === 'banned') throw new Error('banned');
      if (token === 'down') throw new UpgradeRefused(503, 'later');
      if (token === 'broken') return { user: 1, expiresAt: 'x' };
      const [id = '', ms] = token?.split(':') ?? [];
      const user: User = { id, token };
      return ms === undefined ? user : { user, expiresAt: new Date(host.clock.wallNow() + Number(ms)) };
    },
    ...options,
  });
  return host;
};

const enter = async (host: HintedServer, token: string): Promise<HintedClient> => {
  const client = await host.dial();
  await host.send(client, hello(token), 'M');
  return client;
};
const userOf = (host: HintedServer): unknown => host.server.connections().at(-1)?.user;

describe('a new token', () => {
  test('[SS15] of the same user replaces it', async () => {
    const host = withTokens();
    const client = await enter(host, 'ann');
    expect(client.socket.lines).toEqual(['t Aid1', `t ${welcome()}`]);
    await host.send(client, auth('ann:60000'));
    expect(authed(client)).toEqual([{ ttl: 60_000 }]);
    expect(userOf(host)).toEqual({ id: 'ann', token: 'ann:60000' });
    await host.send(client, auth('ann'));
    expect(authed(client)).toEqual([{ ttl: 60_000 }, {}]);
    expect(host.server.counters).toMatchObject({ renewedTokens: 2, refusedAuthentications: 0 });
    // The last one does not expire.
    await host.advance(100_000);
    expect(client.socket.isOpen).toBe(true);
  });

  test.each([
    ['bob', 'another user', true],
    ['bad', 'expired', false],
    ['banned', 'banned', true],
    ['down', 'later', false],
    ['broken', 'internal error', false],
  ])('[SS15] %s is refused, and nothing changes', async (token, error, final) => {
    const host = withTokens();
    const client = await enter(host, 'ann');
    await host.send(client, auth(token));
    expect(authed(client)).toEqual([{ error, final }]);
    expect(userOf(host)).toEqual({ id: 'ann', token: 'ann' });
    expect(host.refusals).toHaveLength(1);
    expect([host.errors, client.socket.isOpen]).toEqual([[], true]);
    expect(host.server.counters).toMatchObject({ renewedTokens: 0, refusedUpgrades: 0, refusedAuthentications: 1 });
  });

  test.each([
    { one: 'ann', other: 'ann', isSame: true },
    { one: 'ann', other: 'bob', isSame: false },
    { one: 1, other: '1', isSame: false },
    { one: undefined, other: undefined, isSame: true },
    { one: null, other: {}, isSame: false },
    { one: { id: 1, a: 1 }, other: { id: 1, a: 2 }, isSame: true },
    { one: { id: 1 }, other: { id: 2 }, isSame: false },
    { one: { id: undefined }, other: { id: undefined }, isSame: false },
    { one: {}, other: {}, isSame: false },
  ])('[SS15] by default $one and $other are the same: $isSame', async ({ one, other, isSame }) => {
    const users: unknown[] = [one, other];
    const host = new HintedServer({ authenticate: () => users.shift() });
    const client = await enter(host, 't');
    await host.send(client, auth('t'));
    expect(authed(client)).toEqual([isSame ? {} : { error: 'another user', final: true }]);
    expect(userOf(host)).toBe(isSame ? other : one);
  });

  test('[SS15] sameUser decides, and only true is yes', async () => {
    // A promise is a mistake that the types do not allow.
    const promised = Promise.resolve(true) as unknown as boolean;
    const failure = new Error('of sameUser');
    const verdicts: (() => boolean)[] = [
      () => true,
      () => promised,
      () => {
        throw failure;
      },
    ];
    const compared: unknown[] = [];
    const host = withTokens({
      sameUser: (...users) => {
        compared.push(users);
        return verdicts.shift()?.() ?? false;
      },
    });
    const client = await enter(host, 'ann');
    for (const token of ['bob', 'eve', 'joe']) await host.send(client, auth(token));
    const refusal = { error: 'another user', final: true };
    expect(authed(client)).toEqual([{}, refusal, refusal]);
    expect(compared[0]).toEqual([
      { id: 'ann', token: 'ann' },
      { id: 'bob', token: 'bob' },
    ]);
    expect(userOf(host)).toEqual({ id: 'bob', token: 'bob' });
    expect(host.refusals[1]).toBe(failure);
  });

  test('[SS15] others are ignored while it is checked', async () => {
    const { promise, open } = deferred();
    const tokens: unknown[] = [];
    const host = new HintedServer({
      authenticate: ({ token }: AuthenticationAttempt) => {
        tokens.push(token);
        return tokens.length > 1 ? promise : undefined;
      },
    });
    const client = await enter(host, 'a');
    await host.send(client, auth('b'), auth('c'));
    open();
    await host.settle();
    expect(authed(client)).toEqual([{}]);
    await host.send(client, auth('d'));
    expect([authed(client), tokens]).toEqual([
      [{}, {}],
      ['a', 'b', 'd'],
    ]);
    expect(host.server.counters).toMatchObject({ ignoredSession: 1 });
  });

  test('[SS15] that is not checked in time is refused, and may come again', async () => {
    let isStuck = false;
    const host = new HintedServer({ authenticate: () => (isStuck ? new Promise(() => {}) : 'ann') });
    const client = await enter(host, 'a');
    isStuck = true;
    await host.send(client, auth('b'));
    await host.advance(5_000);
    expect(authed(client)).toEqual([{ error: 'not checked in time', final: false }]);
    expect(host.refusals).toEqual([new HandlerTimeout(5_000)]);
    expect(host.server.counters).toMatchObject({ refusedAuthentications: 1 });
    isStuck = false;
    await host.send(client, auth('b'));
    expect(authed(client)).toHaveLength(2);
  });

  test.each([
    { token: 'bob', code: 1008, error: 'another user', final: true },
    { token: 'banned', code: 1008, error: 'banned', final: true },
    { token: 'bad', code: 4401, error: 'expired', final: false },
  ])('[SS15] refused five times in a row closes with $code: $token', async ({ token, code, error, final }) => {
    const host = withTokens();
    const client = await enter(host, 'ann');
    for (let at = 0; at < 4; at++) await host.send(client, auth(token));
    // One that is taken begins a new row.
    await host.send(client, auth('ann'));
    for (let at = 0; at < 4; at++) await host.send(client, auth(token));
    expect(client.socket.isOpen).toBe(true);
    await host.send(client, auth(token));
    expect(authed(client).slice(-5)).toEqual(Array.from({ length: 5 }, () => ({ error, final })));
    expect(client.socket.lines.at(-1)).toBe(close(code, 'too many refused tokens'));
    expect(host.server.counters).toMatchObject({ refusedAuthentications: 9 });
    expect(host.server.metrics().closes).toMatchObject({ refusedTokens: 1 });
  });

  test('[SS15] one refused by `sameUser` counts as any other, and the last decides the code', async () => {
    const host = withTokens({ limits: { refusedTokens: 2 } });
    const client = await enter(host, 'ann');
    await host.send(client, auth('bad'), auth('bob'));
    await host.send(client, auth('bob'));
    expect(client.socket.lines.at(-1)).toBe(close(1008, 'too many refused tokens'));
  });

  test('[SS15] that fails through no fault of its own is refused any number of times', async () => {
    let isStuck = false;
    const host = withTokens({ limits: { refusedTokens: 1 } });
    const client = await enter(host, 'ann');
    for (const token of ['down', 'broken', 'down']) await host.send(client, auth(token));
    expect(client.socket.isOpen).toBe(true);
    expect(authed(client)).toHaveLength(3);
    const stuck = new HintedServer({
      authenticate: () => (isStuck ? new Promise(() => {}) : 'ann'),
      limits: { refusedTokens: 1 },
    });
    const waiting = await enter(stuck, 'ann');
    isStuck = true;
    await stuck.send(waiting, auth('ann'));
    await stuck.advance(5_000);
    expect(authed(waiting)).toEqual([{ error: 'not checked in time', final: false }]);
    expect(waiting.socket.isOpen).toBe(true);
    const broken = new HintedServer({
      authenticate: () => 'ann',
      sameUser() {
        throw new Error('of sameUser');
      },
      limits: { refusedTokens: 1 },
    });
    const other = await enter(broken, 'ann');
    for (let at = 0; at < 3; at++) await broken.send(other, auth('ann'));
    expect([authed(other).length, other.socket.isOpen]).toEqual([3, true]);
  });

  test('[SS15] is agreed to where nothing is authenticated', async () => {
    const host = new HintedServer();
    const client = await enter(host, 'a');
    await host.send(client, auth('b'));
    expect(authed(client)).toEqual([{}]);
    expect(userOf(host)).toBe(undefined);
  });

  test('[SS15] of a connection that has closed meanwhile leaves nothing behind', async () => {
    const { promise, open } = deferred();
    let isFirst = true;
    const host: HintedServer = new HintedServer({
      authenticate: () => {
        const result = isFirst
          ? 'ann'
          : promise.then(() => ({ user: 'ann', expiresAt: host.clock.wallNow() + 50_000 }));
        isFirst = false;
        return result;
      },
    });
    const client = await enter(host, 'a');
    await host.send(client, auth('b'));
    client.socket.disconnect();
    await host.settle();
    expect(host.clock.timers).toBe(0);
    open();
    await host.settle();
    expect(host.clock.timers).toBe(0);
    expect(host.server.counters).toMatchObject({ renewedTokens: 0 });
  });

  test('[SS15] [SS14] its answer waits for a congested socket', async () => {
    const host = withTokens();
    const client = await enter(host, 'ann');
    await host.send(client, '$1;n;;_OnNamespaceConnect;0;0;');
    client.socket.stall();
    host.server.broadcast(null, { namespace: 'n', event: 'big', body: 'x'.repeat(70_000) });
    await host.settle();
    await host.send(client, auth('ann:5000'));
    await host.send(client, auth('bob'));
    expect(authed(client)).toEqual([]);
    client.socket.drain();
    await host.settle();
    expect(authed(client)).toEqual([{ ttl: 5_000 }]);
    expect(host.server.counters).toMatchObject({ ignoredSession: 1 });
  });
});

describe('a token that expires', () => {
  test('[SS16] ends its connection after the grace', async () => {
    const host = withTokens();
    const client = await enter(host, 'ann:10000');
    expect(client.socket.lines).toEqual(['t Aid1', `t ${welcome(10_000)}`]);
    await host.advance(19_999);
    expect(client.socket.isOpen).toBe(true);
    await host.advance(251);
    expect(client.socket.lines.at(-1)).toBe(close(4401, 'token expired'));
    client.socket.disconnect(4401, 'token expired');
    await host.settle();
    expect(host.disconnects).toEqual([{ id: 'id1', code: 4401, text: 'token expired' }]);
    expect(host.server.metrics().closes).toMatchObject({ tokenExpired: 1 });
    expect(host.clock.timers).toBe(0);
  });

  test('[SS16] does not if another one comes in time', async () => {
    const host = withTokens();
    const client = await enter(host, 'ann:10000');
    await host.advance(19_000);
    await host.send(client, auth('ann:10000'));
    await host.advance(19_000);
    expect(client.socket.isOpen).toBe(true);
    await host.send(client, auth('bob:99999'));
    await host.advance(1_250);
    expect(client.socket.lines.at(-1)).toBe(close(4401, 'token expired'));
  });

  test('[SS16] tells what is left when it is told', async () => {
    const { promise, open } = deferred();
    const host = withTokens({ onConnect: () => promise });
    const client = await enter(host, 'ann:10000');
    await host.advance(3_000);
    open();
    await host.settle();
    expect(client.socket.lines).toEqual(['t Aid1', `t ${welcome(7_000)}`]);
  });

  test('[SS16] that has expired already has a ttl of 0 and the grace', async () => {
    const host = withTokens();
    const client = await enter(host, 'ann:-4000');
    expect(client.socket.lines).toEqual(['t Aid1', `t ${welcome(0)}`]);
    await host.advance(5_999);
    expect(client.socket.isOpen).toBe(true);
    await host.advance(251);
    expect(client.socket.isOpen).toBe(false);
  });

  test('[SS16] ends a plain connection too', async () => {
    const host: HintedServer = new HintedServer({
      authenticate: () => ({ user: 'ann', expiresAt: host.clock.wallNow() + 1_000 }),
      limits: { authGrace: 500 },
    });
    const client = await host.dial({});
    await host.send(client, 'M');
    expect(client.socket.lines).toEqual(['t Aid1']);
    await host.advance(1_750);
    expect(client.socket.lines).toEqual(['t Aid1', close(4401, 'token expired')]);
  });

  test('[SS16] leaves no timer when its connection closes first', async () => {
    const host = withTokens();
    const client = await enter(host, 'ann:10000');
    await host.send(client, auth('ann:20000'));
    client.socket.disconnect();
    await host.settle();
    expect(host.clock.timers).toBe(0);
  });

  test('[SS16] may be good for years', async () => {
    const year = 365 * 86_400_000;
    const host = withTokens();
    const client = await enter(host, `ann:${year}`);
    expect(client.socket.lines).toEqual(['t Aid1', `t ${welcome(year)}`]);
    const [conn] = host.server.connections();
    if (!conn) throw new Error('there is no connection');
    for (let days = 0; days < 365; days += 5) {
      expect(conn.isClosed).toBe(false);
      await host.advance(5 * 86_400_000);
    }
    await host.advance(11_000);
    expect(conn.isClosed).toBe(true);
  });
});

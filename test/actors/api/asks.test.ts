import { getEventListeners } from 'node:events';
import { describe, expect, test } from 'vitest';
import {
  type Answer,
  type AskOptions,
  type AskTarget,
  PendingAsks,
  TooManyAsks,
} from '../../../src/actors/api/asks.js';
import { Deadlines } from '../../../src/actors/runtime/deadlines.js';
import { systemRandom } from '../../../src/actors/runtime/random.js';
import { decode, type Frame } from '../../../src/protocol/codec.js';
import { AskTimeout, ErrWrite } from '../../../src/protocol/errors.js';
import { FakeClock } from '../../support/server/fakeClock.js';

const answerTo = (token: string, body = ''): Frame => {
  const frame = decode(`${token};n;;q;0;0;${body}`);
  if (!frame) throw new Error('a frame was due');
  return frame;
};

/** Asks of one server, with connections that answer for themselves. */
const makeAsks = ({ timeout = 10_000, pending = 1_000 } = {}) => {
  const clock = new FakeClock();
  const sweeper = new Deadlines(clock);
  const asks = new PendingAsks(sweeper, { askTimeout: timeout, asks: pending }, systemRandom);
  const connection = (): AskTarget => {
    const self: AskTarget = { mayAnswer: (other) => other === self };
    return self;
  };
  const open = (from: AskTarget, options: AskOptions = {}) => {
    const answers: Answer[] = [];
    return { token: asks.open(from, options, (answer) => answers.push(answer)), answers };
  };
  const expectNothingLeft = (): void => expect([asks.size, sweeper.size, clock.timers]).toEqual([0, 0, 0]);
  return { clock, sweeper, asks, connection, open, expectNothingLeft };
};

describe('answers', () => {
  test('[AK2] an answer settles the ask that is pending for this connection, once', () => {
    const { asks, connection, open, expectNothingLeft } = makeAsks();
    const client = connection();
    const { token, answers } = open(client);
    expect([asks.size, answers]).toEqual([1, []]);
    const frame = answerTo(token, 'forty two');
    expect(asks.settle(client, frame)).toBe(true);
    expect(asks.settle(client, frame)).toBe(false);
    expect(answers).toEqual([{ frame }]);
    expectNothingLeft();
  });

  test('[AK2] [AK6] an answer of another connection, or with an unknown token, settles nothing', () => {
    const { asks, connection, open } = makeAsks();
    const client = connection();
    const { token, answers } = open(client);
    expect(asks.settle(connection(), answerTo(token))).toBe(false);
    expect(asks.settle(client, answerTo('no such token'))).toBe(false);
    expect(asks.settle(client, answerTo('__proto__'))).toBe(false);
    expect([answers, asks.size]).toEqual([[], 1]);
  });

  test('[AK1] no two asks share a token, and all of one server name the same node', () => {
    const { connection, open } = makeAsks({ pending: 5_000 });
    const client = connection();
    const tokens = Array.from({ length: 2_000 }, () => open(client).token);
    expect(new Set(tokens).size).toBe(2_000);
    expect(new Set(tokens.map((token) => token.split('-')[1])).size).toBe(1);
  });

  test('[AK5] any of an audience may answer, and the first does', () => {
    const { asks, connection, open } = makeAsks();
    const [first, second, stranger] = [connection(), connection(), connection()];
    const { token, answers } = open({ mayAnswer: (one) => one === first || one === second });
    expect(asks.settle(stranger, answerTo(token, 'stranger'))).toBe(false);
    expect(asks.settle(second, answerTo(token, 'second'))).toBe(true);
    expect(asks.settle(first, answerTo(token, 'first'))).toBe(false);
    expect(answers).toEqual([{ frame: answerTo(token, 'second') }]);
  });
});

describe('no answer', () => {
  test('[AK4] an ask that is not answered in time fails with AskTimeout', () => {
    const { clock, connection, open, expectNothingLeft } = makeAsks({ timeout: 50 });
    const usual = open(connection());
    const patient = open(connection(), { timeout: 200 });
    clock.advance(49);
    expect(usual.answers).toEqual([]);
    clock.advance(1);
    expect(usual.answers).toEqual([{ failure: new AskTimeout(50) }]);
    clock.advance(149);
    expect(patient.answers).toEqual([]);
    clock.advance(1);
    expect(patient.answers).toEqual([{ failure: new AskTimeout(200) }]);
    expectNothingLeft();
  });

  test('[AK2] a late answer settles nothing', () => {
    const { asks, clock, connection, open } = makeAsks({ timeout: 50 });
    const client = connection();
    const { token, answers } = open(client);
    clock.advance(50);
    expect(asks.settle(client, answerTo(token))).toBe(false);
    expect(answers).toHaveLength(1);
  });

  test('[AK4] when its connection closes, each of its asks fails with ErrWrite, and no other', () => {
    const { asks, connection, open } = makeAsks();
    const [gone, other] = [connection(), connection()];
    const lost = [open(gone), open(gone)];
    const kept = open(other);
    asks.failAll(gone);
    asks.failAll(gone);
    for (const { answers } of lost) expect(answers).toEqual([{ failure: ErrWrite }]);
    expect([kept.answers, asks.size]).toEqual([[], 1]);
  });

  test('[AK4] an ask that begins while others of its connection fail is kept', () => {
    const { asks, connection } = makeAsks();
    const client = connection();
    const log: string[] = [];
    const begin = () => asks.open(client, {}, () => log.push('third'));
    asks.open(client, {}, () => begin());
    asks.open(client, {}, () => log.push('second'));
    asks.failAll(client);
    expect([log, asks.size]).toEqual([['second'], 1]);
  });

  test('[AK4] a signal gives an ask up, with its reason', () => {
    const { connection, open, expectNothingLeft } = makeAsks();
    const abort = new AbortController();
    const { answers } = open(connection(), { signal: abort.signal });
    abort.abort('enough');
    expect(answers).toEqual([{ failure: 'enough' }]);
    expectNothingLeft();
  });

  test('[AK4] an aborted signal rejects before the ask begins', () => {
    const { connection, open, expectNothingLeft } = makeAsks();
    expect(() => open(connection(), { signal: AbortSignal.abort(new Error('before')) })).toThrow('before');
    expectNothingLeft();
  });

  test('[AK4] [SV3] once it is settled, its signal does nothing more', () => {
    const { asks, connection, open } = makeAsks();
    const abort = new AbortController();
    const client = connection();
    const { token, answers } = open(client, { signal: abort.signal });
    expect(getEventListeners(abort.signal, 'abort')).toHaveLength(1);
    asks.settle(client, answerTo(token));
    expect(getEventListeners(abort.signal, 'abort')).toEqual([]);
    abort.abort();
    expect(answers).toEqual([{ frame: answerTo(token) }]);
  });

  test.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY])('[AK4] a timeout of %d is refused, and named', (timeout) => {
    const { connection, open, expectNothingLeft } = makeAsks();
    expect(() => open(connection(), { timeout })).toThrow(`timeout in milliseconds above 0, got ${timeout}`);
    expectNothingLeft();
  });

  test('[AK9] an ask above the limit of a connection is refused; other connections may ask', () => {
    const { asks, connection, open } = makeAsks({ pending: 3 });
    const client = connection();
    const [first] = [open(client), open(client), open(client)];
    expect(() => open(client)).toThrow(TooManyAsks);
    expect(() => open(client)).toThrow('3 asks are pending already');
    open(connection());
    asks.settle(client, answerTo(first.token));
    expect(() => open(client)).not.toThrow();
    expect(() => open(client)).toThrow(TooManyAsks);
  });
});

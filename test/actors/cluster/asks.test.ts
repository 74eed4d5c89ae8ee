import { describe, expect, test } from 'vitest';
import { AskTimeout, defaultLimits, ErrBadRoom } from '../../../src/index.js';
import { watch } from '../../support/async/promises.js';
import { openHouses, openTwo } from '../../support/server/harnessCluster.js';

const question = { namespace: 'n', event: 'q', body: '?' };

/** Two servers; only the second has somebody. */
const apart = async (limits = {}) => {
  const houses = await openTwo({ namespaces: { n: {} }, limits });
  const { a: asking, b: asked } = houses;
  const seat = (id: string, house = asked) => houses.seat(house, id);
  const ask = (message = {}, options = {}) => asking.supervisor.ask({ ...question, ...message }, options);
  return { ...houses, asking, asked, seat, ask };
};

describe('asking', () => {
  test('[EX7] the first answer settles, of whatever server; the others lead nowhere', async () => {
    const { asking, asked, seat, ask, rest, broker, empty } = await apart();
    const guests = [await seat('a'), await seat('b'), await seat('c', asking)];
    const before = broker.subscriptions;
    const answer = ask();
    await rest();
    const [wait = ''] = guests[1]?.socket.tokens ?? [];
    for (const { socket } of guests) expect(socket.lines).toEqual([`t ${wait};n;;q;0;0;?`]);
    guests[1]?.socket.say(`${wait};n;;q;0;0;b says`);
    expect((await answer).body).toBe('b says');
    for (const guest of [guests[0], guests[2], guests[1]]) guest?.socket.say(`${wait};n;;q;0;0;me too`);
    await rest();
    expect([asking.supervisor.counters.strayAnswers, asked.supervisor.counters.strayAnswers]).toEqual([1, 2]);
    expect(broker.subscriptions).toEqual(before);
    await empty();
  });

  test('[EX7] nobody here is no reason to reject, but time is, and a signal', async () => {
    const { ask, asking, pass, rest, broker } = await apart();
    const before = broker.subscriptions;
    const late = watch(ask());
    const abort = new AbortController();
    const given = watch(ask({}, { signal: abort.signal }));
    await rest();
    abort.abort(new Error('never mind'));
    await rest();
    expect([late.state, given.error]).toEqual(['pending', new Error('never mind')]);
    await pass(defaultLimits.askTimeout);
    expect(late.error).toBeInstanceOf(AskTimeout);
    expect(broker.subscriptions).toEqual(before);
    expect(asking.supervisor.exchange?.status.waiting.messages).toBe(0);
  });

  test('[EX7] [EX4] what comes back of it asks nobody again, however late', async () => {
    const { asking, seat, ask, rest, broker, empty } = await apart();
    const here = await seat('here', asking);
    const answer = ask();
    await rest();
    here.socket.say(`${here.socket.tokens[0]};n;;q;0;0;me`);
    await answer;
    const [echo] = broker.published;
    broker.deliver(echo?.channel ?? '', echo?.payload ?? new Uint8Array());
    await rest();
    expect(here.socket.lines).toHaveLength(1);
    await empty();
  });

  test('[EX7] [AK6] when all of this server have closed, others may still answer', async () => {
    const { seat, ask, asking, rest, empty } = await apart();
    const [here, there] = [await seat('here', asking), await seat('there')];
    const answer = ask();
    await rest();
    here.socket.hangUp();
    await rest();
    there.socket.say(`${there.socket.tokens.at(-1)};n;;q;0;0;still here`);
    expect((await answer).body).toBe('still here');
    await empty();
  });

  test('[EX7] [EX6] bytes are answered as bytes, text as text, and a known error is the known one', async () => {
    const { seat, ask, rest, empty } = await apart();
    const there = await seat('there');
    const told = async (answered: (wait: string) => string | Uint8Array) => {
      const answer = watch(ask({ to: 'there' }));
      const value = ask({ to: 'there' }).catch((error: unknown) => error);
      await rest();
      for (const wait of there.socket.tokens.slice(-2)) there.socket.say(answered(wait));
      await rest();
      return [answer.state, await value];
    };
    expect(await told((wait) => Buffer.from(`${wait};n;;q;0;0;abc`))).toMatchObject([
      'resolved',
      { body: new TextEncoder().encode('abc'), setBinary: true },
    ]);
    expect(await told((wait) => `${wait};n;;q;0;0;grün`)).toMatchObject(['resolved', { body: 'grün' }]);
    expect(await told((wait) => `${wait};n;;q;1;0;bad room`)).toEqual(['rejected', ErrBadRoom]);
    await empty();
  });

  test('[EX7] [EX5] it goes out when its answers would be heard, and what was said later goes behind it', async () => {
    const { asking, ask, seat, rest, broker, empty } = await apart();
    const there = await seat('there');
    const release = broker.hold('confirming');
    const answer = ask();
    asking.supervisor.broadcast(null, [{ ...question, body: 'later' }]);
    await rest();
    expect(broker.published).toEqual([]);
    release();
    await rest();
    expect(there.socket.lines.map((line) => line.split(';').at(-1))).toEqual(['?', 'later']);
    there.socket.say(`${there.socket.tokens[0]};n;;q;0;0;fine`);
    expect((await answer).body).toBe('fine');
    await empty();
  });

  test('[EX7] [EX11] while the broker is away it waits, as long as somebody wants to know', async () => {
    const { asking, ask, seat, rest, pass, broker, empty } = await apart();
    const there = await seat('there');
    // The one that was opened first, which asks.
    broker.lose({ count: 1 });
    await rest();
    expect(asking.supervisor.exchange?.status.state).toBe('degraded');
    const [quick, patient] = [watch(ask({}, { timeout: 50 })), ask()];
    await pass(60);
    expect(quick.error).toBeInstanceOf(AskTimeout);
    const state = () => asking.supervisor.exchange?.status.state;
    for (let tries = 0; tries < 1_000 && state() !== 'online'; tries++) await pass(10);
    expect(there.socket.tokens).toHaveLength(1);
    there.socket.say(`${there.socket.tokens[0]};n;;q;0;0;fine`);
    expect((await patient).body).toBe('fine');
    await empty();
  });
});

describe('being asked', () => {
  test('[EX8] only who was asked may answer, once', async () => {
    const { seat, ask, asked, rest, broker, empty } = await apart();
    const [there, other] = [await seat('there'), await seat('other')];
    const answer = watch(ask({ to: 'there' }));
    await rest();
    const reply = `${there.socket.tokens[0]};n;;q;0;0;mine`;
    const before = broker.published.length;
    other.socket.say(reply);
    await rest();
    expect([answer.state, broker.published.length]).toEqual(['pending', before]);
    there.socket.say(reply);
    there.socket.say(reply);
    await rest();
    expect([answer.state, broker.published.length]).toEqual(['resolved', before + 1]);
    expect(asked.supervisor.counters.strayAnswers).toBe(2);
    await empty();
  });

  test('[EX8] an answer that comes too late leads nowhere, nor does one of who has closed', async () => {
    const { seat, ask, rest, pass, broker, empty } = await apart();
    const [slow, gone] = [await seat('slow'), await seat('gone')];
    const asks = [watch(ask({ to: 'slow' }, { timeout: 60_000 })), watch(ask({ to: 'gone' }, { timeout: 60_000 }))];
    await rest();
    const before = broker.published.length;
    gone.socket.hangUp();
    await pass(defaultLimits.remoteAskTimeout);
    slow.socket.say(`${slow.socket.tokens[0]};n;;q;0;0;here I am`);
    await rest();
    expect([asks.map(({ state }) => state), broker.published.length]).toEqual([['pending', 'pending'], before]);
    await pass(30_000);
    expect(asks.map(({ state }) => state)).toEqual(['rejected', 'rejected']);
    await empty();
  });

  test('[EX8] so many of others may be open, and they take no place of our own', async () => {
    const { all, rest, empty } = await openHouses(3, { namespaces: { n: {} }, limits: { asks: 3 } });
    const [asked, ...asking] = all;
    asked?.seat('there');
    await rest();
    // Here it waited for the broker to be told of it.
    for (const { socket } of asked?.guests ?? []) socket.say('$0;n;;_OnNamespaceConnect;0;0;');
    const asks = [...asking, ...asking].map(({ supervisor }) => watch(supervisor.ask(question, {})));
    await rest();
    expect(asked?.supervisor.exchange?.status.lost.unasked).toBe(1);
    const own = [1, 2, 3].map(() => asked && watch(asked.supervisor.ask(question, {})));
    await rest();
    expect([...asks, ...own].map((one) => one?.state)).toEqual(Array.from({ length: 7 }, () => 'pending'));
    expect(asked?.guests[0]?.socket.tokens).toHaveLength(6);
    await empty();
  });
});

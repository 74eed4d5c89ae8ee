import { describe, expect, test } from 'vitest';
import { AskTimeout, defaultLimits, ErrBadRoom } from '../../../src/index.js';
import { watch } from '../../support/async/promises.js';
import { openCluster, openPair } from '../../support/server/harnessCluster.js';

const question = { namespace: 'n', event: 'q', body: '?' };

/** Returns two servers; only the second has clients. */
const apart = async (limits = {}) => {
  const cluster = await openPair({ namespaces: { n: {} }, limits });
  const { a: asking, b: asked } = cluster;
  const open = (id: string, harness = asked) => cluster.open(harness, id);
  const ask = (message = {}, options = {}) => asking.supervisor.ask({ ...question, ...message }, options);
  return { ...cluster, asking, asked, open, ask };
};

describe('asking', () => {
  test('[EX7] the first answer of any server settles the ask; later ones have no effect', async () => {
    const { asking, asked, open, ask, settle, broker, disconnectAll } = await apart();
    const clients = [await open('a'), await open('b'), await open('c', asking)];
    const before = broker.subscriptions;
    const answer = ask();
    await settle();
    const [wait = ''] = clients[1]?.socket.tokens ?? [];
    for (const { socket } of clients) expect(socket.lines).toEqual([`t ${wait};n;;q;0;0;?`]);
    clients[1]?.socket.receive(`${wait};n;;q;0;0;b says`);
    expect((await answer).body).toBe('b says');
    for (const client of [clients[0], clients[2], clients[1]]) client?.socket.receive(`${wait};n;;q;0;0;me too`);
    await settle();
    expect([asking.supervisor.counters.strayAnswers, asked.supervisor.counters.strayAnswers]).toEqual([1, 2]);
    expect(broker.subscriptions).toEqual(before);
    await disconnectAll();
  });

  test('[EX7] it does not reject for want of local connections, but at its timeout or by its signal', async () => {
    const { ask, asking, advance, settle, broker } = await apart();
    const before = broker.subscriptions;
    const late = watch(ask());
    const abort = new AbortController();
    const given = watch(ask({}, { signal: abort.signal }));
    await settle();
    abort.abort(new Error('never mind'));
    await settle();
    expect([late.state, given.error]).toEqual(['pending', new Error('never mind')]);
    await advance(defaultLimits.askTimeout);
    expect(late.error).toBeInstanceOf(AskTimeout);
    expect(broker.subscriptions).toEqual(before);
    expect(asking.supervisor.exchange?.status.waiting.messages).toBe(0);
  });

  test('[EX7] [EX4] an echo of the ask does not ask again, however late', async () => {
    const { asking, open, ask, settle, broker, disconnectAll } = await apart();
    const here = await open('here', asking);
    const answer = ask();
    await settle();
    here.socket.receive(`${here.socket.tokens[0]};n;;q;0;0;me`);
    await answer;
    const [echo] = broker.published;
    broker.deliver(echo?.channel ?? '', echo?.payload ?? new Uint8Array());
    await settle();
    expect(here.socket.lines).toHaveLength(1);
    await disconnectAll();
  });

  test('[EX7] [AK6] when all of this server have closed, others may still answer', async () => {
    const { open, ask, asking, settle, disconnectAll } = await apart();
    const [here, there] = [await open('here', asking), await open('there')];
    const answer = ask();
    await settle();
    here.socket.disconnect();
    await settle();
    there.socket.receive(`${there.socket.tokens.at(-1)};n;;q;0;0;still here`);
    expect((await answer).body).toBe('still here');
    await disconnectAll();
  });

  test('[EX7] [EX6] bytes are answered as bytes, text as text, and a known error is the known one', async () => {
    const { open, ask, settle, disconnectAll } = await apart();
    const there = await open('there');
    const told = async (answered: (wait: string) => string | Uint8Array) => {
      const answer = watch(ask({ to: 'there' }));
      const value = ask({ to: 'there' }).catch((error: unknown) => error);
      await settle();
      for (const wait of there.socket.tokens.slice(-2)) there.socket.receive(answered(wait));
      await settle();
      return [answer.state, await value];
    };
    expect(await told((wait) => Buffer.from(`${wait};n;;q;0;0;abc`))).toMatchObject([
      'resolved',
      { body: new TextEncoder().encode('abc'), setBinary: true },
    ]);
    expect(await told((wait) => `${wait};n;;q;0;0;grün`)).toMatchObject(['resolved', { body: 'grün' }]);
    expect(await told((wait) => `${wait};n;;q;1;0;bad room`)).toEqual(['rejected', ErrBadRoom]);
    await disconnectAll();
  });

  test('[EX7] [EX5] it goes out once its answers can arrive, and later messages follow it', async () => {
    const { asking, ask, open, settle, broker, disconnectAll } = await apart();
    const there = await open('there');
    const release = broker.hold('confirming');
    const answer = ask();
    asking.supervisor.broadcast(null, [{ ...question, body: 'later' }]);
    await settle();
    expect(broker.published).toEqual([]);
    release();
    await settle();
    expect(there.socket.lines.map((line) => line.split(';').at(-1))).toEqual(['?', 'later']);
    there.socket.receive(`${there.socket.tokens[0]};n;;q;0;0;fine`);
    expect((await answer).body).toBe('fine');
    await disconnectAll();
  });

  test('[EX7] [EX11] while the broker is away it waits until its timeout or signal', async () => {
    const { asking, ask, open, settle, advance, broker, disconnectAll } = await apart();
    const there = await open('there');
    // The one that was opened first, which asks.
    broker.lose({ count: 1 });
    await settle();
    expect(asking.supervisor.exchange?.status.state).toBe('degraded');
    const [quick, patient] = [watch(ask({}, { timeout: 50 })), ask()];
    await advance(60);
    expect(quick.error).toBeInstanceOf(AskTimeout);
    const state = () => asking.supervisor.exchange?.status.state;
    for (let tries = 0; tries < 1_000 && state() !== 'online'; tries++) await advance(10);
    expect(there.socket.tokens).toHaveLength(1);
    there.socket.receive(`${there.socket.tokens[0]};n;;q;0;0;fine`);
    expect((await patient).body).toBe('fine');
    await disconnectAll();
  });
});

describe('being asked', () => {
  test('[EX8] only the asked client may answer, once', async () => {
    const { open, ask, asked, settle, broker, disconnectAll } = await apart();
    const [there, other] = [await open('there'), await open('other')];
    const answer = watch(ask({ to: 'there' }));
    await settle();
    const reply = `${there.socket.tokens[0]};n;;q;0;0;mine`;
    const before = broker.published.length;
    other.socket.receive(reply);
    await settle();
    expect([answer.state, broker.published.length]).toEqual(['pending', before]);
    there.socket.receive(reply);
    there.socket.receive(reply);
    await settle();
    expect([answer.state, broker.published.length]).toEqual(['resolved', before + 1]);
    expect(asked.supervisor.counters.strayAnswers).toBe(2);
    await disconnectAll();
  });

  test('[EX8] a late answer has no effect, nor has one of a closed connection', async () => {
    const { open, ask, settle, advance, broker, disconnectAll } = await apart();
    const [slow, gone] = [await open('slow'), await open('gone')];
    const asks = [watch(ask({ to: 'slow' }, { timeout: 60_000 })), watch(ask({ to: 'gone' }, { timeout: 60_000 }))];
    await settle();
    const before = broker.published.length;
    gone.socket.disconnect();
    await advance(defaultLimits.remoteAskTimeout);
    slow.socket.receive(`${slow.socket.tokens[0]};n;;q;0;0;here I am`);
    await settle();
    expect([asks.map(({ state }) => state), broker.published.length]).toEqual([['pending', 'pending'], before]);
    await advance(30_000);
    expect(asks.map(({ state }) => state)).toEqual(['rejected', 'rejected']);
    await disconnectAll();
  });

  test('[EX8] pending asks of other servers have a limit of their own', async () => {
    const { all, settle, disconnectAll } = await openCluster(3, { namespaces: { n: {} }, limits: { asks: 3 } });
    const [asked, ...asking] = all;
    asked?.open('there');
    await settle();
    // The ask waited for its subscription.
    for (const { socket } of asked?.clients ?? []) socket.receive('$0;n;;_OnNamespaceConnect;0;0;');
    const asks = [...asking, ...asking].map(({ supervisor }) => watch(supervisor.ask(question, {})));
    await settle();
    expect(asked?.supervisor.exchange?.status.lost.unasked).toBe(1);
    const own = [1, 2, 3].map(() => asked && watch(asked.supervisor.ask(question, {})));
    await settle();
    expect([...asks, ...own].map((one) => one?.state)).toEqual(Array.from({ length: 7 }, () => 'pending'));
    expect(asked?.clients[0]?.socket.tokens).toHaveLength(6);
    await disconnectAll();
  });
});

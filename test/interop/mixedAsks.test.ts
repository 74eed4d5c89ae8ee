import { describe, expect, it, vi } from 'vitest';
import { AskTimeout, ErrBadRoom, type OutgoingMessage, type Server } from '../../src/index.js';
import { bodyOfMessage, type GoArguments } from '../support/peers/goPeer.js';
import { knownError, ownError } from './mixedClients.js';
import type { MixedCluster, MixedSetting } from './mixedCluster.js';
import { blue, describeMixed, eventful, red } from './mixedSuite.js';

const usual = { namespace: 'default', body: '?' } as const;
const textBytes = new TextEncoder().encode('ab;c');
const bytes = Uint8Array.of(0xff, 0x3b, 0x00, 0xfe);
const isRaw = (name: string): boolean => name.startsWith('raw') || name.startsWith('twin');

/** What a raw client says to each question; of the others see there. */
const rawAnswers: Readonly<Record<string, (name: string) => string>> = {
  q: (name) => `0;0;${name}`,
  no: () => `1;0;${knownError}`,
  odd: () => `1;0;${ownError}`,
  pick: (name) => `0;0;${name}`,
};

/** The token of the question that this raw client is sent next. */
const questionOf = async (cluster: MixedCluster, name: string, event: string, room = ''): Promise<string> => {
  const [token = '', ...question] = (await cluster.raw(name).client.nextText()).split(';');
  expect(question.join(';')).toBe(`default;${room};${event};0;0;?`);
  return token;
};

const answerBy = (cluster: MixedCluster, name: string, event: string, token: string, says = name): void =>
  cluster.raw(name).client.send(`${token};default;;${event};${rawAnswers[event]?.(says)}`);

/** Those who answer by themselves do; the raw client that is asked does it here. */
const beAsked = async (cluster: MixedCluster, name: string, event: string): Promise<void> => {
  if (isRaw(name)) answerBy(cluster, name, event, await questionOf(cluster, name, event));
};

/** How many messages the broker has taken from this server, when it has taken all. */
const publishedBy = async ({ exchange }: Server): Promise<number> => {
  await vi.waitFor(() => expect(exchange?.status.waiting.messages).toBe(0), { interval: 1 });
  return exchange?.status.published ?? Number.NaN;
};

const suiteOfOurs = (the: () => MixedCluster): void => {
  const ask = (what: OutgoingMessage, timeout = 5_000) => the().servers.a.ask({ ...usual, ...what }, { timeout });
  /** The server has read what this raw client has sent. */
  const read = (name: string) => the().raw(name).client.ping();

  describe.each(['js-a', 'go-a', 'raw-a', 'js-b', 'go-b', 'raw-b', 'js-g', 'go-g', 'raw-g'])('of %s', (name) => {
    it('[EX7] its answer', async () => {
      const asked = ask({ event: 'q', to: name });
      await beAsked(the(), name, 'q');
      expect(await asked).toMatchObject({ namespace: 'default', event: 'q', body: name });
      const { [name]: received, ...others } = await the().received('a');
      expect(received).toEqual(isRaw(name) ? [] : ['q default: ?']);
      expect(Object.values(others).flat()).toEqual([]);
    });

    it('[EX7] its error: a known text is the shared one', async () => {
      const known = ask({ event: 'no', to: name });
      await Promise.all([expect(known).rejects.toBe(ErrBadRoom), beAsked(the(), name, 'no')]);
      const other = ask({ event: 'odd', to: name });
      await Promise.all([expect(other).rejects.toThrow(new Error(ownError)), beAsked(the(), name, 'odd')]);
      await the().received('a');
    });
  });

  // A neffos.js client cannot answer with bytes.
  it.each(['go-a', 'go-b', 'go-g'])('[EX7] invalid UTF-8, both ways: %s', async (name) => {
    const { body } = await ask({ event: 'echo', body: bytes, to: name });
    expect(body).toEqual(bytes);
    await the().received('a');
  });

  it.each(['raw-a', 'raw-b', 'raw-g'])('[EX7] [EX6] bytes in answer: %s', async (name) => {
    for (const [said, received] of [
      [bytes, bytes],
      // A node of Go does not say that these were bytes.
      [textBytes, name === 'raw-g' ? 'ab;c' : textBytes],
    ] as const) {
      const asked = ask({ event: 'pick', to: name });
      const token = await questionOf(the(), name, 'pick');
      the()
        .raw(name)
        .client.send(Buffer.concat([Buffer.from(`${token};default;;pick;0;0;`), said]));
      expect((await asked).body).toEqual(received);
    }
    await the().received('a');
  });

  it('[EX7] all of them: one of them has answered', async () => {
    expect((await ask({ event: 'q' })).body).toMatch(/^(js|go)-[abg]$/);
    await the().received('a');
  });

  it('[EX7] a room: its members', async () => {
    expect((await ask({ event: 'q', room: red })).body).toMatch(/^js-[abg]$/);
    expect((await ask({ event: 'q', room: blue })).body).toMatch(/^go-[abg]$/);
    expect((await ask({ event: 'q', room: blue, to: 'go-g' })).body).toBe('go-g');
    await the().received('a');
  });

  it.each([
    ['raw-a', 'raw-g', 'raw-b'],
    ['raw-b', 'raw-a', 'raw-g'],
    ['raw-g', 'raw-b', 'raw-a'],
  ])(
    '[EX7] all of them: the answer of %s is first, each is asked once, later ones change nothing',
    async (...names) => {
      const asked = ask({ event: 'pick' });
      const tokens = new Map(
        await Promise.all(names.map(async (name) => [name, await questionOf(the(), name, 'pick')] as const)),
      );
      const [first] = names;
      answerBy(the(), first, 'pick', tokens.get(first) ?? '');
      expect((await asked).body).toBe(first);
      for (const name of names.slice(1)) answerBy(the(), name, 'pick', tokens.get(name) ?? '', 'late');
      await Promise.all(names.map(read));
      for (const [name, lines] of Object.entries(await the().received('a')))
        expect([name, ...lines]).toEqual([name, ...(names.includes(name) ? [] : ['pick default: ?'])]);
      const again = ask({ event: 'pick', to: first });
      await beAsked(the(), first, 'pick');
      expect((await again).body).toBe(first);
      expect(Object.values(await the().received('a')).flat()).toEqual([]);
    },
  );

  it.each(['raw-b', 'raw-g', 'nobody'])('[EX7] no answer, at %s: it rejects at the timeout', async (name) => {
    const isThere = name !== 'nobody';
    // On a busy machine, the question is under way for a while.
    const unanswered = expect(ask({ event: 'pick', to: name }, isThere ? 1_000 : 50)).rejects.toBeInstanceOf(
      AskTimeout,
    );
    const token = isThere ? await questionOf(the(), name, 'pick') : '';
    await unanswered;
    if (isThere) {
      answerBy(the(), name, 'pick', token, 'late');
      await read(name);
      const again = ask({ event: 'pick', to: name });
      await beAsked(the(), name, 'pick');
      expect((await again).body).toBe(name);
    }
    await the().received('a');
  });

  it('[EX8] another server answers once, by one that was asked', async () => {
    const asked = ask({ event: 'pick', to: 'raw-b' });
    const token = await questionOf(the(), 'raw-b', 'pick');
    const { b } = the().servers;
    const before = await publishedBy(b);
    for (const name of ['twin-b', 'raw-a']) {
      answerBy(the(), name, 'pick', token, 'forged');
      await read(name);
    }
    expect(await publishedBy(b)).toBe(before);
    for (const says of ['first', 'second']) answerBy(the(), 'raw-b', 'pick', token, says);
    expect((await asked).body).toBe('first');
    await read('raw-b');
    expect(await publishedBy(b)).toBe(before + 1);
    await the().received('a');
  });
};

const suiteOfGo = ({ broker, isOlder }: MixedSetting, the: () => MixedCluster): void => {
  const isRacy = isOlder && broker === 'nats';

  /** Has the node ask; one that may miss an answer that is quick, once more when it did. */
  const ask = async (what: GoArguments, isQuick = false): Promise<unknown> => {
    for (let left = isRacy && isQuick ? 20 : 0; ; left--)
      try {
        const timeout = isRacy && isQuick ? 250 : 5_000;
        return await the().node.do('serverAsk', { ...usual, timeout, ...what });
      } catch (error) {
        if (left === 0 || !String(error).includes('deadline')) throw error;
      }
  };

  /** On NATS the older line has its question out before the broker knows where it listens. */
  const listens = async (token: string): Promise<void> => {
    if (isOlder) await vi.waitFor(async () => expect(await the().broker.isHeard(token)).toBe(true), { interval: 10 });
  };

  const answer = async (name: string, event: string, says = name): Promise<void> => {
    const token = await questionOf(the(), name, event);
    if (isOlder) expect(token).toMatch(/^R\d+$/);
    await listens(token);
    answerBy(the(), name, event, token, says);
  };

  describe.each(['js-a', 'go-a', 'js-b', 'go-b'])('of %s', (name) => {
    it('[EX8] its answer, and its errors', async () => {
      expect(bodyOfMessage(await ask({ event: 'q', to: name }, true))).toBe(name);
      await expect(ask({ event: 'no', to: name }, true)).rejects.toThrow(knownError);
      await expect(ask({ event: 'odd', to: name }, true)).rejects.toThrow(ownError);
      await the().received('g');
    });
  });

  it.each(['raw-a', 'raw-b'])('[EX8] of %s: its answer, and its error', async (name) => {
    const asked = ask({ event: 'q', to: name });
    await answer(name, 'q');
    expect(bodyOfMessage(await asked)).toBe(name);
    const refused = ask({ event: 'odd', to: name });
    await Promise.all([expect(refused).rejects.toThrow(ownError), answer(name, 'odd')]);
    expect(Object.values(await the().received('g')).flat()).toEqual([]);
  });

  it('[EX8] bytes in answer', async () => {
    const asked = ask({ event: 'pick', to: 'raw-a' });
    const token = await questionOf(the(), 'raw-a', 'pick');
    await listens(token);
    the()
      .raw('raw-a')
      .client.send(Buffer.concat([Buffer.from(`${token};default;;pick;0;0;`), bytes]));
    expect(bodyOfMessage(await asked)).toEqual(Buffer.from(bytes));
    await the().received('g');
  });

  if (isOlder && broker === 'redis')
    console.warn('Go neffos v0.0.24 hangs on Redis when a second answer comes quickly: nobody answers it by himself');
  else
    it('[EX8] all of them: a client of Muster has answered, or one of the node where it receives those', async () => {
      const name = bodyOfMessage(await ask({ event: 'q' }, true));
      expect(name).toMatch(isOlder ? /^(js|go)-[ab]$/ : /^(js|go)-[abg]$/);
      await the().received('g');
    });

  it('[EX8] all of them: the first answer settles, and each server gives one', async () => {
    const asked = ask({ event: 'pick' });
    const { a, b } = the().servers;
    const before = [await publishedBy(a), await publishedBy(b)];
    await answer('raw-b', 'pick');
    expect(bodyOfMessage(await asked)).toBe('raw-b');
    for (const name of ['raw-a', 'twin-a', 'twin-b']) {
      answerBy(the(), name, 'pick', await questionOf(the(), name, 'pick'), 'late');
      await the().raw(name).client.ping();
    }
    expect([await publishedBy(a), await publishedBy(b)]).toEqual(before.map((count) => count + 1));
    await the().received('g');
  });
};

describeMixed(eventful, (setting, the) => {
  describe('a server of ours asks', () => suiteOfOurs(the));
  describe('the node of Go asks', () => suiteOfGo(setting, the));

  it('[EX9] [EX14] of all that, nothing was lost', () => {
    expect(the().lost()).toEqual([]);
  });
});

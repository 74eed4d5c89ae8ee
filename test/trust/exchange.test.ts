import { inspect } from 'node:util';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ExchangeLoss, makeLostCounters } from '../../src/actors/cluster/losses.js';
import type { StackExchange } from '../../src/exchange/exchange.js';
import { natsExchange } from '../../src/exchange/nats.js';
import { redisExchange } from '../../src/exchange/redis.js';
import { readTag } from '../../src/protocol/tag.js';
import { watch } from '../support/async/promises.js';
import {
  declared,
  guessedWaits,
  longTimeout,
  placedClients,
  question,
  tokenOf,
  unreadFrames,
  useExchangeAttacks,
  waitOf,
} from '../support/exchange/exchangeAttack.js';
import { ExpectedDeliveries, faultOf, type Place, type PlacedClient } from '../support/exchange/expectedDeliveries.js';
import { hostilePayload, hugePayload } from '../support/exchange/hostilePayloads.js';
import { memoryBroker } from '../support/exchange/memoryExchange.js';
import { errorOf, expectNoSecrets } from '../support/exchange/secrets.js';
import { natsServer, redisServer, startNats, startRedis } from '../support/peers/brokers.js';
import { describeWith } from '../support/peers/installed.js';
import { useServers } from '../support/server/testServer.js';

const listen = useServers();
const attack = useExchangeAttacks();
const seed = Date.now() % 2 ** 31;

const assault = async (exchange: StackExchange, prefix: string, count: number, hasHuge: boolean): Promise<void> => {
  const { log, nodes, attacker, clientOf, by } = await attack(exchange);
  const { a, b } = nodes;
  const members = (on: string): PlacedClient[] => placedClients.filter((one) => one.on === on);
  const placesOf = (on: string): Map<string, Place> => {
    const places = new Map<string, Place>();
    for (const name of declared) places.set(exchange.channelOf('namespace', name), { kind: 'namespace', name });
    for (const { id: name } of members(on)) {
      places.set(exchange.channelOf('connection', name), { kind: 'connection', name });
    }
    return places;
  };

  // What the attacker gets to know.
  const asked = {
    a: watch(a.server.ask(question, { timeout: longTimeout })),
    b: watch(b.server.ask(question, { timeout: longTimeout })),
  };
  const [tokenA = '', tokenB = ''] = await Promise.all(
    ['a', 'b'].map(async (name) => {
      await expect.poll(() => by(name).length).toBe(1);
      const [posted] = by(name);
      return posted ? waitOf(posted).replaceAll('!', '') : '';
    }),
  );
  for (const { server } of [a, b]) server.broadcast(null, { namespace: 'chat', room: 'r2', event: 'begin' });
  await expect.poll(() => log.length).toBe(4);
  const nodeOf = (name: string): string => {
    const posted = by(name).at(-1);
    return (posted && readTag(waitOf(posted))?.node) ?? '';
  };
  const local = watch(
    a.connection('a-all').namespace('default')?.ask('local', '', { timeout: longTimeout }) ??
      Promise.reject(new Error('none')),
  );
  const expected = {
    a: new ExpectedDeliveries(nodeOf('a'), tokenA.slice(tokenA.indexOf('-')), placesOf('a'), members('a'), declared),
    b: new ExpectedDeliveries(nodeOf('b'), tokenB.slice(tokenB.indexOf('-')), placesOf('b'), members('b'), declared),
  };
  let taken = 0;
  /** Both servers have heard all that was sent so far. */
  const caughtUp = async (): Promise<void> => {
    for (const posted of log.slice(taken)) for (const one of [expected.a, expected.b]) one.take(posted);
    taken = log.length;
    const received = () => [a.server.exchange?.status.received, b.server.exchange?.status.received];
    await expect.poll(received, { timeout: 30_000, interval: 5 }).toEqual([expected.a.received, expected.b.received]);
    await Promise.all([a.server.flush(), b.server.flush()]);
  };
  await caughtUp();
  const toAll = await unreadFrames(clientOf('a-all'));
  const localToken = tokenOf(toAll.find((frame) => String(frame).includes(';local;')) ?? '');
  expect([tokenA, tokenB, localToken].filter((token) => /^\w+-\w+$/.test(token))).toHaveLength(3);
  for (const { id } of placedClients) if (id !== 'a-all') await unreadFrames(clientOf(id));
  for (const one of [expected.a, expected.b]) one.due.clear();

  // The attack.
  const ids = placedClients.map(({ id }) => id);
  const known = {
    nodes: [nodeOf('a'), nodeOf('b')],
    tokens: [tokenA, tokenB, localToken],
    ids,
    namespaces: declared,
    rooms: ['r1', 'r2'],
    prefix,
  };
  const channels = [...new Set([...placesOf('a').keys(), ...placesOf('b').keys()])];
  const elsewhere = [exchange.channelOf('answers', 'kabc-1f'), 'R17953', exchange.channelOf('namespace', 'nowhere')];
  const payloads = fc.sample(fc.tuple(fc.constantFrom(...channels, ...channels, ...elsewhere), hostilePayload(known)), {
    numRuns: count,
    seed,
  });
  const before = log.length;
  for (let at = 0; at < payloads.length; at += 250) {
    const sent = payloads.slice(at, at + 250).map(([channel, payload]) => attacker.publish(channel, payload));
    if (hasHuge && at % 1_000 === 0) sent.push(attacker.publish(channels[0] ?? '', hugePayload()));
    await Promise.all(sent);
    await caughtUp();
  }

  // No server has published, no ask is settled, and each client has exactly the expected frames.
  expect(log.slice(before).filter(({ by: who }) => who !== 'attacker')).toEqual([]);
  expect([asked.a.state, asked.b.state, local.state]).toEqual(['pending', 'pending', 'pending']);
  const heard = { a: new Map<string, string>(), b: new Map<string, string>() };
  for (const member of placedClients) {
    const frames = await unreadFrames(clientOf(member.id));
    const faults = frames
      .map((frame) => [faultOf(frame, member, expected[member.on].open), frame])
      .filter(([fault]) => fault);
    expect(faults.slice(0, 3), `${member.id}, seed ${seed}`).toEqual([]);
    expect([member.id, frames.length]).toEqual([member.id, expected[member.on].due.get(member.id) ?? 0]);
    for (const frame of frames)
      if (tokenOf(frame) !== '' && !String(frame).startsWith('native '))
        heard[member.on].set(tokenOf(frame), member.id);
  }
  for (const on of ['a', 'b'] as const) {
    const { broken, missing, late, renumbered, unasked } = expected[on];
    expect([on, seed, nodes[on].server.exchange?.status]).toEqual([
      on,
      seed,
      expect.objectContaining({
        state: 'online',
        waiting: { messages: 0, bytes: 0 },
        lost: { ...makeLostCounters(), broken, missing, late, renumbered, unasked },
      }),
    ]);
    expect(broken).toBeGreaterThan(count / 10);
    expect(nodes[on].errors.filter(({ error }) => !(error instanceof ExchangeLoss))).toEqual([]);
    expect(nodes[on].server.totalConnections).toBe(placedClients.length / 2);
  }

  // Answers go where the asks have come from, once for each server.
  const beforeAnswers = log.length;
  const due: string[] = [];
  for (const on of ['a', 'b'] as const) {
    for (const [token, id] of heard[on]) {
      if (token === tokenA || token === tokenB) continue;
      for (let times = 0; times < 2; times++) clientOf(id).send(`${token};default;;q;0;0;${times}`);
      due.push(expected[on].open.get(token) ? exchange.channelOf('answers', token) : token);
    }
  }
  expect(due.length).toBeGreaterThan(10);
  for (const { id } of placedClients) expect(await unreadFrames(clientOf(id))).toEqual([]);
  const answers = log.slice(beforeAnswers);
  expect(answers.map(({ channel }) => channel).sort()).toEqual(due.toSorted());
  expect(answers.filter(({ payload }) => Buffer.from(payload).toString() !== ';default;;q;0;0;0')).toEqual([]);
  expect([asked.a.state, asked.b.state, local.state]).toEqual(['pending', 'pending', 'pending']);

  // All goes on as before.
  clientOf('a-all').send(`${localToken};default;;local;0;0;mine`);
  clientOf('b-default').send(`${tokenA};default;;q;0;0;for a`);
  clientOf('a-default').send(`${tokenB};default;;q;0;0;for b`);
  await expect.poll(() => [asked.a.state, asked.b.state, local.state]).toEqual(['resolved', 'resolved', 'resolved']);
  for (const { server } of [a, b]) {
    server.broadcast(
      null,
      { namespace: 'default', event: 'end', body: '1' },
      { namespace: 'default', room: 'r1', event: 'end', body: '2' },
    );
  }
  for (const { id, namespaces, rooms } of placedClients) {
    const inRoom = rooms.includes('default/r1');
    const each = [...(namespaces.includes('default') ? ['1'] : []), ...(inRoom ? ['2'] : [])];
    const frames = await clientOf(id).frames.take(2 * each.length);
    expect(frames.map((frame) => String(frame).slice(-1)).sort()).toEqual([...each, ...each].sort());
    await clientOf(id).expectNoFrame();
  }
  attacker.close();
};

describe('ten thousand payloads', () => {
  test('[EX14] [EX8] [EX13] [EX18] of an attacker are dropped and counted, and affect no client', {
    timeout: 300_000,
  }, async () => {
    await assault(memoryBroker().exchange(), 'memory', 10_000, true);
  });
});

describeWith(redisServer, 'two thousand payloads by Redis', () => {
  test('[EX14] [EX8] [EX13] [EX18] of an attacker are dropped and counted, and affect no client', {
    timeout: 300_000,
  }, async () => {
    const { url } = await startRedis();
    await assault(redisExchange({ url, channel: 'muster' }), 'muster', 2_000, true);
  });
});

describeWith(natsServer, 'two thousand payloads by NATS', () => {
  test('[EX14] [EX8] [EX13] [EX18] of an attacker are dropped and counted, and affect no client', {
    timeout: 300_000,
  }, async () => {
    const { url } = await startNats();
    // What is huge NATS itself does not take.
    await assault(natsExchange({ servers: url }), 'neffos', 2_000, false);
  });
});

describe('hostile clients', () => {
  const wait = (tokens: readonly string[]) =>
    fc.oneof(
      fc.constantFrom(...guessedWaits(tokens, 'memory'), '', '$', '$1'),
      fc.string({ unit: 'binary', maxLength: 20 }),
      fc
        .tuple(fc.constantFrom(...tokens), fc.nat(4))
        .map(([token, marks]) => token[0] + '!'.repeat(marks) + token.slice(1)),
    );
  const rest = fc.constantFrom(
    ...[
      ';default;;chat;0;0;x',
      ';default;;echo;0;0;x',
      ';;;;;;',
      ';default;;q;1;0;x',
      ';chat;r2;chat;0;0;x',
      ';;;e;0;0;',
    ],
    ...[
      ';memory.default.;;x;0;0;',
      ';default;memory.ask.x;_OnRoomJoin;0;0;',
      ';a@%!semicolon@%!b;;_OnNamespaceConnect;0;0;',
    ],
    ...[';default;;q;0;1;x', ';default;;_OnNamespaceConnect;0;0;', ';default;*;_OnRoomJoin;0;0;'],
  );

  test('[EX8] [EX13] nothing that a client has not been asked for is ever published', { timeout: 60_000 }, async () => {
    const { log, nodes, attacker, clientOf, by } = await attack(memoryBroker().exchange());
    // Another server asks one of the clients, in both ways that there are; and so does this one.
    await attacker.publish('memory.b-all.', Buffer.from('k!!!abc-1f;default;;q;0;0;marked'));
    await attacker.publish('memory.b-all.', Buffer.from('R17953;default;;q;0;0;older'));
    const asked = watch(nodes.a.server.ask({ ...question, to: 'b-all' }, { timeout: longTimeout }));
    const tokens = (await clientOf('b-all').frames.take(3)).map(tokenOf);
    expect(tokens.slice(0, 2)).toEqual(['kabc-1f', 'R17953']);
    const before = log.length;

    const attackers = ['a-all', 'a-default', 'a-none', 'b-default', 'b-chat', 'b-none'];
    const frames = fc.sample(fc.tuple(fc.constantFrom(...attackers), wait(tokens), rest, fc.boolean()), {
      numRuns: 10_000,
      seed,
    });
    for (const [id, token, tail, isText] of frames)
      clientOf(id).send(isText ? token + tail : Buffer.from(token + tail));
    for (const id of attackers) {
      clientOf(id).send('$last;nowhere;;_OnNamespaceDisconnect;0;0;');
      while ((await clientOf(id).next()) !== '$last;;;;;;');
    }
    expect(log.slice(before)).toEqual([]);
    expect(asked.state).toBe('pending');
    expect([nodes.a.server.totalConnections, nodes.b.server.totalConnections]).toEqual([4, 4]);

    // The one who was asked answers, as often as it likes.
    for (const token of tokens)
      for (const body of ['fine', 'again']) clientOf('b-all').send(`${token};P.x.;r;q;0;0;${body}`);
    await clientOf('b-all').expectNoFrame();
    await expect.poll(() => asked.state).toBe('resolved');
    const answers = by('b')
      .slice(-3)
      .map(({ channel, payload }) => `${channel} ${Buffer.from(payload)}`);
    const due = ['memory.ask.kabc-1f', 'R17953', `memory.ask.${tokens[2]}`];
    expect(answers).toEqual(due.map((channel) => `${channel} ;P.x.;r;q;0;0;fine`));
    expect(log.length).toBe(before + 3);
    attacker.close();
  });

  test('[EX8] [EX18] of the asks of others a thousand are open, and more are counted', async () => {
    const { nodes, attacker, clientOf, by } = await attack(memoryBroker().exchange());
    const ask = (number: number): Promise<void> =>
      attacker.publish('memory.b-all.', Buffer.from(`k!!!${number}-1f;default;;q;0;0;${number}`));
    await Promise.all(Array.from({ length: 1_010 }, (_, number) => ask(number)));
    const frames = await clientOf('b-all').frames.take(1_000);
    expect(frames.map(tokenOf)).toEqual(Array.from({ length: 1_000 }, (_, number) => `k${number}-1f`));
    await expect.poll(() => nodes.b.server.exchange?.status.lost).toEqual({ ...makeLostCounters(), unasked: 10 });
    clientOf('b-all').send('k7-1f;default;;q;0;0;fine');
    await expect.poll(() => by('b').length).toBe(1);
    await ask(2_000);
    expect(await clientOf('b-all').next()).toBe('k2000-1f;default;;q;0;0;2000');
    await clientOf('b-all').expectNoFrame();
    attacker.close();
  });

  test('[EX7] [EX8] an ask is settled on its own channel only, whatever the answer contains', async () => {
    const { nodes, attacker, by } = await attack({ ...memoryBroker().exchange(), acceptsBareTokens: true });
    const asks = [1, 2].map(() => nodes.a.server.ask(question, { timeout: longTimeout }));
    const [first, second] = asks.map(watch);
    await expect.poll(() => by('a').length).toBe(2);
    const [one = '', other = ''] = by('a').map((posted) => waitOf(posted).replaceAll('!', ''));
    const status = () => nodes.a.server.exchange?.status;
    await attacker.publish(`memory.ask.${one}`, Buffer.from('no frame'));
    await attacker.publish(`memory.ask.${one}x`, Buffer.from(`${one};default;;q;0;0;x`));
    await expect.poll(() => status()?.lost.broken).toBe(1);
    expect([first?.state, second?.state]).toEqual(['pending', 'pending']);
    await attacker.publish(`memory.ask.${one}`, Buffer.from(`${other};default;;q;0;0;for the first`));
    await attacker.publish(`memory.ask.${one}`, Buffer.from(';default;;q;0;0;once more'));
    expect(await asks[0]).toMatchObject({ body: 'for the first' });
    await attacker.publish('memory.default.', Buffer.from(';default;;end;0;0;'));
    expect(second?.state).toBe('pending');
    await attacker.publish(`${other[0]}!${other.slice(1)}`, Buffer.from(';default;;q;1;0;no'));
    await expect(asks[1]).rejects.toThrow('no');
    expect(status()?.lost.broken).toBe(1);
    attacker.close();
  });
});

describe('credentials', () => {
  test('[EX17] an unreachable broker is reported without credentials, in errors and in the status', async () => {
    const secret = 'hunter2%2Fsecret';
    for (const exchange of [
      redisExchange({ url: `redis://ann:${secret}@127.0.0.1:1`, channel: 'muster' }),
      natsExchange({ servers: `nats://ann:${secret}@127.0.0.1:1` }),
    ]) {
      const { server, errors } = await listen({ namespaces: { default: {} } });
      const error = await errorOf(() => server.useStackExchange(exchange));
      expectNoSecrets(error, ['hunter2', secret]);
      expect(inspect([errors, server.exchange], { depth: 20 })).not.toContain('hunter2');
      expect(String(error)).toContain(exchange.name);
    }
  });
});

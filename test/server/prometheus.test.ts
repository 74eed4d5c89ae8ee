import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { makeLostCounters } from '../../src/actors/cluster/losses.js';
import { closeReasons } from '../../src/protocol/errors.js';
import { prometheusText } from '../../src/server/prometheus.js';
import { deferred } from '../support/async/promises.js';
import { memoryBroker } from '../support/exchange/memoryExchange.js';
import { RawClient } from '../support/peers/rawClient.js';
import { useServers } from '../support/server/testServer.js';

interface Family {
  readonly type: string;
  /** By what follows the name of the family. */
  readonly samples: Map<string, number>;
}

const demand = (condition: boolean, line: string): void => {
  if (!condition) throw new Error(`no line of the text format: ${JSON.stringify(line)}`);
};

/** Reads the text format as strictly as it can be read: HELP, TYPE, then the samples of that family, each once. */
const parse = (text: string): Map<string, Family> => {
  const families = new Map<string, Family>();
  demand(text.endsWith('\n'), text.slice(-20));
  const lines = text.slice(0, -1).split('\n');
  let name = '';
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at] ?? '';
    const help = /^# HELP ([a-z_]+) \S.*\.$/.exec(line);
    if (help) {
      const next = lines[++at] ?? '';
      const [, of, type = ''] = /^# TYPE ([a-z_]+) (counter|gauge|histogram)$/.exec(next) ?? [];
      name = help[1] ?? '';
      demand(of === name && !families.has(name), next);
      demand(name.endsWith('_total') === (type === 'counter'), line);
      families.set(name, { type, samples: new Map() });
      continue;
    }
    const family = families.get(name);
    const sample = /^([a-z_]+)(\{[a-z]+="[\w.+]+"\})? (\d+(?:\.\d+)?(?:e-\d+)?)$/.exec(line);
    if (!family || !sample) throw new Error(`no line of the text format: ${JSON.stringify(line)}`);
    const [, whole = '', labels = '', value] = sample;
    const suffix = whole.slice(name.length);
    const mayFollow = family.type === 'histogram' ? ['_bucket', '_sum', '_count'] : [''];
    demand(whole.startsWith(name) && mayFollow.includes(suffix) && !family.samples.has(suffix + labels), line);
    family.samples.set(suffix + labels, Number(value));
  }
  for (const [of, { type, samples }] of families) {
    demand(samples.size > 0, of);
    if (type === 'histogram') checkHistogram(samples);
  }
  return families;
};

const checkHistogram = (samples: ReadonlyMap<string, number>): void => {
  const buckets = [...samples].flatMap(([suffix, value]) => {
    const bound = /^_bucket\{le="(.+)"\}$/.exec(suffix)?.[1];
    return bound === undefined ? [] : [{ bound: bound === '+Inf' ? Number.POSITIVE_INFINITY : Number(bound), value }];
  });
  const inOrder = (numbers: readonly number[]): void => expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
  inOrder(buckets.map(({ bound }) => bound));
  inOrder(buckets.map(({ value }) => value));
  expect(buckets.at(-1)).toEqual({ bound: Number.POSITIVE_INFINITY, value: samples.get('_count') });
  expect(samples.has('_sum')).toBe(true);
};

const page = readFileSync(fileURLToPath(new URL('../../docs/metrics.md', import.meta.url)), 'utf8');
/** Name and label of each row of the tables. */
const documented = Array.from(
  page.matchAll(/^\| `(muster_\w+)` \| \w+ \| *(?:`(\w+)` )?\|/gm),
  ([, name = '', label = '']) => [name, label],
);

const labelOf = ([suffix = '']: Iterable<string>): string => {
  const label = /\{(\w+)=/.exec(suffix)?.[1] ?? '';
  return label === 'le' ? '' : label;
};

const lifted = (families: ReadonlyMap<string, Family>) => {
  const value = (name: string, suffix = ''): number => {
    const found = families.get(name)?.samples.get(suffix);
    if (found === undefined) throw new Error(`there is no ${name}${suffix}`);
    return found;
  };
  const sum = (name: string): number => [...(families.get(name)?.samples.values() ?? [])].reduce((a, b) => a + b, 0);
  return { value, sum };
};

describe('the text of the metrics', () => {
  const serve = useServers();

  test('[IN8] has the metrics of its page, in that order', async () => {
    const { server } = await serve({ namespaces: { n: {} } });
    const alone = parse(server.metricsText());
    await server.useStackExchange(memoryBroker().exchange());
    const families = parse(server.metricsText());
    expect(Array.from(families, ([name, { samples }]) => [name, labelOf(samples.keys())])).toEqual(documented);
    expect([...alone.keys()]).toEqual(documented.map(([name]) => name).filter((name) => !name?.includes('_exchange_')));
    const { value } = lifted(families);
    expect(value('muster_exchange_state', '{state="online"}')).toBe(1);
    expect(lifted(families).sum('muster_exchange_state')).toBe(1);
    const lost = [...(families.get('muster_exchange_lost_total')?.samples.keys() ?? [])];
    expect(lost).toEqual(Object.keys(makeLostCounters()).map((name) => `{reason="${name}"}`));
  });

  test('[IN8] has seconds where the data has milliseconds', async () => {
    const { server } = await serve({ namespaces: { n: {} } });
    const time = { count: 3, sum: 1_500, buckets: [{ upTo: 250, count: 2 }] };
    const metrics = {
      ...server.metrics(),
      slices: { delay: time, spent: 2_500 },
      handlers: { time, errors: 0 },
      pressure: { log: 7, lag: 40, isThrottling: true },
    };
    const { value } = lifted(parse(prometheusText(metrics)));
    for (const name of ['muster_slice_delay_seconds', 'muster_handler_seconds']) {
      expect(value(name, '_bucket{le="0.25"}')).toBe(2);
      expect([value(name, '_sum'), value(name, '_count')]).toEqual([1.5, 3]);
    }
    expect(value('muster_slice_seconds_total')).toBe(2.5);
    const pressure = ['muster_log_bytes', 'muster_lag_seconds', 'muster_throttling'].map((name) => value(name));
    expect(pressure).toEqual([7, 0.04, 1]);
  });

  test('[IN9] each label that the page names is there, and none besides', async () => {
    const { server } = await serve({ namespaces: { n: {} } });
    const families = parse(server.metricsText());
    const labels = (name: string): string[] =>
      Array.from(families.get(name)?.samples.keys() ?? [], (suffix) => /"(.+)"/.exec(suffix)?.[1] ?? '');
    const told = (name: string): string[] => {
      const [, row = ''] = new RegExp(`^\\| \`${name}\` \\| \`\\w+\` \\|(.*)$`, 'm').exec(page) ?? [];
      return Array.from(row.matchAll(/`(\w+)`/g), ([, label = '']) => label);
    };
    const ended = ['asks_total', 'rate_limited_total'];
    const labelled = ['connections', 'dropped_total', 'openings_total', 'authentications_total', ...ended];
    for (const name of labelled.map((rest) => `muster_${rest}`)) {
      expect(labels(name)).toEqual(told(name));
    }
    const others = Array.from(page.matchAll(/^\| `(?!muster_)(\w+)` \|/gm), ([, reason]) => reason);
    expect(labels('muster_closes_total').sort()).toEqual([...Object.keys(closeReasons), ...others].sort());
  });

  test('[IN7] [IN8] [IN9] reports sums without any text of a client', async () => {
    const hold = deferred();
    const { server, dial, url, disconnects } = await serve({
      namespaces: { default: { echo: (ns, msg) => void ns.emit('echo', String(msg.body)), hang: () => hold.promise } },
      limits: { admission: 8 },
    });
    const word = 'sesame';
    const clients = [];
    for (const nth of Array(5).keys()) clients.push(await (await dial(`${word}-${nth}`)).inDefault());
    const [loud, rude, quiet, fat, last] = clients;
    if (!loud || !rude || !quiet || !fat || !last) throw new Error('five clients were due');

    server.broadcast(null, { namespace: 'default', event: word, body: word });
    for (const client of clients) expect(await client.next()).toBe(`;default;;${word};0;0;${word}`);
    expect(await loud.ask(`;default;;echo;0;0;${word}`)).toBe(`;default;;echo;0;0;${word}`);
    loud.send(`;default;;${word};0;0;`);
    loud.send(word);
    await loud.ping();
    const asked = server.ask({ namespace: 'default', event: word, to: `${word}-0` });
    const [token = ''] = (await loud.nextText()).split(';');
    loud.send(`${token};;;;;;${word}`);
    await asked;
    await expect(server.ask({ namespace: 'default', event: word }, { timeout: 1 })).rejects.toThrow('1 ms');

    await expect(RawClient.dial(`${url}?id=a%20b`)).rejects.toThrow();
    await quiet.close(4_321);
    rude.terminate();
    fat.send('x'.repeat(65_537));
    for (const _ of [quiet, rude, fat]) await disconnects.next();
    server
      .connections()
      .find(({ id }) => id === `${word}-4`)
      ?.close(4_444, word);
    await disconnects.next();
    await last.closed;
    await expect.poll(() => server.metrics().connections.closing).toBe(0);

    const text = server.metricsText();
    expect(text).not.toContain(word);
    const { value, sum } = lifted(parse(text));
    expect(value('muster_connections', '{state="flowing"}')).toBe(1);
    expect(sum('muster_connections')).toBe(1);
    expect(value('muster_admitted_total')).toBe(5);
    const closes = ['client', 'connectionLost', 'tooBig', 'program'].map((reason) =>
      value('muster_closes_total', `{reason="${reason}"}`),
    );
    expect(closes).toEqual([1, 1, 1, 1]);
    expect(sum('muster_closes_total')).toBe(4);
    // One to five, one ask of one, one ask of five.
    expect(value('muster_broadcasts_total')).toBe(3);
    expect(value('muster_deliveries_total')).toBe(11);
    // Beside those: an answer to each that has entered, and the echo.
    expect(value('muster_sent_frames_total')).toBe(11 + 5 + 1);
    expect(value('muster_received_frames_total')).toBe(5 + 4);
    expect(value('muster_dropped_total', '{reason="unhandledEvents"}')).toBe(1);
    expect(value('muster_dropped_total', '{reason="invalidFrames"}')).toBe(1);
    expect(value('muster_asks_total', '{outcome="answered"}')).toBe(1);
    expect(value('muster_asks_total', '{outcome="timedOut"}')).toBe(1);
    expect(value('muster_open_asks')).toBe(0);
    expect(value('muster_handler_seconds', '_count')).toBe(1);
    expect(value('muster_slice_delay_seconds', '_count')).toBeGreaterThan(0);
    expect(value('muster_log_bytes')).toBe(0);
    hold.open();
  });

  test('[IN7] dropped messages are counted', async () => {
    const open = deferred();
    const { server, url } = await serve({
      namespaces: { n: {} },
      limits: { admission: 1, admissionTimeout: 60_000 },
      onUpgrade: () => open.promise,
    });
    const dials = Array.from({ length: 4 }, () => RawClient.dial(url));
    const outcomes = Promise.allSettled(dials);
    await expect.poll(() => lifted(parse(server.metricsText())).value('muster_refused_total')).toBe(2);
    open.open();
    await server.close();
    await outcomes;
    expect(lifted(parse(server.metricsText())).sum('muster_connections')).toBe(0);
  });

  test('[IN7] a client that does not read is reported as congested, and as evicted', async () => {
    const { server, dial, disconnects } = await serve({
      namespaces: { default: {} },
      limits: { slowConsumerTimeout: 300 },
    });
    const client = await (await dial('a')).inDefault();
    client.pause();
    const body = 'x'.repeat(1_000_000);
    const state = (name: string): number =>
      lifted(parse(server.metricsText())).value('muster_connections', `{state="${name}"}`);
    await expect
      .poll(() => {
        server.broadcast(null, { namespace: 'default', event: 'e', body });
        return state('congested');
      })
      .toBe(1);
    await disconnects.next();
    const { value, sum } = lifted(parse(server.metricsText()));
    expect(value('muster_evictions_total')).toBe(1);
    expect(value('muster_closes_total', '{reason="slowConsumer"}')).toBe(1);
    expect(sum('muster_connections')).toBe(0);
    expect(value('muster_congestions_total')).toBeGreaterThanOrEqual(1);
  });
});

import { describe, expect, test } from 'vitest';
import { chart } from '../../bench/chart.js';
import { machine } from '../../bench/machine.js';
import { whyNoRedis } from '../../bench/redis.js';
import { markdown, table } from '../../bench/report.js';
import type { Ratio, SystemResult } from '../../bench/result.js';
import { whyNoBun } from '../../bench/systems/bun.js';
import { whyNoSocketio } from '../../bench/systems/socketio.js';
import { lossesOf, mustsOf, verdictOf } from '../../bench/verdict.js';
import { lossy, missed, resultOf, rowOf, systemOf, whole } from './sampleResults.js';

/** The line of a text in which this stands. */
const lineWith = (text: string, words: string): string | undefined =>
  text.split('\n').find((line) => line.includes(words));

describe('the verdict', () => {
  const judged: readonly (readonly [ReturnType<typeof verdictOf>, Partial<Ratio>])[] = [
    ['aim', { value: 0.8, must: 0.9, aim: 0.8 }],
    ['must', { value: 0.9, must: 0.9, aim: 0.8 }],
    ['missed', { value: 0.901, must: 0.9, aim: 0.8 }],
    ['missed', { value: Number.NaN, must: 0.9 }],
    ['open', { value: 0.9, aim: 0.8 }],
    ['aim', { value: 0.7, aim: 0.8 }],
    ['open', { value: 0.9 }],
  ];
  test.each(judged)('is %s of %o', (verdict, ratio) => {
    expect(verdictOf({ what: '', value: 0, ...ratio })).toBe(verdict);
  });

  test('misses a must whose figure JSON turned into null', () => {
    const ratio: Ratio = JSON.parse(JSON.stringify({ what: '', value: Number.NaN, must: 1, aim: 1 }));
    expect(verdictOf(ratio)).toBe('missed');
  });

  test('lists the missed musts and the systems that lost messages', () => {
    const { count, missed: misses } = mustsOf(whole);
    expect(count).toBe(3);
    expect(misses).toEqual([{ row: 'broadcast', ...missed }]);
    expect(lossesOf(whole)).toEqual([{ row: 'broadcast', ...lossy }]);
  });
});

describe('the table', () => {
  const text = table(whole);

  test('shows the median, the spread and the deliveries of each system', () => {
    expect(lineWith(text, '  ws string  ')).toMatch(/^ {2}ws string +2\.20 +\[1\.10 – 4\.40\] +12 000 of 12 000$/);
  });

  test('marks losses, in the row and at the end', () => {
    expect(lineWith(text, '  hasty')).toMatch(/!! 11 000 of 12 000, LOST 1 000$/);
    expect(text.split('\n').at(-1)).toBe('broadcast: hasty LOST 1 000');
  });

  test('marks duplicates too', () => {
    const row = rowOf({ systems: [systemOf('eager', 1, { delivered: 12_001 })] });
    expect(lineWith(table(resultOf(row)), '  eager')).toMatch(/!! 12 001 of 12 000, 1 TOO MANY$/);
  });

  test('shows the bounds of every ratio and fact, and whether they hold', () => {
    expect(lineWith(text, 'muster / ws string')).toMatch(/ 0\.900 +must ≤ 0\.95 +aim ≤ 0\.8 +✓$/);
    expect(lineWith(text, 'muster / socket.io')).toMatch(/ 0\.800 +must ≤ 0\.75 +aim ≤ 0\.6 +✗ MISSED$/);
    expect(lineWith(text, 'one more room')).toMatch(/ 96\.0 bytes +must ≤ 160 +aim ≤ 100 +✓ and the aim$/);
    expect(text).toContain('2 of 3 musts hold\nbroadcast: muster / socket.io is 0.800, must be ≤ 0.75');
  });

  test('shows a ratio finely enough to see by how little it misses', () => {
    const ratio: Ratio = { what: 'muster / ws prepared', value: 1.102, must: 1.1 };
    expect(lineWith(table(resultOf(rowOf({ ratios: [ratio] }))), ratio.what)).toMatch(/ 1\.102 /);
  });

  test('shows the machine and the versions', () => {
    expect(text).toContain('A run of 2026-01-02 03:04 UTC, 15 minutes');
    expect(text).toContain('A processor, 2 cores · 4.0 GiB · Linux 6.1 x64 · Node 20.19.0\nmuster 0.1.0 · ws 8.23.0');
    expect(table({ ...whole, isQuick: true, seconds: 61 })).toContain(
      'A quick run of 2026-01-02 03:04 UTC, 61 seconds',
    );
    const counted = { ...whole, machine: { ...whole.machine, accounting: 'schedstat' } };
    expect(table(counted)).toContain(' · Node 20.19.0 · processor time from schedstat\n');
  });

  test('has aligned columns', () => {
    const lines = text.split('\n').filter((line) => line.includes('['));
    expect(lines).toHaveLength(4);
    expect(new Set(lines.map((line) => line.indexOf('['))).size).toBe(1);
  });
});

describe('the Markdown', () => {
  const text = markdown(whole);

  test('has a section for each row, with its tables', () => {
    expect(text.match(/^### .*$/gm)).toEqual(['### One broadcast', '### One more room']);
    expect(text).toContain('| ws string | 2.20 | 1.10 – 4.40 | 12 000 of 12 000 |');
    expect(text).toContain('| one more room | 96.0 bytes | ≤ 160 | ≤ 100 | ✓ and the aim |');
  });

  test('shows losses and misses in bold, and lists them first', () => {
    expect(text).toContain('**11 000 of 12 000, LOST 1 000**');
    expect(text).toContain('| muster / socket.io | 0.800 | ≤ 0.75 | ≤ 0.6 | **✗ MISSED** |');
    const [head = ''] = text.split('###');
    expect(head).toContain('- 2 of 3 musts hold\n- broadcast: muster / socket.io is 0.800');
    expect(head).toContain('- broadcast: hasty LOST 1 000');
  });

  test('has as many cells in every line of a table', () => {
    const row = rowOf({ unit: 'a|b', systems: [systemOf('one | two', 1)], ratios: [{ what: 'x | y', value: 1 }] });
    const cellsIn = (line: string): number => line.replaceAll('\\|', '').split('|').length - 2;
    const lines = markdown(resultOf(row))
      .split('\n')
      .filter((line) => line.startsWith('|'));
    expect(lines.map(cellsIn)).toEqual([4, 4, 4, 5, 5, 5]);
  });
});

/** The names of elements in order, or what is wrong: enough of a parser for what the chart writes. */
const elementsOf = (xml: string): string[] => {
  const open: string[] = [];
  const all: string[] = [];
  const rest = xml.replaceAll(
    /<(\/?)([a-z]+)((?: [\w:-]+="[^"<&]*(?:&(?:\w+|#\d+);[^"<&]*)*")*)(\/?)>/g,
    (...parts) => {
      const [, closing, name, , isEmpty] = parts;
      if (closing) expect(open.pop()).toBe(name);
      else all.push(String(name));
      if (!closing && !isEmpty) open.push(String(name));
      return '';
    },
  );
  expect(open).toEqual([]);
  expect(rest.replaceAll(/&(?:amp|lt|gt|quot|#39);|\n/g, '')).not.toMatch(/[<>&\p{Cc}]/u);
  return all;
};

describe('the chart', () => {
  const svg = chart(whole);

  test('is well-formed, and describes its bars in words', () => {
    expect(elementsOf(svg).slice(0, 4)).toEqual(['svg', 'title', 'desc', 'rect']);
    expect(svg).toContain('role="img" aria-labelledby="title desc"');
    expect(svg).toContain(
      'One broadcast: muster 1.00, ws string 1.11, socket.io 1.25, hasty 1.50 (not all delivered).',
    );
  });

  test('has a bar for every system of a row with two or more, and a background', () => {
    expect(elementsOf(svg).filter((name) => name === 'rect')).toHaveLength(1 + 4);
    expect(svg).not.toContain('One more room');
  });

  test('has a line for each must', () => {
    expect(elementsOf(svg).filter((name) => name === 'path')).toHaveLength(2);
  });

  test('draws a bar up to its line or beyond only if the must holds', () => {
    const lines = Array.from(svg.matchAll(/<path d="M(\d+) /g), ([, x]) => Number(x));
    const ends = Array.from(
      svg.matchAll(/<rect x="(\d+)" y="\d+" width="(\d+)"/g),
      ([, x, long]) => Number(x) + Number(long),
    );
    const [, string = 0, socketio = 0] = ends;
    const [stringLine = 0, socketioLine = 0] = lines;
    expect(string).toBeGreaterThan(stringLine);
    expect(socketio).toBeLessThan(socketioLine);
  });

  test('compares with Muster in any position, and without it with the first', () => {
    const bars = (...systems: SystemResult[]): string | undefined =>
      /<desc id="desc">(.*)<\/desc>/.exec(chart(resultOf(rowOf({ systems }))))?.[1];
    expect(bars(systemOf('ws', 4), systemOf('muster', 2))).toBe('One broadcast: muster 1.00, ws 2.00.');
    expect(bars(systemOf('to', 4), systemOf('emit', 2))).toBe('One broadcast: to 1.00, emit 0.500.');
    expect(bars(systemOf('muster', 4), systemOf('absent', Number.NaN))).toBe('');
  });

  test('takes any name', () => {
    const name = `<b> & "it's"\u0007`;
    const odd = chart(resultOf(rowOf({ title: name, systems: [systemOf('muster', 1), systemOf(name, 2)] })));
    expect(elementsOf(odd)).not.toContain('b');
    expect(odd).toContain('&lt;b&gt; &amp; &quot;it&#39;s&quot; ');
  });
});

test('the machine is described', async () => {
  const { node, cores, memory, versions, accounting } = await machine();
  expect(node).toBe(process.versions.node);
  expect(cores).toBeGreaterThan(0);
  expect(memory).toBeGreaterThan(2 ** 20);
  expect(['schedstat', 'stat', 'the servers themselves']).toContain(accounting);
  const names = Object.keys(versions).filter((name) => name !== 'redis-server');
  const ofBench = [
    ...(whyNoSocketio() === undefined ? ['@socket.io/redis-adapter', 'socket.io'] : []),
    ...(whyNoBun() === undefined ? ['bun'] : []),
  ];
  expect(names.sort()).toEqual(['gws', 'muster', 'neffos', 'redis', 'ws', 'xstate', ...ofBench].sort());
  expect('redis-server' in versions).toBe(whyNoRedis() === undefined);
  for (const version of Object.values(versions)) expect(version).toMatch(/^\d+\.\d+\.\d+/);
});

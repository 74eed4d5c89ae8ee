import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { page } from '../../bench/document.js';
import { rows } from '../../bench/rows/index.js';

const ids = rows.map(({ id }) => id);

test('the rows have names of their own', () => {
  expect(new Set(ids).size).toBe(ids.length);
  expect(new Set(rows.map(({ title }) => title)).size).toBe(ids.length);
});

test('the rows are all there', () => {
  expect(ids).toEqual(
    expect.arrayContaining([
      ...[
        'broadcast',
        'burst',
        'hundred',
        'smallRooms',
        'room',
        'to',
        'rooms',
        'delay',
        'ask',
        'askOne',
        'events',
        'flood',
      ],
      ...['contract', 'storm', 'rush', 'join', 'memory', 'membership', 'live', 'stalled', 'cluster', 'watched'],
    ]),
  );
});

test('the page explains each row', () => {
  const explained = [...readFileSync(page, 'utf8').matchAll(/^\| `(\w+)` \| /gm)].map(([, id]) => id);
  expect(explained).toEqual(ids);
});

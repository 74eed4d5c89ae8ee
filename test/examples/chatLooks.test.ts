import { test as propertyTest } from '@fast-check/vitest';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { HUES, initialsOf, Looks } from '../../examples/chat/public/avatars.js';
import { partsOf } from '../../examples/chat/public/links.js';

const names = fc.uniqueArray(fc.string({ minLength: 1, maxLength: 24, unit: 'grapheme' }), {
  minLength: 1,
  maxLength: 12,
});

/** What a room sees: who is there after each change, in the order of joining. */
const visits = fc
  .uniqueArray(fc.string({ minLength: 1, maxLength: 4 }), { minLength: 12, maxLength: 40 })
  .chain((all) => fc.array(fc.subarray(all, { minLength: 1, maxLength: 12 }), { minLength: 1, maxLength: 10 }));

/** Returns the places of these people's colors on the wheel of hues. */
const huesOf = (looks: Looks, people: readonly string[]): number[] =>
  people.map((name) => ((looks.of(name).hue % HUES) + HUES) % HUES);

describe('the avatars of the chat example', () => {
  propertyTest.prop([names])('[CL17] any twelve people of a room have colors of their own', (people) => {
    const looks = new Looks();
    looks.welcome(people);
    expect(new Set(huesOf(looks, people)).size).toBe(people.length);
  });

  propertyTest.prop([visits])('[CL17] so have those who come and go, and nobody who stays changes', (changes) => {
    const looks = new Looks();
    let before: readonly string[] = [];
    for (const people of changes) {
      const stayed = people.filter((name) => before.includes(name));
      const colors = huesOf(looks, stayed);
      // Those who stay came first.
      const present = [...stayed, ...people.filter((name) => !stayed.includes(name))];
      looks.welcome(present);
      expect(new Set(huesOf(looks, present)).size).toBe(present.length);
      expect(huesOf(looks, stayed)).toEqual(colors);
      before = present;
    }
  });

  propertyTest.prop([names])('[CL17] pages that see the same people show the same colors', (people) => {
    const [one, other] = [new Looks(), new Looks()];
    for (const looks of [one, other]) looks.welcome(people);
    expect(people.map((name) => one.of(name))).toEqual(people.map((name) => other.of(name)));
    expect(one.of(people[0] ?? '')).toEqual(new Looks().of(people[0] ?? ''));
  });

  propertyTest.prop([names])('[CL17] the colors of two people lie far apart', (people) => {
    const looks = new Looks();
    const two = ['Ann', ...people.filter((name) => name !== 'Ann')].slice(0, 2);
    looks.welcome(two);
    const [one = 0, other = one + HUES / 2] = huesOf(looks, two);
    const way = Math.abs(one - other);
    expect(Math.min(way, HUES - way)).toBeGreaterThanOrEqual(HUES / 4);
  });

  test('[CL17] beyond the colors, people differ in shape', () => {
    const looks = new Looks();
    const people = Array.from({ length: 48 }, (_, nth) => `person ${nth}`);
    looks.welcome(people);
    expect(new Set(people.map((name) => JSON.stringify(looks.of(name)))).size).toBe(48);
  });

  test.each([
    ['Ada', 'AD'],
    ['ada lovelace', 'AL'],
    ['Jean-Luc de Picard', 'JP'],
    ['李', '李'],
    ['😀', '😀'],
  ])('[CL17] the initials of %s are %s', (name, initials) => {
    expect(initialsOf(name)).toBe(initials);
  });
});

describe('the links of the chat example', () => {
  propertyTest.prop([fc.string({ unit: 'grapheme', maxLength: 200 })])(
    '[CL17] the parts are the whole text',
    (text) => {
      expect(
        partsOf(text)
          .map((part) => part.text)
          .join(''),
      ).toBe(text);
    },
  );

  test.each([
    'javascript:alert(1)',
    'JavaScript://example.com/%0aalert(1)',
    'data:text/html,<script>alert(1)</script>',
    'vbscript:x',
    'file:///etc/passwd',
    '//example.com',
    'http:/example.com',
    'https://',
    'xhttps://example.com',
  ])('[CL17] %s is no link', (text) => {
    expect(partsOf(text)).toEqual([{ text }]);
  });

  test('[CL17] the punctuation of a sentence is not part of an address', () => {
    const links = partsOf('Look (https://a.example/b_(c)?d=1&e#f), http://localhost:8080! Yes.').filter(
      ({ href }) => href,
    );
    expect(links.map(({ href }) => href)).toEqual(['https://a.example/b_(c)?d=1&e#f', 'http://localhost:8080']);
  });
});

import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const path = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
const idPattern = /\b(?:HS|FR|NS|RM|AK|BC|DO|BP|SV|LM|EX|DR|RD|IN|CT|CL|SS|RC|MW|CP)\d+\b/g;

const rules = [...readFileSync(path('../SPEC.md'), 'utf8').matchAll(/^- \*\*([A-Z]{2}\d+)\*\* /gm)].map(([, id]) => id);

/** The test that runs a scenario builds its title from the rule. */
const played = readdirSync(path('support/conformance'), { encoding: 'utf8' }).flatMap((name) => [
  ...readFileSync(path(`support/conformance/${name}`), 'utf8').matchAll(/scenario\(\s*'([A-Z]{2}\d+)'/g),
]);

/** The ids at the beginning of every test title. */
const tested = readdirSync(path('.'), { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.test.ts') && !name.startsWith('spec.'))
  .flatMap((name) => [...readFileSync(path(name), 'utf8').matchAll(/['"`]((?:\[[A-Z]{2}\d+\]\s*)+)/g)])
  .flatMap(([, ids]) => ids?.match(idPattern) ?? []);

test('every rule has an id of its own', () => {
  expect(rules.length).toBeGreaterThan(0);
  expect(rules.filter((id, at) => rules.indexOf(id) !== at)).toEqual([]);
});

test('every rule has a test', () => {
  const proven = new Set([...tested, ...played.map(([, id]) => id ?? '')]);
  expect(rules.filter((id) => !proven.has(id ?? ''))).toEqual([]);
});

test('every test proves a rule that there is', () => {
  expect([...new Set(tested)].filter((id) => !rules.includes(id))).toEqual([]);
});

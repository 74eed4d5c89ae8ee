// Which files of tests can notice a fault, and which of them to run first.
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../..', import.meta.url));

/** Folders of tests that need no other program and are fast. */
const folders =
  'actors broadcast client contract inspector machines protocol server trust interop properties react rfc6455'.split(
    ' ',
  );
const slow =
  /^(?:neffosjs|goClient|goServer|ourClient|transitions|fuzz|churn|clientHeap|clientReconnects|clientStorm|lossless|history|slow|standstill|flood|clusterChurn|brokerFaults|forgedNumbers|goNode|mixed|page|statelyStream|browser|chromium|runtimes|bundles|lockout)/;

const files = folders.flatMap((folder) =>
  readdirSync(join(root, 'test', folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.test.ts') && !slow.test(basename(name)))
    .map((name) => join(root, 'test', folder, name)),
);
const texts = new Map(files.map((file) => [file, readFileSync(file, 'utf8')]));

/** @param {readonly string[]} rules */
export const filesFor = (rules) => files.filter((file) => rules.some((rule) => texts.get(file)?.includes(`[${rule}]`)));

/** @param {readonly string[]} rules */
export const patternFor = (rules) => new RegExp(`\\[(${rules.join('|')})\\]`);

/** Most faults are caught by the tests of the very file; the others by those that play with the whole. @param {string} file */
const isQuick = (file) => !/test\/(?:trust|interop|properties)\//.test(file);

/**
 * Returns how many ms the slowest test of these rules takes.
 *
 * @param {readonly string[]} among
 * @param {readonly string[]} rules
 * @param {import('./lane.js').Costs} costs
 */
export const slowest = (among, rules, costs) => {
  const pattern = patternFor(rules);
  const tests = among.flatMap((file) => costs.get(file)?.tests ?? []);
  return Math.max(0, ...tests.filter(({ name }) => pattern.test(name)).map(({ ms }) => ms));
};

/**
 * Sorts files by the chance that they notice, for what they cost: those that import the broken file come first, and of
 * these the quick ones, and the cheapest. The order decides how soon a fault is caught, and not whether.
 *
 * @param {readonly string[]} among
 * @param {readonly string[]} rules
 * @param {ReadonlySet<string>} importers
 * @param {import('./lane.js').Costs} costs
 */
export const inOrder = (among, rules, importers, costs) => {
  const pattern = patternFor(rules);
  /** @param {string} file */
  const priceOf = (file) => {
    const cost = costs.get(file);
    const tests = cost?.tests.filter(({ name }) => pattern.test(name)) ?? [];
    const spent = tests.reduce((sum, { ms }) => sum + ms, cost?.load ?? 0);
    return spent + (isQuick(file) ? 0 : 1e6) + (importers.has(file) ? 0 : 1e9);
  };
  const prices = new Map(among.map((file) => [file, priceOf(file)]));
  return [...among].sort((a, b) => (prices.get(a) ?? 0) - (prices.get(b) ?? 0));
};

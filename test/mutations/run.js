// Puts each fault into the sources in turn, in memory, and sees whether a test of a rule that it breaks notices.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { faults } from './faults.js';
import { costsOf, describeFailures, Lane } from './lane.js';
import { filesFor, inOrder, isQuick, root } from './testFiles.js';

const atOnce = 2;
/** A fault that makes a test spin for ever is stopped after this many ms. That counts as a survivor: no test failed. */
const limit = 180_000;

/** The faults that cannot be put in any more: the sources have moved on, and the list has to follow. */
const stale = faults.filter(({ file, find }) => readFileSync(join(root, 'src', file), 'utf8').split(find).length !== 2);
for (const { name, file, find } of stale) console.error(`"${name}": not once in src/${file}: ${find}`);
if (stale.length > 0) process.exit(1);

const wanted = process.argv[2] ?? '';
const chosen = faults.filter(({ name, file }) => name.includes(wanted) || file.includes(wanted));
const began = Date.now();
const secondsSince = () => Math.round((Date.now() - began) / 1_000);

const lanes = Array.from({ length: atOnce }, () => new Lane());
await Promise.all(lanes.map((lane) => lane.start()));

const allRules = [...new Set(chosen.flatMap(({ rules }) => rules))];
const allFiles = filesFor(allRules);
const controls = await Promise.all(
  lanes.map((lane, index) =>
    lane.run({ rules: allRules, among: allFiles.filter((_, at) => at % lanes.length === index) }),
  ),
);
const problems = controls.flatMap(({ modules, errors }) => [describeFailures(modules), errors]).filter(Boolean);
if (problems.length > 0) {
  console.error(`without any fault these fail:\n${problems.join('\n\n')}`);
  process.exit(1);
}
const passed = controls.reduce((sum, control) => sum + control.passed, 0);
console.log(`${passed} tests pass without any fault, in ${secondsSince()} s`);
const costs = costsOf(controls.flatMap(({ modules }) => modules));

/** @type {string[]} */
const survivors = [];
/**
 * @param {Lane} lane
 * @param {import('./inFile.js').Fault} fault
 */
const tryOne = async (lane, fault) => {
  const { name, rules } = fault;
  const importers = new Set(lanes.flatMap((each) => [...each.importersOf(fault)]));
  const sorted = inOrder(filesFor(rules), rules, importers, costs);
  // Most are caught by the tests of the very file; the others by those that play with the whole.
  const tiers = [sorted.filter(isQuick), sorted.filter((file) => !isQuick(file))].filter(({ length }) => length > 0);
  let excuse = 'no test of its rules';
  for (const among of tiers) {
    const { failed, errors, isHung } = await lane.run({ rules, among, fault, limit });
    if (failed[0] !== undefined) return console.log(`caught    ${name}\n            by ${failed[0]}`);
    excuse = isHung ? `stopped after ${limit / 1_000} s ${errors}` : errors;
    if (isHung) break;
  }
  survivors.push(name);
  console.log(`SURVIVED  ${name} ${excuse}`);
};
const queue = [...chosen];
/** @param {Lane} lane */
const work = async (lane) => {
  for (let fault = queue.shift(); fault; fault = queue.shift()) await tryOne(lane, fault);
};
await Promise.all(lanes.map(work));
await Promise.all(lanes.map((lane) => lane.close()));

console.log(`${chosen.length - survivors.length} of ${chosen.length} faults caught, in ${secondsSince()} s`);
process.exit(survivors.length === 0 ? 0 : 1);

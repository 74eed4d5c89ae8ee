// Puts each fault into the sources in turn, in memory, and sees whether a test of a rule that it breaks notices.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { faults } from './faults.js';
import { costsOf, describeFailures, Lane } from './lane.js';
import { filesFor, inOrder, root, slowest } from './testFiles.js';

/** More than a usual machine of the build has cores: about a third of the time, a test with a fault waits in vain. */
const atOnce = 3;
/** A fault that makes a test spin for ever is stopped after this many ms. That counts as a survivor: no test failed. */
const limit = 180_000;
/** A test without any fault may take this many ms; one with a fault, as many, or a few times what it takes without. */
const patience = { without: 60_000, with: 6_000, times: 5 };
/** A process tries this many faults, and then has to show that the tests that noticed still pass without any. */
const perProof = 12;

/**
 * @typedef {import('./inFile.js').Fault} Fault
 * @typedef {{ readonly fault: Fault, readonly by: { readonly file: string, readonly test: string } | undefined,
 *   readonly excuse: string }} Verdict
 */

/** The faults that cannot be put in any more: the sources have moved on, and the list has to follow. */
const stale = faults.filter(({ file, find }) => readFileSync(join(root, 'src', file), 'utf8').split(find).length !== 2);
for (const { name, file, find } of stale) console.error(`"${name}": not once in src/${file}: ${find}`);
if (stale.length > 0) process.exit(1);

const wanted = process.argv[2] ?? '';
const chosen = faults.filter(({ name, file }) => name.includes(wanted) || file.includes(wanted));
const began = Date.now();
const secondsSince = () => Math.round((Date.now() - began) / 1_000);

const lanes = Array.from({ length: Math.min(atOnce, chosen.length) }, () => new Lane());
await Promise.all(lanes.map((lane) => lane.start()));

const allRules = [...new Set(chosen.flatMap(({ rules }) => rules))];
const allFiles = filesFor(allRules);
const controls = await Promise.all(
  lanes.map((lane, index) =>
    lane.run({
      rules: allRules,
      among: allFiles.filter((_, at) => at % lanes.length === index),
      patience: patience.without,
    }),
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

/**
 * @param {Lane} lane
 * @param {Fault} fault
 * @returns {Promise<Verdict>}
 */
const judge = async (lane, fault) => {
  const { rules } = fault;
  const importers = new Set(lanes.flatMap((each) => [...each.importersOf(fault)]));
  const among = inOrder(filesFor(rules), rules, importers, costs);
  const most = Math.max(patience.with, patience.times * slowest(among, rules, costs));
  const { modules, failed, errors, isHung } = await lane.run({ rules, among, fault, patience: most, limit });
  const [test, file] = [failed[0], modules.at(-1)?.moduleId];
  if (test !== undefined && file !== undefined) return { fault, by: { file, test }, excuse: '' };
  const excuse = isHung ? `stopped after ${limit / 1_000} s ${errors}` : errors || 'no test of its rules';
  return { fault, by: undefined, excuse };
};

/** @type {string[]} */
const survivors = [];
/** @param {Verdict} verdict */
const tell = ({ fault: { name }, by, excuse }) => {
  if (by) return console.log(`caught    ${name}\n            by ${by.test}`);
  survivors.push(name);
  console.log(`SURVIVED  ${name} ${excuse}`);
};

/**
 * Tells whether the tests that noticed pass in this very process without any fault, so that it was theirs.
 *
 * @param {Lane} lane
 * @param {readonly Verdict[]} verdicts
 */
const isProven = async (lane, verdicts) => {
  if (!lane.process.isThere) return false;
  const among = [...new Set(verdicts.flatMap(({ by }) => (by ? [by.file] : [])))];
  const rules = [...new Set(verdicts.flatMap(({ fault }) => fault.rules))];
  const { failed, errors, isHung } = await lane.run({ rules, among, patience: patience.without, limit });
  return failed.length === 0 && errors === '' && !isHung;
};

let again = 0;
/** @param {Lane} lane @param {readonly Verdict[]} verdicts of faults that one process has tried */
const settle = async (lane, verdicts) => {
  const isSound = verdicts.length < 2 || (await isProven(lane, verdicts));
  // The first had the process for itself.
  for (const [at, verdict] of verdicts.entries()) {
    if (at === 0 || (isSound && verdict.by)) {
      tell(verdict);
      continue;
    }
    again++;
    lane.process.end();
    tell(await judge(lane, verdict.fault));
  }
  lane.process.end();
};

const queue = [...chosen];
/** @param {Lane} lane */
const work = async (lane) => {
  lane.process.end();
  while (queue.length > 0) {
    /** @type {Verdict[]} */
    const verdicts = [];
    for (let fault = queue.shift(); fault; fault = queue.shift()) {
      verdicts.push(await judge(lane, fault));
      if (verdicts.length === perProof || !lane.process.isClean) break;
    }
    await settle(lane, verdicts);
  }
};
await Promise.all(lanes.map(work));
await Promise.all(lanes.map((lane) => lane.close()));

console.log(
  `${chosen.length - survivors.length} of ${chosen.length} faults caught, in ${secondsSince()} s (${again} of them again)`,
);
process.exit(survivors.length === 0 ? 0 : 1);

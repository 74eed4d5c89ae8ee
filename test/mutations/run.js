// Puts each fault into the sources in turn, in memory, and sees whether a test of a rule that it breaks notices.
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { faults } from './faults.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const config = 'test/mutations/vitest.config.ts';
const vitest = join(root, 'node_modules/vitest/vitest.mjs');
/** Folders of tests that need no other program and are fast. */
const folders =
  'actors broadcast client contract inspector machines protocol server trust interop properties react'.split(' ');
const slow =
  /^(?:neffosjs|goClient|goServer|ourClient|transitions|fuzz|churn|clientHeap|clientReconnects|clientStorm|lossless|history|slow|standstill|flood|clusterChurn|brokerFaults|forgedNumbers|goNode|mixed|page|statelyStream|browser|chromium|runtimes|bundles|lockout)/;
const atOnce = 2;

const files = folders.flatMap((folder) =>
  readdirSync(join(root, 'test', folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.test.ts') && !slow.test(basename(name)))
    .map((name) => `test/${folder}/${name}`),
);
const texts = new Map(files.map((file) => [file, readFileSync(join(root, file), 'utf8')]));

/** @param {readonly string[]} rules */
const filesFor = (rules) => files.filter((file) => rules.some((rule) => texts.get(file)?.includes(`[${rule}]`)));
/** @param {string} file */
const isQuick = (file) => !/trust|interop|properties/.test(file);

const scratch = mkdtempSync(join(tmpdir(), 'mutations-'));
process.on('exit', () => rmSync(scratch, { recursive: true, force: true }));

/**
 * Runs the tests of these rules with this fault in the sources.
 *
 * @param {number} index
 * @param {readonly string[]} rules
 * @param {readonly string[]} among the files in which they stand
 * @param {boolean} isShort stop at the first failure
 * @returns {Promise<{ passed: number, failed: string[], errors: string }>}
 */
const run = (index, rules, among, isShort) => {
  const report = join(scratch, `${index}.json`);
  const pattern = `\\[(${rules.join('|')})\\]`;
  const options = ['run', '--config', config, ...among, '-t', pattern];
  const output = ['--reporter=json', `--outputFile=${report}`, ...(isShort ? ['--bail=1'] : [])];
  const env = { ...process.env, MUTATION: String(index), MUSTER_RUNS: '60' };
  return new Promise((resolve, reject) => {
    let said = '';
    const child = spawn(process.execPath, [vitest, ...options, ...output], { cwd: root, env });
    child.stderr.on('data', (/** @type {Buffer} */ bytes) => {
      said += bytes.toString();
    });
    child.on('error', reject);
    child.on('close', () => {
      /** @type {{ testResults: { message: string, assertionResults: { title: string, fullName: string, status: string }[] }[] }} */
      const { testResults } = JSON.parse(readFileSync(report, 'utf8'));
      const tests = testResults.flatMap(({ assertionResults }) => assertionResults);
      const failed = tests.filter(({ status }) => status === 'failed').map(({ title }) => title);
      // A file that does not even load says nothing about a rule.
      const broken = testResults.filter(({ assertionResults, message }) => assertionResults.length === 0 && message);
      const errors = broken.map(({ message }) => message).join('\n');
      resolve({
        passed: tests.filter(({ status }) => status === 'passed').length,
        failed,
        errors: errors || (tests.length ? '' : said),
      });
    });
  });
};

/** The faults that cannot be put in any more: the sources have moved on, and the list has to follow. */
const stale = faults.filter(({ file, find }) => readFileSync(join(root, 'src', file), 'utf8').split(find).length !== 2);
for (const { name, file, find } of stale) console.error(`"${name}": not once in src/${file}: ${find}`);
if (stale.length > 0) process.exit(1);

const wanted = process.argv[2] ?? '';
const chosen = faults
  .map((fault, index) => ({ fault, index }))
  .filter(({ fault: { name, file } }) => name.includes(wanted) || file.includes(wanted));
const began = Date.now();

const allRules = [...new Set(chosen.flatMap(({ fault }) => fault.rules))];
const control = await run(-1, allRules, filesFor(allRules), false);
if (control.failed.length > 0 || control.errors) {
  console.error(`without any fault these fail:\n${[...control.failed, control.errors].join('\n')}`);
  process.exit(1);
}
console.log(`${control.passed} tests pass without any fault`);

/** @type {string[]} */
const survivors = [];
const queue = [...chosen];
const work = async () => {
  for (let next = queue.shift(); next; next = queue.shift()) {
    const { fault, index } = next;
    const all = filesFor(fault.rules);
    const quick = all.filter(isQuick);
    const first = await run(index, fault.rules, quick.length > 0 ? quick : all, true);
    // Most are caught by the tests of the very file; the others by those that play with the whole.
    const { failed, errors } = first.failed.length > 0 ? first : await run(index, fault.rules, all, true);
    if (failed[0] === undefined) survivors.push(fault.name);
    console.log(
      failed[0] === undefined
        ? `SURVIVED  ${fault.name} ${errors}`
        : `caught    ${fault.name}\n            by ${failed[0]}`,
    );
  }
};
await Promise.all(Array.from({ length: atOnce }, work));

const seconds = Math.round((Date.now() - began) / 1_000);
console.log(`${chosen.length - survivors.length} of ${chosen.length} faults caught, in ${seconds} s`);
process.exit(survivors.length === 0 ? 0 : 1);

// Runs tests with a fault in the sources: one vitest that lives as long as the whole run, and a process for its tests.
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { createVitest } from 'vitest/node';
import { Process } from './pool.js';
import { patternFor, root } from './testFiles.js';

/**
 * @typedef {import('vitest/node').TestModule} TestModule
 * @typedef {import('./inFile.js').Fault} Fault
 * @typedef {{ readonly load: number, readonly tests: readonly { readonly name: string, readonly ms: number }[] }} Cost
 *   how long a file took without any fault, in ms
 * @typedef {ReadonlyMap<string, Cost>} Costs
 * @typedef {{ readonly rules: readonly string[], readonly among: readonly string[], readonly fault?: Fault | undefined,
 *   readonly patience: number, readonly limit?: number }} Job what to run: the tests of these rules in these files, one
 *   file after another. With a fault, it ends with the first failure. A test fails after `patience` ms; after `limit`
 *   ms in a file, the process of the tests is killed
 * @typedef {{ readonly modules: readonly TestModule[], readonly passed: number, readonly failed: readonly string[],
 *   readonly errors: string, readonly isHung: boolean }} Outcome
 */

const config = join(root, 'test/mutations/vitest.config.ts');

/** @param {Fault} fault */
const pathOf = (fault) => join(root, 'src', fault.file);

/**
 * Says all that is known about an error: a property that fails has its counterexample in the message.
 *
 * @param {{ readonly message: string, readonly stack?: string | undefined, readonly cause?: unknown }} error
 * @returns {string}
 */
const whole = ({ message, stack = '', cause }) => {
  const frames = stack.split('\n').filter((line) => /^ +at /.test(line) && !line.includes('/node_modules/'));
  const text = [message, ...frames].join('\n');
  if (typeof cause !== 'object' || cause === null || !('message' in cause)) return text;
  // Vitest makes the cause of an error an object of the same shape.
  return `${text}\ncaused by ${whole(/** @type {Parameters<typeof whole>[0]} */ (cause))}`;
};

/**
 * Describes each failure of a run with its whole error.
 *
 * @param {readonly TestModule[]} modules
 */
export const describeFailures = (modules) =>
  modules
    .flatMap(({ children, relativeModuleId }) =>
      [...children.allTests('failed')].map(
        (test) => `${relativeModuleId}: ${test.fullName}\n${(test.result().errors ?? []).map(whole).join('\n')}`,
      ),
    )
    .join('\n\n');

/**
 * Returns how long each file and each test of it took.
 *
 * @param {readonly TestModule[]} modules
 * @returns {Costs}
 */
export const costsOf = (modules) =>
  new Map(
    modules.map((module) => {
      const tests = [...module.children.allTests()];
      const times = tests.map((test) => ({ name: test.fullName, ms: test.diagnostic()?.duration ?? 0 }));
      return [module.moduleId, { load: module.diagnostic().collectDuration, tests: times }];
    }),
  );

/** A lane runs one job at a time. */
export class Lane {
  /** The process of the tests, which is there until it is ended. */
  process = new Process();
  /** @type {Fault | undefined} */
  #fault;
  /** @type {import('vitest/node').Vitest | undefined} */
  #vitest;
  #isBusy = false;
  #said = '';

  async start() {
    const sink = new Writable({
      write: (bytes, _encoding, done) => {
        this.#said += String(bytes);
        done();
      },
    });
    const options = { config, root, watch: false, reporters: [{}], pool: this.process };
    const plugins = [this.#mutation()];
    const vitest = await createVitest('test', options, { plugins }, { stdout: sink, stderr: sink });
    this.#vitest = vitest;
    // For a rejection within vitest itself, vitest says why to the sink, and ends this process.
    process.on('exit', () => {
      if (this.#isBusy)
        console.error(`ended within ${this.#fault?.name ?? 'the run without any fault'}:\n${this.#said}`);
    });
  }

  /**
   * @param {Job} job
   * @returns {Promise<Outcome>}
   */
  async run({ rules, among, fault, patience, limit }) {
    const vitest = this.#started();
    this.#isBusy = true;
    const changed = [this.#fault, fault].flatMap((one) => (one ? [pathOf(one)] : []));
    this.#put(fault);
    vitest.config.bail = fault ? 1 : 0;
    vitest.setGlobalTestNamePattern(patternFor(rules));
    const { config: ofTests } = vitest.getRootProject();
    ofTests.testTimeout = patience;
    // What a test waits for may take a part of that: a second of six.
    ofTests.expect = { ...ofTests.expect, poll: { ...ofTests.expect?.poll, timeout: patience / 6 } };
    /** @type {Outcome} */
    let outcome = { modules: [], passed: 0, failed: [], errors: '', isHung: false };
    try {
      for (const [at, file] of among.entries()) {
        this.process.order = { isFresh: at === 0, changed };
        const one = await this.#runFile(file, limit);
        outcome = {
          modules: [...outcome.modules, ...one.modules],
          passed: outcome.passed + one.passed,
          failed: [...outcome.failed, ...one.failed],
          errors: [outcome.errors, one.errors].filter(Boolean).join('\n'),
          isHung: one.isHung,
        };
        if (fault && (one.isHung || one.failed.length > 0)) break;
      }
      return outcome;
    } finally {
      this.#isBusy = false;
    }
  }

  /**
   * @param {string} file
   * @param {number} [limit]
   * @returns {Promise<Outcome>}
   */
  async #runFile(file, limit) {
    const vitest = this.#started();
    this.#said = '';
    // Vitest counts what failed in earlier runs as well, and would stop at once.
    vitest.state.filesMap.clear();
    vitest.state.idMap.clear();
    let isHung = false;
    const kill = () => {
      isHung = true;
      // The first call asks the process to end, and the second kills it.
      void vitest.cancelCurrentRun('keyboard-input');
      void vitest.cancelCurrentRun('keyboard-input');
    };
    const timer = limit === undefined ? undefined : setTimeout(kill, limit);
    try {
      const { testModules } = await vitest.runTestSpecifications([vitest.getRootProject().createSpecification(file)]);
      const tests = testModules.flatMap(({ children }) => [...children.allTests()]);
      const failed = tests.filter((test) => test.result().state === 'failed').map(({ name }) => name);
      // A file that does not even load says nothing about a rule.
      const broken = testModules.filter(({ children }) => children.size === 0).flatMap((module) => module.errors());
      return {
        modules: testModules,
        passed: tests.filter((test) => test.result().state === 'passed').length,
        failed,
        errors: broken.map(whole).join('\n') || (tests.length > 0 ? '' : this.#said),
        isHung,
      };
    } finally {
      clearTimeout(timer);
    }
  }

  /**
   * Returns the files of tests that import this source, as far as this lane has loaded them.
   *
   * @param {Fault} fault
   */
  importersOf(fault) {
    /** @type {Set<string>} */
    const found = new Set();
    for (const { moduleGraph } of Object.values(this.#started().vite.environments)) {
      const queue = [...(moduleGraph.getModulesByFile(pathOf(fault)) ?? [])];
      const seen = new Set(queue);
      for (const { file, importers } of queue) {
        if (file?.endsWith('.test.ts')) found.add(file);
        for (const importer of importers) {
          if (seen.has(importer)) continue;
          seen.add(importer);
          queue.push(importer);
        }
      }
    }
    return found;
  }

  async close() {
    this.process.end();
    await this.#vitest?.close();
  }

  #started() {
    if (!this.#vitest) throw new Error('a lane runs nothing before it is started');
    return this.#vitest;
  }

  /** @param {Fault | undefined} fault */
  #put(fault) {
    const vitest = this.#started();
    for (const each of [this.#fault, fault]) if (each) vitest.invalidateFile(pathOf(each));
    this.#fault = fault;
  }

  /**
   * Puts the fault into its file as that is loaded; the tree stays as it is.
   *
   * @returns {import('vite').Plugin}
   */
  #mutation() {
    return {
      name: 'mutation',
      enforce: 'pre',
      transform: (code, id) => {
        const fault = this.#fault;
        if (!fault || id !== pathOf(fault)) return undefined;
        return code.replace(fault.find, () => fault.replace);
      },
    };
  }
}

// Runs tests with a fault in the sources: one vitest that lives as long as the whole run, and a new process for each fault.
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { createVitest } from 'vitest/node';
import { patternFor, root } from './testFiles.js';

/**
 * @typedef {import('vitest/node').TestModule} TestModule
 * @typedef {import('./inFile.js').Fault} Fault
 * @typedef {{ readonly load: number, readonly tests: readonly { readonly name: string, readonly ms: number }[] }} Cost
 *   how long a file took without any fault, in ms
 * @typedef {ReadonlyMap<string, Cost>} Costs
 * @typedef {{ readonly rules: readonly string[], readonly among: readonly string[], readonly fault?: Fault,
 *   readonly limit?: number }} Job what to run: the tests of these rules in these files. With a fault, vitest stops at
 *   the first failure; after `limit` ms, the process of the tests is killed
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

/** A lane runs one job at a time. Each job has a process of its own, so nothing of one fault is left for the next. */
export class Lane {
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
    const options = { config, root, watch: false, reporters: [{}] };
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
  async run({ rules, among, fault, limit }) {
    const vitest = this.#started();
    this.#said = '';
    this.#isBusy = true;
    this.#put(fault);
    vitest.config.bail = fault ? 1 : 0;
    // Vitest counts what failed in earlier runs as well, and would stop at once.
    vitest.state.filesMap.clear();
    vitest.state.idMap.clear();
    vitest.setGlobalTestNamePattern(patternFor(rules));
    const project = vitest.getRootProject();
    let isHung = false;
    const kill = () => {
      isHung = true;
      // The first call asks the process to end, and the second kills it.
      void vitest.cancelCurrentRun('keyboard-input');
      void vitest.cancelCurrentRun('keyboard-input');
    };
    const timer = limit === undefined ? undefined : setTimeout(kill, limit);
    try {
      const { testModules } = await vitest.runTestSpecifications(
        among.map((file) => project.createSpecification(file)),
      );
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
      this.#isBusy = false;
      this.#put(undefined);
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
    await this.#vitest?.close();
  }

  #started() {
    if (!this.#vitest) throw new Error('a lane runs nothing before it is started');
    return this.#vitest;
  }

  /** @param {Fault | undefined} fault */
  #put(fault) {
    const vitest = this.#started();
    if (this.#fault) vitest.invalidateFile(pathOf(this.#fault));
    this.#fault = fault;
    if (fault) vitest.invalidateFile(pathOf(fault));
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

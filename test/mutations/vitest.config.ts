import { fileURLToPath } from 'node:url';
import { defineConfig, type Plugin } from 'vitest/config';
import { faults } from './faults.js';

const src = fileURLToPath(new URL('../../src', import.meta.url));

/** Puts one fault into its file as that is loaded; the tree stays as it is. */
const mutation = (index: number): Plugin => ({
  name: 'mutation',
  enforce: 'pre',
  transform(code, id) {
    const fault = faults[index];
    if (!fault || id !== `${src}/${fault.file}`) return undefined;
    return code.replace(fault.find, () => fault.replace);
  },
});

export default defineConfig({
  root: fileURLToPath(new URL('../..', import.meta.url)),
  plugins: [mutation(Number(process.env['MUTATION'] ?? -1))],
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: 6_000,
    setupFiles: ['test/mutations/setup.ts'],
    pool: 'forks',
    // The sources are loaded once for all files of a run, which is most of the time that it takes.
    isolate: false,
    maxWorkers: 1,
    // A fault may well make something fail outside of any test.
    dangerouslyIgnoreUnhandledErrors: true,
  },
});

import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Keeps the order in which the files were asked for: those that most likely notice come first. */
class AsGiven extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    return files;
  }
}

export default defineConfig({
  root: fileURLToPath(new URL('../..', import.meta.url)),
  resolve: { alias: { '@fast-check/vitest': fileURLToPath(new URL('properties.js', import.meta.url)) } },
  test: {
    include: ['test/**/*.test.ts'],
    setupFiles: ['test/mutations/setup.ts'],
    env: { MUSTER_RUNS: '60', MUSTER_STREAMS: '1500', MUSTER_PATIENCE: '8000' },
    // The sources are loaded once for all files of a run, which is most of the time that it takes.
    isolate: false,
    maxWorkers: 1,
    cache: false,
    sequence: { sequencer: AsGiven },
    // A fault may well make something fail outside of any test.
    dangerouslyIgnoreUnhandledErrors: true,
  },
});

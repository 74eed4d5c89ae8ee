import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';
import Sequencer from './test/sequencer.js';

/** Tests that run in their own process alone: no peer, no browser, no load. `npm run test:quick` runs only these. */
const quick = [
  'test/{architecture,spec,types}.test.ts',
  'test/{actors,broadcast,contract,machines,protocol,server}/**/*.test.ts',
  'test/client/!(bundles|chromium|runtimes).test.ts',
  'test/client/*/**/*.test.ts',
  'test/react/{server,sharing}.test.ts',
  'test/inspector/{draw,stately}/**/*.test.ts',
  'test/inspector/{pictures,stateCounts}.test.ts',
  'test/exchange/memory.test.ts',
  'test/properties/{clientChart,clientModel,contract,doing,extended,history,hooks,ordering,scheduled}.test.ts',
  'test/properties/{sessions,teardown,transitions}.test.ts',
];

/** Tests that measure memory or delays, and so have a process for themselves. */
const measured = [
  'test/properties/{burst,churn,clientHeap,clientReconnects,clusterChurn,flood,lossless,slow,standstill}.test.ts',
  'test/trust/{lockout,protocol,transport}.test.ts',
];

const shared = {
  // A busy machine makes a test slow, and not wrong.
  testTimeout: 240_000,
  hookTimeout: 120_000,
  expect: { poll: { timeout: 60_000 } },
  pool: 'forks',
  // A process runs many files, and loads the sources once: otherwise loading takes a third of the time.
  isolate: false,
} as const;

export default defineConfig({
  test: {
    reporters: ['default', './test/support/conformance/interopTable.ts'],
    // About half of the time a file waits: for a browser, a broker, a timer of its peer. One more than there are cores.
    maxWorkers: availableParallelism() + 1,
    sequence: { sequencer: Sequencer },
    projects: [
      { test: { ...shared, name: 'quick', include: quick } },
      { test: { ...shared, name: 'measured', include: measured, isolate: true } },
      {
        test: {
          ...shared,
          name: 'system',
          include: ['test/**/*.test.ts'],
          exclude: [...quick, ...measured, '**/node_modules/**'],
        },
      },
    ],
  },
});

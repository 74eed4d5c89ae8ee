import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    reporters: ['default', './test/support/conformance/interopTable.ts'],
    testTimeout: 20_000,
    pool: 'forks',
  },
});

import { fileURLToPath } from 'node:url';
import { findProgram, type Peer } from './installed.js';

const installed = (path: string): string =>
  fileURLToPath(new URL(`../../runtimes/node_modules/${path}`, import.meta.url));

/** The runtimes that the client must work in, beside the Node that runs the tests: test/runtimes/package.json. */
export const runtimes = {
  node22: findProgram('Node 22', 'NODE_22', installed('node-22/bin/node')),
  node24: findProgram('Node 24', 'NODE_24', installed('node-24/bin/node')),
  bun: findProgram('Bun', 'BUN', installed('.bin/bun')),
  deno: findProgram('Deno', 'DENO', installed('.bin/deno')),
} as const satisfies Readonly<Record<string, Peer>>;

import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { describeWith, type Peer } from '../support/peers/installed.js';
import { runtimes } from '../support/peers/runtimes.js';

const program = fileURLToPath(new URL('../support/hosts/handles.js', import.meta.url));
const thisNode: Peer = { name: `Node ${process.versions.node}`, path: process.execPath };

for (const peer of [thisNode, runtimes.node22, runtimes.node24])
  describeWith(peer, `sockets in ${peer.name}`, (path) => {
    const run = async (way: string, ...flags: readonly string[]): Promise<Record<string, unknown>> => {
      const { stdout } = await promisify(execFile)(path, ['--expose-gc', ...flags, program, way], { timeout: 50_000 });
      // The program prints an object.
      return JSON.parse(stdout) as Record<string, unknown>;
    };

    const outcome = {
      reads: { fault: '', frames: 8, rest: 0 },
      answers: 500,
      isFull: true,
      late: { fault: '', frames: 200, rest: 0, junk: 200 },
      afterwards: 'flows',
      // The close frame.
      closed: { fault: '', rest: 7 },
      lateWrite: false,
      ends: [
        { id: 'asker', code: 1006, text: 'connection lost' },
        { id: 'closed', code: 4_000, text: 'bye' },
        { id: 'gone', code: 1006, text: 'connection lost' },
        { id: 'ended', code: 1006, text: 'connection lost' },
        { id: 'evicted', code: 1013, text: 'slow consumer' },
      ],
      warnings: [],
    };

    describe.each([
      { way: 'handle', passesTheStream: true },
      { way: 'stream', passesTheStream: false },
      // Nothing is parsed by us, gathered or memoised either.
      { way: 'usual', passesTheStream: false },
    ])('that are written to in the way "$way"', ({ way, passesTheStream }) => {
      it('[BC2] [BC3] [BP1] [BP2] give their clients all that they take, and end as they must', async () => {
        expect(await run(way)).toEqual({ passesTheStream, ...outcome });
      });
    });

    it('[BC2] the stream is used where a warning would be given', async () => {
      expect(await run('handle', '--pending-deprecation')).toMatchObject({ passesTheStream: false, warnings: [] });
    });
  });

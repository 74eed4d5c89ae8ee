import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

/** Compiles a program into one file, and starts it in processes of its own. */
export class ProgramProcess {
  readonly #running: ChildProcess[] = [];

  private constructor(
    private readonly folder: string,
    private readonly file: string,
  ) {}

  static async compile(program: URL): Promise<ProgramProcess> {
    const folder = mkdtempSync(join(tmpdir(), 'program-'));
    const file = join(folder, 'program.mjs');
    await build({
      entryPoints: [fileURLToPath(program)],
      outfile: file,
      bundle: true,
      platform: 'node',
      format: 'esm',
      target: 'node20',
      // For what is required at run time by packages that are no modules.
      banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
      logLevel: 'error',
    });
    return new ProgramProcess(folder, file);
  }

  /** Starts it, and resolves with the first message that it sends. */
  async start(
    args: readonly string[],
    nodeArgs: readonly string[] = [],
  ): Promise<{ child: ChildProcess; message: unknown }> {
    const child = fork(this.file, args, { execArgv: [...nodeArgs] });
    this.#running.push(child);
    const ended = once(child, 'exit').then(([code]) => {
      throw new Error(`the program has ended with ${code}`);
    });
    const [message]: unknown[] = await Promise.race([once(child, 'message'), ended]);
    ended.catch(() => {});
    return { child, message };
  }

  /** Ends a process at once, as a crash does. */
  async kill(child: ChildProcess): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const over = once(child, 'exit');
    child.kill('SIGKILL');
    await over;
  }

  /** Ends all processes, and removes the file. */
  async dispose(): Promise<void> {
    await Promise.all(this.#running.map((child) => this.kill(child)));
    rmSync(this.folder, { recursive: true, force: true });
  }
}

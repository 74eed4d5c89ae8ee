import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** A running example, and the address that it prints. */
export interface RunningExample {
  readonly process: ChildProcess;
  readonly address: string;
}

/** Resolves with the output and exit code of a process. */
export const ended = async (child: ChildProcess): Promise<{ code: number | null; out: string; err: string }> => {
  let out = '';
  let err = '';
  child.stdout?.on('data', (text: string) => {
    out += text;
  });
  child.stderr?.on('data', (text: string) => {
    err += text;
  });
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, out, err };
};

/** Runs an example of the folder `examples` in a process. `stopAll` ends what was started. */
export const useExample = (name: string, script = 'server.js') => {
  const file = fileURLToPath(new URL(`../../../examples/${name}/${script}`, import.meta.url));
  const running: ChildProcess[] = [];

  const stopAll = async (): Promise<void> => {
    for (const child of running.splice(0)) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
  };

  const run = (port: string): ChildProcess => {
    const child = spawn(process.execPath, [file], {
      env: { ...process.env, PORT: port },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    child.stdout.setEncoding('utf8');
    child.stderr.setEncoding('utf8');
    running.push(child);
    return child;
  };

  /** Starts it, on a free port by default; resolves when it prints its address. */
  const start = async (port = '0'): Promise<RunningExample> => {
    const child = run(port);
    const address = await new Promise<string>((resolve, reject) => {
      let output = '';
      const listen = (text: string): void => {
        output += text;
        const found = /http:\/\/\S+/.exec(output);
        if (found) resolve(found[0]);
      };
      child.stdout?.on('data', listen);
      child.stderr?.on('data', listen);
      child.once('exit', (code) => reject(new Error(`the example ended with ${code}: ${output}`)));
    });
    return { process: child, address };
  };

  return { run, start, stopAll };
};

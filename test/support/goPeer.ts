import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach } from 'vitest';
import type { Peer } from './peers.js';
import { Inbox } from './rawClient.js';
import { lineOf } from './testServer.js';

const folder = fileURLToPath(new URL('../interop/go', import.meta.url));
const cache = fileURLToPath(new URL('../../node_modules/.cache/go-peer', import.meta.url));
const buildTimeout = 240_000;

/** A line of neffos, and what its program is built with. */
interface GoLine {
  readonly version: string;
  readonly modules: string;
  /** The Go that this line wants, where the one of the machine is older. */
  readonly toolchain: string | undefined;
}

const lines: readonly GoLine[] = [
  { version: 'v0.0.24', modules: 'go.mod', toolchain: undefined },
  { version: 'v0.0.25', modules: 'newest.mod', toolchain: 'go1.27.1+auto' },
];

const findGo = (): string | undefined => {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/local/go/bin', '/usr/lib/go/bin'];
  return folders.map((one) => join(one, 'go')).find((path) => existsSync(path));
};

const contents = (): string => {
  const hash = createHash('sha256');
  for (const name of readdirSync(folder).sort()) hash.update(name).update(readFileSync(join(folder, name)));
  return hash.digest('hex').slice(0, 16);
};

/** Builds the program of one line, once for the present sources. */
const build = async (go: string, { version, modules, toolchain }: GoLine): Promise<Peer> => {
  const name = `Go neffos ${version}`;
  const target = join(cache, `${version}-${contents()}`);
  const isOptional = toolchain !== undefined;
  if (existsSync(target)) return { name, path: target, isOptional };
  mkdirSync(cache, { recursive: true });
  const made = `${target}.${process.pid}`;
  const env = { ...process.env, ...(toolchain === undefined ? {} : { GOTOOLCHAIN: toolchain }) };
  const options = ['build', `-modfile=${modules}`, '-o', made, '.'];
  try {
    await promisify(execFile)(go, options, { cwd: folder, env, timeout: buildTimeout });
    // Another test file may have built it as well: whichever comes last is as good.
    renameSync(made, target);
    return { name, path: target, isOptional };
  } catch (error) {
    rmSync(made, { force: true });
    const why = error instanceof Error && 'stderr' in error ? String(error.stderr).trim() : String(error);
    return { name, path: undefined, isOptional, why: `${name} could not be built (${why.split('\n').at(-1)})` };
  }
};

const makePeers = async (): Promise<Peer[]> => {
  const go = findGo();
  const peers: Peer[] = [];
  for (const line of lines) {
    peers.push(go === undefined ? { name: `Go, for neffos ${line.version},`, path: undefined } : await build(go, line));
  }
  return peers;
};

/** One program for each line of Go neffos. */
export const goPeers: readonly Peer[] = await makePeers();

interface GoBody {
  readonly text: string;
  readonly hex: string;
}

/** What a handler of the Go side was told. */
interface GoNote {
  readonly conn: string;
  readonly event: string;
  readonly namespace: string;
  readonly room: string;
  readonly body: GoBody;
  readonly err: string;
  readonly isForced: boolean;
  readonly isLocal: boolean;
  readonly isNative: boolean;
}

interface GoAnswer {
  readonly id: number;
  readonly error?: string;
  readonly value?: unknown;
}

/** What each handler does, by namespace and event; the lifecycle events are written down in any case. */
export type GoHandlers = Readonly<Record<string, Readonly<Record<string, string>>>>;

export interface GoArguments {
  readonly conn?: string;
  readonly url?: string;
  readonly namespace?: string;
  readonly room?: string;
  readonly event?: string;
  readonly body?: string | Uint8Array;
  readonly to?: string;
  readonly timeout?: number;
  readonly handlers?: GoHandlers;
  readonly headers?: Readonly<Record<string, string>>;
}

const read = ({ text, hex }: GoBody): string | Uint8Array => (hex === '' ? text : Buffer.from(hex, 'hex'));

const written = (body: string | Uint8Array = ''): GoBody =>
  typeof body === 'string' ? { text: body, hex: '' } : { text: '', hex: Buffer.from(body).toString('hex') };

/** A message as Go has received it. */
export const bodyOfNote = (value: unknown): string | Uint8Array => {
  if (typeof value !== 'object' || value === null || !('body' in value)) throw new Error(`no message: ${value}`);
  // What the program writes for a message, see noteOf there.
  return read(value.body as GoBody);
};

/** A running Go program. */
export class GoPeer {
  /** What its handlers were told, one line each; `closed` when a client's connection has ended. */
  readonly log = new Inbox<string>('Go');
  readonly #process: ChildProcess;
  readonly #waiting = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
  #lastId = 0;

  constructor(path: string) {
    this.#process = spawn(path, { stdio: ['pipe', 'pipe', 'inherit'] });
    const { stdout } = this.#process;
    if (stdout) createInterface(stdout).on('line', (line) => this.#read(line));
    this.#process.on('exit', (code) => this.#end(`the Go program has ended with ${code}`));
    this.#process.on('error', (error) => this.#end(error.message));
  }

  /** Has something done; rejects with the text of its error. */
  do(op: string, { body, ...rest }: GoArguments = {}): Promise<unknown> {
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#process.stdin?.write(`${JSON.stringify({ id, op, body: written(body), ...rest })}\n`);
    });
  }

  end(): void {
    this.#process.kill('SIGKILL');
  }

  #end(why: string): void {
    this.log.end(why);
    for (const { reject } of this.#waiting.values()) reject(new Error(why));
    this.#waiting.clear();
  }

  #read(line: string): void {
    // One of the two things that the program writes.
    const said = JSON.parse(line) as GoAnswer | GoNote;
    if (!('id' in said)) return this.log.push(lineOfGo(said));
    const waiting = this.#waiting.get(said.id);
    this.#waiting.delete(said.id);
    if (said.error === undefined) waiting?.resolve(said.value);
    else waiting?.reject(new Error(said.error));
  }
}

const lineOfGo = ({ event, namespace, room, body, err, isForced, isLocal }: GoNote): string =>
  event === 'closed'
    ? event
    : lineOf({ event, namespace, room, isForced, isLocal, body: err === '' ? read(body) : `! ${err}` });

/** Programs of one test file; whatever a test has started is ended after it. */
export const useGo = () => {
  const started: GoPeer[] = [];
  afterEach(() => {
    for (const peer of started.splice(0)) peer.end();
  });
  return (path: string): GoPeer => {
    const peer = new GoPeer(path);
    started.push(peer);
    return peer;
  };
};

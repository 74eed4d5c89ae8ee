import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach } from 'vitest';
import { type GoVersion, goVersions, nameOfGo } from '../../interop/scenarios.js';
import { describeMessage } from '../server/testServer.js';
import type { Peer } from './installed.js';
import { Inbox } from './rawClient.js';

const folder = fileURLToPath(new URL('../../interop/go', import.meta.url));
const cache = fileURLToPath(new URL('../../../node_modules/.cache/go-peer', import.meta.url));
const buildTimeout = 240_000;

/** What the program of a line is built with. */
interface GoLine {
  readonly modules: string;
  /** The Go that this line wants, where the one of the machine is older. */
  readonly toolchain: string | undefined;
}

const lines: Readonly<Record<GoVersion, GoLine>> = {
  'v0.0.24': { modules: 'go.mod', toolchain: undefined },
  'v0.0.25': { modules: 'newest.mod', toolchain: 'go1.27.1+auto' },
};

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
const build = async (go: string, version: GoVersion): Promise<Pick<Peer, 'path' | 'why'>> => {
  const { modules, toolchain } = lines[version];
  const target = join(cache, `${version}-${contents()}`);
  if (existsSync(target)) return { path: target };
  mkdirSync(cache, { recursive: true });
  const made = `${target}.${process.pid}`;
  const env = { ...process.env, ...(toolchain === undefined ? {} : { GOTOOLCHAIN: toolchain }) };
  const options = ['build', `-modfile=${modules}`, '-o', made, '.'];
  try {
    await promisify(execFile)(go, options, { cwd: folder, env, timeout: buildTimeout });
    // Another test file may have built it as well: whichever comes last is as good.
    renameSync(made, target);
    return { path: target };
  } catch (error) {
    rmSync(made, { force: true });
    const why = error instanceof Error && 'stderr' in error ? String(error.stderr).trim() : String(error);
    return { path: undefined, why: `${nameOfGo(version)} could not be built (${why.split('\n').at(-1)})` };
  }
};

const makePeers = async (): Promise<Peer[]> => {
  const go = findGo();
  const peers: Peer[] = [];
  for (const version of goVersions) {
    const name = nameOfGo(version);
    const isOptional = version === goVersions.at(-1);
    const missing = { path: undefined, why: `there is no Go to build ${name} with` };
    peers.push({ name, isOptional, ...(go === undefined ? missing : await build(go, version)) });
  }
  return peers;
};

/** One program for each line of Go neffos. */
export const goPeers: readonly Peer[] = await makePeers();

interface GoBody {
  readonly text: string;
  /** The text is hex. */
  readonly isBinary: boolean;
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

/** What the nodes of a cluster share: `address` is a host and port for Redis, a URL for NATS. */
export interface GoExchange {
  readonly kind: 'redis' | 'nats';
  readonly address: string;
  readonly prefix: string;
}

export interface GoArguments {
  readonly conn?: string;
  readonly url?: string;
  readonly namespace?: string;
  readonly room?: string;
  readonly event?: string;
  readonly body?: string | Uint8Array;
  readonly timeout?: number;
  readonly handlers?: GoHandlers;
  readonly headers?: Readonly<Record<string, string>>;
  /** Makes a server a node of a cluster. */
  readonly exchange?: GoExchange;
  /** The only id that hears a broadcast, or is asked. */
  readonly to?: string;
  /** The connection with this id is left out of a broadcast, whatever others are called. */
  readonly except?: string;
  /** All of this id are left out. */
  readonly exclude?: string;
  /** A broadcast of nothing but the body. */
  readonly isNative?: boolean;
  /** How many messages a broadcast has; the body of each is followed by its number, from 0. */
  readonly count?: number;
  /** A broadcast of an error. */
  readonly err?: string;
  /** What the same call says behind that. */
  readonly more?: readonly GoArguments[];
}

const read = ({ text, isBinary }: GoBody): string | Uint8Array => (isBinary ? Buffer.from(text, 'hex') : text);

const written = (body: string | Uint8Array = ''): GoBody =>
  typeof body === 'string'
    ? { text: body, isBinary: false }
    : { text: Buffer.from(body).toString('hex'), isBinary: true };

const inWriting = ({ body, more = [], ...rest }: GoArguments): object => ({
  ...rest,
  body: written(body),
  more: more.map(inWriting),
});

/** A message as the program has received it. */
const noteOf = (value: unknown): GoNote => {
  if (typeof value !== 'object' || value === null || !('body' in value)) throw new Error(`no message: ${value}`);
  // What the program writes for a message, see noteOf there.
  return value as GoNote;
};

export const bodyOfNote = (value: unknown): string | Uint8Array => read(noteOf(value).body);

/** The answer to an ask, in the line that a handler would write down for it. */
export const lineOfNote = (value: unknown): string => lineOfGo(noteOf(value));

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
  do(op: string, what: GoArguments = {}): Promise<unknown> {
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#process.stdin?.write(`${JSON.stringify({ id, op, ...inWriting(what) })}\n`);
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
    : describeMessage({ event, namespace, room, isForced, isLocal, body: err === '' ? read(body) : `! ${err}` });

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

import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach } from 'vitest';
import { type GoVersion, goVersions, nameOfGo } from '../../interop/scenarios.js';
import { ReceiveQueue } from '../async/receiveQueue.js';
import { describeMessage } from '../server/testServer.js';
import type { Peer } from './installed.js';

const folder = fileURLToPath(new URL('../../interop/go', import.meta.url));
const cache = fileURLToPath(new URL('../../../node_modules/.cache/go-peer', import.meta.url));
const buildTimeout = 240_000;

/** What the program of one release line is built with. */
interface GoBuild {
  readonly modules: string;
  /** The Go toolchain of this line, where the installed one is older. */
  readonly toolchain: string | undefined;
}

const builds: Readonly<Record<GoVersion, GoBuild>> = {
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

/** Builds the program of one release line, once for the present sources. */
const build = async (go: string, version: GoVersion): Promise<Pick<Peer, 'path' | 'why'>> => {
  const { modules, toolchain } = builds[version];
  const target = join(cache, `${version}-${contents()}`);
  if (existsSync(target)) return { path: target };
  mkdirSync(cache, { recursive: true });
  const made = `${target}.${process.pid}`;
  const env = { ...process.env, ...(toolchain === undefined ? {} : { GOTOOLCHAIN: toolchain }) };
  const options = ['build', `-modfile=${modules}`, '-o', made, '.'];
  try {
    await promisify(execFile)(go, options, { cwd: folder, env, timeout: buildTimeout });
    // Another test file may have built it meanwhile; both builds are the same.
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
    const missing = { path: undefined, why: `no Go toolchain to build ${name}` };
    peers.push({ name, isOptional, ...(go === undefined ? missing : await build(go, version)) });
  }
  return peers;
};

/** One program for each release line of Go neffos. */
export const goPeers: readonly Peer[] = await makePeers();

interface GoBody {
  readonly text: string;
  /** The text is hex. */
  readonly isBinary: boolean;
}

/** A message that a handler of the Go program received. */
interface GoMessage {
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

/** What each handler does, by namespace and event. Lifecycle events are always recorded. */
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
  /** The only id that a broadcast or an ask is for. */
  readonly to?: string;
  /** Excludes the connection with this id on its own server. */
  readonly except?: string;
  /** Excludes every connection with this id. */
  readonly exclude?: string;
  /** A broadcast of nothing but the body. */
  readonly isNative?: boolean;
  /** How many messages a broadcast has; the body of each is followed by its number, from 0. */
  readonly count?: number;
  /** A broadcast of an error. */
  readonly err?: string;
  /** Further messages of the same call. */
  readonly more?: readonly GoArguments[];
}

const decodeBody = ({ text, isBinary }: GoBody): string | Uint8Array => (isBinary ? Buffer.from(text, 'hex') : text);

const encodeBody = (body: string | Uint8Array = ''): GoBody =>
  typeof body === 'string'
    ? { text: body, isBinary: false }
    : { text: Buffer.from(body).toString('hex'), isBinary: true };

const encodeArguments = ({ body, more = [], ...rest }: GoArguments): object => ({
  ...rest,
  body: encodeBody(body),
  more: more.map(encodeArguments),
});

/** Returns a message as the program wrote it. */
const messageOf = (value: unknown): GoMessage => {
  if (typeof value !== 'object' || value === null || !('body' in value)) throw new Error(`not a message: ${value}`);
  // What the program writes for a message, see noteOf there.
  return value as GoMessage;
};

export const bodyOfMessage = (value: unknown): string | Uint8Array => decodeBody(messageOf(value).body);

/** Returns the reply to an ask in the line that a handler would record. */
export const describeGoReply = (value: unknown): string => describeGoMessage(messageOf(value));

/** A running Go program. */
export class GoPeer {
  /** The calls of its handlers, one line each; `closed` when a client's connection ended. */
  readonly log = new ReceiveQueue<string>('Go');
  readonly #process: ChildProcess;
  readonly #waiting = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
  #lastId = 0;

  constructor(path: string) {
    this.#process = spawn(path, { stdio: ['pipe', 'pipe', 'inherit'] });
    const { stdout } = this.#process;
    if (stdout) createInterface(stdout).on('line', (line) => this.#read(line));
    this.#process.on('exit', (code) => this.#end(`the Go program ended with ${code}`));
    this.#process.on('error', (error) => this.#end(error.message));
  }

  /** Runs an operation; rejects with the text of its error. */
  do(op: string, what: GoArguments = {}): Promise<unknown> {
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#process.stdin?.write(`${JSON.stringify({ id, op, ...encodeArguments(what) })}\n`);
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
    // The program writes only these two.
    const parsed = JSON.parse(line) as GoAnswer | GoMessage;
    if (!('id' in parsed)) return this.log.push(describeGoMessage(parsed));
    const waiting = this.#waiting.get(parsed.id);
    this.#waiting.delete(parsed.id);
    if (parsed.error === undefined) waiting?.resolve(parsed.value);
    else waiting?.reject(new Error(parsed.error));
  }
}

const describeGoMessage = ({ event, namespace, room, body, err, isForced, isLocal }: GoMessage): string =>
  event === 'closed'
    ? event
    : describeMessage({ event, namespace, room, isForced, isLocal, body: err === '' ? decodeBody(body) : `! ${err}` });

/** Starts Go programs; ends those of a test after it. */
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

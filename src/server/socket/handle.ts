import { Socket } from 'node:net';
import { Writable } from 'node:stream';
import { getSystemErrorName } from 'node:util';
import { type LowerStream, Outlet, type OutletContext, type OutletListener } from './outlet.js';

/*
 * Node's stream layer costs more than a fifth of a small write. This file passes it by: it writes to the handle of a
 * socket as `net.Socket` does. None of that is documented. It was checked against Node 20.20.2, 22.23.3 and 24.21.0, and
 * is taken on these lines only. Everywhere else, and for every stream but a plain TCP socket, `StreamOutlet` is used.
 * `handleReads.ts` reads from the handle under the same conditions.
 */

/** The lines of Node whose handles were checked. */
const checkedLines: readonly string[] = ['20', '22', '24'];

/** A write that the kernel could not take at once. The handle calls `oncomplete` once it has, and `this` is the request. */
interface WriteRequest {
  oncomplete: (this: WriteRequest, status: number) => void;
  /** Keeps the bytes alive. */
  buffer?: Uint8Array;
  outlet?: Pick<HandleOutlet, 'completed'>;
}

/** The handle of a socket. */
interface StreamHandle {
  /** Writes what the kernel takes, and queues the rest. Returns a negative error number, or 0. */
  writeBuffer(request: WriteRequest, bytes: Uint8Array): number;
  /** Called for each read. */
  onread?: unknown;
  /** Makes it read into one buffer. */
  readonly useUserBuffer?: unknown;
  /** Whether it is read. `net.Socket` keeps it so. */
  reading?: unknown;
  /** Starts to read. Returns a negative error number, or 0. */
  readStart?(): number;
  /** Stops that. */
  readStop?(): number;
}

/** Where Node tells what it has read of a handle. */
interface ReadState {
  readonly state: Int32Array;
  /** Its value there is the number of bytes of the present read, or a negative error number. */
  readonly readIndex: number;
  /** Its value there is where these bytes begin. */
  readonly offsetIndex: number;
}

/** Node's writes to handles, and reads of them. */
interface HandleAccess extends ReadState {
  readonly makeRequest: () => WriteRequest;
  /** The value of `state` there tells whether the last write to any handle queued bytes. */
  readonly asyncIndex: number;
}

const isOfClass = (value: unknown): value is new () => WriteRequest => typeof value === 'function';

/** Returns whether use of `process.binding` would warn. */
const isWarnedOf = ({ execArgv, env }: NodeJS.Process): boolean =>
  [...execArgv, ...(env['NODE_OPTIONS'] ?? '').split(' ')].includes('--pending-deprecation') ||
  env['NODE_PENDING_DEPRECATION'] === '1';

/** Returns Node's access to handles, or `undefined` where it is unknown, or where its use would warn or throw. */
const findAccess = (host: NodeJS.Process): HandleAccess | undefined => {
  const { node = '', bun, deno } = host.versions;
  const [line = ''] = node.split('.');
  if (bun !== undefined || deno !== undefined || !checkedLines.includes(line) || isWarnedOf(host)) return undefined;
  if (Socket.prototype.write !== Writable.prototype.write) return undefined;
  try {
    const binding: unknown = Reflect.get(host, 'binding');
    const found: unknown = typeof binding === 'function' ? binding.call(host, 'stream_wrap') : undefined;
    if (typeof found !== 'object' || found === null) return undefined;
    const Request: unknown = Reflect.get(found, 'WriteWrap');
    const state: unknown = Reflect.get(found, 'streamBaseState');
    const asyncIndex: unknown = Reflect.get(found, 'kLastWriteWasAsync');
    const readIndex: unknown = Reflect.get(found, 'kReadBytesOrError');
    const offsetIndex: unknown = Reflect.get(found, 'kArrayBufferOffset');
    if (!isOfClass(Request) || !(state instanceof Int32Array) || typeof asyncIndex !== 'number') return undefined;
    if (typeof readIndex !== 'number' || typeof offsetIndex !== 'number') return undefined;
    return { makeRequest: () => new Request(), state, asyncIndex, readIndex, offsetIndex };
  } catch {
    // Node's permission model refuses it.
    return undefined;
  }
};

const found = findAccess(process);
/** Without it, no outlet to a handle is made. */
const { makeRequest, state, asyncIndex } = found ?? {
  makeRequest: (): WriteRequest => ({ oncomplete: onComplete }),
  state: new Int32Array(1),
  asyncIndex: 0,
};

/** A socket with what is not documented of it. */
export interface HandledStream {
  /** Its handle. `null` from the moment at which it is destroyed. */
  readonly _handle?: unknown;
}

/** The class of the handles of TCP sockets, once one was met. */
let Tcp: unknown;

const isHandle = (value: unknown): value is StreamHandle => {
  if (typeof value !== 'object' || value === null) return false;
  if (value.constructor === Tcp) return true;
  const isKnown = value.constructor.name === 'TCP' && typeof Reflect.get(value, 'writeBuffer') === 'function';
  if (isKnown) Tcp = value.constructor;
  return isKnown;
};

/** Returns the handle of a stream, or `undefined` if this is no plain TCP socket or Node is another one. */
export const handleOf = (stream: LowerStream & HandledStream): StreamHandle | undefined => {
  if (!found || Object.getPrototypeOf(stream) !== Socket.prototype) return undefined;
  const { _handle: handle } = stream;
  return isHandle(handle) ? handle : undefined;
};

/** Where Node tells of its reads. `undefined` where that is not known. */
export const readState: ReadState | undefined = found;

/** Ends a write that the kernel could not take at once. */
function onComplete(this: WriteRequest, status: number): void {
  const { outlet, buffer } = this;
  delete this.outlet;
  delete this.buffer;
  if (outlet && buffer) outlet.completed(buffer.length, status);
}

const newRequest = (): WriteRequest => {
  const request = makeRequest();
  request.oncomplete = onComplete;
  return request;
};

/** The request of every write that is over when it returns. One that queues bytes keeps it, and another takes its place. */
let spare = newRequest();

/** Leaves the spare request to a write that queues these bytes. `outlet` learns when it is over. */
const giveSpare = (outlet: Pick<HandleOutlet, 'completed'>, bytes: Uint8Array): void => {
  spare.outlet = outlet;
  spare.buffer = bytes;
  spare = newRequest();
};

/**
 * An outlet that writes to the handle of its socket. Nothing else may write to that socket before the close frame, and
 * nothing of this outlet follows it. The queue of the handle keeps all in order, with the end of the socket.
 */
class HandleOutlet extends Outlet {
  /** Bytes of the writes that the kernel has not taken yet. */
  #waiting = 0;
  #isFull = false;
  declare protected readonly stream: LowerStream & HandledStream;

  constructor(
    stream: LowerStream & HandledStream,
    listener: OutletListener,
    context: OutletContext,
    private readonly handle: StreamHandle,
  ) {
    super(stream, listener, context);
  }

  /** Whether the socket has its handle. It is not asked whether the stream has ended: that costs more than it is worth. */
  get writable(): boolean {
    return this.stream._handle === this.handle;
  }
  /** Whether the queue of the handle was full, and is not empty again. */
  get writableNeedDrain(): boolean {
    return this.#isFull;
  }
  /** Whether the stream has nothing of its own to write. */
  protected override get mayFinish(): boolean {
    return this.stream.writableLength === 0;
  }
  /** Bytes of the writes that are not over. */
  protected get queued(): number {
    return this.#waiting + this.stream.writableLength;
  }
  /** Writes to the handle. */
  protected put(bytes: Uint8Array): boolean {
    const status = this.handle.writeBuffer(spare, bytes);
    if (status !== 0) return this.#fail(status);
    if (state[asyncIndex] === 0) return true;
    giveSpare(this, bytes);
    this.#waiting += bytes.length;
    this.#isFull ||= this.#waiting >= this.stream.writableHighWaterMark;
    return !this.#isFull;
  }

  /** Ends a write that has waited. */
  completed(bytes: number, status: number): void {
    this.#waiting -= bytes;
    if (status !== 0) return void this.#fail(status);
    if (this.#waiting > 0 || !this.#isFull) return;
    this.#isFull = false;
    if (this.writable) this.drained();
  }

  #fail(status: number): false {
    fail(this.stream, status);
    return false;
  }
}

/** Destroys a socket for an error, as its stream would. Leaves one alone that has ended or is destroyed already. */
const fail = (stream: LowerStream, status: number, syscall = 'write'): void => {
  if (!stream.writable) return;
  const code = getSystemErrorName(status);
  stream.destroy(Object.assign(new Error(`${syscall} ${code}`), { code, errno: status, syscall }));
};

/** Starts or stops to read a handle, below the stream. Returns false if it is so already, or the stream has lost it. */
export const setReading = (stream: LowerStream & HandledStream, handle: StreamHandle, isRead: boolean): boolean => {
  if (stream._handle !== handle || handle.reading === isRead) return false;
  handle.reading = isRead;
  const status = isRead ? handle.readStart?.() : handle.readStop?.();
  if (status) fail(stream, status, 'read');
  return true;
};

/** Returns the handle of a stream, or `undefined` if it has none that is known, or may not be written past the stream. */
const writableHandleOf = (stream: LowerStream & HandledStream): StreamHandle | undefined => {
  // Some other code wants to see what is written.
  if (Object.hasOwn(stream, 'write') || Object.hasOwn(stream, '_write')) return undefined;
  // A queue of the stream would be overtaken.
  if (!stream.writable || stream.writableLength > 0) return undefined;
  return handleOf(stream);
};

/** Returns an outlet to the handle of a stream, or `undefined` if it has none that is known. */
export const handleOutlet = (
  stream: LowerStream & HandledStream,
  listener: OutletListener,
  context: OutletContext,
): HandleOutlet | undefined => {
  const handle = writableHandleOf(stream);
  return handle && new HandleOutlet(stream, listener, context, handle);
};

/**
 * Writes bytes to the handle of a stream for which no outlet has been made yet. Returns false if it has none that is
 * known, or that takes nothing: the stream itself must write them then.
 */
export const writeFirst = (stream: LowerStream & HandledStream, bytes: Uint8Array): boolean => {
  if (writableHandleOf(stream)?.writeBuffer(spare, bytes) !== 0) return false;
  if (state[asyncIndex] === 0) return true;
  giveSpare({ completed: (_, status) => void (status !== 0 && fail(stream, status)) }, bytes);
  return true;
};

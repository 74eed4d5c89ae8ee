import { Buffer } from 'node:buffer';
import { type HandledStream, handleOf, readState, setReading } from './handle.js';
import type { LowerStream } from './outlet.js';

/*
 * A read costs Node's stream layer an event, several checks and a job for later, and Node a buffer of 64 KiB. This file
 * takes what is read before that layer does, in one buffer. How is not documented; `handle.ts` says with which versions
 * of Node it was checked.
 */

/** What Node calls for each read of a handle. A stream takes the bytes of a read in a buffer of their own. */
type OnRead = (this: unknown, bytes?: ArrayBuffer) => void;

/** The name of the function of Node that passes reads on to the stream. */
const nodesOnRead = 'onStreamRead';

/** Size of a read buffer: that of Node's own. */
const readSize = 65_536;
/** The one buffer into which the kernel writes. */
const shared = Buffer.from(new ArrayBuffer(readSize));
/** The part of it that the last read has filled. Many reads in a row have the same size. */
let filled = shared;

/** Buffers for bytes that wait. They are used again: a new one for each would keep the garbage collector busy. */
const loans = new WeakSet<ArrayBufferLike>();
const spare: Buffer[] = [];
/** Maximum number of buffers that are kept for later: 4 MiB. */
const maxSpare = 64;

/** Returns whether the next read of any socket overwrites bytes. */
export const isRead = ({ buffer }: Buffer): boolean => buffer === shared.buffer;

/** Returns bytes that last. Those of a read are overwritten by the next one of any socket, and lent ones once returned. */
export const lasting = (bytes: Buffer): Buffer =>
  isRead(bytes) || loans.has(bytes.buffer) ? Buffer.from(bytes) : bytes;

/** Returns a copy of bytes that were just read, until it is given back. */
export const keepRead = (bytes: Buffer): Buffer => {
  const size = bytes.length;
  // Less than half would take more memory than its size says.
  if (size * 2 < readSize || size > readSize) return Buffer.from(new Uint8Array(bytes).buffer);
  const loan = spare.pop() ?? Buffer.from(new ArrayBuffer(readSize));
  loans.add(loan.buffer);
  loan.set(bytes);
  return loan.subarray(0, size);
};

/** Takes back bytes of `keepRead`. Nothing may use them any more. Does nothing for other bytes. */
export const giveBack = ({ buffer }: Buffer): void => {
  if (loans.delete(buffer) && spare.length < maxSpare) spare.push(Buffer.from(buffer));
};

/** Methods that some other code may have put in place of those of the stream, to see what is read. */
const watchable = ['push', 'emit', 'read'] as const;

const isOnRead = (value: unknown): value is OnRead => typeof value === 'function' && value.name === nodesOnRead;

/** A plain TCP socket, with what is not documented of it. */
type ReadStream = LowerStream & HandledStream & { readonly timeout?: number | undefined };

/**
 * Returns whether the stream would do no more with bytes than to emit them: it flows, holds none back, has one listener,
 * and no timeout that they would renew.
 */
const isIdle = (stream: ReadStream): boolean =>
  stream.readableFlowing === true &&
  stream.readableLength === 0 &&
  !stream.timeout &&
  stream.listenerCount('data') === 1;

/**
 * Passes what is read to `take`, the only listener to the `data` of the stream, before the stream has it. `take` must
 * copy what it keeps (`lasting`). All else goes to the stream as before: bytes that it must hold back, its end and its
 * errors. Returns what stops and starts the reads, without the stream: one that is paused buffers a further read. Where
 * the stream is no plain TCP socket, or is watched by some other code, or Node is another one, `take` stays a listener like
 * any other.
 */
export const takeReads = (
  stream: ReadStream,
  take: (bytes: Buffer) => void,
): ((isRead: boolean) => void) | undefined => {
  const handle = handleOf(stream);
  if (!readState || !handle || watchable.some((name) => Object.hasOwn(stream, name))) return undefined;
  const { state, readIndex, offsetIndex } = readState;
  const { onread: onRead, useUserBuffer: useBuffer } = handle;
  if (!isOnRead(onRead) || typeof useBuffer !== 'function') return undefined;
  const ownOnRead: OnRead = () => {
    const size = state[readIndex] ?? 0;
    if (size <= 0) return void onRead.call(handle);
    if (filled.length !== size) filled = shared.subarray(0, size);
    // Node would read the next bytes into what is returned.
    if (isIdle(stream)) return void take(filled);
    state[offsetIndex] = 0;
    return void onRead.call(handle, new Uint8Array(filled).buffer);
  };
  handle.onread = ownOnRead;
  useBuffer.call(handle, shared);
  let isStopped = false;
  return (isRead) => {
    // What the stream has stopped, because its buffer is full, it starts itself.
    if (isRead === isStopped) isStopped = setReading(stream, handle, isRead) && !isRead;
  };
};

import { Buffer } from 'node:buffer';
import { type HandledStream, readsOf } from './handle.js';
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

/** The one buffer into which the kernel writes. Its size is that of Node's own buffers. */
const shared = Buffer.from(new ArrayBuffer(65_536));
/** Reads of at least so many bytes are copied at once: most of them wait for their turn anyway. */
const shareBelow = 32_768;

/** Returns bytes that last. Those of a read do not: they are overwritten by the next one of any socket. */
export const lasting = (bytes: Buffer): Buffer => (bytes.buffer === shared.buffer ? Buffer.from(bytes) : bytes);

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
 * errors. Where the stream is no plain TCP socket, or is watched by some other code, or Node is another one, `take` stays
 * a listener like any other.
 */
export const takeReads = (stream: ReadStream, take: (bytes: Buffer) => void): void => {
  const reads = readsOf(stream);
  if (!reads || watchable.some((name) => Object.hasOwn(stream, name))) return;
  const { handle, state, readIndex, offsetIndex } = reads;
  const onRead: unknown = Reflect.get(handle, 'onread');
  const useBuffer: unknown = Reflect.get(handle, 'useUserBuffer');
  if (!isOnRead(onRead) || typeof useBuffer !== 'function') return;
  const ownOnRead: OnRead = () => {
    const size = state[readIndex] ?? 0;
    if (size <= 0) return void onRead.call(handle);
    const bytes = shared.subarray(0, size);
    // Node would read the next bytes into what is returned.
    if (isIdle(stream)) return void take(size < shareBelow ? bytes : lasting(bytes));
    state[offsetIndex] = 0;
    return void onRead.call(handle, new Uint8Array(bytes).buffer);
  };
  Reflect.set(handle, 'onread', ownOnRead);
  useBuffer.call(handle, shared);
};

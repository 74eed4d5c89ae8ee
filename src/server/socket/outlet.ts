import type { Duplex } from 'node:stream';
import type { Gatherer, Gathering } from '../../actors/runtime/gathering.js';
import type { Counters } from '../../actors/telemetry/counters.js';
import { type FrameSink, joined } from '../../protocol/frame.js';

/** Maximum number of bytes that one socket holds back: 256 KiB (BC15). */
const maxGathered = 256 * 1024;

/** Receives what happens to the bytes of an outlet. */
export interface OutletListener {
  /** Called when bytes that were held back have been written, and the queue of the socket is full now. */
  outletOnFull(): void;
  /** Called when the queue of the socket is empty again. */
  outletOnDrain(): void;
}

/** What the outlets of one server share. */
export interface OutletContext {
  /** Decides when bytes leave. */
  readonly gathering: Gathering;
  /** Counts frames that were held back for a socket that has closed meanwhile. */
  readonly counters: Pick<Counters, 'lateWrites'>;
}

/** Makes the outlets of one server, and learns when one of its sockets is read. */
export interface Outlets {
  /** Makes the outlet of a socket. */
  make(stream: LowerStream, listener: OutletListener): Outlet;
  /** Begins the work of one read: what it leads to leaves at its end. */
  readonly beginRead: () => void;
  /** Ends the work of one read. */
  readonly endRead: () => void;
}

/** The stream below a WebSocket. */
export type LowerStream = Duplex & {
  /** Bytes written so far, with those that wait. Not every stream counts them. */
  readonly bytesWritten?: number;
};

/**
 * Takes all frames of one WebSocket but the close frame, in order. It holds them back as its server's `Gathering` says,
 * and writes them as one buffer.
 */
export abstract class Outlet implements FrameSink, Gatherer {
  /** What is held back, in order. `undefined` while there is nothing. */
  #gathered: Uint8Array[] | undefined;
  #size = 0;

  constructor(
    /** The stream below the WebSocket. */
    protected readonly stream: LowerStream,
    /** Receives what happens to the bytes. */
    protected readonly listener: OutletListener,
    private readonly context: OutletContext,
  ) {}

  /** Whether bytes may be written. It is asked for each delivery, so it may learn late that the stream has ended. */
  abstract get writable(): boolean;
  /** Whether the queue of the socket was full, and is not empty again. */
  abstract get writableNeedDrain(): boolean;
  /** Bytes that were written and that the kernel has not taken. */
  protected abstract get queued(): number;
  /** Bytes written so far, with those in the queue of the socket. */
  protected get written(): number {
    return this.stream.bytesWritten ?? 0;
  }
  /** Whether the close frame may be written here, behind all that was written to the stream. Default: no. */
  protected get mayFinish(): boolean {
    return false;
  }
  /** Writes bytes. Returns false when the queue of the socket is full, or the socket has closed. */
  protected abstract put(bytes: Uint8Array): boolean;

  /** Whether bytes can still be written. */
  get isOpen(): boolean {
    return this.stream.writable;
  }
  /** Bytes that wait: those held back and those in the queue of the socket. */
  get backlog(): number {
    return this.#size + this.queued;
  }
  /** Bytes that have left so far. */
  get sent(): number {
    // Node's count of written bytes includes those that wait in the queue.
    return this.written - this.queued;
  }

  /** Takes whole frames. Returns false when the queue of the socket is full, or the socket has closed. */
  write(bytes: Uint8Array): boolean {
    if (this.context.gathering.isDirect && this.#gathered === undefined) return this.put(bytes);
    return this.#gather(bytes);
  }

  /** Writes what is held back. Returns false when the queue of the socket is full, or the socket has closed. */
  flush(): boolean {
    return this.#flush(0);
  }

  /** Writes what is held back, and the close frame with it, if given. Returns false if none was written. */
  finish(closeFrame?: Uint8Array): boolean {
    if (!closeFrame || !this.isOpen || !this.mayFinish) {
      this.#flush(0);
      return false;
    }
    if (this.#gathered) {
      this.#gathered.push(closeFrame);
      this.#flush(1);
    } else {
      this.put(closeFrame);
    }
    return this.isOpen;
  }

  /** Writes what is held back, and tells the listener if the queue is full now. */
  release(): void {
    if (!this.#flush(0) && this.isOpen) this.listener.outletOnFull();
  }

  /** Tells the listener that the queue of the socket is empty. It writes at once then, and so learns if that fills it. */
  protected drained(): void {
    const { gathering } = this.context;
    const outer = gathering.beginDirect();
    try {
      this.release();
      this.listener.outletOnDrain();
    } finally {
      gathering.end(outer);
    }
  }

  #gather(bytes: Uint8Array): boolean {
    if (this.#size > 0 && this.#size + bytes.length > maxGathered) this.#flush(0);
    if (!this.writable) return false;
    const { gathering } = this.context;
    if (this.#gathered) {
      this.#gathered.push(bytes);
    } else if (bytes.length > maxGathered) {
      return this.put(bytes);
    } else {
      this.#gathered = [bytes];
      gathering.add(this);
    }
    // The caller counts the last frame itself.
    if (gathering.isDirect) return this.#flush(1);
    this.#size += bytes.length;
    gathering.grew(bytes.length);
    return !this.writableNeedDrain;
  }

  /** Writes what is held back. Counts its frames if they are lost, but for so many of them. */
  #flush(uncounted: number): boolean {
    const gathered = this.#gathered;
    if (!gathered) return true;
    this.context.gathering.shrank(this.#size);
    this.#gathered = undefined;
    this.#size = 0;
    if (this.writable && this.put(joined(gathered))) return true;
    if (!this.isOpen) this.context.counters.lateWrites += gathered.length - uncounted;
    return false;
  }
}

/** An outlet that writes to its stream in the documented way. */
export class StreamOutlet extends Outlet {
  /** Bytes written here: not every stream counts them. */
  #written = 0;

  constructor(stream: LowerStream, listener: OutletListener, context: OutletContext) {
    super(stream, listener, context);
    stream.on('drain', () => this.drained());
  }

  /** Whether the stream can still be written to. */
  get writable(): boolean {
    return this.stream.writable;
  }
  /** Whether the stream asks to wait for its `drain`. */
  get writableNeedDrain(): boolean {
    return this.stream.writableNeedDrain;
  }
  /** Bytes in the queue of the stream. */
  protected get queued(): number {
    return this.stream.writableLength;
  }
  /** Bytes written so far, with those in the queue of the stream. */
  protected override get written(): number {
    return this.stream.bytesWritten ?? this.#written;
  }
  /** Writes to the stream. */
  protected put(bytes: Uint8Array): boolean {
    this.#written += bytes.length;
    return this.stream.write(bytes);
  }
}

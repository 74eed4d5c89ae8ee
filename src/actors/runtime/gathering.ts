import { soon } from './soon.js';

/** A socket that may hold bytes back. */
export interface Gatherer {
  /** Writes what it holds back. Does nothing when that has left already. */
  release(): void;
}

/** When the bytes that a socket is given leave. */
type Moment = 'atOnce' | 'afterWork' | 'afterMicrotasks';

/** Maximum number of bytes that all sockets of one server hold back together: 4 MiB. */
const maxHeld = 4 * 1024 * 1024;

/** Calls `run` after all microtasks of the present turn. A tick that the turn itself asked for would come before them. */
const afterMicrotasks = (run: () => void): void => soon(() => process.nextTick(run));

/** Writes what still waits when a process exits, for all its servers: nothing runs after that. */
export class LastWrites {
  /** Whether the process exits: what is written from now on must leave at once. */
  isExiting = false;
  /** A server with sockets that hold bytes back, mostly the only one: a set would cost each read more. */
  #first: Gatherer | undefined;
  /** The others. */
  readonly #holding = new Set<Gatherer>();

  /** Listens to the exit of a process. */
  constructor(host: { on(event: 'exit', onExit: () => void): unknown }) {
    host.on('exit', () => {
      this.isExiting = true;
      this.#first?.release();
      for (const gatherer of this.#holding) gatherer.release();
    });
  }

  /** Adds a server that has begun to hold bytes back. */
  add(gatherer: Gatherer): void {
    if (this.#first) this.#holding.add(gatherer);
    else this.#first = gatherer;
  }

  /** Removes a server that holds nothing back. */
  delete(gatherer: Gatherer): void {
    if (this.#first === gatherer) this.#first = undefined;
    else this.#holding.delete(gatherer);
  }
}

/** What waits in this process. */
const lastWrites = new LastWrites(process);

/**
 * Decides when bytes leave, for all sockets of one server (BC15). What one read leads to leaves at the end of its work.
 * What is sent outside of a read leaves once the microtasks of that turn are over. Background work writes at once, so
 * that each write counts in its slice (BC5).
 */
export class Gathering implements Gatherer {
  /** Whether sockets write at once, and hold nothing back. */
  isDirect: boolean;
  readonly #usually: Moment;
  #moment: Moment;
  /** The sockets that hold bytes back. A socket may stand here twice, or after its bytes have left. */
  readonly #holding: Gatherer[] = [];
  /** Index of the next one to release. Those before it are done. */
  #next = 0;
  #bytes = 0;
  #isScheduled = false;

  constructor(
    /** Whether anything is held back. */
    isOn = true,
    private readonly schedule = afterMicrotasks,
    private readonly atExit = lastWrites,
  ) {
    this.#usually = isOn ? 'afterMicrotasks' : 'atOnce';
    this.#moment = this.#usually;
    this.isDirect = !isOn;
  }

  /** Begins a piece of work whose bytes leave together at its end. Returns what `end` needs. */
  beginWork(): Moment {
    return this.#begin(this.#usually === 'atOnce' ? 'atOnce' : 'afterWork');
  }

  /** Begins work that writes at once. Returns what `end` needs. */
  beginDirect(): Moment {
    return this.#begin('atOnce');
  }

  /** Ends the innermost work. `outer` is what its begin returned. Default: it was begun outside of any. */
  end(outer = this.#usually): void {
    if (this.#moment === 'afterWork' && outer !== 'afterWork') this.release();
    this.#moment = outer;
    this.isDirect = outer === 'atOnce';
  }

  /** Adds a socket that has begun to hold bytes back. */
  add(gatherer: Gatherer): void {
    this.#holding.push(gatherer);
    if (this.#holding.length === 1) this.atExit.add(this);
    // The socket asks again once it holds its bytes.
    if (this.atExit.isExiting) this.isDirect = true;
    if (this.#moment === 'afterWork' || this.#isScheduled) return;
    this.#isScheduled = true;
    this.schedule(() => {
      this.#isScheduled = false;
      this.release();
    });
  }

  /** Counts bytes that a socket holds back. Releases all sockets when it is too much. */
  grew(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes > maxHeld) this.release();
  }

  /** Counts bytes that a socket no longer holds back. */
  shrank(bytes: number): void {
    this.#bytes -= bytes;
  }

  /** Writes what all sockets hold back. */
  release(): void {
    const holding = this.#holding;
    // A release may call code that makes further sockets hold bytes back, or that calls this method.
    for (let next = holding[this.#next]; next; next = holding[this.#next]) {
      this.#next++;
      next.release();
    }
    holding.length = 0;
    this.#next = 0;
    this.#bytes = 0;
    this.atExit.delete(this);
  }

  #begin(moment: Moment): Moment {
    const outer = this.#moment;
    this.#moment = moment;
    this.isDirect = moment === 'atOnce';
    return outer;
  }
}

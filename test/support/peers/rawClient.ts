import { WebSocket } from 'ws';

/** How long anybody waits for something that should come at once. */
const patience = 5_000;

interface Waiter<T> {
  readonly resolve: (item: T) => void;
  readonly reject: (error: Error) => void;
  readonly timer: NodeJS.Timeout;
}

/** Items in the order in which they come, read one by one. */
export class Inbox<T> {
  readonly all: T[] = [];
  readonly #waiters: Waiter<T>[] = [];
  #read = 0;
  #end: string | undefined;

  constructor(private readonly name: string) {}

  push(item: T): void {
    this.all.push(item);
    const waiter = this.#waiters.shift();
    if (!waiter) return;
    this.#read++;
    clearTimeout(waiter.timer);
    waiter.resolve(item);
  }

  /** The next item that nobody has read; rejects when none comes. */
  next(): Promise<T> {
    if (this.#read < this.all.length) return Promise.resolve(this.all[this.#read++] as T);
    if (this.#end !== undefined) return Promise.reject(this.#nothing(this.#end));
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiters.splice(this.#waiters.indexOf(waiter), 1);
        reject(this.#nothing(`nothing within ${patience} ms`));
      }, patience);
      const waiter = { resolve, reject, timer };
      this.#waiters.push(waiter);
    });
  }

  /** The next `count` items. */
  async take(count: number): Promise<T[]> {
    const taken: T[] = [];
    while (taken.length < count) taken.push(await this.next());
    return taken;
  }

  /** What has come and was not read; it counts as read now. */
  rest(): T[] {
    const rest = this.all.slice(this.#read);
    this.#read = this.all.length;
    return rest;
  }

  /** Nothing will come any more. */
  end(why: string): void {
    this.#end = why;
    for (const { reject, timer } of this.#waiters.splice(0)) {
      clearTimeout(timer);
      reject(this.#nothing(why));
    }
  }

  #nothing(why: string): Error {
    return new Error(`${this.name}: ${why}; so far ${this.all.map(String).join(' | ') || 'nothing came'}`);
  }
}

/** Text frames are strings, binary ones are bytes. */
export type RawFrame = string | Buffer;

export interface Closing {
  readonly code: number;
  readonly reason: string;
}

/** A websocket that knows nothing of neffos: it sends what it is told, and keeps what comes. */
export class RawClient {
  readonly frames = new Inbox<RawFrame>('raw client');
  readonly closed: Promise<Closing>;
  readonly #ws: WebSocket;

  private constructor(ws: WebSocket) {
    this.#ws = ws;
    ws.on('message', (data: Buffer, isBinary: boolean) => this.frames.push(isBinary ? data : data.toString()));
    ws.on('error', () => {});
    this.closed = new Promise((resolve) => {
      ws.on('close', (code: number, reason: Buffer) => {
        this.frames.end(`closed with ${code} ${reason.toString()}`);
        resolve({ code, reason: reason.toString() });
      });
    });
  }

  /** Resolves when the upgrade is done; rejects when it is refused. */
  static dial(url: string, headers: Readonly<Record<string, string>> = {}): Promise<RawClient> {
    const ws = new WebSocket(url, { headers, perMessageDeflate: false });
    const client = new RawClient(ws);
    return new Promise((resolve, reject) => {
      ws.once('open', () => resolve(client));
      ws.once('error', reject);
    });
  }

  send(frame: string | Uint8Array): void {
    this.#ws.send(frame);
  }

  next(): Promise<RawFrame> {
    return this.frames.next();
  }

  /** The next frame, which is text. */
  async nextText(): Promise<string> {
    const frame = await this.next();
    if (typeof frame !== 'string') throw new Error(`a text frame was due, got the bytes ${frame.toString('hex')}`);
    return frame;
  }

  /** Sends a frame and takes the next one that comes. */
  ask(frame: string | Uint8Array): Promise<RawFrame> {
    this.send(frame);
    return this.next();
  }

  /** `M`, and the id from `A<id>`. */
  async ready(): Promise<string> {
    this.send('M');
    const answer = await this.nextText();
    if (!answer.startsWith('A')) throw new Error(`A<id> was due, got ${answer}`);
    return answer.slice(1);
  }

  /** Acknowledged, and connected to this namespace. */
  async inNamespace(namespace: string): Promise<this> {
    await this.ready();
    await this.connect(namespace);
    return this;
  }

  inDefault(): Promise<this> {
    return this.inNamespace('default');
  }

  connect(namespace: string): Promise<void> {
    return this.#step('$connect', namespace, '', '_OnNamespaceConnect');
  }

  join(namespace: string, room: string): Promise<void> {
    return this.#step('$join', namespace, room, '_OnRoomJoin');
  }

  /** A frame that is always answered and changes nothing: whatever was sent before it stands in front of its answer. */
  async silence(): Promise<void> {
    const answer = await this.ask('$sentinel;nowhere;;_OnNamespaceDisconnect;0;0;');
    if (answer !== '$sentinel;;;;;;') throw new Error(`no frame was due, got ${String(answer)}`);
  }

  /** Resolves when the server has read all that was sent before, acknowledged or not. */
  heard(): Promise<void> {
    return new Promise((resolve) => {
      this.#ws.once('pong', () => resolve());
      this.#ws.ping();
    });
  }

  /** Stops reading what comes. */
  pause(): void {
    this.#ws.pause();
  }
  resume(): void {
    this.#ws.resume();
  }

  close(code = 1000): Promise<Closing> {
    this.#ws.close(code);
    return this.closed;
  }

  /** Drops the line without a close frame. */
  terminate(): void {
    this.#ws.terminate();
  }

  async #step(wait: string, namespace: string, room: string, event: string): Promise<void> {
    const answer = await this.ask(`${wait};${namespace};${room};${event};0;0;`);
    if (answer !== `${wait};;;;;;`) throw new Error(`${event} was refused: ${String(answer)}`);
  }
}

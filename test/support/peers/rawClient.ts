import { WebSocket } from 'ws';
import { ReceiveQueue } from '../async/receiveQueue.js';

/** Text frames are strings, binary ones are bytes. */
export type RawFrame = string | Buffer;

export interface CloseFrame {
  readonly code: number;
  readonly reason: string;
}

/** A WebSocket without the neffos protocol. It sends what a test passes, and keeps what it receives. */
export class RawClient {
  readonly frames = new ReceiveQueue<RawFrame>('raw client');
  readonly closed: Promise<CloseFrame>;
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

  /** Opens a connection; rejects if the upgrade is refused. */
  static dial(url: string, headers: Readonly<Record<string, string>> = {}): Promise<RawClient> {
    const ws = new WebSocket(url, { headers, perMessageDeflate: false });
    const client = new RawClient(ws);
    return new Promise((resolve, reject) => {
      ws.once('open', () => resolve(client));
      ws.once('error', reject);
    });
  }

  /** Returns a client over a WebSocket that a test has made. */
  static over(ws: WebSocket): RawClient {
    return new RawClient(ws);
  }

  send(frame: string | Uint8Array): void {
    this.#ws.send(frame);
  }

  next(): Promise<RawFrame> {
    return this.frames.next();
  }

  /** Returns the next frame; rejects if it is binary. */
  async nextText(): Promise<string> {
    const frame = await this.next();
    if (typeof frame !== 'string') throw new Error(`expected a text frame, got the bytes ${frame.toString('hex')}`);
    return frame;
  }

  /** Sends a frame and returns the next one that arrives. */
  ask(frame: string | Uint8Array): Promise<RawFrame> {
    this.send(frame);
    return this.next();
  }

  /** Sends `M` and returns the id of `A<id>`. */
  async acknowledge(): Promise<string> {
    this.send('M');
    const answer = await this.nextText();
    if (!answer.startsWith('A')) throw new Error(`expected A<id>, got ${answer}`);
    return answer.slice(1);
  }

  /** Acknowledges, and connects to this namespace. */
  async inNamespace(namespace: string): Promise<this> {
    await this.acknowledge();
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

  /** Checks that no frame is on its way: sends one that is always answered, and expects its answer next. */
  async expectNoFrame(): Promise<void> {
    const answer = await this.ask('$sentinel;nowhere;;_OnNamespaceDisconnect;0;0;');
    if (answer !== '$sentinel;;;;;;') throw new Error(`expected no frame, got ${String(answer)}`);
  }

  /** Sends a ping; resolves at the pong, when the server has read all that was sent before. */
  ping(): Promise<void> {
    return new Promise((resolve) => {
      this.#ws.once('pong', () => resolve());
      this.#ws.ping();
    });
  }

  /** Stops reading. */
  pause(): void {
    this.#ws.pause();
  }
  resume(): void {
    this.#ws.resume();
  }

  close(code = 1000): Promise<CloseFrame> {
    this.#ws.close(code);
    return this.closed;
  }

  /** Ends the socket without a close frame. */
  terminate(): void {
    this.#ws.terminate();
  }

  async #step(wait: string, namespace: string, room: string, event: string): Promise<void> {
    const answer = await this.ask(`${wait};${namespace};${room};${event};0;0;`);
    if (answer !== `${wait};;;;;;`) throw new Error(`${event} was refused: ${String(answer)}`);
  }
}

import { AskTimeout } from '../../../src/protocol/errors.js';
import { ModelLine } from './modelLine.js';
import { declared, type ModelPlace } from './modelPlace.js';

/** How an ask ends. */
export type Answer = { readonly error?: string; readonly isUnanswered?: boolean; readonly body?: string };

interface Ask {
  readonly settled: (answer: Answer) => void;
  readonly timer: unknown;
}

/** A frame that waits. */
export interface Waiting {
  readonly place: ModelPlace;
  readonly namespace: ModelPlace;
  readonly message: string;
  readonly token: string;
}

/** What goes out, what is asked, and whose turn it is. */
export abstract class ModelTraffic extends ModelLine {
  readonly places = new Map<string, ModelPlace>();
  /** The calls of handlers, in order. */
  readonly handled: string[] = [];
  readonly traffic = {
    sent: 0,
    refused: 0,
    unsent: 0,
    inDoubt: 0,
    strays: 0,
    unhandled: 0,
    lateAnswers: 0,
    handlerErrors: 0,
  };
  protected readonly asks = new Map<string, Ask>();
  protected waiting: Waiting[] = [];
  protected made = 0;
  protected readonly turns: (() => void)[] = [];
  /** Ends the handler that has not settled. */
  protected releaseHandler: (() => void) | undefined;
  protected isRunning = false;
  protected emitted = 0;
  protected proven = 0;
  protected readonly marks = new Map<string, number>();
  protected pings: number[] = [];
  protected losses = { inDoubt: 0, unsent: 0 };

  find(namespace: string, room: string): ModelPlace | undefined {
    const ns = this.places.get(namespace);
    return room === '' ? ns : ns?.rooms.get(room);
  }
  isKept({ isWished, presence }: ModelPlace): boolean {
    return isWished || presence !== 'out';
  }

  protected get isClosing(): boolean {
    return this.state === 'closing' || this.state === 'closed';
  }
  protected get isGreeted(): boolean {
    return this.state === 'entering' || this.state === 'online';
  }
  protected write(message: string): void {
    if (!this.line || this.line.isOver) return;
    this.traffic.sent++;
    this.server.receive(this.line, message);
  }
  protected submit(namespace: string, room: string, message: string, token: string): boolean {
    const isExpected = (place: ModelPlace | undefined): place is ModelPlace =>
      place !== undefined && (place.isWished || place.presence === 'in');
    const ns = this.find(namespace, '');
    const place = this.find(namespace, room);
    if (!isExpected(ns) || !isExpected(place)) return false;
    const isBehind = this.waiting.some((waiting) => waiting.namespace === ns);
    if (!isBehind && this.pass({ place, namespace: ns, message, token })) return true;
    const bytes = this.waiting.reduce((sum, waiting) => sum + waiting.message.length, 0) + message.length;
    if (this.waiting.length >= this.bounds.frames || bytes > this.bounds.bytes) return false;
    this.waiting.push({ place, namespace: ns, message, token });
    return true;
  }
  protected pass({ place, namespace, message, token }: Waiting): boolean {
    if (this.state !== 'online' || place.presence !== 'in' || namespace.presence !== 'in') return false;
    this.write(message);
    if (token === '') this.emitted++;
    else this.marks.set(token, this.emitted);
    return true;
  }
  protected flush(): void {
    const held = new Set<ModelPlace>();
    this.waiting = this.waiting.filter((waiting) => {
      const isKept = held.has(waiting.namespace) || !this.pass(waiting);
      if (isKept) held.add(waiting.namespace);
      return isKept;
    });
  }
  protected register(timeout: number, settled: (answer: Answer) => void): string {
    const token = `$m${this.made++}`;
    const failure = { error: new AskTimeout(timeout).message, isUnanswered: true };
    const timer = timeout > 0 ? this.clock.setTimeout(() => this.end(token, failure), timeout) : undefined;
    this.asks.set(token, { settled, timer });
    return token;
  }
  protected request(
    { namespace, room }: ModelPlace,
    event: string,
    timeout: number,
    settled: (answer: Answer) => void,
  ): string {
    const token = this.register(timeout, settled);
    this.write(`${token};${namespace};${room};${event};0;0;`);
    return token;
  }
  protected end(token: string, answer: Answer): boolean {
    const ask = this.asks.get(token);
    if (!ask) return false;
    this.asks.delete(token);
    this.clock.clearTimeout(ask.timer);
    ask.settled(answer);
    return true;
  }

  protected turn(isNow: boolean, job: () => void): void {
    if (isNow) return job();
    this.turns.push(job);
    this.run();
  }
  protected run(): void {
    if (this.isRunning) return;
    this.isRunning = true;
    while (!this.releaseHandler) {
      const job = this.turns.shift();
      if (!job) break;
      job();
    }
    this.isRunning = false;
  }
  protected fire({ namespace, room }: ModelPlace, event: string, flags: string): void {
    if (declared.includes(namespace)) this.handled.push(`${event} ${namespace}/${room} ${flags}`);
  }
  protected onPing(): void {
    this.pings.push(this.emitted);
  }
  protected onPong(): void {
    this.proven = Math.max(this.proven, this.pings.shift() ?? 0);
  }
}
